"""What the bands of a spectrogram do over a whole clip, judged by one linear layer.

Statistics over time in place of convolutions: how loud each band is, how much that varies and how fast, and which bands
move together. Such summaries are what genre was told by before networks (Tzanetakis and Cook 2002; the correlation
patterns of Seyerlehner, Widmer and Pohle 2010); pooled from features inside the network, they can learn from other
stretches of a clip in every epoch.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import BatchNorm1d, initialise
from genrelab.networks.network import Network

_LEVELS = (0.1, 0.5, 0.9)
_STILL = 1e-5  # variance added, so that a silent band correlates with none


class Texture(Network):
    """Statistics of bands over time, standardised, dropout, one linear layer. Any length of two frames and more fits.

    For each band: mean, deviation, mean size and deviation of the steps between frames, three quantiles; for each pair
    of bands, their correlation.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features; channels are averaged.
    n_classes
        Number of genres.
    bins_per_band
        Neighbouring bins that are averaged to one band; bins that are left over are passed over.
    dropout
        Probability of a statistic being dropped.

    Raises
    ------
    RecipeError
        There are fewer than two bands, or fewer than two frames.
    """

    def __init__(
        self, input_shape: tuple[int, int, int], n_classes: int, bins_per_band: int = 4, dropout: float = 0.5
    ) -> None:
        _, bins, frames = input_shape
        bands = bins // bins_per_band if bins_per_band >= 1 else 0
        if bands < 2 or frames < 2:
            raise RecipeError(
                f"network.bins_per_band: {bins_per_band} of {bins} bins leave {bands} bands, in {frames} frames; "
                "at least two of both are needed"
            )
        statistics = bands * (4 + len(_LEVELS)) + bands * (bands - 1) // 2
        super().__init__(input_shape, n_classes, statistics)
        self.bins_per_band = bins_per_band
        self.pairs: Tensor
        self.register_buffer("pairs", torch.triu_indices(bands, bands, 1), persistent=False)
        self.norm = BatchNorm1d(statistics)
        self.dropout = Dropout(dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the standardised statistics, (batch, statistics), of features (batch, channels, bins, frames)."""
        values = features.float().mean(1)
        bands = F.avg_pool2d(values[:, None], (self.bins_per_band, 1))[:, 0]
        embedding: Tensor = self.dropout(self.norm(self.statistics(bands)))
        return embedding

    def statistics(self, bands: Tensor) -> Tensor:
        """Return the statistics (batch, statistics) of bands (batch, bands, frames)."""
        frames = bands.shape[2]
        mean = bands.mean(2)
        centred = bands - mean[:, :, None]
        variance = centred.square().mean(2)
        steps = bands[:, :, 1:] - bands[:, :, :-1]
        spread = (steps - steps.mean(2, keepdim=True)).square().mean(2)
        ordered = bands.sort(2).values
        levels = [ordered[:, :, round(level * (frames - 1))] for level in _LEVELS]
        unit = centred / (variance + _STILL).sqrt()[:, :, None]
        # Not a matrix product, which mixed precision would round to two digits and a half.
        correlation = (unit[:, self.pairs[0]] * unit[:, self.pairs[1]]).mean(2)
        return torch.cat(
            [
                mean,
                (variance + _STILL).sqrt(),
                steps.abs().mean(2),
                (spread + _STILL).sqrt(),
                *levels,
                correlation,
            ],
            1,
        )
