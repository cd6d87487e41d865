"""Small real sound files and tables for the tests of corpora."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from genrelab.corpora.corpus import Corpus


@pytest.fixture
def sound() -> Callable[..., Path]:
    """Return what writes a short noise to a file; equal seeds sound the same."""

    def write(path: Path, seconds: float = 0.5, seed: int = 0, sample_rate: int = 8000) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).normal(0, 0.1, int(seconds * sample_rate))
        soundfile.write(path, noise, sample_rate)
        return path

    return write


@pytest.fixture
def corpus_of() -> Callable[..., Corpus]:
    """Return what makes a corpus of rows (clip, genre, track, artist), without sound."""

    def make(rows: list[tuple[str, str, str, str]], **columns: list[object]) -> Corpus:
        clips = pd.DataFrame(rows, columns=["clip", "genre", "track", "artist"])
        return Corpus("test", clips.assign(path="/nowhere/" + clips["clip"], **columns))

    return make
