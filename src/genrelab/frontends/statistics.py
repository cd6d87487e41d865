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
    contrast_rows
        Number of groups of neighbouring bins whose spectral contrast is a further band, see `spectral_contrast`.
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
        contrast_rows: int = 0,
        normalise: Normalise = "band-standard",
    ) -> None:
        made = part("frontend.of", of, sample_rate, ("statistics", "joint"), "to take statistics of")
        if made.normaliser.state_dict():
            raise RecipeError("frontend.of.normalise: must not need the training part; the statistics are scaled by it")
        values = size("frontend", made.bins, bins_per_band, statistics, contrast_rows)
        super().__init__(sample_rate, values, normalise)
        self.extraction = made.extraction
        self.of = made
        self.bins_per_band, self.statistics, self.contrast_rows = bins_per_band, tuple(statistics), contrast_rows

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, values, 1), whatever the number of samples."""
        return 1, self.bins, 1

    def features(self, waveform: Tensor) -> Tensor:
        """Compute the statistics (batch, 1, values, 1) of what the other front end takes."""
        features = self.of.normaliser(self.of.features(waveform))
        return summarise(features, self.bins_per_band, self.statistics, self.contrast_rows)[:, None, :, None]


def size(where: str, bins: int, bins_per_band: int, statistics: Sequence[Statistic], contrast_rows: int = 0) -> int:
    """Return how many values the named statistics of so many bins in bands are.

    Raises
    ------
    RecipeError
        There are fewer than two bands, no statistics, or a group of fewer than two bins; the message names the keys
        within `where`.
    """
    bands = bins // bins_per_band if bins_per_band >= 1 else 0
    if bands < 2:
        raise RecipeError(
            f"{where}.bins_per_band: {bins_per_band} of {bins} bins leave {bands} bands; at least two are needed"
        )
    if not statistics:
        raise RecipeError(f"{where}.statistics: empty; name some of {', '.join(STATISTICS)}")
    if not 0 <= contrast_rows <= bins // 2:
        raise RecipeError(
            f"{where}.contrast_rows: {contrast_rows} is not a number of groups of two bins or more, "
            f"of which {bins} bins make 0 to {bins // 2}"
        )
    return sum(STATISTICS[name](torch.zeros(1, bands + contrast_rows, 2)).shape[1] for name in statistics)


def summarise(features: Tensor, bins_per_band: int, statistics: Sequence[Statistic], contrast_rows: int = 0) -> Tensor:
    """Return the named statistics, (batch, values), of features (batch, channels, bins, frames) in bands."""
    values = features.float().mean(1)
    bands = F.avg_pool2d(values[:, None], (bins_per_band, 1))[:, 0]
    if contrast_rows:
        bands = torch.cat([bands, spectral_contrast(values, contrast_rows)], 1)
    if bands.shape[2] == 1:  # which does not change
        bands = bands.expand(-1, -1, 2)
    return torch.cat([STATISTICS[name](bands) for name in statistics], 1)


def spectral_contrast(bins: Tensor, groups: int) -> Tensor:
    """Return how far peaks stand above valleys among neighbouring bins (Jiang et al. 2002, of bins instead of octaves).

    Parameters
    ----------
    bins
        (batch, bins, frames).
    groups
        Into how many groups of about as many neighbours the bins are divided.

    Returns
    -------
    Tensor
        (batch, groups, frames): the mean of the strongest fifth of each group's bins, at least one, less that of its
        weakest.
    """
    found = []
    for group in torch.tensor_split(bins, groups, dim=1):
        ordered, fifth = group.sort(1).values, max(1, group.shape[1] // 5)
        found.append(ordered[:, -fifth:].mean(1) - ordered[:, :fifth].mean(1))
    return torch.stack(found, 1)
