import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.fft import dct
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.corpora.protocols import make_splits
from genrelab.corpora.toy import GENRES, artist_name
from genrelab.corpora.toy_sounds import drum_kit, partials, place, tone
from genrelab.corpora.toy_styles import CHORDS, SCALES, STYLES
from genrelab.errors import CorpusError

RATE = 8000


def _toy(root: Path, clips: int = 20, **options: int) -> Corpus:
    return load_corpus("toy", root=root, clips=clips, sample_rate=RATE, progress=False, **options)


def _hashes(root: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


def test_the_corpus_is_files_one_can_play(tmp_path):
    corpus = _toy(tmp_path, 30)
    assert corpus.genres == GENRES
    assert corpus.clips["genre"].value_counts().to_dict() == dict.fromkeys(GENRES, 3)
    assert corpus.clips["clip"].is_unique
    for path, seconds in corpus.clips[["path", "seconds"]].to_numpy():
        samples, rate = soundfile.read(path)
        assert rate == RATE
        assert len(samples) / rate == pytest.approx(seconds)
        assert 8.0 <= seconds <= 12.0
        assert 0.3 < np.abs(samples).max() < 1.0


def test_the_same_seed_gives_the_same_files_and_another_gives_others(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        _toy(tmp_path / name, seed=seed)
    assert _hashes(tmp_path / "a") == _hashes(tmp_path / "b")
    assert not set(_hashes(tmp_path / "a").values()) & set(_hashes(tmp_path / "c").values())


def test_a_small_corpus_is_the_beginning_of_a_larger_one(tmp_path):
    _toy(tmp_path / "small", 20)
    _toy(tmp_path / "large", 30)
    small, large = _hashes(tmp_path / "small"), _hashes(tmp_path / "large")
    del small["clips.csv"]
    assert small.items() <= large.items()
    # A larger folder serves a smaller corpus, and a smaller one grows.
    assert len(_toy(tmp_path / "large", 20)) == 20
    _toy(tmp_path / "small", 30)
    assert _hashes(tmp_path / "small") == large


def test_an_interrupted_synthesis_ends_as_an_undisturbed_one(tmp_path):
    _toy(tmp_path, 20)
    whole = _hashes(tmp_path)
    (tmp_path / "clips.csv").unlink()
    kept = tmp_path / "audio/funk/funk.0000.flac"
    written = kept.stat().st_mtime_ns
    for lost in ("audio/funk/funk.0001.flac", "audio/waltz/waltz.0000.flac"):
        (tmp_path / lost).unlink()
    _toy(tmp_path, 20)
    assert _hashes(tmp_path) == whole
    assert kept.stat().st_mtime_ns == written


def test_a_complete_corpus_is_used_as_it_is(tmp_path):
    first = _toy(tmp_path)
    written = {path: Path(path).stat().st_mtime_ns for path in first.clips["path"]}
    again = _toy(tmp_path)
    assert {path: Path(path).stat().st_mtime_ns for path in again.clips["path"]} == written
    assert first.clips.equals(again.clips)


def test_a_folder_of_another_seed_or_of_somebody_else_is_refused(tmp_path):
    _toy(tmp_path / "toy", seed=1)
    with pytest.raises(CorpusError, match=r"otherwise than asked for \(seed 2\)"):
        _toy(tmp_path / "toy", seed=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    with pytest.raises(CorpusError, match="is no toy corpus"):
        _toy(tmp_path / "mine")
    (tmp_path / "toy" / "toy.json").write_text("{")
    with pytest.raises(CorpusError, match="it is not JSON"):
        _toy(tmp_path / "toy")


@pytest.mark.parametrize("options", [{"clips": 19}, {"artists": 1}, {"artists": 11}, {"seed": -1}])
def test_impossible_settings_are_refused_before_anything_is_written(tmp_path, options):
    with pytest.raises(CorpusError, match="it takes at least 20 clips"):
        _toy(tmp_path / "toy", **options)
    assert not (tmp_path / "toy").exists()


def test_settings_are_noted_before_the_first_clip(tmp_path):
    _toy(tmp_path, seed=7)
    assert json.loads((tmp_path / "toy.json").read_text()) == {
        "version": 1,
        "seed": 7,
        "artists": 5,
        "sample_rate": RATE,
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_a_disk_that_cannot_hold_a_clip_is_an_error_of_the_system(tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            _toy(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["toy.json"]


def test_no_two_artists_share_a_name():
    names = [artist_name(genre, artist) for genre in range(10) for artist in range(10)]
    assert len(set(names)) == 100


def _timbre(path: str) -> np.ndarray:
    """Return mean and deviation of 20 cepstral coefficients: what MFCC statistics know, without librosa."""
    samples, rate = soundfile.read(path, dtype="float32")
    frames = np.lib.stride_tricks.sliding_window_view(samples, 512)[::256] * np.hanning(512).astype(np.float32)
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel = np.linspace(0, np.log1p(rate / 2 / 700), 42)
    hertz = 700 * np.expm1(mel)
    frequency = np.fft.rfftfreq(512, 1 / rate)
    bands = np.array([np.interp(frequency, hertz[i : i + 3], [0, 1, 0]) for i in range(40)])
    cepstrum = dct(np.log(power @ bands.T + 1e-8), norm="ortho")[:, :20]
    return np.concatenate([cepstrum.mean(axis=0), cepstrum.std(axis=0)])


def test_artists_of_the_training_part_are_much_easier_than_new_ones(tmp_path):
    """The corpus exists to show that: a split by clips flatters, a split by artists does not."""
    corpus = _toy(tmp_path, 200)
    features = np.array([_timbre(path) for path in corpus.clips["path"]])
    genre = corpus.clips["genre"].to_numpy()
    accuracy = {}
    for protocol in ("random", "artist-folds"):
        right = np.zeros(len(corpus), dtype=bool)
        for split in make_splits(corpus, protocol, folds=5, seed=0):
            test = (split.parts == "test").to_numpy()
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=500))
            right[test] = model.fit(features[~test], genre[~test]).predict(features[test]) == genre[test]
        accuracy[protocol] = right.mean()
    assert accuracy["random"] > 0.75
    assert accuracy["artist-folds"] > 0.35  # far above the 0.1 of chance: there is something to learn
    assert accuracy["random"] - accuracy["artist-folds"] > 0.15


def test_every_style_can_be_played():
    for style in STYLES.values():
        steps = 4 * style.beats
        lines = [line for pattern in style.drums for line in pattern.values()] + [*style.bass, *style.comp]
        assert {len(line) for line in lines} == {steps}
        assert set().union(*style.drums) <= set(drum_kit(np.random.default_rng(0), RATE))
        assert {kind for progression in style.progressions for _, kind in progression} <= set(CHORDS)
        assert set(style.scale) <= set(SCALES)


@pytest.mark.parametrize("kind", ["saw", "square", "organ", "brass", "reed", "string", "bell", "flute", "sub"])
def test_a_tone_has_its_pitch_and_every_instrument_its_own_sound(kind):
    one, other = (partials(kind, np.random.default_rng(seed)) for seed in (0, 1))
    assert (one**2).sum() == pytest.approx(1.0)
    assert not np.allclose(one, other)
    sound = tone(one, 440.0, RATE, RATE)
    peaks = np.argsort(np.abs(np.fft.rfft(sound)))[-1]
    assert peaks % 440 in (0, 1, 439)  # one of its partials; a bin is a hertz wide


def test_a_plucked_tone_falls_and_a_held_one_does_not():
    amplitudes = partials("string", np.random.default_rng(0))
    held = tone(amplitudes, 220.0, RATE, RATE)
    plucked = tone(amplitudes, 220.0, RATE, RATE, fall=0.5)
    late = slice(RATE // 2, RATE // 2 + 800)
    assert np.abs(plucked[late]).max() < 0.01 * np.abs(held[late]).max()


def test_a_sound_is_placed_at_both_edges_as_far_as_it_fits():
    track = np.zeros(5, np.float32)
    place(track, np.array([1, 2, 3], np.float32), -1)
    place(track, np.array([1, 2, 3], np.float32), 4, gain=0.5)
    place(track, np.array([1], np.float32), 9)
    assert list(track) == [2.0, 3.0, 0.0, 0.0, 0.5]
