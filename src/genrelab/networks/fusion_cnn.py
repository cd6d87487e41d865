"""A convolutional network for stacked features: row gtzan-fusion-cnn."""

from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.convolutions import Padding, pooled_convs
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import BatchNorm1d, initialise
from genrelab.networks.network import Network


class FusionCnn(Network):
    """Blocks [conv 3x3 ReLU, max pool 2x2, batch norm, dropout], global average pool, one dense layer, batch norm.

    The last block is not pooled. Any length fits that the pooling leaves something of.

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
    dense_units
        Units of the dense layer: the embedding.
    dense_dropout
        Probability of a value being dropped after its batch norm.
    l2
        What the sum of the dense layer's squared weights adds to the loss.

    Raises
    ------
    RecipeError
        The features are too small for this many blocks.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (64, 128, 256),
        padding: Padding = "valid",
        dropout: float = 0.3,
        dense_units: int = 256,
        dense_dropout: float = 0.7,
        l2: float = 1e-3,
    ) -> None:
        super().__init__(input_shape, n_classes, dense_units)
        if l2 < 0:
            raise RecipeError(f"network.l2: {l2}; a penalty is not negative")
        self.l2 = l2
        kernels, pools = [3] * len(filters), [2] * (len(filters) - 1) + [1] * bool(filters)
        self.blocks, _ = pooled_convs(input_shape, filters, kernels, pools, padding, batch_norm=True, dropout=dropout)
        self.dense = nn.Linear(filters[-1], dense_units)
        self.norm = BatchNorm1d(dense_units)
        self.dropout = Dropout(dense_dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's activation, (batch, dense_units), of features (batch, channels, bins, frames)."""
        pooled = self.blocks(features).mean(dim=(2, 3))
        embedding: Tensor = self.dropout(self.norm(F.relu(self.dense(pooled))))
        return embedding

    def penalty(self) -> Tensor:
        """Return ``l2 * sum(w ** 2)`` of the dense layer's weights, a scalar."""
        return self.l2 * self.dense.weight.square().sum()
