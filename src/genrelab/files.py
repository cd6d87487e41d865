"""Files that appear whole or not at all: write beside, flush to disk, rename."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from genrelab.errors import GenrelabError, printable

# Read once, at import: it can only be read by setting it, which another thread must not see.
_UMASK = os.umask(0o022)
os.umask(_UMASK)

_TEMPORARY = ".genrelab-"
_OF_SAFETENSORS = ".tmp??????"  # which it writes beside ours, and renames


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on leaving, flush it to disk and rename it to `path`.

    Whatever happens inside, `path` holds either its old content or the whole new one. The temporary file keeps the
    suffix of `path`, since many writers choose their format by it. On an error it is removed. Where `path` is a link,
    it stays one, and what it points to is replaced.

    Parameters
    ----------
    path
        Where the file shall appear. Its folder is made if need be.

    Raises
    ------
    GenrelabError
        There is a folder, a pipe, a device: something that a rename would destroy.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    # A target that is still a link is one of a loop. Of a pipe in /dev/fd only `path` exists, not the target.
    if (path.exists() or target.is_symlink()) and not path.is_file():
        raise GenrelabError(f"{printable(path)}: is there and is no regular file; choose another")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Named before it is there, or a signal between the two would leave it behind.
    temporary = target.parent / f"{_TEMPORARY}{secrets.token_hex(8)}{path.suffix}"
    try:
        _create(temporary, path)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):  # it is not there
            temporary.unlink()
        raise


def _create(temporary: Path, path: Path) -> None:
    """Make an empty file that its owner alone can read."""
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        error.filename = str(path)  # the name that the caller knows
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a killed process left in `folder` or below; no other may be writing there."""
    for pattern in (f"{_TEMPORARY}*", _OF_SAFETENSORS):
        for path in folder.rglob(pattern):
            path.unlink(missing_ok=True)


def require_folder(folder: Path) -> None:
    """Raise where a folder cannot be written, before what shall go there is worked out.

    Parameters
    ----------
    folder
        The folder. It is not made if it is not there.

    Raises
    ------
    GenrelabError
        There is something else.
    OSError
        Nothing can be written there: a full or read-only disk, no permission.
    """
    if folder.exists() and not folder.is_dir():
        raise GenrelabError(f"{printable(folder)}: is there and is no folder; choose another --output")
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    trial = nearest / f"{_TEMPORARY}{secrets.token_hex(8)}"
    try:
        _create(trial, folder)
    finally:
        with suppress(OSError):
            trial.unlink()


def is_unused(folder: Path) -> bool:
    """Return whether nothing is there, or a folder of half-written files at most, perhaps a killed process's."""
    return not folder.exists() or (
        folder.is_dir()
        and all(path.name.startswith(_TEMPORARY) or path.match(_OF_SAFETENSORS) for path in folder.iterdir())
    )


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: str | os.PathLike[str], table: Any) -> None:
    """Write a `pandas.DataFrame` as CSV to `path`, without its index, whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def content_hash(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``$GENRELAB_CACHE``, or ``genrelab`` in the user's cache.

    Raises
    ------
    GenrelabError
        The user has no home folder, as in many a container, and no variable names another.
    """
    if named := os.environ.get("GENRELAB_CACHE"):
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genrelab"
    except RuntimeError as error:
        raise GenrelabError("this user has no home folder for a cache; name one with GENRELAB_CACHE=FOLDER") from error


def _sync_folder(folder: Path) -> None:
    """Flush the rename itself; Windows has no folder handles to flush."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
