"""Convolutions, then LSTMs over all positions that are left: row gtzan-cnn-lstm (after IEEE 9997961)."""

from torch import Tensor

from genrelab.networks.convolutions import Padding, pooled_convs
from genrelab.networks.layers import Recurrent, initialise
from genrelab.networks.network import Network


class CnnLstm(Network):
    """Blocks [conv 3x3 ReLU, max pool 2x2, batch norm, dropout], LSTMs over the positions, no dense layer.

    Every position that is left, by time and within it by frequency, is one step of the sequence, with the filters as
    its vector. (`CnnRnn` joins the positions of a time to one vector.)

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    filters
        Filters of each block.
    padding
        ``"valid"`` (Keras' default) or ``"same"``.
    dropout
        Probability of a value being dropped after each block.
    units
        Length of the LSTMs' state: the embedding.
    layers
        Number of LSTMs.

    Raises
    ------
    RecipeError
        The features are too small for this many blocks.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (16, 32, 64),
        padding: Padding = "valid",
        dropout: float = 0.1,
        units: int = 30,
        layers: int = 2,
    ) -> None:
        super().__init__(input_shape, n_classes, units)
        kernels, pools = [3] * len(filters), [2] * len(filters)
        self.blocks, _ = pooled_convs(input_shape, filters, kernels, pools, padding, batch_norm=True, dropout=dropout)
        self.recurrent = Recurrent(filters[-1], "lstm", units, layers, bidirectional=False, dropout=0.0)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the last LSTM's last state, (batch, units), of features (batch, channels, bins, frames)."""
        positions = self.blocks(features).permute(0, 3, 2, 1).flatten(1, 2)
        embedding: Tensor = self.recurrent(positions)
        return embedding
