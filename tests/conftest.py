"""Fixtures shared by all tests."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from genrelab.evaluation.predictions import Predictions

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GTZAN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real research data; it lies beside the developers' checkout alone."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the research data (../shared/data) is not on this machine")
    return SHARED_DATA


@pytest.fixture(scope="session")
def make_predictions() -> "Callable[..., Predictions]":
    """Return a maker of predictions as a middling classifier of GTZAN's genres gives them, in test and validation."""
    return _make_predictions


def _make_predictions(
    clips: int = 540,
    genres: tuple[str, ...] = GTZAN,
    skill: float = 1.5,
    sharpness: float = 3.0,
    folds: int = 5,
    clips_per_track: int = 2,
    seed: int = 0,
    noise_seed: int | None = None,
    info: dict[str, object] | None = None,
) -> "Predictions":
    """Draw each clip's logits around its genre; neighbours are mistaken for each other, a track's clips are alike.

    Two tables of one `seed` hold the same clips; `noise_seed` makes another model of them. `skill` is how far genres
    lie apart, a high `sharpness` makes the model too sure.
    """
    import numpy as np
    import pandas as pd

    from genrelab.evaluation.predictions import Predictions

    random = np.random.default_rng(seed)
    noise = np.random.default_rng([seed, 1 if noise_seed is None else noise_seed])
    tracks = -(-clips // clips_per_track)
    track = np.repeat(np.arange(tracks), clips_per_track)[:clips]
    genre_of_track = np.arange(tracks) % len(genres)
    fold_of_track = random.permutation(np.arange(tracks) // len(genres)) % folds
    hardness = random.normal(size=(tracks, len(genres)))
    distance = np.abs(np.arange(len(genres))[:, None] - np.arange(len(genres)))
    likeness = np.exp(-distance / 1.5)
    parts = []
    for split, shift in (("validation", 1), ("test", 0)):
        own = skill * likeness[genre_of_track[track]] / likeness.std(axis=1).mean() * 0.5
        logits = own + 0.6 * hardness[track] + 0.8 * noise.normal(size=(clips, len(genres)))
        logits = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
        table = pd.DataFrame(
            {
                "clip": [f"{genres[genre_of_track[t]]}.{number:05}" for number, t in enumerate(track)],
                "track": [f"track {t}" for t in track],
                "artist": [f"artist {t // 2}" for t in track],
                "split": split,
                "fold": (fold_of_track[track] + shift) % folds,
                "genre": [genres[genre_of_track[t]] for t in track],
            }
        )
        probabilities = logits / logits.sum(axis=1, keepdims=True)
        parts.append(table.join(pd.DataFrame(probabilities, columns=[f"p_{genre}" for genre in genres])))
    facts = {"protocol": "artist-folds", "corpus": "gtzan", "seed": 0, "folds": folds, "leaks": []} | (info or {})
    return Predictions(pd.concat(parts, ignore_index=True), facts)
