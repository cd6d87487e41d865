"""The bundle that comes with the package."""

from pathlib import Path

import numpy as np
import pytest

import genrelab
from genrelab.bundles.metadata import Metadata
from genrelab.bundles.session import default_bundle

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


def test_it_is_small_and_says_how_good_it_is() -> None:
    metadata: Metadata = genrelab.load().metadata
    assert metadata.genres == GENRES
    assert Path(default_bundle()).stat().st_size < 8 * 2**20
    accuracy = metadata.metrics["accuracy"]
    assert metadata.metrics["protocol"] == "artist-folds"
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert metadata.metrics["leaks"] == []


def test_distorted_guitars_are_not_classical_and_a_lone_tone_is_not_metal() -> None:
    """Not accuracy, but that weights, front end and names still belong together."""
    classifier = genrelab.load()
    rng = np.random.default_rng(0)
    time = np.arange(4 * 44100) / 44100
    chord = sum(np.sin(2 * np.pi * f * time) for f in (82.4, 123.5, 164.8))
    beat = np.exp(-((time * 8) % 1) * 3) * rng.standard_normal(len(time))
    wall = (0.4 * np.tanh(30 * chord) + 0.3 * beat).astype(np.float32)
    tone = (0.1 * np.sin(2 * np.pi * 440 * time) * np.exp(-(time % 1))).astype(np.float32)
    loud = dict(classifier.classify(wall, 44100).genres)
    quiet = dict(classifier.classify(tone, 44100).genres)
    assert loud["metal"] + loud["rock"] > loud["classical"] + loud["jazz"]
    assert quiet["metal"] < 0.1


@pytest.mark.parametrize("genre", ["classical", "metal"])
def test_it_knows_most_of_what_it_was_trained_on(shared_data: Path, genre: str) -> None:
    folder = shared_data / "gtzan-excerpts" / "audio" / genre
    heard = [genrelab.load().classify_file(path).genre for path in sorted(folder.iterdir())[:8]]
    assert heard.count(genre) >= 6
