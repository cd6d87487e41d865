"""What the bands of a spectrogram do over a whole clip, judged by one linear layer.

Statistics over time in place of convolutions: how loud each band is, how much that varies and how fast, and which bands
move together. Such summaries are what genre was told by before networks (Tzanetakis and Cook 2002; the correlation
patterns of Seyerlehner, Widmer and Pohle 2010); pooled from features inside the network, they can learn from other
stretches of a clip in every epoch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.frontends.band_statistics import STATISTICS, Statistic
from genrelab.frontends.statistics import size, summarise
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import BatchNorm1d, initialise
from genrelab.networks.network import Network


class Texture(Network):
    """Statistics of bands over time, standardised, dropout, one linear layer. Any length of two frames and more fits.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features; channels are averaged.
    n_classes
        Number of genres.
    bins_per_band
        Neighbouring bins that are averaged to one band; bins that are left over are passed over.
    statistics
        Which, of `genrelab.frontends.band_statistics.STATISTICS`.
    dropout
        Probability of a statistic being dropped.

    Raises
    ------
    RecipeError
        There are fewer than two bands, fewer than two frames, or no statistics.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        bins_per_band: int = 4,
        statistics: Sequence[Statistic] = ("levels", "correlations"),
        dropout: float = 0.5,
    ) -> None:
        _, bins, frames = input_shape
        bands = bins // bins_per_band if bins_per_band >= 1 else 0
        if bands < 2 or frames < 2:
            raise RecipeError(
                f"network.bins_per_band: {bins_per_band} of {bins} bins leave {bands} bands, in {frames} frames; "
                "at least two of both are needed"
            )
        if not statistics:
            raise RecipeError(f"network.statistics: empty; name some of {', '.join(STATISTICS)}")
        values = size(statistics, bands)
        super().__init__(input_shape, n_classes, values)
        self.bins_per_band = bins_per_band
        self.statistics = tuple(statistics)
        self.norm = BatchNorm1d(values)
        self.dropout = Dropout(dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the standardised statistics, (batch, statistics), of features (batch, channels, bins, frames)."""
        with torch.autocast(features.device.type, enabled=False):
            values = summarise(features, self.bins_per_band, self.statistics)
        embedding: Tensor = self.dropout(self.norm(values))
        return embedding
