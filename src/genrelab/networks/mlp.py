"""Dense layers alone: the head of row hybrid-2.0."""

from itertools import pairwise
from math import prod
from typing import Literal

from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import initialise
from genrelab.networks.network import Network

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}


class Mlp(Network):
    """Blocks [dropout, dense, activation] on all values of the features at once, whose shape is therefore fixed.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    units
        Units of each dense layer; the last one's activations are the embedding. Without layers the features
        themselves are, and the network is one linear layer.
    activations
        Of each dense layer ``"relu"`` or ``"gelu"``.
    dropout
        Probability of a value being dropped before each dense layer.

    Raises
    ------
    RecipeError
        A layer has no unit, or there is not one activation for each.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        units: tuple[int, ...] = (128, 64),
        activations: tuple[Literal["relu", "gelu"], ...] = ("gelu", "relu"),
        dropout: float = 0.1,
    ) -> None:
        if min(units, default=1) < 1 or len(units) != len(activations) or not set(activations) <= set(_ACTIVATIONS):
            raise RecipeError(
                f"network.units, network.activations: {list(units)} and {list(activations)}; give each layer "
                f"at least one unit and one activation of {', '.join(_ACTIVATIONS)}"
            )
        super().__init__(input_shape, n_classes, units[-1] if units else prod(input_shape))
        layers: list[nn.Module] = []
        for (before, after), activation in zip(pairwise([prod(input_shape), *units]), activations, strict=True):
            layers += [Dropout(dropout), nn.Linear(before, after), _ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the last layer's activation, (batch, embedding_size), of features of any shape (batch, ...)."""
        embedding: Tensor = self.layers(features.flatten(1))
        return embedding
