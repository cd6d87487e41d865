"""M5, which hears samples (Dai et al. 2017, arXiv:1610.00087): row gtzan-m5."""

from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.networks.layers import ConvBlocks, dense, initialise
from genrelab.networks.network import Network

_KERNEL, _POOL = 3, 4


class M5(Network):
    """Blocks [convolution over time, batch norm, ReLU, max pool of 4], global average pool, one dense layer.

    The paper ends in the average; row gtzan-m5 adds the dense layer. Made for the front end ``waveform`` scaled by
    ``clip-standard``; of other features each bin is a channel. Any length fits that the pooling leaves something of.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features; of samples (1, 1, samples).
    n_classes
        Number of genres.
    filters
        Filters of each block.
    kernel, stride
        Of the first block's convolution, in samples; the others have 3 and 1.
    dense_units
        Units of the dense layer: the embedding.
    dropout
        Probability of a value being dropped after it.

    Raises
    ------
    RecipeError
        The window is too short for these convolutions.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (128, 128, 256, 512),
        kernel: int = 80,
        stride: int = 4,
        dense_units: int = 256,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(input_shape, n_classes, dense_units)
        if not filters or min(*filters, kernel, stride) < 1:
            raise RecipeError(
                f"network.filters, network.kernel, network.stride: {list(filters)}, {kernel} and {stride}; "
                "give at least one block, and no number below 1"
            )
        channels, bins, frames = input_shape
        need = _POOL
        for _ in filters[1:]:
            need = (need + _KERNEL - 1) * _POOL
        need = (need - 1) * stride + kernel
        if frames < need:
            raise RecipeError(
                f"network.filters: {frames} samples are too few for these convolutions, which need at least {need}: "
                "take fewer filters, a shorter network.kernel or network.stride, or a longer audio.window"
            )
        blocks: list[nn.Module] = []
        for index, (before, after) in enumerate(zip([channels * bins, *filters[:-1]], filters, strict=True)):
            # Two-dimensional with a height of 1, which is how a CPU computes the one-dimensional anyway.
            width, step = (kernel, stride) if index == 0 else (_KERNEL, 1)
            blocks.append(nn.Conv2d(before, after, (1, width), (1, step)))
            # The greatest value stays the greatest under ReLU: pooled first, it has a quarter of the work.
            blocks += [nn.BatchNorm2d(after), nn.MaxPool2d((1, _POOL)), nn.ReLU()]
        self.blocks = ConvBlocks(*blocks)
        self.dense = dense(filters[-1], dense_units, dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's activation, (batch, dense_units), of features (batch, channels, bins, frames)."""
        pooled = self.blocks(features.flatten(1, 2)[:, :, None]).mean(dim=(2, 3))
        embedding: Tensor = self.dense(pooled)
        return embedding
