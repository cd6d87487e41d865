"""YAMNet (Plakal and Ellis 2020), which `genrelab backbone fetch yamnet` brings trained: MobileNet v1 over mel bands.

It tells 521 kinds of sound of AudioSet (Gemmeke et al. 2017), some 60 of them kinds of music, of patches of .96 s.
Layer by layer as in TensorFlow's model garden (Apache licence 2.0), with what its batch norms amount to in the
convolutions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.network import Network

PATCH = 96
"""Frames of 10 ms that it hears at once."""
_WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_HALVING = (1, 3, 5, 11)  # the places of the blocks that take every second frame and band


class Yamnet(Network):
    """A convolution and 13 separable ones, the mean over frames and bands; the mean over patches.

    Parameters
    ----------
    input_shape
        (1, 64, frames) of the features (`genrelab.frontends.bands.YamnetBands`).
    n_classes
        Number of kinds of sound.

    Raises
    ------
    RecipeError
        There is more than one channel, or fewer frames than a patch has.
    """

    step = PATCH // 2
    """Frames from one patch to the next."""

    def __init__(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__(input_shape, n_classes, _WIDTHS[-1])
        if input_shape[0] != 1 or input_shape[2] < PATCH:
            raise RecipeError(f"frontend: features {input_shape}; YAMNet takes one channel of {PATCH} frames or more")
        layers: list[nn.Module] = [_Same(1, 32, halving=True), nn.ReLU()]
        inputs = 32
        for place, width in enumerate(_WIDTHS):
            layers += [_Same(inputs, inputs, place in _HALVING, groups=inputs), nn.ReLU()]
            layers += [nn.Conv2d(inputs, width, 1), nn.ReLU()]
            inputs = width
        self.layers_of_patch = nn.Sequential(*layers)
        self.settings = {"input_shape": list(input_shape), "n_classes": n_classes}
        self.sizes = {"tags": n_classes, "penultimate": _WIDTHS[-1]}

    def embed(self, features: Tensor) -> Tensor:
        """Return the mean of the patches' embeddings, (batch, 1024), of features (batch, 1, 64, frames)."""
        patches = features.transpose(2, 3).unfold(2, PATCH, self.step).transpose(3, 4)[:, 0]
        batch, count = patches.shape[:2]
        maps: Tensor = self.layers_of_patch(patches.flatten(0, 1)[:, None])
        return maps.mean((2, 3)).view(batch, count, -1).mean(1)

    def layers(self, features: Tensor) -> dict[str, Tensor]:
        """Return what heads may read of features (batch, 1, 64, frames): (batch, size) each."""
        penultimate = self.embed(features)
        return {"tags": self.classify(penultimate), "penultimate": penultimate}

    def take(self, weights: list[tuple[Tensor, Tensor]]) -> None:
        """Take weights and offsets of all layers, in their order.

        Raises
        ------
        ValueError
            There are more or fewer layers, or they are of other sizes.
        """
        own = [*(layer for layer in self.layers_of_patch if isinstance(layer, nn.Conv2d)), self.output]
        places = [place for layer in own for place in (layer.get_parameter("weight"), layer.get_parameter("bias"))]
        with torch.no_grad():
            for place, values in zip(places, [part for layer in weights for part in layer], strict=True):
                if place.shape != values.shape:
                    raise ValueError(f"a layer of {tuple(values.shape)} in the place of {tuple(place.shape)}")
                place.copy_(values)


class SmallYamnet(Yamnet):
    """YAMNet in patches that do not overlap, for three fifths of the cost: a learner of our own.

    What it learned is kept in 8 bits (`genrelab.networks.eight_bits`): hence its name. See `Yamnet` for its parameters.
    (In one look at a whole window YAMNet is at a loss: it has learned where its patches end.)
    """

    step = PATCH

    def make_ready(self) -> None:
        """Lay the weights as training steps want them."""
        self.layers_of_patch.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def read(self, heard: Tensor) -> dict[str, Tensor]:
        """Return the layers of features; see `layers`."""
        return self.layers(heard)


class _Same(nn.Conv2d):
    """A convolution of 3x3 that pads as TensorFlow does: in halving an even map, behind alone."""

    def __init__(self, inputs: int, outputs: int, halving: bool, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride=2 if halving else 1, padding=0 if halving else 1, groups=groups)
        self.halving = halving

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, inputs, frames, bands) to (batch, outputs, frames, bands), half of both in halving."""
        return super().forward(F.pad(maps, (0, 1, 0, 1)) if self.halving else maps)
