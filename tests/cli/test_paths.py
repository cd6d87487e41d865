"""What is named on the command line, to sound files."""

import io
import os
from pathlib import Path

import pytest

from genrelab.bundles.prediction import Prediction
from genrelab.cli.paths import expand


@pytest.fixture
def music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.mp3", "a.flac", "notes.txt", "album/one.ogg", "album/disc [2]/two.wav", "other/.hidden.mp3"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_file_is_itself_whatever_it_is_called(music: Path):
    assert list(expand(["notes.txt", "missing.mp3"])) == ["notes.txt", "missing.mp3"]


def test_an_empty_name_is_not_the_working_folder(music: Path):
    assert list(expand([""])) == [Prediction("", error="an empty name")]


def test_a_folder_is_the_sound_files_in_it_and_below(music: Path):
    assert list(expand(["album"])) == ["album/one.ogg", "album/disc [2]/two.wav"]


def test_a_folder_without_sound_files_is_an_error(music: Path):
    assert list(expand(["other"])) == [Prediction("other", error="a folder without sound files")]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("*", ["a.flac", "album/one.ogg", "album/disc [2]/two.wav", "b.mp3"]),
        ("*.mp3", ["b.mp3"]),
        ("album/*/*.wav", ["album/disc [2]/two.wav"]),
        ("alb?m", ["album/one.ogg", "album/disc [2]/two.wav"]),
    ],
)
def test_a_pattern_is_the_sound_files_that_match(music: Path, pattern: str, files: list[str]):
    found = [path for path in expand([pattern]) if isinstance(path, str)]
    assert found == files


def test_two_stars_reach_every_file_once(music: Path):
    assert list(expand(["**"])) == ["a.flac", "album/disc [2]/two.wav", "album/one.ogg", "b.mp3"]


def test_a_pattern_that_matches_nothing_is_an_error(music: Path):
    (prediction,) = expand(["*.opus"])
    assert isinstance(prediction, Prediction)
    assert (prediction.path, prediction.error) == ("*.opus", "no such file, and no sound file matches it as a pattern")


def test_a_file_whose_name_looks_like_a_pattern_is_itself(music: Path):
    (music / "live [1999].mp3").touch()
    assert list(expand(["live [1999].mp3", "album/disc [2]"])) == ["live [1999].mp3", "album/disc [2]/two.wav"]


@pytest.mark.parametrize(
    "text", [b"b.mp3\nalbum\n\na.flac", b"b.mp3\r\nalbum\r\na.flac\r\n", b"b.mp3\0album\0a.flac\0"]
)
def test_a_dash_is_a_list_on_standard_input(music: Path, text: bytes):
    expected = ["b.mp3", "album/one.ogg", "album/disc [2]/two.wav", "a.flac"]
    assert list(expand(["-"], io.BytesIO(text))) == expected


@pytest.mark.parametrize("text", [b"b.mp3\n\xef\xbb\xbfa.flac\n", b"b.mp3"])
def test_a_byte_order_mark_before_a_list_is_none_of_a_name(music: Path, text: bytes):
    assert list(expand(["-"], io.BytesIO(b"\xef\xbb\xbf" + text))) == list(expand(["-"], io.BytesIO(text)))
    assert list(expand(["-"], io.BytesIO(b"\xef\xbb\xbfb.mp3\0"))) == ["\ufeffb.mp3"]  # `find -print0` writes none


def test_names_in_a_nul_separated_list_may_hold_line_ends_and_any_bytes(music: Path):
    listed = list(expand(["-"], io.BytesIO(b"two\nlines.mp3\0caf\xe9.mp3\0")))
    assert [os.fsencode(str(name)) for name in listed] == [b"two\nlines.mp3", b"caf\xe9.mp3"]


def test_names_in_a_list_are_no_patterns(music: Path):
    assert list(expand(["-"], io.BytesIO(b"*.mp3\n"))) == ["*.mp3"]


def test_a_list_is_read_as_it_arrives(music: Path):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin:
        names = expand(["-"], stdin)
        os.write(writing, b"b.mp3\na.fl")
        assert next(names) == "b.mp3"
        os.write(writing, b"ac\n")
        assert next(names) == "a.flac"
        os.close(writing)
        assert list(names) == []
