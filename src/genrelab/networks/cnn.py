"""A convolutional network on spectrograms: row fma-cnn."""

from collections.abc import Sequence

from torch import Tensor

from genrelab.networks.layers import conv_blocks, dense, initialise, pooled_size
from genrelab.networks.network import Network


class Cnn(Network):
    """Blocks [conv 3x3 ReLU, batch norm, max pool 2x2, dropout], global average pool, one dense layer.

    Any length fits that the pooling leaves something of, since the average is taken over what is left.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    filters
        Filters of each block.
    dropout
        Probability of a value being dropped after each block.
    dense_units
        Units of the dense layer: the embedding.
    dense_dropout
        Probability of a value being dropped after it.

    Raises
    ------
    RecipeError
        The features are too small for this many blocks.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (32, 64, 128, 256),
        dropout: float = 0.25,
        dense_units: int = 512,
        dense_dropout: float = 0.5,
    ) -> None:
        super().__init__(input_shape, n_classes, dense_units)
        channels, bins, frames = input_shape
        pools: Sequence[tuple[int, int]] = [(2, 2)] * len(filters)
        pooled_size(bins, frames, pools, "network.filters")
        self.blocks = conv_blocks(channels, filters, pools, dropout)
        self.dense = dense(filters[-1], dense_units, dense_dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's activation, (batch, dense_units), of features (batch, channels, bins, frames)."""
        pooled = self.blocks(features).mean(dim=(2, 3))
        embedding: Tensor = self.dense(pooled)
        return embedding
