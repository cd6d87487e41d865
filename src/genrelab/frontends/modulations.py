"""Spectro-temporal modulations: how strongly a spectrogram ripples, at which rates, scales and directions.

Gabor filters over frames and bands, as Schädler, Meyer and Kollmeier 2012 have them (after the cells that Chi, Ru and
Shamma 2005 model); the mean over time of their magnitudes is the first order of a joint time-frequency scattering
(Andén, Lostanlen and Mallat 2019).
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, tau

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

PERIODS = (2.5, 5.0, 10.0, 20.0)  # frames from crest to crest
SCALES = (2.5, 4.0, 7.0, 11.0, 18.0)  # bands from crest to crest
BANDS_PER_REGION = 4
_WIDTH = 0.45  # a filter's width, the deviation of its bell, in periods
_STILL_FRAMES, _STILL_BANDS = 1.8, 2.4  # that of filters that do not ripple that way, in frames and in bands
_FAINT = 1e-4  # where magnitudes begin to be told apart
_NOTHING = 1e-16  # added beneath the root, whose slope at nothing is infinite


def modulations(bands: Tensor) -> Tensor:
    """Return what each Gabor filter finds in each region of four bands: log mean, log variance and skewness over time.

    The logarithms are less their mean over the filters: not how much a region moves, which other statistics tell, but
    how.

    Parameters
    ----------
    bands
        (batch, bands, frames).

    Returns
    -------
    Tensor
        (batch, 3 x 49 filters x regions); bands that are left over belong to no region.
    """
    found = magnitudes(bands)
    regions = F.avg_pool2d(found.flatten(0, 1)[:, None], (min(BANDS_PER_REGION, bands.shape[1]), 1))
    regions = regions.reshape(-1, found.shape[1], regions.shape[2], bands.shape[2])
    mean = regions.mean(3)
    out = regions - mean[..., None]
    variance = out.square().mean(3)
    # Multiples and log1p, since ONNX's optimiser takes a summand of 1e-8 for nothing.
    logs = torch.stack([(mean / _FAINT).log1p(), (variance / _FAINT**2).log1p()], 1)
    skewness = out.pow(3).mean(3) / (variance.sqrt() + 10 * _FAINT).pow(3)
    return torch.cat([(logs - logs.mean(2, keepdim=True)).flatten(1), skewness.flatten(1)], 1)


def magnitudes(bands: Tensor) -> Tensor:
    """Return how strongly each filter answers at each place, (batch, 49, bands, frames), of (batch, bands, frames).

    First the 20 whose crests fall, scale by scale and within each period by period, and the 20 whose crests rise; then
    the 4 that change over frames alone and the 5 that change over bands alone. Falling is towards the first band.
    """
    count, frames = bands.shape[1:]
    across = torch.from_numpy(_across(count)).to(bands)
    along = torch.from_numpy(_filters(PERIODS, _STILL_FRAMES)).to(bands)
    reach = along.shape[1] // 2
    found = across @ bands[:, None]
    found = F.conv1d(F.pad(found.reshape(-1, 1, frames), (reach, reach), mode="replicate"), along[:, None])
    # To (batch, filters over bands, filters over frames, bands, frames).
    found = found.reshape(-1, len(across), count, len(along), frames).transpose(2, 3)
    (cc, cs, c0), (sc, ss, s0), (zc, zs, _) = (
        torch.split(part, [len(PERIODS), len(PERIODS), 1], 2)
        for part in torch.split(found, [len(SCALES), len(SCALES), 1], 1)
    )
    pairs = [(cc - ss, cs + sc), (cc + ss, cs - sc), (zc, zs), (c0, s0)]
    sizes = [(one.square() + other.square() + _NOTHING).sqrt() for one, other in pairs]
    return torch.cat([size.flatten(1, 2) for size in sizes], 1)


def _filters(periods: Sequence[float], still: float) -> NDArray[np.float32]:
    """Return cosines and sines of these periods under bells, deaf to what is constant, then a bell alone: (n, taps)."""
    reach = max(ceil(2 * width) for width in (*(_WIDTH * period for period in periods), still))
    place = np.arange(-reach, reach + 1)

    def bell(width: float) -> NDArray[np.float64]:
        values = np.exp(-0.5 * (place / width) ** 2) * (np.abs(place) <= ceil(2 * width))
        return np.asarray(values / values.sum())

    bells = [bell(_WIDTH * period) for period in periods]
    waves = [tau * place / period for period in periods]
    cosines = [one * (np.cos(wave) - (one * np.cos(wave)).sum()) for one, wave in zip(bells, waves, strict=True)]
    sines = [one * np.sin(wave) for one, wave in zip(bells, waves, strict=True)]
    return np.stack([*cosines, *sines, bell(still)]).astype(np.float32)


@lru_cache  # of arrays, not tensors: those that are made during an export are no numbers
def _across(bands: int) -> NDArray[np.float32]:
    """Return the filters over bands as matrices, (11, bands, bands); beyond the outermost bands all is as they are."""
    filters = _filters(SCALES, _STILL_BANDS)
    reach = filters.shape[1] // 2
    matrices = np.zeros((len(filters), bands, bands), dtype=np.float32)
    for band in range(bands):
        for tap in range(-reach, reach + 1):
            matrices[:, band, min(max(band + tap, 0), bands - 1)] += filters[:, reach + tap]
    return matrices
