"""Networks to explain without training them: fresh weights, or arithmetic one can do by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genrelab.explain.subject import Subject
from genrelab.networks.model import GenreModel
from genrelab.networks.network import Network
from genrelab.training.fold import recipe_model
from genrelab.training.recipe import check_recipe

RATE = 8000
GENRES = ["high", "low", "noise"]
FRONTENDS: dict[str, dict[str, Any]] = {
    "mel": {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 32, "normalise": "clip-standard"},
    "spectrogram": {"kind": "spectrogram", "n_fft": 128, "hop_length": 128},
    "mfcc": {"kind": "mfcc", "n_fft": 256, "hop_length": 128, "n_mels": 32, "n_mfcc": 20},
    "waveform": {"kind": "waveform"},
    "stack": {"kind": "stack", "n_fft": 256, "hop_length": 128, "n_mels": 24, "n_mfcc": 8, "n_bands": 3},
    "contrast": {"kind": "contrast", "n_fft": 512, "hop_length": 128, "n_bands": 3},
    "picture": {"kind": "picture", "shrink": 4},
    "handcrafted": {"kind": "handcrafted"},
}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn": ("mel", {"filters": [4, 8], "dense_units": 8}),
    "cnn-rnn": ("mel", {"filters": [4, 8], "units": 6, "dense_units": 8}),
    "crnn": ("mel", {"filters": [4, 6, 6, 6], "pools": [[2, 2], [2, 2], [2, 2], [2, 2]], "pad": 9, "units": 4}),
    "cnn-transformer": ("mel", {"filters": [4, 8], "width": 8, "key_size": 4, "feed_forward": 8, "dense_units": 8}),
    "cnn-lstm": ("mel", {"filters": [4, 8], "units": 6}),
    "fusion-cnn": ("stack", {"filters": [4, 8], "dense_units": 8}),
    "flat-cnn": ("mfcc", {"filters": [4, 8], "dense_units": 8}),
    "m5": ("waveform", {"filters": [4, 8], "dense_units": 8}),
    "rnn": ("mel", {"units": 6, "dense_units": 8}),
}


@pytest.fixture(scope="session")
def make_subject() -> Callable[..., Subject]:
    """Return a maker of subjects from a front end, a network with its options, and a window in seconds."""
    return _make_subject


def _make_subject(
    frontend: str = "mel",
    network: str = "cnn",
    options: dict[str, Any] | None = None,
    window: float = 1.0,
    hop: float = 0.5,
    said: Callable[[torch.Tensor], torch.Tensor] | None = None,
    **changes: Any,
) -> Subject:
    """Build a subject; `said`, features to logits of the first genre, takes the place of its network."""
    front = FRONTENDS[frontend] | changes
    recipe = check_recipe(
        {
            "name": "test",
            "corpus": {"kind": "toy", "root": "nowhere"},
            "audio": {"sample_rate": RATE, "window": window, "hop": hop},
            "frontend": front,
            "network": {"kind": network, **(options or {"filters": [4, 8], "dense_units": 8})},
        },
        "test",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = recipe_model(recipe, len(GENRES))
    if said is not None:
        model = GenreModel(model.frontend, _Said(model.frontend.shape(round(window * RATE)), said))
    return Subject(Path("run"), {"genres": GENRES, "folds": 1}, recipe, model.eval(), 0)


class _Said(Network):
    """Says of the first genre what a function tells it, and 0 of the others."""

    def __init__(self, shape: tuple[int, int, int], said: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__(shape, len(GENRES), 1)
        self.said = said

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        first = self.said(features)
        return torch.stack([first, torch.zeros_like(first), torch.zeros_like(first)], 1)


@pytest.fixture
def noise() -> np.ndarray:
    """Return two seconds of noise."""
    return (0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)
