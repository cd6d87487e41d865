"""Files appear whole or not at all, and nothing but files is replaced."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from genrelab.errors import GenrelabError
from genrelab.files import (
    atomic_path,
    cache_folder,
    content_hash,
    is_unused,
    remove_leftovers,
    require_folder,
    write_json,
    write_text,
)

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and the umask are POSIX's")


def test_a_file_appears_whole_and_its_folder_with_it(tmp_path: Path):
    path = tmp_path / "new" / "table.csv"
    with atomic_path(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (path.parent, ".csv")
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_old_content_stands_and_nothing_beside_it(tmp_path: Path, error: type[BaseException]):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(error), atomic_path(path) as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path, there: bool):
    target, link = tmp_path / "elsewhere" / "run-7.json", tmp_path / "latest.json"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    link.symlink_to(Path("elsewhere") / "run-7.json")
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert not target.is_symlink()


@posix
@pytest.mark.parametrize("kind", ["folder", "pipe", "link to a pipe", "device", "link to itself"])
def test_what_is_no_regular_file_is_refused_and_left_alone(tmp_path: Path, kind: str):
    path = Path(os.devnull) if kind == "device" else tmp_path / "there"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    elif kind == "link to itself":
        path.symlink_to(path)
    before = path.lstat()
    with pytest.raises(GenrelabError, match="is there and is no regular file; choose another"):
        write_text(path, "new")
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)


@posix
def test_a_shells_pipe_is_refused(tmp_path: Path):
    reading, writing = os.pipe()
    try:
        with pytest.raises(GenrelabError, match="no regular file"):
            write_text(f"/dev/fd/{writing}", "new")
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")
def test_where_nothing_can_be_written_the_error_names_the_file_that_was_asked_for():
    with pytest.raises(OSError) as caught:
        write_text("/proc/genres.csv", "new")
    assert caught.value.filename == "/proc/genres.csv"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")
def test_a_folder_that_cannot_be_made_or_written_is_refused_and_any_other_left_as_it_is(tmp_path: Path):
    (tmp_path / "there").mkdir()
    require_folder(tmp_path / "there")
    require_folder(tmp_path / "new" / "newer")
    assert [*tmp_path.rglob("*")] == [tmp_path / "there"]
    with pytest.raises(OSError) as caught:
        require_folder(Path("/proc/runs/new"))
    assert caught.value.filename == "/proc/runs/new"


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_honour_the_umask(tmp_path: Path, umask: int):
    program = "import os, sys; os.umask(int(sys.argv[1])); from genrelab.files import write_text; "
    program += "write_text(sys.argv[2], '')"
    subprocess.run([sys.executable, "-c", program, str(umask), tmp_path / "file"], check=True, timeout=60)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask


def test_a_signal_while_the_temporary_file_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def close(handle: int) -> None:
        os.closerange(handle, handle + 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "close", close)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "file", "x")
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_process_are_removed_and_nothing_else(tmp_path: Path):
    keep, deep = tmp_path / "keep.json", tmp_path / "fold-0" / ".genrelab-x1y2.json"
    write_json(keep, {"a": 1})
    deep.parent.mkdir()
    deep.touch()
    (tmp_path / ".genrelab-abc").touch()
    (tmp_path / "fold-0" / ".tmpR0boNB").touch()  # as safetensors calls its own
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == {"keep.json", "fold-0"}


def test_what_is_half_written_uses_no_folder(tmp_path: Path):
    assert is_unused(tmp_path / "new")
    assert is_unused(tmp_path)
    (tmp_path / ".genrelab-x1y2.json").touch()
    (tmp_path / ".tmpR0boNB").touch()
    assert is_unused(tmp_path)
    (tmp_path / "keep.json").touch()
    assert not is_unused(tmp_path)
    assert not is_unused(tmp_path / "keep.json")


def test_json_is_indented_utf8_and_its_hash_is_that_of_the_bytes(tmp_path: Path):
    write_json(tmp_path / "a.json", {"name": "Jóga"})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "name": "Jóga"\n}\n'.encode()
    write_text(tmp_path / "abc", "abc")
    assert content_hash(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.usefixtures("no_home")
def test_a_user_without_a_home_folder_is_told_to_name_a_cache(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(GenrelabError, match="no home folder for a cache; name one with GENRELAB_CACHE=FOLDER"):
        cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", "there")
    assert cache_folder() == Path("there", "genrelab")
