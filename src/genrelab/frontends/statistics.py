"""Statistics over time of another front end's bands: a clip as one row of numbers, for networks that ask no order."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.frontends.band_statistics import STATISTICS, Statistic
from genrelab.frontends.frontend import FrontEnd
from genrelab.frontends.joint import part
from genrelab.frontends.normalise import Normalise


class Statistics(FrontEnd):
    """What each band of a spectrogram does over the window, (batch, 1, values, 1), whatever the window's length.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    of
        ``{"kind": ..., options}`` of the front end whose features (batch, channels, bins, frames) are summed up;
        channels are averaged.
    bins_per_band
        Neighbouring bins that are averaged to one band; bins that are left over are passed over.
    statistics
        Which, of `genrelab.frontends.band_statistics.STATISTICS`.
    normalise
        How the statistics are scaled, see `genrelab.frontends.normalise`; each is a band there.

    Raises
    ------
    RecipeError
        The other front end cannot be built, has too few bins, or no statistics are named.
    """

    def __init__(
        self,
        sample_rate: int,
        of: dict[str, Any] = {"kind": "mel"},  # noqa: B006 (never changed)
        bins_per_band: int = 4,
        statistics: tuple[Statistic, ...] = ("levels", "correlations"),
        normalise: Normalise = "band-standard",
    ) -> None:
        made = part("frontend.of", of, sample_rate, ("statistics", "joint"), "to take statistics of")
        if made.normaliser.state_dict():
            raise RecipeError("frontend.of.normalise: must not need the training part; the statistics are scaled by it")
        super().__init__(sample_rate, size("frontend", made.bins, bins_per_band, statistics), normalise)
        self.extraction = made.extraction
        self.of = made
        self.bins_per_band, self.statistics = bins_per_band, tuple(statistics)

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, values, 1), whatever the number of samples."""
        return 1, self.bins, 1

    def features(self, waveform: Tensor) -> Tensor:
        """Compute the statistics (batch, 1, values, 1) of what the other front end takes."""
        return summarise(self.of.normaliser(self.of.features(waveform)), self.bins_per_band, self.statistics)[
            :, None, :, None
        ]


def size(where: str, bins: int, bins_per_band: int, statistics: Sequence[Statistic]) -> int:
    """Return how many values the named statistics of so many bins in bands are.

    Raises
    ------
    RecipeError
        There are fewer than two bands, or no statistics; the message names the keys within `where`.
    """
    bands = bins // bins_per_band if bins_per_band >= 1 else 0
    if bands < 2:
        raise RecipeError(
            f"{where}.bins_per_band: {bins_per_band} of {bins} bins leave {bands} bands; at least two are needed"
        )
    if not statistics:
        raise RecipeError(f"{where}.statistics: empty; name some of {', '.join(STATISTICS)}")
    return sum(STATISTICS[name](torch.zeros(1, bands, 2)).shape[1] for name in statistics)


def summarise(features: Tensor, bins_per_band: int, statistics: Sequence[Statistic]) -> Tensor:
    """Return the named statistics, (batch, values), of features (batch, channels, bins, frames) in bands."""
    values = features.float().mean(1)
    bands = F.avg_pool2d(values[:, None], (bins_per_band, 1))[:, 0]
    if bands.shape[2] == 1:  # which does not change
        bands = bands.expand(-1, -1, 2)
    return torch.cat([STATISTICS[name](bands) for name in statistics], 1)
