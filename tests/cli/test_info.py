"""``genrelab info``: what is here, and what the bundle is worth."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genrelab import __version__
from genrelab.cli.app import main

FIGURES = {
    "corpus": "gtzan",
    "protocol": "artist-folds",
    "folds": 5,
    "clips": 538,
    "leaks": ["2 artists are in training and test"],
    "accuracy": {"value": 0.612, "low": 0.571, "high": 0.653},
    "macro_f1": {"value": 0.6},
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, make_bundle: Callable[..., Path]) -> Path:
    return make_bundle(tmp_path_factory.mktemp("info") / "measured.onnx", metrics=FIGURES, unknown_below=0.31)


def test_every_figure_stands_with_its_protocol_clips_and_interval(measured: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--bundle", str(measured)]) == 0
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert "measured on corpus gtzan, protocol artist-folds, folds 5, clips 538" in lines
    assert "accuracy 61.2% (95 % interval 57.1% to 65.3%)" in lines
    assert "macro f1 60.0% (no interval)" in lines
    assert "LEAK 2 artists are in training and test" in lines
    assert "genres bass, voice, whistle" in lines
    assert "hears windows of 1 s at 22050 Hz" in lines
    assert "unknown silence, probability below 31.0%" in lines
    assert "licence MIT" in lines


def test_figures_of_a_part_of_each_clip_say_so(
    tmp_path: Path, make_bundle: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    part = make_bundle(tmp_path / "part.onnx", metrics=FIGURES | {"heard": "the first 3 s of each alone"})
    assert main(["info", "--bundle", str(part)]) == 0
    assert "clips 538, heard the first 3 s of each alone" in " ".join(capsys.readouterr().out.split())


def test_a_bundle_without_figures_says_so(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--bundle", str(tiny_bundle)]) == 0
    assert "not at all" in capsys.readouterr().out


def test_vocabularies_tags_and_what_is_unknown_are_told(
    tmp_path: Path, make_bundle: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    rich = make_bundle(
        tmp_path / "rich.onnx",
        outputs=("tags", "strangeness"),
        tags=["loud", "high"],
        vocabularies={"ends": ["bass", "whistle"]},
        unknown_below=0.31,
        unknown_above=1.25,
    )
    assert main(["info", "--bundle", str(rich)]) == 0
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert "vocabulary ends bass, whistle" in lines
    assert "tags loud, high" in lines
    assert "unknown silence, probability below 31.0%, strangeness above 1.25" in lines


def test_a_bundle_without_vocabularies_and_tags_does_not_speak_of_them(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["info", "--bundle", str(tiny_bundle)]) == 0
    out = capsys.readouterr().out
    assert "vocabulary" not in out
    assert "  tags" not in out


HOSTILE, ESCAPED = "\x1b]0;owned\x07[red]\n\x9b2J", "\\x1b]0;owned\\x07[red]\\n\\x9b2J"


def test_the_metadata_of_a_foreign_bundle_are_text_and_no_commands(
    tmp_path: Path, make_bundle: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    metrics = {"corpus": HOSTILE, "protocol": "random", "clips": 1, "leaks": [HOSTILE], HOSTILE: {"value": 0.5}}
    vocabularies = {HOSTILE: ["bass", "voice"]}
    bundle = make_bundle(tmp_path / "hostile.onnx", licence=HOSTILE, vocabularies=vocabularies, metrics=metrics)
    assert main(["info", "--bundle", str(bundle)]) == 0
    out = capsys.readouterr().out
    assert not set(out) & {"\x1b", "\x07", "\x9b"}
    told = "".join(out.split())  # narrow columns fold
    for line in ("licence{}", "vocabulary{}bass,voice", "measuredoncorpus{},", "LEAK{}", "{}50.0%"):
        assert line.format(ESCAPED) in told


def test_what_is_wrong_with_a_foreign_bundle_is_said_without_commands(
    tmp_path: Path, make_bundle: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    bundle = make_bundle(tmp_path / "hostile.onnx", vocabularies={HOSTILE: ["bass"]})
    assert main(["info", "--bundle", str(bundle)]) == 2
    said = capsys.readouterr().err
    assert "vocabularies.\\x1b]0;owned\\x07[red]" in said
    assert not set(said) & {"\x1b", "\x07", "\x9b"}


def test_for_programs_it_is_json(measured: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--bundle", str(measured), "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["versions"]["genrelab"] == __version__
    assert facts["devices"][0].startswith("cpu (")
    assert facts["bundle"]["metrics"] == FIGURES
    assert {"wav", "mp2"} <= set(next(iter(facts["formats"].values())).split())


def test_it_tells_where_the_cache_lies(
    measured: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    assert main(["info", "--bundle", str(measured)]) == 0
    assert str(tmp_path) in capsys.readouterr().out.replace("\n", "").replace(" ", "")
    assert main(["info", "--bundle", str(measured), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["cache"] == str(tmp_path)


@pytest.mark.usefixtures("no_home")
def test_a_user_without_a_home_folder_gets_all_the_rest(measured: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--bundle", str(measured), "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["cache"].startswith("this user has no home folder for a cache")
    assert facts["recipes"]


def test_the_recipes_are_those_that_train_takes(measured: Path, capsys: pytest.CaptureFixture[str]):
    from genrelab.training.recipe import load_any

    assert main(["info", "--bundle", str(measured), "--format", "json"]) == 0
    names = json.loads(capsys.readouterr().out)["recipes"]
    assert "demo/cnn" in names
    for name in names:
        load_any(name)


def test_a_missing_bundle_is_an_error(capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--bundle", "nowhere.onnx"]) == 2
    assert "no such bundle" in capsys.readouterr().err


def test_it_runs_without_the_training_half(measured: Path):
    program = f"""
import sys
from importlib.machinery import PathFinder

class Blocker(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {{"torch", "pandas", "scipy", "yaml", "av"}}:
            raise AssertionError(f"imported {{name}}")
        return None

sys.meta_path.insert(0, Blocker)
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in ("torch", "av") else real(name, *rest)
from genrelab.cli.app import main
sys.exit(main(["info", "--bundle", {str(measured)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "PyAV" in done.stdout
