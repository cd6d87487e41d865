"""The entrance of the command line: quick, in one line, without traceback."""

import errno
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from numpy.typing import NDArray

from genrelab import __version__
from genrelab.cli.app import EXTRAS, VERBS, main
from genrelab.errors import GenrelabWarning

HEAVY = ("numpy", "onnxruntime", "soundfile", "pandas", "scipy", "sklearn", "matplotlib", "torch", "lightning", "rich")
PROGRAM = "import sys; from genrelab.cli.app import main; status = main(sys.argv[1:]); {then}; sys.exit(status)"


def genrelab(*arguments: str, then: str = "pass", **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PROGRAM.format(then=then), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["--version"], [], ["nonsense"], ["classify", "--help"], ["robustness", "-h"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]):
    done = genrelab(*arguments, then=f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])")
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_help_lists_every_verb_with_what_it_does(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    width = max(map(len, VERBS))
    for name, verb in VERBS.items():
        assert f"{name:<{width}}  {verb.summary}" in text


def test_the_verbs_are_those_of_the_manual():
    manual = "demo corpus train reproduce ablate tune evaluate compare robustness report slurm explain export"
    assert list(VERBS) == [*manual.split(), "backbone", "classify", "info"]


@pytest.mark.parametrize("name", list(VERBS))
def test_every_verb_is_where_the_table_says(name: str, capsys: pytest.CaptureFixture[str]):
    verb = VERBS[name]
    function = getattr(import_module(verb.module), verb.attribute)
    assert isinstance(function, typer.Typer) or callable(function)
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"genrelab {name}" in text
    assert "Parameters\n" not in text


def test_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"genrelab {__version__}\n"


def test_the_package_is_the_command_line():
    command = [sys.executable, "-m", "genrelab", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"genrelab {__version__}\n", "")


def test_our_warnings_are_said_once_in_a_line_and_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def warn(arguments: object) -> None:
        for _ in range(2):
            warnings.warn("train.precision: it is so", GenrelabWarning, stacklevel=1)
        warnings.warn("another's", UserWarning, stacklevel=1)

    monkeypatch.setattr("genrelab.cli.app.application", lambda arguments: lambda args, prog_name: warn(args))
    before = warnings.showwarning
    with pytest.warns(UserWarning, match="another's") as others:
        assert main(["train"]) == 0
    assert len(others) == 1
    assert capsys.readouterr().err == "genrelab: train.precision: it is so\n"
    assert warnings.showwarning is before


def test_no_verb_prints_the_help(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 2
    captured = capsys.readouterr()
    assert "classify" in captured.out + captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clasify"], "No such command 'clasify'"),
        (["--nope"], "No such option: --nope"),
        (["classify"], "Missing argument"),
        (["classify", "a.mp3", "--top", "0"], "Invalid value for '--top'"),
        (["classify", "a.mp3", "--format", "xml"], "Invalid value for '--format'"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_message_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_an_error_of_ours_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]):
    assert main(["classify", "a.mp3", "--bundle", "nowhere.onnx"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "genrelab: nowhere.onnx: no such bundle; `genrelab export RUN -o FILE` makes one\n"
    assert captured.out == ""


def test_a_place_that_cannot_be_written_is_one_line_and_status_2(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "song.flac").write_bytes(b"")
    output = tmp_path / "song.flac" / "genres.csv"
    assert main(["classify", "-b", str(tiny_bundle), "a.mp3", "-o", str(output)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"genrelab: {tmp_path / 'song.flac'}")
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "genrelab: disk: No space left on device\n"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "genrelab: disk: Disk quota exceeded\n"),
        (OSError(errno.EFBIG, "File too large"), "genrelab: disk: File too large\n"),
        (PermissionError(errno.EACCES, "Permission denied", "runs\n2"), "genrelab: runs\\n2: Permission denied\n"),
    ],
)
def test_what_the_system_refuses_is_one_line_and_status_2(
    error: OSError, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("genrelab.cli.info.info", _raiser(error))
    assert main(["info"]) == 2
    assert capsys.readouterr().err == line


def test_where_nothing_temporary_can_be_written_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    refused = OSError("Matplotlib requires access to a writable cache directory")
    monkeypatch.setattr("genrelab.cli.info.info", _raiser(refused))
    monkeypatch.setattr("tempfile.gettempdir", _raiser(FileNotFoundError()))
    assert main(["info"]) == 2
    told = "genrelab: no folder for temporary files can be written to; name one with TMPDIR=FOLDER\n"
    assert capsys.readouterr().err == told


def test_a_system_error_that_names_no_file_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("genrelab.cli.info.info", _raiser(OSError(errno.EBADF, "Bad file descriptor")))
    with pytest.raises(OSError, match="Bad file descriptor"):
        main(["info"])


def _raiser(error: OSError) -> Callable[[], None]:
    def info() -> None:
        raise error

    return info


@pytest.mark.parametrize(
    ("said", "found"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
)
def test_waiting_threads_sleep_soon_unless_the_environment_says_how(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], found: str | None
):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that it is as it was afterwards
        monkeypatch.delenv(name)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert main(["--version"]) == 0
    assert os.environ.get("GOMP_SPINCOUNT") == found


@pytest.mark.parametrize(
    ("quota", "said", "found"), [(1.5, {}, "2"), (1.5, {"OMP_NUM_THREADS": "7"}, "7"), (float("inf"), {}, None)]
)
def test_pytorch_begins_no_more_threads_than_a_container_lends_processors(
    monkeypatch: pytest.MonkeyPatch, quota: float, said: dict[str, str], found: str | None
):
    monkeypatch.setattr("genrelab.audio.processors._allowed", lambda: 64)
    monkeypatch.setattr("genrelab.audio.processors._quota", lambda cgroup: quota)
    monkeypatch.setenv("OMP_NUM_THREADS", "")  # so that it is as it was afterwards
    monkeypatch.delenv("OMP_NUM_THREADS")
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert main(["--version"]) == 0
    assert os.environ.get("OMP_NUM_THREADS") == found


@pytest.fixture(params=[name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)])
def ending(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    number = signal.Signals[request.param]
    before = signal.signal(number, signal.SIG_DFL)  # whatever who started the tests does with it
    yield number
    signal.signal(number, before)


def test_a_signal_is_left_to_those_who_hear_it_already(monkeypatch: pytest.MonkeyPatch, ending: signal.Signals):
    heard = []
    monkeypatch.setattr("genrelab.cli.info.info", lambda: signal.raise_signal(ending))
    signal.signal(ending, lambda *_: heard.append(1))
    assert (main(["info"]), heard) == (0, [1])
    signal.signal(ending, signal.SIG_IGN)  # as nohup has it for SIGHUP
    assert main(["info"]) == 0


def test_a_signal_ends_a_verb_once_and_is_the_systems_again_afterwards(
    monkeypatch: pytest.MonkeyPatch, ending: signal.Signals
):
    cleaned = []

    def info() -> None:
        try:
            signal.raise_signal(ending)
        finally:
            signal.raise_signal(ending)  # `timeout` sends two, and so does a terminal that goes
            cleaned.append(1)
            raise OSError(errno.EIO, os.strerror(errno.EIO))  # as writing to a terminal that has gone

    monkeypatch.setattr("genrelab.cli.info.info", info)
    assert (main(["info"]), cleaned) == (128 + ending, [1])
    assert signal.getsignal(ending) is signal.SIG_DFL


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no folder that somebody is in")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("classify {song}", 0),
        ("classify {song} -o x.csv", 2),
        ("classify {song} -o x.csv --resume", 2),
        ("info", 2),
        ("compare a b", 2),
        ("corpus list", 2),
        ("--version", 0),
    ],
)
def test_a_working_folder_that_was_removed_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_tone: Callable[..., NDArray[np.float32]],
    words: str,
    status: int,
):
    soundfile.write(tmp_path / "song.wav", make_tone(220, 1), 22050)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(words.format(song=tmp_path / "song.wav").split()) == status
    told = capsys.readouterr().err.splitlines()
    assert status == 0 or told == ["genrelab: the folder that you are in was removed; cd to another one"]


def test_a_thread_may_run_a_verb(capsys: pytest.CaptureFixture[str]):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(main, ["--version"]).result() == 0


@pytest.mark.parametrize("verb", ["train", "export"])
def test_a_verb_without_its_extra_says_what_to_install(verb: str):
    program = f"""
import sys
sys.modules["torch"] = None
from genrelab.cli.app import main
sys.exit(main({[verb, "nowhere", "-o", "x.onnx"]!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "genrelab: this verb needs torch: pip install 'genrelab[train]'\n")


def test_every_extra_is_one_of_the_projects():
    from importlib.metadata import metadata

    assert set(EXTRAS) <= set(metadata("genrelab").get_all("Provides-Extra") or ())


def test_a_module_of_ours_that_is_missing_is_not_blamed_on_the_user(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "genrelab.cli.info", None)
    with pytest.raises(ModuleNotFoundError):
        main(["info"])


def test_a_shell_completes_a_verbs_options():
    environment = os.environ | {
        "_GENRELAB_COMPLETE": "complete_bash",
        "COMP_WORDS": "genrelab classify --time",
        "COMP_CWORD": "2",
    }
    done = genrelab(env=environment)
    assert done.stdout.split() == ["--timeline"]
