"""Convolutions, then recurrent layers over time: rows fma-cnn-lstm, fma-cnn-gru, fma-cnn-lstm-small."""

from collections.abc import Sequence

from torch import Tensor

from genrelab.networks.layers import Cell, Reading, Recurrent, conv_blocks, dense, initialise, pooled_size
from genrelab.networks.network import Network


class CnnRnn(Network):
    """Blocks [conv 3x3 ReLU, batch norm, max pool 2x2, dropout], recurrent layers over time, one dense layer.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    filters
        Filters of each block.
    batch_norm
        Whether the blocks have a batch norm.
    conv_dropout
        Probability of a value being dropped after each block.
    cell
        ``"lstm"`` or ``"gru"``.
    units
        Length of each direction's state.
    layers
        Number of recurrent layers.
    bidirectional
        Whether each layer also reads backwards.
    dropout
        Probability of a value being dropped after each recurrent layer.
    dense_units
        Units of the dense layer: the embedding.
    dense_dropout
        Probability of a value being dropped after it.
    read
        What of the recurrent layers is read: their ``"last"`` step, or the ``"mean"`` of all.

    Raises
    ------
    RecipeError
        The features are too small for this many blocks.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (32, 64, 128),
        batch_norm: bool = True,
        conv_dropout: float = 0.3,
        cell: Cell = "lstm",
        units: int = 256,
        layers: int = 2,
        bidirectional: bool = True,
        dropout: float = 0.3,
        dense_units: int = 512,
        dense_dropout: float = 0.5,
        read: Reading = "last",
    ) -> None:
        super().__init__(input_shape, n_classes, dense_units)
        channels, bins, frames = input_shape
        pools: Sequence[tuple[int, int]] = [(2, 2)] * len(filters)
        left_bins, _ = pooled_size(bins, frames, pools, "network.filters")
        self.blocks = conv_blocks(channels, filters, pools, conv_dropout, batch_norm=batch_norm)
        self.recurrent = Recurrent(filters[-1] * left_bins, cell, units, layers, bidirectional, dropout, read)
        self.dense = dense(self.recurrent.size, dense_units, dense_dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's activation, (batch, dense_units), of features (batch, channels, bins, frames)."""
        # Frequency and channel of a time step become one vector.
        sequence = self.blocks(features).flatten(1, 2).transpose(1, 2)
        embedding: Tensor = self.dense(self.recurrent(sequence))
        return embedding
