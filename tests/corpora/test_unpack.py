import io
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from genrelab.corpora import unpack as module
from genrelab.corpora.unpack import Limits, unpack
from genrelab.errors import CorpusError

FILES = {"genres/blues/blues.00000.wav": b"twelve bars" * 50, "genres/rock/rock.00000.wav": b"backbeat" * 70}


def zipped(path: Path, files=FILES, method=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tarred(path: Path, files=FILES, mode="w:gz", extra=(), layout=tarfile.DEFAULT_FORMAT) -> Path:
    with tarfile.open(path, mode, format=layout) as file:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
        for entry in extra:
            file.addfile(entry)
    return path


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_nothing_came_of(archive: Path, message: str, limits: Limits | None = None) -> None:
    into = archive.parent / "music"
    with pytest.raises(CorpusError, match=message):
        unpack(archive, into, "genres", limits)
    assert not into.exists() or list(into.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.zip", zipped),
        ("b.zip", lambda path: zipped(path, method=zipfile.ZIP_BZIP2)),  # as FMA's
        ("c.zip", lambda path: zipped(path, method=zipfile.ZIP_STORED)),
        ("a.tar", lambda path: tarred(path, mode="w")),
        ("PK.tar", lambda path: tarred(path, {f"PK{name}": content for name, content in FILES.items()}, mode="w")),
        ("a.tar.gz", tarred),
        ("a.tar.bz2", lambda path: tarred(path, mode="w:bz2")),
        ("a.tar.xz", lambda path: tarred(path, mode="w:xz")),
        ("no suffix", tarred),
    ],
)
def test_every_usual_archive_is_unpacked(tmp_path, name, make):
    told = []
    archive = make(tmp_path / name)
    folder = unpack(archive, tmp_path / "music", "genres", progress=lambda *numbers: told.append(numbers))
    assert folder == tmp_path / "music" / "genres"
    assert contents(tmp_path / "music") == FILES
    assert told[-1][0] <= told[-1][1] == archive.stat().st_size


def test_the_one_folder_of_an_archive_gets_the_name_asked_for(tmp_path):
    unpack(zipped(tmp_path / "a.zip"), tmp_path, "mine")
    assert (tmp_path / "mine/blues/blues.00000.wav").is_file()


def test_around_several_a_folder_is_put(tmp_path):
    unpack(zipped(tmp_path / "a.zip", {"a/1": b"1", "b/2": b"2", "3": b"3"}), tmp_path / "music", "data")
    assert contents(tmp_path / "music") == {"data/a/1": b"1", "data/b/2": b"2", "data/3": b"3"}


def test_what_macos_adds_is_left_out(tmp_path):
    litter = {"._genres": b"x", "genres/.DS_Store": b"x", "genres/blues/._a.wav": b"x", "__MACOSX/genres/a": b"x"}
    unpack(tarred(tmp_path / "a.tar.gz", FILES | litter), tmp_path / "music", "genres")
    assert contents(tmp_path / "music") == FILES


def test_empty_folders_come_too_and_permissions_do_not(tmp_path):
    entry = special("genres/empty", tarfile.DIRTYPE)
    entry.mode = 0o000
    folder = unpack(tarred(tmp_path / "a.tar", mode="w", extra=[entry]), tmp_path / "music", "genres")
    assert list((folder / "empty").iterdir()) == []


def test_a_place_that_is_taken_is_left_alone(tmp_path):
    (tmp_path / "genres").mkdir()
    with pytest.raises(CorpusError, match="genres: is there already; remove it, or choose another folder"):
        unpack(zipped(tmp_path / "a.zip"), tmp_path, "genres")
    assert list((tmp_path / "genres").iterdir()) == []


def test_what_a_killed_call_left_is_removed(tmp_path):
    left = tmp_path / ".genrelab-unpack-genres" / "genres" / "half"
    left.mkdir(parents=True)
    unpack(zipped(tmp_path / "a.zip"), tmp_path, "genres")
    assert contents(tmp_path / "genres").keys() == {"blues/blues.00000.wav", "rock/rock.00000.wav"}
    assert not left.parent.parent.exists()


