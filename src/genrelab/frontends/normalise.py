"""Bringing features to a common scale: within each clip, or by statistics of the training part.

A constant clip (digital silence) has no spread to divide by; the spread is floored, so that it comes out as the
lowest value (``clip-minmax``) or as zeros (``clip-standard``), never as NaN. A band that never changes in the training
part keeps its unit, as in scikit-learn: a tempo that all training clips share would lie a million away in the next.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

Normalise = Literal["none", "clip-minmax", "clip-standard", "band-standard", "band-clipped", "band-minmax"]

# Far below any spread that features have, far above where float32 loses digits.
_SMALLEST_SPREAD = 1e-6
_CONSTANT = 1e-5
FURTHEST = 5.0  # deviations from the mean


class Normaliser(nn.Module):
    """Leaves features as they are; the base of those that do not.

    Parameters
    ----------
    bins
        Number of rows (mel bands, coefficients) of the features.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins

    def forward(self, features: Tensor) -> Tensor:
        """Scale features (batch, channels, bins, frames) to features of the same shape."""
        return features

    def fit(self, batches: Iterable[Tensor]) -> None:
        """Learn from the features of the training part, batch by batch. Most have nothing to learn and read none."""


class ClipMinMax(Normaliser):
    """Scales each clip linearly so that its lowest value is -1 and its highest 1."""

    def forward(self, features: Tensor) -> Tensor:
        """Scale features (batch, channels, bins, frames) to features of the same shape."""
        low = features.amin(dim=(1, 2, 3), keepdim=True)
        high = features.amax(dim=(1, 2, 3), keepdim=True)
        scale = 2 / (high - low).clamp(min=_SMALLEST_SPREAD)
        return torch.addcmul(-torch.ones_like(low), features - low, scale)


class ClipStandard(Normaliser):
    """Gives each clip zero mean and unit variance, over all its bins and frames."""

    def forward(self, features: Tensor) -> Tensor:
        """Scale features (batch, channels, bins, frames) to features of the same shape."""
        centred = features - features.mean(dim=(1, 2, 3), keepdim=True)
        variance = centred.square().mean(dim=(1, 2, 3), keepdim=True)
        return centred * variance.clamp(min=_SMALLEST_SPREAD**2).rsqrt()


class BandStandard(Normaliser):
    """Gives each band zero mean and unit variance over the training part; changes nothing before it is fitted.

    The statistics are buffers, so they travel in checkpoints and bundles.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__(bins)
        self.register_buffer("mean", torch.zeros(bins, 1))
        self.register_buffer("deviation", torch.ones(bins, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Scale features (batch, channels, bins, frames) to features of the same shape."""
        return (features - self.mean) / self.deviation

    def fit(self, batches: Iterable[Tensor]) -> None:
        """Set mean and deviation of each band from batches of features (batch, channels, bins, frames).

        Batches may differ in length; each value weighs the same. Merged in double precision after Chan, Golub and
        LeVeque (1979), which loses no digits however many there are. No batches at all is a ValueError.
        """
        count = 0
        mean = torch.zeros(self.bins, 1, dtype=torch.float64)
        squares = torch.zeros(self.bins, 1, dtype=torch.float64)  # sum of squared distances from the mean
        for batch in batches:
            values = batch.detach().cpu().double().movedim(-2, 0).flatten(1)
            own_mean = values.mean(dim=1, keepdim=True)
            own_count = values.shape[1]
            step = own_mean - mean
            total = count + own_count
            squares += (values - own_mean).square().sum(dim=1, keepdim=True)
            squares += step.square() * (count * own_count / total)
            mean += step * (own_count / total)
            count = total
        if count == 0:
            raise ValueError("band-standard cannot be fitted: there is no training clip to take statistics from")
        self.mean.copy_(mean)
        self.deviation.copy_(_divisor((squares / count).sqrt()))


class BandClipped(BandStandard):
    """As `BandStandard`, but what lies further than five deviations from the mean counts as lying there.

    A value that hardly varies over the training part may be thousands of deviations away in sounds unlike it, and
    would drown out all others. One that does not vary at all, but for rounding, is not blown up (as in scikit-learn's
    ``StandardScaler``): a network's dead units would come out as noise.
    """

    def fit(self, batches: Iterable[Tensor]) -> None:
        """Set mean and deviation of each band from batches of features (batch, channels, bins, frames)."""
        super().fit(batches)
        self.deviation[self.deviation < _CONSTANT] = 1.0

    def forward(self, features: Tensor) -> Tensor:
        """Scale features (batch, channels, bins, frames) to features of the same shape, in [-5, 5]."""
        return super().forward(features).clamp(-FURTHEST, FURTHEST)


class BandMinMax(Normaliser):
    """Scales each band linearly so that over the training part its lowest value is 0 and its highest 1.

    What lies beyond in other parts comes out below 0 or above 1 (scikit-learn's ``MinMaxScaler``). Changes nothing
    before it is fitted. The statistics are buffers, so they travel in checkpoints and bundles.
    """

    low: Tensor
    spread: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__(bins)
        self.register_buffer("low", torch.zeros(bins, 1))
        self.register_buffer("spread", torch.ones(bins, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Scale features (batch, channels, bins, frames) to features of the same shape."""
        return (features - self.low) / self.spread

    def fit(self, batches: Iterable[Tensor]) -> None:
        """Set the range of each band from batches of features (batch, channels, bins, frames)."""
        ends = [torch.stack(values.movedim(-2, 0).flatten(1).aminmax(dim=1)) for values in batches]
        if not ends:
            raise ValueError("band-minmax cannot be fitted: there is no training clip to take the range from")
        every = torch.stack(ends)
        low, high = every[:, 0].amin(0), every[:, 1].amax(0)
        self.low.copy_(low[:, None])
        self.spread.copy_(_divisor(high - low)[:, None])


def _divisor(spread: Tensor) -> Tensor:
    return torch.where(spread < _SMALLEST_SPREAD, 1.0, spread)


NORMALISERS: dict[str, type[Normaliser]] = {
    "none": Normaliser,
    "clip-minmax": ClipMinMax,
    "clip-standard": ClipStandard,
    "band-standard": BandStandard,
    "band-clipped": BandClipped,
    "band-minmax": BandMinMax,
}
