"""The 57 columns of GTZAN 2.0's tables: against librosa's calls, and against the published table."""

import csv
import warnings

import librosa
import numpy as np
import pytest
import soundfile

from genrelab.errors import RecipeError
from genrelab.extractors import EXTRACTORS
from genrelab.extractors.chroma import peaks, tuning_of
from genrelab.extractors.handcrafted import COLUMNS, Handcrafted
from genrelab.extractors.tempo import onset_strength, tempo

SAMPLE_RATE = 22050
TEMPO = COLUMNS.index("tempo")


def music(seconds, sample_rate=SAMPLE_RATE, seed=0):
    """Chords a little sharp that change every second, four beats a second, noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    root = 220 * 2 ** (np.array([0.2, 5.2, 7.2])[time.astype(int) % 3] / 12)
    clip = sum(0.12 * np.sin(2 * np.pi * root * ratio * time) for ratio in (1, 1.26, 1.5, 2))
    clip += 0.02 * rng.standard_normal(len(time))
    clip += 0.6 * np.exp(-40 * (time % 0.25)) * rng.standard_normal(len(time))
    return clip.astype(np.float32)


def columns_of_librosa(y, sr):
    """The tempo is that of `librosa.beat.beat_track`, whose search for beats takes 20 seconds to compile."""
    mirrored = {"pad_mode": "reflect"}
    onsets = librosa.onset.onset_strength(y=y, sr=sr, aggregate=np.median, **mirrored)
    series = [
        librosa.feature.chroma_stft(y=y, sr=sr, **mirrored),
        librosa.feature.rms(y=y, **mirrored),
        librosa.feature.spectral_centroid(y=y, sr=sr, **mirrored),
        librosa.feature.spectral_bandwidth(y=y, sr=sr, **mirrored),
        librosa.feature.spectral_rolloff(y=y, sr=sr, **mirrored),
        librosa.feature.zero_crossing_rate(y),
        *librosa.effects.hpss(y, **mirrored),
    ]
    coefficients = librosa.feature.mfcc(y=y, sr=sr, **mirrored)
    pairs = [np.ravel([(values.mean(), values.var()) for values in part]) for part in (series, coefficients)]
    return np.concatenate([pairs[0], librosa.feature.tempo(onset_envelope=onsets, sr=sr), pairs[1]])


@pytest.fixture(scope="module")
def clip():
    return music(6.1)


@pytest.mark.parametrize(("sample_rate", "seconds"), [(22050, 6.1), (16000, 3.0), (22050, 0.7)])
def test_each_column_is_that_of_librosa(sample_rate, seconds):
    sound = music(seconds, sample_rate)
    ours, theirs = Handcrafted(sample_rate)(sound), columns_of_librosa(sound, sample_rate)
    differ = np.abs(ours - theirs) > 1e-4 * np.abs(theirs) + 1e-7
    assert not differ.any(), [(COLUMNS[i], ours[i], theirs[i]) for i in np.flatnonzero(differ)]


def test_the_louder_half_of_the_pitches_tells_the_tuning():
    semitones = np.array([0.2, 0.2, 0.1, 0.4, -0.3, -0.3, -0.3])
    height = np.array([2, 2, 2, 2, 1, 1, 1])
    assert tuning_of(440 * 2 ** (semitones / 12), height) == pytest.approx(0.2, abs=0.011)


@pytest.mark.parametrize("seed", range(3))
def test_the_tempo_is_librosas_where_two_rhythms_lie_over_each_other(seed):
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 2, (900, 128)).astype(np.float32)
    for loud in (12, 8):
        period, bands = rng.integers(15, 60), rng.random(128) < 0.6
        for start in range(rng.integers(0, 20), 890, period):
            level[start : start + 6, bands] += loud * np.exp(-np.arange(6) / 2)[:, None]
    onsets = librosa.onset.onset_strength(S=level.T, sr=SAMPLE_RATE, aggregate=np.median)
    np.testing.assert_allclose(onset_strength(level), onsets, atol=1e-5)
    assert tempo(level, SAMPLE_RATE) == pytest.approx(librosa.feature.tempo(onset_envelope=onsets, sr=SAMPLE_RATE)[0])


def test_pitches_and_tuning_are_librosas_where_other_voices_are_out_of_tune():
    rng = np.random.default_rng(0)
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    sound = 0.001 * rng.standard_normal(len(time))
    # What counts, what is too faint, too low, too high: notes from and to, how many, semitones off, how loud.
    voices = ((50, 100, 6, 0.2, 0.1), (50, 100, 30, -0.3, 0.012), (28, 48, 8, 0.4, 0.08), (108, 120, 10, -0.1, 0.08))
    for low, high, count, off, loud in voices:
        notes = 440 * 2 ** ((rng.integers(low, high, count) + off - 69) / 12)
        sound += loud * np.sin(2 * np.pi * notes[:, None] * time + rng.uniform(0, 6, (count, 1))).sum(axis=0)
    power = np.abs(librosa.stft(sound.astype(np.float32), pad_mode="reflect")) ** 2
    hertz, height = librosa.piptrack(S=power, sr=SAMPLE_RATE)
    found = peaks(power.T, SAMPLE_RATE)
    np.testing.assert_allclose(found[0], hertz.T[hertz.T > 0], rtol=1e-5)
    np.testing.assert_allclose(found[1], height.T[hertz.T > 0], rtol=1e-5)
    assert tuning_of(*found) == pytest.approx(librosa.estimate_tuning(S=power, sr=SAMPLE_RATE))


def test_columns_are_those_of_the_table_in_its_order():
    assert len(COLUMNS) == 57
    assert COLUMNS[:4] == ("chroma_stft_mean", "chroma_stft_var", "rms_mean", "rms_var")
    assert COLUMNS[12:19] == (
        "harmony_mean", "harmony_var", "perceptr_mean", "perceptr_var", "tempo", "mfcc1_mean", "mfcc1_var",
    )  # fmt: skip
    assert COLUMNS[-1] == "mfcc20_var"


def test_pieces_are_equal_and_in_order(clip):
    extractor = EXTRACTORS["handcrafted"](SAMPLE_RATE, pieces=3)
    example = extractor(clip)
    assert example.shape == (extractor.size,) == (171,)
    assert example.dtype == np.float32
    third = len(clip) // 3
    alone = Handcrafted(SAMPLE_RATE)
    for piece in range(3):
        row = alone(clip[piece * third : (piece + 1) * third])
        assert np.array_equal(example[57 * piece : 57 * (piece + 1)], row)


def test_the_same_samples_give_the_same_columns_bit_for_bit(clip):
    before = clip.copy()
    assert np.array_equal(Handcrafted()(clip), Handcrafted()(clip))
    assert np.array_equal(clip, before)


SOUNDS = {
    "silence": np.zeros(SAMPLE_RATE),
    "direct current": np.full(SAMPLE_RATE, 0.5),
    "a click": np.eye(1, SAMPLE_RATE, 11000)[0],
    "nearly nothing": 1e-30 * music(1.0).astype(np.float64),
    "the loudest": np.sign(music(1.0)),
    "a tenth of a second": music(0.1),
    "shorter than a window": music(0.01),
    "one sample": np.ones(1),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_every_sound_gives_finite_columns_without_a_warning(name):
    with warnings.catch_warnings(), np.errstate(divide="raise", over="raise", invalid="raise"):
        warnings.simplefilter("error")
        assert np.isfinite(Handcrafted()(SOUNDS[name].astype(np.float32))).all()


def test_silence_is_nothing_at_minus_100_decibels():
    row = dict(zip(COLUMNS, Handcrafted()(np.zeros(SAMPLE_RATE, np.float32)).tolist(), strict=True))
    assert row.pop("mfcc1_mean") == pytest.approx(-100 * np.sqrt(128))
    assert max(map(abs, row.values())) < 1e-4


def test_less_than_one_piece_is_refused():
    with pytest.raises(RecipeError, match=r"^frontend\.pieces: 0 is not 1 or more$"):
        Handcrafted(pieces=0)


def test_the_published_table_is_met(shared_data):
    # The clips here are lossy copies of those the table was made of, which shifts librosa's own columns as far.
    folder = shared_data / "gtzan-full"
    with (shared_data / "gtzan-tables" / "features_30_sec.csv").open() as file:
        table = {row["filename"]: row for row in csv.DictReader(file)}
    assert tuple(next(iter(table.values())))[2:-1] == COLUMNS
    with (folder / "clips.csv").open() as file:
        clips = list(csv.DictReader(file))[::28]
    extractor = Handcrafted()
    ours = np.array([extractor(soundfile.read(folder / row["path"], dtype="float32")[0]) for row in clips])
    published = np.array([[float(table[row["clip"] + ".wav"][column]) for column in COLUMNS] for row in clips])
    errors = dict(zip(COLUMNS, np.median(np.abs(ours - published) / np.abs(published), axis=0), strict=True))
    for column in ("chroma_stft_mean", "chroma_stft_var", "rms_mean", "rms_var", "harmony_var"):
        assert errors[column] < 0.01, column
    for column in ("spectral_centroid_mean", "spectral_bandwidth_mean", "rolloff_mean", "perceptr_var", "mfcc1_mean"):
        assert errors[column] < 0.04, column
    assert np.isclose(ours[:, TEMPO], published[:, TEMPO]).mean() >= 0.8
