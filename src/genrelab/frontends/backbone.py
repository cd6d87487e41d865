"""The layers of frozen networks that others trained, as features: made by an extractor, scaled here."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.extractors.backbone import NETWORKS, Backbone
from genrelab.frontends.frontend import FrontEnd


class BackboneLayers(FrontEnd):
    """One row a value of the layers chosen, and one frame.

    Whatever layers are chosen, the extractor (`genrelab.extractors.backbone`) keeps all of them, so that every head of
    an experiment finds them made.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz: 16 000.
    networks
        Of ``MSD_musicnn, MTT_musicnn, MSD_vgg, MTT_vgg, yamnet, listener``.
    layers
        Of ``tags, penultimate, mean_pool, max_pool, blocks``; a network gives those of them that it has.
    normalise
        ``"band-clipped"`` or ``"band-standard"`` scale each value by the training part; ``"none"`` leaves it.
    level
        Bring each window to this level first, in dB of full scale; None leaves it.

    Raises
    ------
    RecipeError
        There is no such network, a network has none of these layers, or the sample rate is another.
    """

    def __init__(
        self,
        sample_rate: int,
        networks: Sequence[str] = ("MSD_musicnn",),
        layers: Sequence[str] = ("penultimate",),
        normalise: Literal["none", "band-standard", "band-clipped"] = "band-clipped",
        level: float | None = None,
    ) -> None:
        Backbone(sample_rate, networks, level)  # refuses what cannot be
        chosen: list[int] = []
        start = 0
        for network in networks:
            before = len(chosen)
            for layer, size in NETWORKS[network].items():
                if layer in layers:
                    chosen += range(start, start + size)
                start += size
            if len(chosen) == before:
                raise RecipeError(f"frontend.layers: {network} has {', '.join(NETWORKS[network])}")
        super().__init__(sample_rate, len(chosen), normalise)
        self.extraction = ("backbone", {"networks": list(networks), "level": level})
        self.register_buffer("chosen", torch.tensor(chosen), persistent=False)
        self.chosen: Tensor

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, values, 1), whatever the number of samples."""
        return 1, self.bins, 1

    def features(self, waveform: Tensor) -> Tensor:
        """Take the chosen values of examples (batch, size): (batch, 1, values, 1)."""
        return waveform[:, self.chosen][:, None, :, None]
