import torch
from torch import nn

from genrelab.training.batchnorm import recalibrate


def test_statistics_are_those_of_the_batches_without_dropout() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3))
    batches = [torch.randn(64, 3, generator=torch.Generator().manual_seed(seed)) + 2 for seed in range(4)]
    model.train()
    for batch in batches:
        model(batch)  # with dropout: half the mean, and more variance
    recalibrate(model, batches)
    norm = model[1]
    assert isinstance(norm, nn.BatchNorm1d)
    torch.testing.assert_close(norm.running_mean, torch.stack([batch.mean(0) for batch in batches]).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([batch.var(0) for batch in batches]).mean(0))
    assert norm.momentum == 0.1
    assert not any(module.training for module in model.modules())


def test_a_frozen_norm_stays_as_it_is() -> None:
    frozen, free = nn.BatchNorm1d(3).requires_grad_(False), nn.BatchNorm1d(3)
    recalibrate(nn.Sequential(frozen, free), [torch.randn(64, 3, generator=torch.Generator().manual_seed(0)) + 2])
    assert torch.equal(frozen.running_mean, torch.zeros(3))
    assert (free.running_mean > 1).all()
