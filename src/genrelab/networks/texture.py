"""What the bands of a spectrogram do over a whole clip, judged by one linear layer.

Statistics over time in place of convolutions: how loud each band is, how much that varies and how fast, and which bands
move together. Such summaries are what genre was told by before networks (Tzanetakis and Cook 2002; the correlation
patterns of Seyerlehner, Widmer and Pohle 2010); pooled from features inside the network, they can learn from other
stretches of a clip in every epoch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from genrelab.frontends.band_statistics import Statistic
from genrelab.frontends.statistics import size, summarise
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import BatchNorm1d, initialise
from genrelab.networks.network import Network


class Texture(Network):
    """Statistics of bands over time, standardised, dropout, one linear layer. Any number of frames fits.

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
        There are fewer than two bands, or no statistics.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        bins_per_band: int = 4,
        statistics: Sequence[Statistic] = ("levels", "correlations"),
        dropout: float = 0.5,
    ) -> None:
        values = size("network", input_shape[1], bins_per_band, statistics)
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
