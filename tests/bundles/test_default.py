"""The bundle that comes with the package."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import genrelab
from genrelab.bundles.classifier import Classifier
from genrelab.bundles.metadata import Metadata
from genrelab.bundles.session import default_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
FURTHER = ("electronic", "folk", "soul", "punk", "funk", "ambient")
RATE = 22050


def noise(colour: float) -> "NDArray[np.float32]":
    """Return 6 s of noise whose power falls with frequency to this power: 0 is white, 2 brown."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(6 * RATE))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (colour / 2)
    sound = np.fft.irfft(spectrum)
    return (0.1 * sound / sound.std()).astype(np.float32)


def tone(frequency: float) -> "NDArray[np.float32]":
    """Return 6 s of a steady sine."""
    return (0.2 * np.sin(2 * np.pi * frequency * np.arange(6 * RATE) / RATE)).astype(np.float32)


def clicks(a_second: int) -> "NDArray[np.float32]":
    """Return 6 s of a ticking clock."""
    sound = np.zeros(6 * RATE, np.float32)
    sound[:: RATE // a_second] = 0.5
    return np.convolve(sound, np.exp(-np.arange(60) / 10))[: len(sound)].astype(np.float32)


def test_it_can_be_called_by_its_name() -> None:
    assert genrelab.load("default").metadata == genrelab.load().metadata


def test_it_is_small_and_says_how_good_it_is() -> None:
    metadata: Metadata = genrelab.load().metadata
    assert metadata.genres == GENRES + FURTHER
    assert metadata.vocabularies == {"gtzan": list(GENRES)}
    assert {"female vocalists", "guitar", "instrumental"} <= set(metadata.tags)
    assert not set(metadata.tags) & {"rock", "folk", "Hip-Hop"}
    assert Path(default_bundle()).stat().st_size < 8 * 2**20
    assert metadata.hop == metadata.window  # what overlaps costs time, and says nothing new
    accuracy = metadata.metrics["accuracy"]
    assert metadata.metrics["protocol"] == "artist-folds"
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert metadata.metrics["leaks"] == []


def beat(time: "NDArray[np.float64]") -> "NDArray[np.float32]":
    """Return distorted fifths over a drum machine."""
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.cumsum(np.where(time * 0.5 % 1 < 0.5, 82.4, 98.0)) / RATE
    fifths = np.tanh(8 * (np.sin(phase) + np.sin(1.5 * phase) + np.sin(2 * phase)))
    kick = np.exp(-(time * 4 % 1) * 12) * np.sin(2 * np.pi * 60 * time)
    snare = np.exp(-((time * 2 + 0.5) % 1) * 8) * rng.standard_normal(len(time))
    return (0.35 * fifths * np.exp(-(time * 8 % 1) * 1.5) + 0.5 * kick + 0.2 * snare).astype(np.float32)


def piano(time: "NDArray[np.float64]") -> "NDArray[np.float32]":
    """Return broken chords of decaying strings."""
    sound = np.zeros_like(time)
    for number, semitones in enumerate((0, 4, 7, 12, 7, 4, 0, 5, 9, 12, 9, 5, 2, 7)):
        since = time - 0.4 * number
        partials = sum(np.sin(2 * np.pi * 220 * 2 ** (semitones / 12) * k * since) / k**2 for k in range(1, 7))
        sound += np.where(since > 0, np.exp(-2.5 * np.clip(since, 0, None)) * partials, 0)
    return (0.15 * sound).astype(np.float32)


def test_drums_are_not_classical_and_a_piano_is() -> None:
    """Not accuracy, but that weights, front end and names still belong together."""
    time = np.arange(6 * RATE) / RATE
    drums, strings = genrelab.load().classify(beat(time), RATE), genrelab.load().classify(piano(time), RATE)
    assert not drums.unknown
    assert strings.genre == "classical"
    assert dict(drums.genres)["classical"] + dict(drums.genres)["jazz"] < 0.1
    assert dict(strings.genres)["metal"] < 0.05


def test_loudness_counts_for_nothing_down_to_48_decibels_below_full_scale() -> None:
    sound = piano(np.arange(6 * RATE) / RATE)
    sound /= np.sqrt(np.mean(sound**2))
    classifier = genrelab.load()
    loud, quiet, quieter = (
        dict(classifier.classify(sound * np.float32(10 ** (level / 20)), RATE).genres) for level in (-20, -46.5, -55)
    )
    assert quiet == pytest.approx(loud, abs=1e-3)
    assert quieter != pytest.approx(loud, abs=1e-2)  # noise shall not become music


@pytest.mark.parametrize("seconds", [3, 10, 30])
@pytest.mark.parametrize("threads", [2, 3, 4])
def test_a_song_heard_by_several_threads_is_the_same_song(seconds: int, threads: int) -> None:
    song = beat(np.arange(seconds * RATE) / RATE)
    one, several = (Classifier(threads=threads).classify(song, RATE) for threads in (1, threads))
    assert one == several


@pytest.mark.parametrize(
    "sound",
    [noise(0), noise(1), noise(2), tone(60), tone(440), tone(3000), clicks(1), clicks(8), np.zeros(RATE, np.float32)],
    ids=["white", "pink", "brown", "hum", "tone", "whistle", "clock", "ticking", "silence"],
)
def test_what_is_no_music_is_unknown(sound: "NDArray[np.float32]") -> None:
    assert genrelab.load().classify(sound, RATE).unknown


def test_tags_tell_what_a_sound_is_that_is_no_music() -> None:
    """Names and columns belong together: the likeliest of 124 is what the sound was made as."""
    said = [genrelab.load().classify(sound, RATE).tags[0][0] for sound in (noise(0), tone(3000))]
    assert said[0] in ("White noise", "Static")
    assert said[1] in ("Sine wave", "Beep")


def test_a_vocabulary_keeps_to_the_ten() -> None:
    music = noise(1) * np.float32(0.5)
    wide, ten = genrelab.load().classify(music, RATE), genrelab.load(vocabulary="gtzan").classify(music, RATE)
    assert {genre for genre, _ in ten.genres} == set(GENRES)
    assert {genre for genre, _ in wide.genres} == set(GENRES + FURTHER)
    assert sum(probability for _, probability in ten.genres) == pytest.approx(1, abs=1e-6)


def test_most_of_what_it_was_trained_on_keeps_an_answer(shared_data: Path) -> None:
    paths = sorted((shared_data / "gtzan-full" / "audio").rglob("*.ogg"))[::12]
    unknown = [prediction.unknown for prediction in genrelab.load().classify_files(paths)]
    assert np.mean(unknown) <= 0.1


@pytest.mark.parametrize("genre", ["classical", "metal"])
def test_it_knows_most_of_what_it_was_trained_on(shared_data: Path, genre: str) -> None:
    folder = shared_data / "gtzan-excerpts" / "audio" / genre
    heard = [genrelab.load().classify_file(path).genre for path in sorted(folder.iterdir())[:8]]
    assert heard.count(genre) >= 6
