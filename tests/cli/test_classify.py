"""``genrelab classify`` as a person and as a program use it."""

import csv
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
from threading import Timer

import numpy as np
import onnxruntime
import pytest
import soundfile
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from genrelab.cli.app import main

Tone = Callable[..., NDArray[np.float32]]
PROGRAM = "import sys; from genrelab.cli.app import main; sys.exit(main())"


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.fixture
def music(tmp_path: Path, make_tone: Tone) -> Path:
    for name, hz in {"a.wav": 220, "b.flac": 1000, "c.mp3": 3000}.items():
        soundfile.write(tmp_path / name, make_tone(hz, 2), 22050)
    return tmp_path


@pytest.fixture
def classify(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str, str]]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["classify", "--bundle", str(tiny_bundle), *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_a_folder_becomes_a_table(music: Path, classify: Callable[..., tuple[int, str, str]]):
    status, out, _ = classify(music)
    genres = [line.split()[1] for line in out.splitlines()[1:]]
    assert (status, genres) == (0, ["bass", "voice", "whistle"])


def test_json_lines_have_the_keys_of_the_manual(music: Path, classify: Callable[..., tuple[int, str, str]]):
    status, out, _ = classify(music, "--format", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["genre"] for line in lines] == ["bass", "voice", "whistle"]
    assert all(
        list(line) == ["path", "genre", "probability", "unknown", "genres", "seconds", "error", "blend"]
        for line in lines
    )
    assert lines[0]["path"] == str(music / "a.wav")
    assert sum(entry["probability"] for entry in lines[0]["genres"]) == pytest.approx(1, abs=1e-5)


def test_a_bad_file_has_its_line_and_the_batch_goes_on(music: Path, classify: Callable[..., tuple[int, str, str]]):
    (music / "bad.mp3").touch()
    status, out, err = classify(music, "--format", "jsonl")
    errors = {Path(line["path"]).name: line["error"] for line in map(json.loads, out.splitlines())}
    assert status == 1
    assert errors == {"a.wav": None, "b.flac": None, "bad.mp3": "empty file", "c.mp3": None}
    assert "4 files (1 failed) · bass 1, voice 1, whistle 1 · 0:06 of music in" in err


def test_strict_stops_at_the_first_bad_file(music: Path, classify: Callable[..., tuple[int, str, str]]):
    (music / "aa.mp3").touch()
    status, out, err = classify(music, "--format", "jsonl", "--strict")
    assert status == 1
    assert [Path(json.loads(line)["path"]).name for line in out.splitlines()] == ["a.wav", "aa.mp3"]
    assert "2 files (1 failed)" in err


def test_standard_output_is_data_and_nothing_else(music: Path, classify: Callable[..., tuple[int, str, str]]):
    (music / "bad.mp3").touch()
    assert len(json.loads(classify(music, "--format", "json")[1])) == 4
    rows = list(csv.DictReader(classify(music, "--format", "csv")[1].splitlines()))
    assert [row["genre"] for row in rows] == ["bass", "voice", "", "whistle"]
    assert list(rows[0])[-3:] == ["bass", "voice", "whistle"]


def test_a_quoted_pattern_and_a_list_on_standard_input(
    music: Path, classify: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
):
    reading, writing = os.pipe()
    os.write(writing, os.fsencode(music / "c.mp3") + b"\n")
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        _, out, _ = classify(f"{music}/*.flac", "-", "--format", "jsonl")
    assert [json.loads(line)["genre"] for line in out.splitlines()] == ["voice", "whistle"]


def test_top_and_windows(music: Path, classify: Callable[..., tuple[int, str, str]]):
    _, out, _ = classify(music / "a.wav", "--format", "jsonl", "--top", 2, "--windows", 1)
    assert [entry["genre"] for entry in json.loads(out)["genres"]] == ["bass", "voice"]


def test_a_silent_file_is_unknown_and_no_failure(tmp_path: Path, classify: Callable[..., tuple[int, str, str]]):
    soundfile.write(tmp_path / "silence.wav", np.zeros(2 * 22050), 22050)
    status, out, err = classify(tmp_path, "--format", "jsonl", "--strict", "--timeline")
    line = json.loads(out)
    assert (status, line["unknown"], line["genre"], line["error"], line["genres"]) == (0, True, None, None, [])
    assert [(span["unknown"], span["genre"], span["error"]) for span in line["timeline"]] == [(True, None, None)] * 2
    assert "1 file · unknown 1 · 0:02 of music in" in err


@pytest.fixture
def rich(tmp_path_factory: pytest.TempPathFactory, make_bundle: Callable[..., Path]) -> Path:
    """Return a bundle that knows tags and a vocabulary."""
    path = tmp_path_factory.mktemp("rich") / "rich.onnx"
    return make_bundle(path, outputs=("tags",), tags=["loud", "high"], vocabularies={"ends": ["bass", "whistle"]})


def test_a_vocabulary_leaves_other_genres_out(music: Path, rich: Path, classify: Callable[..., tuple[int, str, str]]):
    status, out, _ = classify(music / "b.flac", "-b", rich, "--vocabulary", "ends", "--format", "csv")
    (row,) = csv.DictReader(out.splitlines())
    assert (status, row["genre"]) == (0, "whistle")
    assert "voice" not in row
    assert float(row["bass"]) + float(row["whistle"]) == pytest.approx(1)


def test_a_vocabulary_that_is_not_there_is_one_line_that_lists_the_others(
    music: Path, rich: Path, classify: Callable[..., tuple[int, str, str]]
):
    status, out, err = classify(music, "-b", rich, "--vocabulary", "gtzan")
    assert (status, out) == (2, "")
    assert err == (f"genrelab: {rich}: no vocabulary 'gtzan': it has ends; without one, all genres are answered\n")


def test_tags_stand_beside_the_genre(music: Path, rich: Path, classify: Callable[..., tuple[int, str, str]]):
    status, out, _ = classify(music / "a.wav", "-b", rich, "--tags")
    assert (status, out.splitlines()[1].split()[-3:]) == (0, ["loud", "91%", "0:02"])
    line = json.loads(classify(music / "a.wav", "-b", rich, "--tags", "--format", "jsonl")[1])
    assert [entry["tag"] for entry in line["tags"]] == ["loud", "high"]


def test_tags_of_a_bundle_that_has_none_are_refused(music: Path, classify: Callable[..., tuple[int, str, str]]):
    status, out, err = classify(music, "--tags")
    assert (status, out) == (2, "")
    assert err.endswith("tiny.onnx: it knows no tags; leave --tags out, or choose another --bundle\n")
    assert err.count("\n") == 1


def test_a_timeline_goes_along_the_file(tmp_path: Path, make_tone: Tone, classify: Callable[..., tuple[int, str, str]]):
    soundfile.write(tmp_path / "a.wav", np.concatenate([make_tone(220, 3), make_tone(3000, 2)]), 22050)
    _, out, _ = classify(tmp_path, "--timeline", "--format", "json")
    assert [span["genre"] for span in json.loads(out)[0]["timeline"]] == ["bass"] * 3 + ["whistle"] * 2
    _, table, _ = classify(tmp_path, "--timeline")
    assert [line.split()[:2] for line in table.splitlines()[2:]] == [["0:00–0:03", "bass"], ["0:03–0:05", "whistle"]]  # noqa: RUF001


def test_a_bad_file_has_no_timeline(tmp_path: Path, classify: Callable[..., tuple[int, str, str]]):
    (tmp_path / "a.wav").touch()
    status, out, _ = classify(tmp_path, "--timeline", "--format", "jsonl")
    assert (status, json.loads(out)["timeline"], json.loads(out)["error"]) == (1, [], "empty file")


def test_the_result_may_go_to_a_file(music: Path, classify: Callable[..., tuple[int, str, str]]):
    status, out, _ = classify(music, "--format", "csv", "--output", music / "results" / "genres.csv")
    assert (status, out) == (0, "")
    rows = list(csv.DictReader((music / "results" / "genres.csv").read_text().splitlines()))
    assert [row["genre"] for row in rows] == ["bass", "voice", "whistle"]


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["-o", "x.csv"], "path,genre,"),
        (["-o", "x.JSON"], "[\n{"),
        (["-o", "x.jsonl"], "{"),
        (["-o", "x.txt"], "file "),
        (["-o", "x.csv", "-f", "jsonl"], "{"),
    ],
)
def test_the_suffix_of_the_output_is_its_format_where_none_is_given(
    music: Path,
    classify: Callable[..., tuple[int, str, str]],
    arguments: list[str],
    begins: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(music)
    assert classify("a.wav", *arguments)[0] == 0
    assert Path(arguments[1]).read_text().startswith(begins)


def test_a_folder_as_the_output_is_refused_before_anything_is_heard(
    music: Path, classify: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("genrelab.bundles.classifier.Classifier.try_file", lambda *_: pytest.fail("a file was heard"))
    status, out, err = classify(music, "--output", music)
    assert (status, out) == (2, "")
    assert err == f"genrelab: {music}: is there and is no regular file; choose another\n"


def test_what_is_not_there_is_an_error_of_that_name_alone(music: Path, classify: Callable[..., tuple[int, str, str]]):
    status, out, _ = classify(music / "a.wav", music / "none.mp3", music / "*.opus", "--format", "jsonl")
    assert status == 1
    assert [json.loads(line)["error"] for line in out.splitlines()] == [
        None,
        "no such file",
        "no such file, and no sound file matches it as a pattern",
    ]


def test_a_name_that_no_file_can_have_gets_its_line(classify: Callable[..., tuple[int, str, str]]):
    status, out, _ = classify("x" * 300 + ".wav", "--format", "jsonl")
    assert status == 1
    assert json.loads(out)["error"] == "cannot be read: File name too long"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("kind", ["table", "json", "jsonl", "csv"])
def test_a_name_that_is_not_utf8_is_printed_in_every_locale(music: Path, tiny_bundle: Path, kind: str):
    (music / "a.wav").rename(os.fsdecode(os.fsencode(music) + b"/caf\xe9.wav"))
    (music / "b.flac").rename(music / "Jóga – live.flac")  # noqa: RUF001
    command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, "-f", kind, music]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0
    assert "caf\ufffd.wav" in done.stdout.decode("utf-8")
    assert "Jóga – live.flac" in done.stdout.decode("utf-8")  # noqa: RUF001


def test_a_reader_that_leaves_early_is_no_error_message(music: Path, tiny_bundle: Path):
    names = b"\n".join([os.fsencode(music / "a.wav")] * 400)  # no more than a pipe holds
    command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, "-f", "jsonl", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin and process.stdout and process.stderr  # noqa: PT018
        process.stdin.write(names)
        process.stdin.close()
        first = process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(30)
    assert json.loads(first)["genre"] == "bass"
    assert b"Traceback" not in errors
    assert b"Broken pipe" not in errors


def kill_later(process: "subprocess.Popen[bytes]") -> None:
    """Keep a test from waiting for ever."""
    timer = Timer(60, process.kill)
    timer.daemon = True
    timer.start()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_each_name_is_answered_before_the_next_one_comes(music: Path, tiny_bundle: Path, jobs: str):
    command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, "-f", "jsonl", "-j", jobs, "-"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin and process.stdout  # noqa: PT018
        kill_later(process)
        for name, genre in {"a.wav": "bass", "b.flac": "voice"}.items():
            process.stdin.write(os.fsencode(music / name) + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["genre"] == genre
        process.stdin.close()
        assert process.wait(30) == 0


def test_the_first_failure_ends_a_list_that_is_still_being_written(tiny_bundle: Path, tmp_path: Path):
    command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, "-f", "jsonl", "-j", "2", "--strict", "-"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin and process.stderr  # noqa: PT018
        kill_later(process)
        process.stdin.write(os.fsencode(tmp_path / "missing.wav") + b"\n")
        process.stdin.flush()
        assert process.wait(60) == 1
        assert b"Fatal" not in process.stderr.read()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_stops_at_once_and_keeps_what_was_done(music: Path, tiny_bundle: Path, name: str, status: int):
    command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, "-f", "json", "-"]
    # Started in the background, or by nohup, a job inherits that it is ignored; this one shall hear it anywhere.
    listen = partial(signal.signal, signal.Signals[name], signal.SIG_DFL)
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, preexec_fn=listen) as process:
        assert process.stdin and process.stdout  # noqa: PT018
        process.stdin.write((os.fsencode(music / "a.wav") + b"\n") * 500)
        process.stdin.flush()
        process.stdout.peek()  # waits until the array has begun
        process.send_signal(signal.Signals[name])
        try:
            process.wait(30)
        finally:
            process.kill()
        out, errors = process.stdout.read(), process.stderr.read()  # type: ignore[union-attr]
    assert process.returncode == status
    assert b"Traceback" not in errors
    assert {line["genre"] for line in json.loads(out)} == {"bass"}


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_leaves_no_half_written_file(music: Path, tiny_bundle: Path, name: str, status: int):
    (music / "out").mkdir()
    output = music / "out" / "x.jsonl"
    command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, "-f", "jsonl", "-o", output, "-"]
    listen = partial(signal.signal, signal.Signals[name], signal.SIG_DFL)
    with subprocess.Popen(command, stdin=PIPE, stderr=PIPE, preexec_fn=listen) as process:
        until(lambda: any((music / "out").iterdir()))
        process.send_signal(signal.Signals[name])
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == status
    assert b"Traceback" not in errors
    assert list((music / "out").iterdir()) == []


