import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
NAMES = sorted(path.stem for path in BENCHMARKS.glob("*.py") if path.stem not in ("arguments", "common"))

# Wrong arguments of each, and a word of the sentence that says so.
WRONG = {
    "agreement": (["."], "features_30_sec.csv: there is no such file"),
    "augment": (["--repeats", "0"], "0 is no whole number of at least 1"),
    "bundles": (["--repeats", "few"], "few is no whole number of at least 1"),
    "classify": (["nosuch"], "nosuch: there is no such folder"),
    "epoch": (["nosuch"], "'nosuch' is neither a .yaml file nor the name of a recipe"),
    "frontends": (["--repeats", "-1"], "-1 is no whole number of at least 1"),
    "handcrafted": (["text.wav"], "text.wav: not audio"),
    "pictures": ([".", "."], "no clip is in both folders"),
    "startup": (["text.wav"], "text.wav: not audio"),
    "store": (["."], ".: no mp3s"),
}

Benchmark = Callable[..., int]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Benchmark:
    """Return what runs a benchmark in an empty folder with some arguments, and returns its exit status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(BENCHMARKS)
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # which some set for themselves: undone after the test
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")
    (tmp_path / "text.wav").write_text("no sound")

    def run(name: str, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
        try:
            runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")
        except SystemExit as left:
            return int(left.code or 0)
        return 0

    return run


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_is_compared_with_what(
    name: str, benchmark: Benchmark, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark(name, "--help") == 0
    told = capsys.readouterr().out
    assert f"python benchmarks/{name}.py" in told
    assert "against" in told


@pytest.mark.parametrize("name", NAMES)
def test_wrong_arguments_are_one_sentence(name: str, benchmark: Benchmark, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, sentence = WRONG[name]
    assert benchmark(name, *arguments) == 2
    assert sentence in capsys.readouterr().err


def test_files_of_one_name_in_two_folders_are_two_clips(
    benchmark: Benchmark,
    make_tone: Callable[..., NDArray[np.float32]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for album in ("one", "two"):
        (tmp_path / album).mkdir()
        soundfile.write(tmp_path / album / "01.mp3", make_tone(220, 4), 22050)
    assert benchmark("store", ".", "--repeats", "1") == 0
    assert "2 files, 2 threads, 1 alternating repeats" in capsys.readouterr().out


def test_a_network_that_is_solved_for_has_no_epochs_to_time(
    benchmark: Benchmark, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark("epoch", "tuned/mel-statistics") == 2
    assert "no epochs" in capsys.readouterr().err
