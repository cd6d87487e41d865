"""Recurrent networks that read features frame by frame: rows fma-lstm, fma-gru, fma-lstm-small."""

from torch import Tensor

from genrelab.networks.layers import Cell, Reading, Recurrent, dense, initialise
from genrelab.networks.network import Network


class Rnn(Network):
    """Recurrent layers and one dense layer. Any length fits.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features; channels and bins of a frame are one vector.
    n_classes
        Number of genres.
    cell
        ``"lstm"`` (Hochreiter and Schmidhuber 1997) or ``"gru"`` (Cho et al. 2014).
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
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
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
        channels, bins, _ = input_shape
        self.recurrent = Recurrent(channels * bins, cell, units, layers, bidirectional, dropout, read)
        self.dense = dense(self.recurrent.size, dense_units, dense_dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's activation, (batch, dense_units), of features (batch, channels, bins, frames)."""
        sequence = features.flatten(1, 2).transpose(1, 2)
        embedding: Tensor = self.dense(self.recurrent(sequence))
        return embedding
