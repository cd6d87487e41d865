"""Batch norm's statistics, taken anew without dropout.

Dropout before a batch norm widens what the norm sees while training; its running statistics then do not fit what it
sees in use ("variance shift": Li et al. 2019, arXiv:1801.05134). The published networks have just this order, and on
few clips it costs them much (docs/results.md). Taking the statistics once more, from training crops with dropout off,
mends it ("precise batch norm": Wu and Johnson 2021, arXiv:2105.07576, section 3).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def recalibrate(model: nn.Module, waveforms: Iterable[Tensor]) -> None:
    """Set the running statistics of every batch norm to the mean over some training batches, dropout off.

    Parameters
    ----------
    model
        Any module; it is left in evaluation mode. Norms that are frozen stay as they are; without others nothing is
        read.
    waveforms
        Batches (batch, samples).
    """
    found = [one for one in model.modules() if isinstance(one, _BatchNorm)]
    norms = [one for one in found if one.weight is None or one.weight.requires_grad]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch: the plain mean over all batches
        norm.train()
    for batch in waveforms:
        model(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
