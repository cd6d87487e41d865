"""Spoilt sound: what is done to it, and that a run's bundles are asked for it."""

import errno
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from genrelab import files
from genrelab.audio.store import ClipSource
from genrelab.bundles.prediction import Prediction
from genrelab.cli.app import main
from genrelab.errors import RunError
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.studies import robustness
from genrelab.studies.robustness import CONDITIONS, UNCHANGED

RATE = 22050


def tone(pitch, seconds=2.0, loudness=0.25):
    return (loudness * np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def peak(samples):
    """Return the strongest frequency in Hz."""
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * RATE / len(samples)


def level(samples):
    return 20 * np.log10(np.sqrt(np.mean(np.square(samples))) + 1e-12)


def test_nothing_changes_where_nothing_is_done():
    assert np.array_equal(CONDITIONS[UNCHANGED](tone(440), RATE), tone(440))


@pytest.mark.parametrize(("name", "decibels"), [("12 dB quieter", -12), ("6 dB louder, clipped", 6)])
def test_what_is_louder_and_what_is_quieter(name, decibels):
    assert level(CONDITIONS[name](tone(440), RATE)) == pytest.approx(level(tone(440)) + decibels, abs=0.05)


def test_what_is_too_loud_is_clipped():
    assert np.abs(CONDITIONS["12 dB louder, clipped"](tone(440, loudness=0.9), RATE)).max() == 1


@pytest.mark.parametrize("name", ["nothing above 4 kHz", "8 kHz sample rate"])
def test_what_is_high_goes_and_what_is_low_stays(name):
    assert level(CONDITIONS[name](tone(8000), RATE)) < level(tone(8000)) - 40
    assert level(CONDITIONS[name](tone(500), RATE)) == pytest.approx(level(tone(500)), abs=0.5)


@pytest.mark.parametrize("rate", [4000, 8000, 96000])
@pytest.mark.parametrize("name", CONDITIONS)
def test_sound_of_any_rate_can_be_spoilt(name, rate):
    spoilt = CONDITIONS[name](tone(440), rate)
    assert np.isfinite(spoilt).all()
    assert len(spoilt) == pytest.approx(len(tone(440)), rel=0.06)


@pytest.mark.parametrize(
    ("name", "ratio"), [("a semitone higher", 2 ** (1 / 12)), ("a semitone lower", 2 ** (-1 / 12))]
)
def test_the_pitch_moves_and_the_length_stays(name, ratio):
    moved = CONDITIONS[name](tone(1000), RATE)
    assert peak(moved) == pytest.approx(1000 * ratio, rel=0.003)
    assert len(moved) == len(tone(1000))


@pytest.mark.parametrize(("name", "rate"), [("5 % faster", 1.05), ("5 % slower", 0.95)])
def test_the_length_changes_and_the_pitch_stays(name, rate):
    moved = CONDITIONS[name](tone(1000), RATE)
    assert len(moved) == pytest.approx(len(tone(1000)) / rate, rel=0.001)
    assert peak(moved) == pytest.approx(1000, rel=0.003)


def test_an_mp3_is_nearly_the_same_again():
    again = CONDITIONS["mp3, 64 kbit/s"](tone(1000), RATE)
    assert peak(again) == pytest.approx(1000, rel=0.003)
    assert not np.array_equal(again[: len(tone(1000))], tone(1000)[: len(again)])


def test_an_mp3_has_the_64_kilobits_a_second_that_are_claimed(monkeypatch):
    sizes, write = [], robustness.soundfile.write

    def measured(file, *how, **more):
        write(file, *how, **more)
        sizes.append(file.tell())

    monkeypatch.setattr(robustness.soundfile, "write", measured)
    CONDITIONS["mp3, 64 kbit/s"](tone(1000, seconds=10), RATE)
    assert sizes == [pytest.approx(10 * 64000 / 8, rel=0.03)]


def test_of_a_file_that_holds_several_clips_the_clip_alone_is_asked_for(tmp_path):
    robustness.soundfile.write(tmp_path / "album.wav", tone(440.3, seconds=5), RATE)

    class Asked:
        genres = ("a", "b")

        def classify(self, samples, rate):
            assert np.allclose(samples, tone(440.3, seconds=5)[RATE : 3 * RATE], atol=1e-4)
            return Prediction(None, genres=(("b", 0.7), ("a", 0.3)))

    assert robustness._ask(Asked(), [UNCHANGED], ClipSource("x", tmp_path / "album.wav", 1.0, 2.0)) == [[0.3, 0.7]]


def test_one_silent_channel_halves_the_mix():
    sound = CONDITIONS["stereo, one channel silent"](tone(1000), RATE)
    assert sound.shape == (2 * RATE, 2)
    assert np.array_equal(sound.mean(1), tone(1000) / 2)


def test_every_fold_is_asked_for_its_own_clips(tones_run, monkeypatch):
    monkeypatch.setitem(CONDITIONS, "silence", lambda samples, rate: np.zeros_like(samples))
    asked = []
    found = robustness.robustness(tones_run, ["silence"], jobs=2, advance=lambda: asked.append(1))
    expected = metrics(Predictions.read(tones_run / "predictions.parquet").part("test"))["accuracy"]
    assert list(found["condition"]) == [UNCHANGED, "silence"]
    assert len(asked) == 24
    assert found["accuracy"][0] == pytest.approx(expected)
    assert found["fall"][0] == 0
    # Nothing can be said of silence: all genres are alike, and the first one is taken.
    assert found["accuracy"][1] == pytest.approx(1 / 3)
    assert found["fall"][1] == pytest.approx(expected - 1 / 3)
    assert found["low"][1] < found["fall"][1] < found["high"][1]


def test_the_table_is_printed_and_kept(tones_run, tmp_path, capsys):
    shutil.copytree(tones_run, tmp_path / "run")
    assert main(["robustness", str(tmp_path / "run"), "--condition", "12 dB quieter"]) == 0
    told = capsys.readouterr().out
    assert "12 dB quieter" in told
    assert "On average" in told
    table = pd.read_csv(tmp_path / "run" / "robustness.csv")
    assert list(table.columns) == ["condition", "clips", "accuracy", "fall", "low", "high"]


def test_a_run_that_cannot_be_written_to_is_told_before_work(tones_run, monkeypatch, capsys):
    def read_only(path, wanted):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(wanted))

    monkeypatch.setattr(files, "_create", read_only)
    monkeypatch.setattr(robustness, "robustness", lambda *_: pytest.fail("has begun to work"))
    assert main(["robustness", str(tones_run)]) == 2
    assert capsys.readouterr().err == f"genrelab: {tones_run}: Read-only file system\n"


