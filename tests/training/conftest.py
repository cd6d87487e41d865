"""A corpus that trains in seconds: three genres of tones, four artists a genre, two clips an artist."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from genrelab.training.recipe import Recipe, check_recipe

SAMPLE_RATE = 8000
PITCH = {"high": 1800.0, "low": 220.0, "noise": 0.0}


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 24 sound files of 1.5 s and the table that names them."""
    folder = tmp_path_factory.mktemp("tones")
    time = np.arange(int(1.5 * SAMPLE_RATE)) / SAMPLE_RATE
    rows = []
    for genre, pitch in PITCH.items():
        for number in range(8):
            rng = np.random.default_rng((number, len(genre)))
            sound = 0.05 * rng.standard_normal(len(time))
            if pitch:
                sound = sound + 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time)
            path = folder / f"{genre}{number}.wav"
            soundfile.write(path, sound, SAMPLE_RATE)
            rows.append(
                {"clip": path.stem, "path": path.name, "genre": genre, "artist": f"{genre} artist {number // 2}"}
            )
    pd.DataFrame(rows).to_csv(folder / "clips.csv", index=False)
    return folder / "clips.csv"


@pytest.fixture
def recipe(table: Path) -> Recipe:
    """Return a recipe that learns this corpus in a few small epochs."""
    return check_recipe(
        {
            "name": "tones",
            "corpus": {"kind": "table", "path": str(table)},
            "protocol": {"name": "artist-folds", "folds": 2, "validation": 0.25},
            "audio": {"sample_rate": SAMPLE_RATE, "window": 1.0, "hop": 0.25},
            "frontend": {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 32, "normalise": "band-standard"},
            "network": {"kind": "cnn", "filters": [8, 16], "dense_units": 16},
            "train": {
                "epochs": 4,
                "batch_size": 8,
                "lr": 0.01,
                "schedule": "plateau",
                "plateau_patience": 1,
                "patience": 3,
            },
        },
        "the tests' recipe",
    )