def test_too_little_memory_is_told_in_one_line(
    music: Path, classify: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
):
    class Session(onnxruntime.InferenceSession):
        def run(self, *_: object) -> None:
            raise RuntimeException("Non-zero status code returned while running Conv node: std::bad_alloc")

    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    status, _, told = classify(music, "-o", music / "x.csv")
    assert (status, not (music / "x.csv").exists()) == (2, True)
    assert told.splitlines()[-1].startswith("genrelab: there is too little memory; ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_no_answer_is_lost_for_what_standard_error_does_not_take(music: Path, tiny_bundle: Path):
    command = [sys.executable, "-c", PROGRAM, "classify", "-b", tiny_bundle, music, "-o", music / "x.jsonl"]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, stderr=full).returncode == 0
    assert len((music / "x.jsonl").read_text().splitlines()) == 3


@pytest.mark.skipif(os.name != "posix", reason="shells of POSIX close streams so")
@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (
            "classify -b {bundle} {file} >&-",
            2,
            "standard output is closed; leave it open, or name a file with --output",
        ),
        (
            "classify -b {bundle} - <&-",
            2,
            "-: standard input is closed; pipe a list into it, or name files and folders",
        ),
        ("classify -b {bundle} {file} -o {file}.json >&-", 0, "of music in"),
        ("classify -b {bundle} {file} 2>&-", 0, ""),
        ("info >&-", 0, ""),
        ("--version >&-", 0, ""),
        ("--version <&- >&- 2>&-", 0, ""),
        ("classify -b {bundle} missing.wav -f jsonl 2>&-", 1, ""),
        ("classify -b missing.onnx {file} 2>&-", 2, ""),
    ],
)
def test_a_closed_stream_is_no_traceback(music: Path, tiny_bundle: Path, words: str, status: int, told: str):
    words = words.format(bundle=tiny_bundle, file=music / "a.wav")
    command = ["bash", "-c", f'exec "$0" -c "$1" {words}', sys.executable, PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert told in done.stderr
    assert done.stderr.count("\n") <= 1
    if "{file}.json" in words:
        assert json.loads((music / "a.wav.json").read_text())[0]["genre"] == "bass"


@pytest.mark.skipif(os.name != "posix", reason="shells of POSIX close streams so")
def test_where_standard_error_is_closed_the_answers_are_no_place_for_what_libraries_say(
    tmp_path: Path, tiny_bundle: Path
):
    soundfile.write(tmp_path / "a.mp3", np.sin(np.arange(44100) / 20), 22050)
    frames = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(frames[:3000] + bytes(3000) + frames[3000:])  # libmpg123 grumbles
    words = f"classify -b {tiny_bundle} {tmp_path / 'a.mp3'} -o {tmp_path / 'a.csv'} 2>&-"
    subprocess.run(["bash", "-c", f'exec "$0" -c "$1" {words}', sys.executable, PROGRAM], timeout=60, check=True)
    assert [line.split(",")[0] for line in (tmp_path / "a.csv").read_text().splitlines()] == [
        "path",
        str(tmp_path / "a.mp3"),
    ]


def test_nothing_heavy_is_needed(music: Path, tiny_bundle: Path):
    program = f"""
import sys
for name in "torch lightning torchmetrics pandas scipy sklearn onnx matplotlib yaml librosa av".split():
    sys.modules[name] = None  # what makes an import fail
from genrelab.cli.app import main
sys.exit(main(["classify", "-b", {str(tiny_bundle)!r}, "--timeline", {str(music)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "whistle" in done.stdout
