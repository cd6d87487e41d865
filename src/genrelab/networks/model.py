"""Samples in, genres out: a front end and a network as one module."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from genrelab.frontends import FRONTENDS, FrontEnd
from genrelab.networks import NETWORKS, Network


class GenreModel(nn.Module):
    """What a run trains and a bundle holds.

    Parameters
    ----------
    frontend
        Turns waveforms into features.
    network
        Turns features into logits.
    """

    def __init__(self, frontend: FrontEnd, network: Network) -> None:
        super().__init__()
        self.frontend = frontend
        self.network = network

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, genres) and embedding (batch, embedding_size) of `waveform` (batch, samples)."""
        embedding = self.network.embed(self.frontend(waveform))
        return self.network.output(embedding), embedding


def build_model(
    frontend: tuple[str, Mapping[str, Any]],
    network: tuple[str, Mapping[str, Any]],
    sample_rate: int,
    window: int,
    n_classes: int,
) -> GenreModel:
    """Build the model that a recipe describes, with fresh weights.

    Parameters
    ----------
    frontend, network
        Name and options of each.
    sample_rate
        In Hz.
    window
        Length of the waveforms in samples.
    n_classes
        Number of genres.

    Raises
    ------
    RecipeError
        The window is too short for the front end or for the network's pooling.
    """
    front = FRONTENDS[frontend[0]](sample_rate=sample_rate, **frontend[1])
    net = NETWORKS[network[0]](input_shape=front.shape(window), n_classes=n_classes, **network[1])
    return GenreModel(front, net)


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