def test_rows_of_what_is_not_asked_this_time_are_kept(tones_run, tmp_path, capsys):
    shutil.copytree(tones_run, tmp_path / "run")
    path = tmp_path / "run" / "robustness.csv"
    assert main(["robustness", str(tmp_path / "run"), "--condition", "12 dB quieter"]) == 0
    rows = path.read_text().splitlines()
    capsys.readouterr()
    twice = ["--condition", "mp3, 64 kbit/s"] * 2
    assert main(["robustness", str(tmp_path / "run"), *twice]) == 0
    told = capsys.readouterr().out
    assert told.count("mp3, 64 kbit/s") == 1
    assert "12 dB quieter" not in told
    assert "holds this table, and the rows of what was asked before" in told
    assert list(pd.read_csv(path)["condition"]) == [UNCHANGED, "mp3, 64 kbit/s", "12 dB quieter"]
    assert path.read_text().splitlines()[-1] == rows[-1]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "condition\nas it is\n"])
def test_a_table_of_something_else_is_written_anew(tmp_path, text):
    (tmp_path / "robustness.csv").write_text(text)
    found = pd.DataFrame([{"condition": UNCHANGED, "clips": 3, "accuracy": 0.5, "fall": 0.0, "low": 0.0, "high": 0.0}])
    assert robustness.with_earlier(found, tmp_path / "robustness.csv").equals(found)
    assert robustness.with_earlier(found, tmp_path / "none.csv").equals(found)


def test_the_help_names_all_that_can_be_done(capsys):
    assert main(["robustness", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"'{name}'" in told for name in CONDITIONS if name != UNCHANGED)


def test_what_cannot_be_done_is_refused(tones_run, tmp_path):
    with pytest.raises(
        RunError, match="there is no condition 'under water'; there are: as it is; mp3, 64 kbit/s; 12 dB"
    ):
        robustness.robustness(tones_run, ["under water"])
    with pytest.raises(RunError, match="not a run"):
        robustness.robustness(tmp_path)


def test_a_clip_that_cannot_be_read_any_more_is_named(table, tones_run, tmp_path):
    shutil.copytree(table.parent, tmp_path / "sound")
    shutil.copytree(tones_run, tmp_path / "run")
    recipe = tmp_path / "run" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(table.parent), str(tmp_path / "sound")))
    (tmp_path / "sound" / "high3.wav").write_bytes(b"")
    with pytest.raises(RunError, match=r"high3\.wav: empty file; the run's clips must be as they were"):
        robustness.robustness(tmp_path / "run", [UNCHANGED])
