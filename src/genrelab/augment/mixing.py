"""Two examples of a batch in one, and their genres in the same proportion."""

import numpy as np
import torch
from torch import Tensor

from genrelab.augment.augmentation import Parameters
from genrelab.augment.options import number
from genrelab.augment.stages import BatchAugmentation


class Mixup(BatchAugmentation):
    """Weighted means of each example and another of the batch, and of their targets.

    H. Zhang et al., "mixup: beyond empirical risk minimization" (2018). As in the paper's code there is one weight and
    one permutation for the whole batch; the weight is that of the example itself.

    Parameters
    ----------
    alpha
        The weight is drawn from Beta(alpha, alpha): near 0 or 1 for a small alpha, near one half for a large one.
    p
        Probability of a batch being mixed.
    """

    kind = "mixup"

    def __init__(self, alpha: float = 0.2, p: float = 1.0) -> None:
        super().__init__(p)
        self.alpha = number("augment.mixup.alpha", alpha, 0.01, 100)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the weight and each example's partner."""
        return {"weight": rng.beta(self.alpha, self.alpha), "partners": rng.permutation(shape[0]).tolist()}

    def augment(self, values: Tensor, targets: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Mix values (batch, ...) and targets (batch, n_classes)."""
        partners, weight = _partners(values, parameters), parameters["weight"]
        return torch.lerp(values[partners], values, weight), torch.lerp(targets[partners], targets, weight)


class Cutmix(BatchAugmentation):
    """A stretch of time of each example is taken from another of the batch; targets are mixed in proportion.

    S. Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features" (2019), with
    a stretch instead of a rectangle: the last axis is cut, of features and waveforms alike. One stretch and one
    permutation for the whole batch, as in the paper's code; but the stretch always lies inside.

    Parameters
    ----------
    alpha
        The part that an example keeps is drawn from Beta(alpha, alpha); 1 is uniform, as in the paper.
    p
        Probability of a batch being mixed.
    """

    kind = "cutmix"

    def __init__(self, alpha: float = 1.0, p: float = 1.0) -> None:
        super().__init__(p)
        self.alpha = number("augment.cutmix.alpha", alpha, 0.01, 100)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the stretch [first, after the last] of the last axis, and each example's partner."""
        width = round((1 - rng.beta(self.alpha, self.alpha)) * shape[-1])
        first = int(rng.integers(shape[-1] - width + 1))
        return {"stretch": [first, first + width], "partners": rng.permutation(shape[0]).tolist()}

    def augment(self, values: Tensor, targets: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Mix values (batch, ..., time) and targets (batch, n_classes)."""
        partners = _partners(values, parameters)
        first, end = parameters["stretch"]
        mixed = values.clone()
        mixed[..., first:end] = values[partners, ..., first:end]
        kept = 1 - (end - first) / values.shape[-1]
        return mixed, torch.lerp(targets[partners], targets, kept)


def _partners(values: Tensor, parameters: Parameters) -> Tensor:
    partners = parameters["partners"]
    if len(partners) != len(values):
        raise ValueError(f"parameters drawn for a batch of {len(partners)} do not fit one of {len(values)}")
    return torch.tensor(partners, device=values.device)
