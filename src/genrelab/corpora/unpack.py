"""Archives to folders, without trusting them.

An archive from the net may name files outside its folder, hold links that lead there, or a few bytes that unpack to
terabytes. Here every entry is checked before anything of it is written, bytes are counted while they are, and nothing
appears under its own name before all is there.
"""

import errno
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Self, cast

from genrelab.errors import CorpusError, printable

Progress = Callable[[int, int], None]
"""Called with the bytes of the archive that are read and those it has."""

_BLOCK = 1 << 20
_LONG_HEADERS = {
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
}
_LONGEST_HEADER = 1 << 20  # bytes; they hold names, times and comments
_SMALL = 16 << 20  # bytes that any archive may unpack to
# What the readers of archives raise for damage; bz2's decoder a bare OSError, gzip's and zip's EOFError.
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, NotImplementedError)
# How a zip begins: with a file, with its end where it is empty, or as a part of several. A tar begins with any name.
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# macOS puts these beside every file it archives.
_LITTER = ("__MACOSX", ".DS_Store")


@dataclass(frozen=True)
class Limits:
    """What an archive may hold.

    Parameters
    ----------
    entries
        Files and folders.
    total
        Bytes of all files.
    ratio
        Bytes of all files by bytes of the archive. Sound hardly shrinks, tables by ten to twenty.
    """

    entries: int = 250_000
    total: int = 200 << 30
    ratio: float = 200.0


@dataclass(frozen=True)
class _Entry:
    name: str
    size: int
    kind: str  # "file", "folder", or what it is instead, in words
    open: Callable[[], IO[bytes]]


