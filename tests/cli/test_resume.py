"""``genrelab classify --resume``: a batch that was stopped goes on, and asks nothing twice."""

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from genrelab.bundles.classifier import Classifier
from genrelab.bundles.prediction import Prediction
from genrelab.cli.answered import Shape, growing, read_answers
from genrelab.cli.app import main
from genrelab.cli.formats import Format
from genrelab.cli.writers import Timeline, writer

PROGRAM = "import sys; from genrelab.cli.app import main; sys.exit(main())"
GENRES = ("jazz", "rock")
NAMES = ["a.mp3", "b\r.mp3", 'c "\n\n.mp3', "d, é\u2028.mp3", "e\r\n.mp3"]
KINDS = [(kind, timeline) for kind in ("jsonl", "csv") for timeline in (False, True)]


@pytest.fixture
def music(tmp_path: Path, make_tone: Callable[..., NDArray[np.float32]]) -> Path:
    for name in ("a.wav", "b.wav", "c\r.wav"):
        soundfile.write(tmp_path / name, make_tone(220, 2), 22050)
    return tmp_path


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are asked for, as they are."""
    names: list[str] = []
    ask = Classifier.try_file

    def listen(classifier: Classifier, path: str, *more: int | None) -> Prediction:
        names.append(Path(path).name)
        return ask(classifier, path, *more)

    monkeypatch.setattr(Classifier, "try_file", listen)
    return names


@pytest.fixture
def classify(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: object) -> tuple[int, str]:
        status = main(["classify", "-b", str(tiny_bundle), "-j", "1", *map(str, arguments)])
        return status, capsys.readouterr().err

    return run


def rows(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode()
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.split("\n")[:-1]]


@pytest.mark.parametrize(("kind", "timeline"), KINDS)
def test_what_is_answered_is_passed_over_and_each_path_stands_there_once(
    music: Path, heard: list[str], classify: Callable[..., tuple[int, str]], kind: str, timeline: bool
):
    output = music / f"x.{kind}"
    options = ["-o", output, "--resume", *(["--timeline"] if timeline else [])]
    assert classify(music, "-o", music / f"whole.{kind}", *options[3:])[0] == 0
    heard.clear()
    assert classify(music / "a.wav", music / "b.wav", music / "a.wav", *options)[0] == 0
    assert heard == ["a.wav", "b.wav"]
    status, told = classify(music, *options)
    # Whether the rows of a timeline's last file are all there, nobody can tell.
    rest = ["b.wav", "c\r.wav"] if (kind, timeline) == ("csv", True) else ["c\r.wav"]
    assert (status, heard) == (0, ["a.wav", "b.wav", *rest])
    assert f"x.{kind} answers {3 - len(rest)} of the files already\n" in told
    assert output.read_bytes() == (music / f"whole.{kind}").read_bytes()


@pytest.mark.parametrize(("kind", "timeline"), KINDS)
def test_what_failed_is_tried_again(
    music: Path, heard: list[str], classify: Callable[..., tuple[int, str]], kind: str, timeline: bool
):
    options = [music, "-o", music / f"x.{kind}", "--resume", *(["--timeline"] if timeline else [])]
    sound = (music / "a.wav").read_bytes()
    (music / "a.wav").write_bytes(b"")
    assert classify(*options)[0] == 1
    heard.clear()
    (music / "a.wav").write_bytes(sound)
    assert classify(*options)[0] == 0
    assert heard[0] == "a.wav"
    assert "b.wav" not in heard
    found = rows(music / f"x.{kind}")
    assert {Path(row["path"]).name: row["error"] or None for row in found} == dict.fromkeys(
        ("a.wav", "b.wav", "c\r.wav")
    )
    assert len(found) == 3 * (2 if (kind, timeline) == ("csv", True) else 1)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf8_are_not_mistaken_for_each_other(
    music: Path, heard: list[str], classify: Callable[..., tuple[int, str]]
):
    for byte in (b"\xe8", b"\xe9"):
        os.link(music / "a.wav", os.fsencode(music) + b"/caf" + byte)
    first, second = (os.fsdecode(os.fsencode(music) + b"/caf" + byte) for byte in (b"\xe8", b"\xe9"))
    for _ in range(2):
        assert classify(first, second, "-o", music / "x.jsonl", "--resume")[0] == 0
        assert len(rows(music / "x.jsonl")) == 2
    assert len(heard) == 4


@pytest.mark.parametrize(("kind", "timeline"), KINDS)
def test_a_file_cut_anywhere_gives_the_whole_answers_before(
    tmp_path: Path, kind: str, timeline: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # of a thousand files, of which none need outlast the machine
    shape = Shape(Format(kind), GENRES, timeline, True, None)
    path = tmp_path / "x"
    text, ends = io.StringIO(newline=""), []
    out = writer(shape.kind, text, GENRES, timeline, None, True)
    for name in NAMES:
        ends.append(len(text.getvalue().encode()))
        prediction = Prediction(name, "jazz", 0.6, genres=(("jazz", 0.6), ("rock", 0.4)), tags=(("loud", 0.5),))
        spans: Timeline | None = [(0.0, 1.0, prediction), (1.0, 2.0, prediction)] if timeline else None
        out.add(prediction, spans)
    data = text.getvalue().encode()
    ends.append(len(data))
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        answers = read_answers(path, shape)
        whole = sum(end <= cut for end in ends[1:])
        unsure = 1 if (kind, timeline) == ("csv", True) else 0
        assert max(0, whole - unsure) <= len(answers) <= whole
        assert list(answers) == NAMES[: len(answers)]
        with growing(path, shape, answers):
            pass
        assert path.read_bytes() == data[: ends[len(answers)]]


def test_a_path_that_somebody_wrote_twice_is_kept_once(music: Path, classify: Callable[..., tuple[int, str]]):
    assert classify(music / "a.wav", music / "a.wav", "-o", music / "x.csv")[0] == 0
    assert len(rows(music / "x.csv")) == 2
    assert classify(music / "a.wav", "-o", music / "x.csv", "--resume")[0] == 0
    assert len(rows(music / "x.csv")) == 1


@pytest.mark.parametrize("arguments", [[], ["-f", "jsonl"], ["-o", "x.json"], ["-o", "x.csv", "-f", "table"]])
def test_what_cannot_grow_is_refused(classify: Callable[..., tuple[int, str]], arguments: list[str]):
    told = "genrelab: --resume: goes on with --output FILE of --format jsonl or csv alone; give both\n"
    assert classify("a.wav", "--resume", *arguments) == (2, told)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("changed", [["--timeline"], ["--top", "2"]])
def test_rows_of_other_options_are_refused_and_left_alone(
    music: Path, classify: Callable[..., tuple[int, str]], kind: str, changed: list[str]
):
    output = music / f"x.{kind}"
    assert classify(music / "a.wav", "-o", output, "--resume")[0] == 0
    before = output.read_bytes()
    status, told = classify(music, "-o", output, "--resume", *changed)
    assert status == 2
    assert told == (
        f"genrelab: {output}: was begun with another --bundle, --vocabulary, --timeline, --tags or --top; give the "
        "same again, or choose another --output\n"
    )
    assert output.read_bytes() == before


@pytest.mark.parametrize("text", ["hello, world\n", "{}\n", "[]\n", '{"path": 1}\n', "\xff\n", "path,genre\na,b\n"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_file_of_something_else_is_refused_and_left_alone(
    music: Path, classify: Callable[..., tuple[int, str]], kind: str, text: str
):
    output = music / f"x.{kind}"
    output.write_bytes(text.encode("latin-1"))
    status, told = classify(music, "-o", output, "--resume")
    assert (status, told.count("\n")) == (2, 1)
    assert told.endswith("choose another --output\n")
    assert output.read_bytes() == text.encode("latin-1")


def test_a_folder_is_refused(music: Path, classify: Callable[..., tuple[int, str]]):
    told = f"genrelab: {music}: is there and is no regular file; choose another\n"
    assert classify(music / "a.wav", "-f", "csv", "--resume", "-o", music) == (2, told)


@pytest.mark.skipif(os.name != "posix", reason="Windows itself refuses to replace a file that is open")
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_file_that_another_is_writing_is_left_to_it(music: Path, classify: Callable[..., tuple[int, str]], kind: str):
    output, shape = music / f"x.{kind}", Shape(Format(kind), ("bass", "voice", "whistle"), False, False, None)
    with growing(output, shape, {}) as stream:
        status, told = classify(music / "a.wav", "--resume", "-o", output)
        stream.write("a row")
    expected = (
        f"genrelab: {output}: another `genrelab classify` is writing it; wait for it, or choose another --output\n"
    )
    assert (status, told) == (2, expected)
    assert output.read_text().endswith("a row")
    assert classify(music / "a.wav", "--resume", "-o", output)[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="Windows itself refuses to replace a file that is open")
def test_a_disk_without_locks_is_written_all_the_same(
    music: Path, classify: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", refuse)
    assert classify(music, "--resume", "-o", music / "x.csv")[0] == 0
    assert len(rows(music / "x.csv")) == 3


@pytest.fixture(params=["SIGINT", "SIGTERM", "SIGHUP"])
def stopped(
    request: pytest.FixtureRequest, music: Path, tiny_bundle: Path
) -> Iterator[Callable[..., tuple[int, bytes]]]:
    def run(*options: object) -> tuple[int, bytes]:
        command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, "-o", music / "x.jsonl", "-", *options]
        number = signal.Signals[request.param]
        listen = partial(signal.signal, number, signal.SIG_DFL)
        with subprocess.Popen(command, stdin=PIPE, stderr=PIPE, preexec_fn=listen) as process:
            assert process.stdin
            process.stdin.write(os.fsencode(music / "a.wav") + b"\n")
            process.stdin.flush()
            ends = time.monotonic() + 30
            while not any(path.suffix == ".jsonl" for path in music.iterdir()):
                assert time.monotonic() < ends
                time.sleep(0.01)
            time.sleep(0.5)
            process.send_signal(number)
            try:
                _, told = process.communicate(timeout=30)
            finally:
                process.kill()
        return process.returncode - (128 + number), told

    return run


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_stopped_batch_says_that_nothing_was_written(music: Path, stopped: Callable[..., tuple[int, bytes]]):
    status, told = stopped()
    assert status == 0
    assert told.decode().splitlines()[-1] == (
        f"genrelab: interrupted: nothing was written to {music / 'x.jsonl'}; --resume, with jsonl or csv, keeps what "
        "was done"
    )
    assert not [path for path in music.iterdir() if path.suffix == ".jsonl"]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_stopped_batch_that_may_go_on_keeps_what_was_done(
    music: Path, heard: list[str], classify: Callable[..., tuple[int, str]], stopped: Callable[..., tuple[int, bytes]]
):
    status, told = stopped("--resume", "-j", "1")
    assert status == 0
    assert told.decode().splitlines()[-1] == "genrelab: interrupted: the same command goes on from here"
    assert [Path(row["path"]).name for row in rows(music / "x.jsonl")] == ["a.wav"]
    assert classify(music, "-o", music / "x.jsonl", "--resume")[0] == 0
    assert heard == ["b.wav", "c\r.wav"]