def test_a_killed_call_leaves_nothing_that_looks_whole(tmp_path):
    zipped(tmp_path / "a.zip")
    code = (
        "import os; from genrelab.corpora.unpack import unpack; "
        "unpack('a.zip', 'music', 'genres', progress=lambda *_: os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 9
    assert [path.name for path in (tmp_path / "music").iterdir()] == [".genrelab-unpack-genres"]
    unpack(tmp_path / "a.zip", tmp_path / "music", "genres")
    assert contents(tmp_path / "music") == FILES


OUTSIDE = ["../evil", "genres/../../evil", "/evil", "..\\evil", "C:\\evil", "C:evil", "\\evil", "\\\\host\\share\\evil"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_name_that_leads_outside_is_refused(tmp_path, make, name):
    archive = make(tmp_path / "a", FILES | {name: b"x"})
    assert_nothing_came_of(archive, "would lie outside the archive's folder")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    ("kind", "link", "message"),
    [
        (tarfile.SYMTYPE, "/etc/passwd", "is a link"),
        (tarfile.SYMTYPE, "../../..", "is a link"),
        (tarfile.SYMTYPE, "blues/blues.00000.wav", "is a link"),
        (tarfile.LNKTYPE, "/etc/passwd", "is a link"),
        (tarfile.LNKTYPE, "genres/blues/blues.00000.wav", "is a link"),
        (tarfile.CHRTYPE, "", "is a device, a pipe"),
        (tarfile.BLKTYPE, "", "is a device, a pipe"),
        (tarfile.FIFOTYPE, "", "is a device, a pipe"),
        (tarfile.GNUTYPE_SPARSE, "", "holes|damaged"),
    ],
)
def test_links_and_devices_of_a_tar_are_refused(tmp_path, kind, link, message):
    assert_nothing_came_of(tarred(tmp_path / "a.tar.gz", extra=[special("genres/evil", kind, link)]), message)


@pytest.mark.parametrize(("kind", "message"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "a device or pipe")])
def test_links_and_pipes_of_a_zip_are_refused(tmp_path, kind, message):
    archive = zipped(tmp_path / "a.zip")
    with zipfile.ZipFile(archive, "a") as file:
        entry = zipfile.ZipInfo("genres/evil")
        entry.external_attr = (kind | 0o777) << 16
        file.writestr(entry, "/etc/passwd")
    assert_nothing_came_of(archive, message)


def test_an_encrypted_zip_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", method=zipfile.ZIP_STORED)
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    assert_nothing_came_of(archive, "is encrypted; only files and folders are unpacked")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_bomb_is_refused_by_its_ratio(tmp_path, make):
    archive = make(tmp_path / "a", {"genres/zeros": bytes(17 << 20)})
    assert archive.stat().st_size < 20_000
    assert_nothing_came_of(archive, "unpack to more than the 16777216 that it may hold")


@pytest.mark.parametrize("files", [FILES, {}])
@pytest.mark.parametrize(
    ("layout", "name", "headers"),
    [(tarfile.GNU_FORMAT, "y" * (2 << 20), {}), (tarfile.PAX_FORMAT, "y", {"comment": "y" * (2 << 20)})],
    ids=["name", "comment"],
)
def test_a_header_that_would_fill_the_memory_is_refused(tmp_path, files, layout, name, headers):
    entry = tarfile.TarInfo(name)
    entry.pax_headers = headers
    archive = tarred(tmp_path / "a.tar", files, "w", [entry], layout)
    assert_nothing_came_of(archive, "is no zip or tar archive, or damaged")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_too_many_entries_and_too_many_bytes_are_refused(tmp_path, make):
    assert_nothing_came_of(make(tmp_path / "a"), "holds more than 1 files and folders", Limits(entries=1))
    assert_nothing_came_of(make(tmp_path / "b"), "unpack to more than the 1000 that it may hold", Limits(total=1000))