def unpack(
    archive: str | os.PathLike[str],
    into: str | os.PathLike[str],
    name: str,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Path:
    """Unpack a zip or tar archive, whole or not at all.

    It is unpacked under a hidden name beside its place and then renamed; what an earlier, killed call left there is
    removed. Files get the permissions of new files, not those of the archive.

    Parameters
    ----------
    archive
        The file. Its content tells the format: zip, or tar, plain or with gzip, bzip2 or xz.
    into
        The folder in which the new one shall appear. It is made if need be.
    name
        How the new folder is called. Where all of the archive lies in one folder, that one is meant; where not, the new
        one is put around it.
    limits
        What the archive may hold; None: the usual.
    progress
        Told now and then how far it is.

    Returns
    -------
    Path
        The new folder.

    Raises
    ------
    CorpusError
        It is no such archive, is damaged or cut off, holds what must not be or too much; `name` is there already.
    OSError
        The files cannot be written.
    """
    archive, into = Path(archive), Path(into)
    target, workshop = into / name, into / f".genrelab-unpack-{name}"
    if target.exists() or target.is_symlink():
        raise CorpusError(f"{target}: is there already; remove it, or choose another folder")
    size = archive.stat().st_size
    into.mkdir(parents=True, exist_ok=True)
    if size > (free := shutil.disk_usage(into).free):
        raise OSError(errno.ENOSPC, f"{size} bytes or more are to be unpacked and {free} are free", str(into))
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir()
    try:
        _write_all(archive, size, workshop, limits or Limits(), progress or (lambda done, total: None))
        inside = list(workshop.iterdir())
        if not inside:
            raise CorpusError(f"{archive}: there is nothing in this archive")
        (inside[0] if len(inside) == 1 and inside[0].is_dir() else workshop).rename(target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return target


def _write_all(archive: Path, size: int, folder: Path, limits: Limits, progress: Progress) -> None:
    most = min(limits.total, max(_SMALL, int(limits.ratio * size)))
    written = number = 0
    for entry, place in _entries(archive):
        number += 1
        where = f"{archive}: {printable(entry.name)!r}"
        if number > limits.entries:
            raise CorpusError(f"{archive}: holds more than {limits.entries} files and folders")
        path = folder.joinpath(*_safe(entry.name, where))
        if entry.kind not in ("file", "folder"):
            raise CorpusError(f"{where} is {entry.kind}; only files and folders are unpacked")
        if written + entry.size > most:
            raise _too_much(archive, size, most)
        if any(part in _LITTER or part.startswith("._") for part in path.relative_to(folder).parts):
            continue
        try:
            if entry.kind == "folder":
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            target = path.open("xb")
        except (FileExistsError, NotADirectoryError):
            raise CorpusError(f"{where} is in the archive twice, or once as a file and once as a folder") from None
        with target, closing(_opened(archive, entry)) as source:
            for block in _blocks(archive, source):
                written += len(block)
                if written > most:
                    raise _too_much(archive, size, most)
                target.write(block)
        progress(place, size)


def _safe(name: str, where: str) -> tuple[str, ...]:
    """Return the parts of an entry's name, if neither POSIX nor Windows reads it as a place outside the folder."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    outside = posix.is_absolute() or windows.drive or windows.root or ".." in (*posix.parts, *windows.parts)
    if outside or "\0" in name:
        raise CorpusError(f"{where} would lie outside the archive's folder; such an archive is not unpacked")
    return posix.parts


def _too_much(archive: Path, size: int, most: int) -> CorpusError:
    return CorpusError(f"{archive}: its {size} bytes unpack to more than the {most} that it may hold")


def _damaged(archive: Path, error: BaseException) -> CorpusError:
    reason = str(error).partition(":\n")[0] or type(error).__name__  # tarfile goes on with each way that it tried
    return CorpusError(f"{archive}: is no zip or tar archive, or damaged or cut off ({printable(reason)})")


def _opened(archive: Path, entry: _Entry) -> IO[bytes]:
    try:
        return entry.open()
    except (*_DAMAGE, OSError, RuntimeError) as error:
        raise _damaged(archive, error) from None


def _blocks(archive: Path, source: IO[bytes]) -> Iterator[bytes]:
    while True:
        try:
            block = source.read(_BLOCK)
        except (*_DAMAGE, OSError) as error:
            raise _damaged(archive, error) from None
        if not block:
            return
        yield block


def _entries(archive: Path) -> Iterator[tuple[_Entry, int]]:
    """Yield each entry, and how many bytes of the archive are behind it (about)."""
    with archive.open("rb") as file:
        is_zip = file.read(4) in _ZIP_MARKS
    yield from _zip_entries(archive) if is_zip else _tar_entries(archive)


def _zip_entries(archive: Path) -> Iterator[tuple[_Entry, int]]:
    try:
        file = zipfile.ZipFile(archive)
    except (*_DAMAGE, OSError) as error:
        raise _damaged(archive, error) from None
    with file:
        behind = 0
        for info in file.infolist():
            behind += info.compress_size
            # The name as it stands there: `filename` ends at a NUL.
            yield _Entry(info.orig_filename, info.file_size, _zip_kind(info), partial(file.open, info)), behind


def _zip_kind(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archiver did not know of Unix
    if info.flag_bits & 1:
        return "encrypted"
    if kind in (0, stat.S_IFREG, stat.S_IFDIR):
        return "folder" if info.is_dir() else "file"
    return "a link" if kind == stat.S_IFLNK else "a device or pipe"


class _Header(tarfile.TarInfo):
    """Refuse what tarfile would read into memory whole before it tells of an entry: a bomb could lie there."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _LONG_HEADERS and header.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        if header.type == tarfile.GNUTYPE_SPARSE:  # the map of its holes has any length
            raise tarfile.ReadError("a file with holes")
        return header


def _tar_entries(archive: Path) -> Iterator[tuple[_Entry, int]]:
    with archive.open("rb") as raw:
        try:
            with tarfile.open(fileobj=raw, tarinfo=_Header) as file:
                for info in file:
                    yield _Entry(info.name, info.size, _tar_kind(info), partial(_of_tar, file, info)), raw.tell()
                # To tarfile a header that it cannot read is the end as well, and so is a file cut between two headers.
                rest = cast(IO[bytes], file.fileobj)
                rest.seek(file.offset)
                if rest.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                    raise tarfile.ReadError("the mark of its end is missing")
                rest.read(_SMALL)  # padding; behind it the compressor's checksum, which is thereby compared
        except (*_DAMAGE, OSError) as error:
            raise _damaged(archive, error) from None


def _of_tar(file: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    return cast(IO[bytes], file.extractfile(info))  # None only for what is no file


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.isdir():
        return "folder"
    if info.isfile() and not info.issparse():
        return "file"
    return "a link" if info.issym() or info.islnk() else "a device, a pipe or a file with holes"
