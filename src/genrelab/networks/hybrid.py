"""A picture and a row of columns judged together: row hybrid-2.0."""

from math import prod
from typing import Any, Literal

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.networks.cnn import Cnn
from genrelab.networks.committee import Committee
from genrelab.networks.flat_cnn import FlatCnn
from genrelab.networks.mlp import Mlp
from genrelab.networks.network import GIVEN
from genrelab.parts import check_part

_IMAGE_NETWORKS: dict[str, type[FlatCnn] | type[Cnn] | type[Committee]] = {
    "flat-cnn": FlatCnn,
    "cnn": Cnn,
    "committee": Committee,
}


class Hybrid(Mlp):
    """What a CNN makes of an image, and columns beside it, through dense layers.

    The CNN (part ``image``) usually begins with a run's weights and keeps them: see ``start`` in recipes. As long as it
    is frozen it stays in evaluation mode, so that its activations are those which that run ended with; they may then be
    asked for once (`condense`) and given instead of the image.

    Parameters
    ----------
    input_shape
        (1, 1, values) of the front end ``joint``: the image first, then the columns.
    n_classes
        Number of genres.
    image_shape
        (channels, height, width) of the image.
    image_network, image
        Which network looks at it, and its options; they must be those of the run that it starts from.
    units, activations, dropout
        Of the dense layers, as in `Mlp`.

    Raises
    ------
    RecipeError
        The features are smaller than the image, or an option does not fit.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        image_shape: tuple[int, int, int] = (4, 288, 432),
        image_network: Literal["flat-cnn", "cnn", "committee"] = "flat-cnn",
        image: dict[str, Any] | None = None,
        units: tuple[int, ...] = (128, 64),
        activations: tuple[Literal["relu", "gelu"], ...] = ("gelu", "relu"),
        dropout: float = 0.1,
    ) -> None:
        pixels, columns = prod(image_shape), prod(input_shape) - prod(image_shape)
        if columns < 1:
            raise RecipeError(
                f"network.image_shape: {list(image_shape)} takes {pixels} values, and the front end gives "
                f"{prod(input_shape)}; join a picture of this shape and columns"
            )
        options = check_part("network.image", image_network, image or {}, _IMAGE_NETWORKS, GIVEN)
        cnn = _IMAGE_NETWORKS[image_network](image_shape, n_classes, **options)
        super().__init__((1, 1, cnn.embedding_size + columns), n_classes, units, activations, dropout)
        self.input_shape = tuple(input_shape)
        self.image_shape = tuple(image_shape)
        self.image = cnn
        self.image.output.requires_grad_(False)  # it is there for the weights of a run, and asked nothing

    def condense(self, features: Tensor) -> Tensor:
        """Return joint features (batch, 1, 1, values) with the image's embedding in its place, (batch, fewer)."""
        values = features.flatten(1)
        pixels = prod(self.image_shape)
        seen = self.image.embed(values[:, :pixels].reshape(-1, *self.image_shape))
        return torch.cat([seen, values[:, pixels:]], 1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the last dense layer's activation, (batch, units[-1]).

        Parameters
        ----------
        features
            Joint features (batch, 1, 1, values), or what `condense` made of them, (batch, fewer).
        """
        return super().embed(features if features.dim() == 2 else self.condense(features))

    def penalty(self) -> Tensor:
        """Return the penalty of the image part's weights as long as they learn, a scalar."""
        return self.image.penalty() if self.image_learns() else super().penalty()

    def train(self, mode: bool = True) -> "Hybrid":
        """Switch to training mode, but for a frozen image part."""
        super().train(mode)
        if not self.image_learns():
            self.image.eval()
        return self

    def image_learns(self) -> bool:
        """Return whether the image part is not frozen."""
        return any(parameter.requires_grad for parameter in self.image.parameters())
