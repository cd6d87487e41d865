import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.corpora.not_music import KINDS, MAKERS, SPOKEN, TURNS, render
from genrelab.corpora.not_music_parts import band, coloured, irregular, oscillator, resonant, unit, wandering
from genrelab.corpora.not_music_speech import TEXTS, VOICES, installed, say, speaker
from genrelab.corpora.protocols import make_splits
from genrelab.errors import CorpusError

RATE = 8000
DRAWN = [(kind, nth) for kind, variants in MAKERS.items() for nth in range(len(variants))]

# Says nothing but a tone as long as the text is: the corpus must not need the real program to be tested.
SPEAKER = """#!{python}
import array, io, math, sys, wave
text, voice = sys.argv[-1], sys.argv[2]
if voice.startswith({refused!r}):
    sys.exit("no such voice")
said = io.BytesIO()
with wave.open(said, "wb") as out:
    out.setparams((1, 2, 22050, 0, "NONE", ""))
    tone = (9999 * math.sin(n * (0.05 + len(voice) / 100)) for n in range(600 * len(text)))
    out.writeframes(array.array("h", map(int, tone)).tobytes())
sys.stdout.buffer.write(said.getvalue())
"""


@pytest.fixture
def mute(monkeypatch, tmp_path_factory):
    """Let no program be found."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("no programs")))


def _install_speaker(folder: Path, monkeypatch: pytest.MonkeyPatch, refused: str = "-") -> None:
    program = folder / "espeak-ng"
    program.write_text(SPEAKER.format(python=sys.executable, refused=refused))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.fixture
def speaking(monkeypatch, tmp_path_factory):
    """Put a program in the place of espeak-ng."""
    _install_speaker(tmp_path_factory.mktemp("programs"), monkeypatch)


def _load(root: Path, clips: int = 15, **options: int) -> Corpus:
    return load_corpus("not-music", root=root, clips=clips, sample_rate=RATE, progress=False, **options)


def _hashes(root: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.usefixtures("speaking")
def test_the_corpus_is_files_one_can_play(tmp_path):
    corpus = _load(tmp_path)
    assert corpus.genres == KINDS
    assert corpus.notes == ()
    assert list(corpus.clips["genre"]) == list(TURNS)
    assert corpus.clips["clip"].is_unique
    for path, seconds in corpus.clips[["path", "seconds"]].to_numpy():
        samples, rate = soundfile.read(path)
        assert rate == RATE
        assert len(samples) / rate == pytest.approx(seconds)
        assert 3.0 <= seconds <= 10.0
        assert np.abs(samples).max() > 0


@pytest.mark.usefixtures("mute")
def test_without_a_program_that_speaks_the_rest_is_made_and_a_note_says_so(tmp_path):
    corpus = _load(tmp_path)
    assert not set(SPOKEN) & set(corpus.clips["genre"])
    assert len(corpus) == 15 - 5
    assert corpus.notes[0].startswith("5 clips of speech and crowds are left out, because espeak-ng is not installed")
    written = {path: Path(path).stat().st_mtime_ns for path in corpus.clips["path"]}
    assert _load(tmp_path).clips.equals(corpus.clips)
    assert {path: Path(path).stat().st_mtime_ns for path in written} == written


def test_speech_is_added_when_the_program_is_installed_and_stays_when_it_is_gone(tmp_path, monkeypatch):
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    silent = _load(tmp_path / "corpus")
    before = _hashes(tmp_path / "corpus" / "audio")
    _install_speaker(tmp_path / "programs", monkeypatch)
    whole = _load(tmp_path / "corpus")
    assert len(whole) == len(silent) + 5
    assert before.items() <= _hashes(tmp_path / "corpus" / "audio").items()
    (tmp_path / "programs" / "espeak-ng").unlink()
    again = _load(tmp_path / "corpus")
    assert again.clips.equals(whole.clips)
    assert again.notes == ()


def test_a_program_that_refuses_is_told(tmp_path, monkeypatch):
    _install_speaker(tmp_path, monkeypatch, refused="en-us")
    with pytest.raises(CorpusError, match="espeak-ng cannot speak en-us as m1: no such voice"):
        _load(tmp_path / "corpus")


@pytest.mark.usefixtures("speaking")
def test_the_same_seed_gives_the_same_files_and_another_gives_others(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        _load(tmp_path / name, seed=seed)
    assert _hashes(tmp_path / "a") == _hashes(tmp_path / "b")
    assert not set(_hashes(tmp_path / "a").values()) & set(_hashes(tmp_path / "c").values())


@pytest.mark.usefixtures("mute")
def test_a_small_corpus_is_the_beginning_of_a_larger_one(tmp_path):
    _load(tmp_path / "small", 15)
    _load(tmp_path / "large", 20)
    small, large = _hashes(tmp_path / "small"), _hashes(tmp_path / "large")
    del small["clips.csv"]
    assert small.items() <= large.items()
    # A larger folder serves a smaller corpus, and a smaller one grows.
    assert len(_load(tmp_path / "large", 15)) == 10
    _load(tmp_path / "small", 20)
    assert _hashes(tmp_path / "small") == large


@pytest.mark.usefixtures("mute")
def test_folds_by_artist_hold_whole_variants_out(tmp_path):
    corpus = _load(tmp_path, 60)
    for split in make_splits(corpus, "artist-folds", folds=2, seed=0):
        parts = corpus.clips.assign(part=split.parts.to_numpy()).groupby("artist")["part"].nunique()
        assert set(parts) == {1}


@pytest.mark.usefixtures("mute")
def test_a_folder_of_another_seed_or_of_somebody_else_is_refused(tmp_path):
    _load(tmp_path / "made", seed=1)
    with pytest.raises(CorpusError, match=r"it holds sounds made otherwise than asked for \(seed 2\)"):
        _load(tmp_path / "made", seed=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    with pytest.raises(CorpusError, match="is no not-music corpus"):
        _load(tmp_path / "mine")
    assert json.loads((tmp_path / "made" / "not-music.json").read_text()) == {
        "version": 1,
        "seed": 1,
        "sample_rate": RATE,
    }


@pytest.mark.parametrize("options", [{"clips": 14}, {"seed": -1}])
def test_impossible_settings_are_refused_before_anything_is_written(tmp_path, options):
    with pytest.raises(CorpusError, match="it takes at least 15 clips"):
        _load(tmp_path / "made", **options)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("kind", "nth"), DRAWN, ids=[f"{kind}-{nth}" for kind, nth in DRAWN])
def test_every_variant_sounds_and_no_two_clips_of_it_are_alike(kind, nth):
    loudest = -46.0 if kind == "quiet" else -6.0
    one, other = (render(kind, nth, RATE, np.random.default_rng(seed)) for seed in (0, 1))
    for sound in (one, other):
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert loudest - 34 - 0.01 <= 20 * np.log10(np.abs(sound).max()) <= loudest + 0.01
        assert np.std(sound) > 0.001 * np.abs(sound).max()
    n = min(len(one), len(other))
    assert abs(np.corrcoef(one[:n], other[:n])[0, 1]) < 0.9


@pytest.mark.parametrize("slope", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_the_colour_of_a_noise_is_the_slope_of_its_spectrum(slope):
    power = np.abs(np.fft.rfft(coloured(8 * RATE, RATE, np.random.default_rng(0), slope))) ** 2
    frequency = np.fft.rfftfreq(8 * RATE, 1 / RATE)
    octaves = [power[(frequency >= f) & (frequency < 2 * f)].mean() for f in (50, 100, 200, 400, 800, 1600)]
    assert np.polyfit(np.arange(6), np.log2(octaves), 1)[0] == pytest.approx(-slope, abs=0.1)


def test_filters_keep_what_they_are_for():
    rng = np.random.default_rng(0)
    low, high = oscillator(100.0, RATE, RATE, rng), oscillator(2000.0, RATE, RATE, rng)
    assert np.std(band(low + high, RATE, 1000, 3500) - high) < 0.05
    assert np.std(resonant(high, RATE, [2000.0], 0.1)) == pytest.approx(np.std(high), rel=0.01)
    assert np.std(resonant(low, RATE, [2000.0], 0.1)) < 0.2 * np.std(low)
    assert np.sqrt(np.mean(unit(0.01 * low) ** 2)) == pytest.approx(1.0)
    curve = wandering(RATE, RATE, rng, 5)
    assert curve.min() >= 0
    assert curve.max() <= 1
    assert np.abs(np.diff(curve)).max() < 0.01


def test_what_happens_by_chance_happens_at_least_once():
    assert len(irregular(1.0, 0.0, np.random.default_rng(0))) == 1
    assert len(irregular(10.0, 50.0, np.random.default_rng(0))) == pytest.approx(500, rel=0.2)


def test_speakers_do_not_come_twice_before_every_language_has_had_every_voice():
    everyone = [speaker(nth) for nth in range(len(TEXTS) * len(VOICES))]
    assert len(set(everyone)) == len(everyone)
    assert {language for language, _ in everyone[: len(TEXTS)]} == set(TEXTS)


@pytest.mark.skipif(not installed(), reason="espeak-ng is not installed")
@pytest.mark.parametrize("language", TEXTS)
def test_the_real_program_speaks_every_language(language):
    said = [say(text, language, VOICES[0], 170, 50, RATE) for text in TEXTS[language]]
    assert all(0.5 < len(sound) / RATE < 8 and np.abs(sound).max() > 0.1 for sound in said)
    assert len({len(sound) for sound in said}) > 1
