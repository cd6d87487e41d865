"""Statistics of a spectrogram over time: what a clip is as a whole, whatever its length.

Each takes bands (batch, bands, frames) and returns (batch, values), whose number depends on the number of bands alone;
of fewer frames than a span asks for, it takes the longest that there is.
To be called without mixed precision, which would round the products of matrices to two digits and a half.

Such summaries are what genre was told by before networks (Tzanetakis and Cook 2002; Logan 2000 for cepstra; the
correlation and variance patterns of Seyerlehner, Widmer and Pohle 2010).
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from genrelab.frontends.modulations import modulations

QUANTILES = (0.1, 0.5, 0.9)
SPANS = (1, 2, 4, 8, 16)  # frames
CEPSTRA = 20
_STILL = 1e-5  # variance added, so that a silent band correlates with none
_QUIET = 0.01  # the least deviation that shapes and echoes are measured in, so that they are not those of rounding


def levels(bands: Tensor) -> Tensor:
    """Return each band's mean and deviation, mean size and deviation of its steps between frames, three quantiles."""
    frames = bands.shape[2]
    steps = _steps(bands)
    ordered = bands.sort(2).values
    quantiles = [ordered[:, :, round(quantile * (frames - 1))] for quantile in QUANTILES]
    return torch.cat([bands.mean(2), _deviation(bands), steps.abs().mean(2), _deviation(steps), *quantiles], 1)


def correlations(bands: Tensor) -> Tensor:
    """Return the correlation of each pair of bands."""
    return _products(_unit(bands), 1)


def moments(bands: Tensor) -> Tensor:
    """Return the skewness and the kurtosis of each band's levels and of its steps."""
    found = []
    for values in (bands, _steps(bands)):
        unit = _unit(values, _QUIET)
        found += [unit.pow(3).mean(2), unit.pow(4).mean(2)]
    return torch.cat(found, 1)


def rates(bands: Tensor) -> Tensor:
    """Return how each band changes from one mean of 1, 2, 4 … 16 frames to the next: deviation, and mean rise."""
    found = []
    for span in SPANS:
        steps = _steps(F.avg_pool1d(bands, min(span, bands.shape[2] // 2)))
        found += [_deviation(steps), steps.relu().mean(2)]
    return torch.cat(found, 1)


def persistence(bands: Tensor) -> Tensor:
    """Return the autocorrelation of each band after 1, 2, 4 … 16 frames."""
    unit = _unit(bands, _QUIET)
    lags = [min(span, bands.shape[2] - 1) for span in SPANS]
    return torch.cat([(unit[:, :, lag:] * unit[:, :, :-lag]).mean(2) for lag in lags], 1)


def contrast(bands: Tensor) -> Tensor:
    """Return how far each band stands out from the mean of its neighbours, its mean size and deviation over time."""
    out = (bands[:, 1:-1] - (bands[:, :-2] + bands[:, 2:]) / 2).abs()
    return torch.cat([out.mean(2), _deviation(out)], 1)


def cepstra(bands: Tensor) -> Tensor:
    """Return 20 cepstral coefficients' means, log deviations of them and their steps, and the covariances of both."""
    count = bands.shape[1]
    place = (torch.arange(count, device=bands.device) + 0.5) * (math.pi / count)
    waves = (torch.arange(min(CEPSTRA, count), device=bands.device)[:, None] * place).cos() * math.sqrt(2 / count)
    coefficients = waves @ bands
    steps = _steps(coefficients)
    return torch.cat(
        [
            coefficients.mean(2),
            _deviation(coefficients).log(),
            _deviation(steps).log(),
            _products(_centred(coefficients), 0),
            _products(_centred(steps), 0),
        ],
        1,
    )


Statistic = Literal["levels", "correlations", "moments", "rates", "persistence", "contrast", "cepstra", "modulations"]
STATISTICS: Mapping[Statistic, Callable[[Tensor], Tensor]] = {
    "levels": levels,
    "correlations": correlations,
    "moments": moments,
    "rates": rates,
    "persistence": persistence,
    "contrast": contrast,
    "cepstra": cepstra,
    "modulations": modulations,
}


def _steps(values: Tensor) -> Tensor:
    return values[:, :, 1:] - values[:, :, :-1]


def _centred(values: Tensor) -> Tensor:
    return values - values.mean(2, keepdim=True)


def _deviation(values: Tensor) -> Tensor:
    return (_centred(values).square().mean(2) + _STILL).sqrt()


def _unit(values: Tensor, least: float = 0.0) -> Tensor:
    """Return values less their mean over time, in their deviations or, of quieter rows, in `least`."""
    return _centred(values) / _deviation(values)[:, :, None].clamp(min=least)


def _products(values: Tensor, diagonal: int) -> Tensor:
    """Return the mean over time of the product of each pair of rows, from the main diagonal or from the one above."""
    first, second = torch.triu_indices(values.shape[1], values.shape[1], diagonal, device=values.device)
    return (values @ values.transpose(1, 2))[:, first, second] / values.shape[2]
