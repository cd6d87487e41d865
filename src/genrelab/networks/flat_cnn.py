"""Convolutions, flattened into one dense layer: rows gtzan-mfcc-cnn and image-cnn-0.0 to 1.4."""

from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.networks.convolutions import Padding, pooled_convs
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import dense, initialise
from genrelab.networks.network import Network


class FlatCnn(Network):
    """Blocks [conv ReLU, max pool], every value that is left in one vector, dropout, one dense layer or none.

    What is left is flattened, so only features of the very shape fit that the network was built for.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    filters, kernels, pools
        Of each block the number of filters, the side of its kernel and that of its max pool.
    padding
        ``"valid"`` (Keras' default) or ``"same"``.
    dropout
        Probability of a value being dropped before the dense layer.
    dense_units
        Units of the dense layer, the embedding; None leaves it out, and the embedding is the vector itself.
    dense_dropout
        Probability of a value being dropped after it.
    l1, l2
        What the sum of the dense layer's weights, by amount and squared, adds to the loss.

    Raises
    ------
    RecipeError
        The features are too small, or the lists do not fit together.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (32, 64),
        kernels: tuple[int, ...] = (3, 3),
        pools: tuple[int, ...] = (2, 2),
        padding: Padding = "valid",
        dropout: float = 0.0,
        dense_units: int | None = 128,
        dense_dropout: float = 0.3,
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        blocks, (bins, frames) = pooled_convs(input_shape, filters, kernels, pools, padding)
        values = filters[-1] * bins * frames
        super().__init__(input_shape, n_classes, values if dense_units is None else dense_units)
        if l1 < 0 or l2 < 0:
            raise RecipeError(f"network.l1, network.l2: {l1} and {l2}; a penalty is not negative")
        self.l1, self.l2 = l1, l2
        self.blocks = blocks
        self.dropout = Dropout(dropout)
        self.dense = None if dense_units is None else dense(values, dense_units, dense_dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's activation, (batch, dense_units), of features (batch, channels, bins, frames)."""
        flat: Tensor = self.dropout(self.blocks(features).flatten(1))
        return flat if self.dense is None else self.dense(flat)

    def penalty(self) -> Tensor:
        """Return ``l1 * sum(abs(w)) + l2 * sum(w ** 2)`` of the dense layer's weights, a scalar."""
        if self.dense is None or not (self.l1 or self.l2):
            return super().penalty()
        weight = self.dense.get_parameter("0.weight")
        return self.l1 * weight.abs().sum() + self.l2 * weight.square().sum()