def test_a_zip_that_understates_its_sizes_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"genres/zeros": bytes(100_000)})
    raw = archive.read_bytes()
    archive.write_bytes(raw.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert_nothing_came_of(archive, "damaged or cut off")


@pytest.mark.parametrize("keep", [0, 1, 100, 700, 3000, -700, -100, -30, -1])
@pytest.mark.parametrize(
    "make",
    [
        zipped,
        lambda path, files: zipped(path, files, zipfile.ZIP_BZIP2),
        tarred,
        lambda path, files: tarred(path, files, "w:bz2"),
        lambda path, files: tarred(path, files, "w:xz"),
    ],
)
def test_a_truncated_archive_is_refused(tmp_path, make, keep):
    noise = np.random.default_rng(0).bytes(2000)  # does not shrink, so that every cut is one
    archive = make(tmp_path / "a", FILES | {"genres/a": noise, "genres/b": noise[::-1]})
    archive.write_bytes(archive.read_bytes()[:keep])
    assert_nothing_came_of(archive, "is no zip or tar archive, or damaged or cut off")


@pytest.mark.parametrize("keep", [512, 700, 1024, 1536, 2048, 3000])
def test_a_plain_tar_is_refused_wherever_it_is_cut(tmp_path, keep):
    archive = tarred(tmp_path / "a.tar", mode="w")
    archive.write_bytes(archive.read_bytes()[:keep])
    assert_nothing_came_of(archive, "is no zip or tar archive, or damaged or cut off")


@pytest.mark.parametrize("make", [zipped, lambda path: tarred(path, mode="w")])
def test_a_flipped_bit_is_found_where_the_format_can_tell(tmp_path, make):
    archive = make(tmp_path / "a")
    raw = bytearray(archive.read_bytes())
    place = raw.index(b"genres/rock") + 20 if make is not zipped else 60
    raw[place] ^= 0xFF
    archive.write_bytes(raw)
    assert_nothing_came_of(archive, "damaged or cut off")


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize("files", [{"a": b"1", "a/b": b"2"}, {"a/b": b"1", "a": b"2"}])
def test_a_file_that_is_also_a_folder_is_refused(tmp_path, make, files):
    assert_nothing_came_of(make(tmp_path / "x", files), "twice, or once as a file and once as a folder")


def test_a_name_that_comes_twice_is_refused(tmp_path):
    archive = tarred(tmp_path / "a.tar", {"genres/a": b"1"}, mode="w")
    entry = tarfile.TarInfo("genres/./a")
    with tarfile.open(archive, "a") as file:
        file.addfile(entry)
    assert_nothing_came_of(archive, "is in the archive twice")


def test_what_is_no_archive_is_told_in_one_line(tmp_path):
    (tmp_path / "a.zip").write_text("<html>please sign in</html>")
    assert_nothing_came_of(tmp_path / "a.zip", r"damaged or cut off \(file could not be opened successfully\)$")


def test_an_archive_of_nothing_is_refused(tmp_path):
    assert_nothing_came_of(zipped(tmp_path / "a.zip", {}), "there is nothing in this archive")
    assert_nothing_came_of(tarred(tmp_path / "a.tar", {"._x": b""}, mode="w"), "there is nothing in this archive")
    (tmp_path / "page.zip").write_bytes(b"<!doctype html><title>404</title>" * 100)
    assert_nothing_came_of(tmp_path / "page.zip", "is no zip or tar archive")


def test_a_disk_without_room_is_an_error_of_the_place(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(OSError, match="bytes or more are to be unpacked and 10 are free"):
        unpack(zipped(tmp_path / "a.zip"), tmp_path, "genres")


def test_an_error_while_writing_leaves_nothing(tmp_path):
    archive = zipped(tmp_path / "a.zip", FILES | {"genres/" + "x" * 300: b"a name too long for the disk"})
    with pytest.raises(OSError, match="too long") as error:
        unpack(archive, tmp_path / "music", "genres")
    assert error.value.filename is not None
    assert list((tmp_path / "music").iterdir()) == []
