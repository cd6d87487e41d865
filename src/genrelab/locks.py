"""One process at a time: locks that the system lets go of when their process dies."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from genrelab.errors import GenrelabError, RunError
from genrelab.files import cache_folder


@contextmanager
def claimed(path: Path, wait: bool = False) -> Iterator[bool]:
    """Hold a lock while inside; tell whether it was got.

    The lock hangs on the open file, not on the file's being there: a killed process leaves no lock behind.

    Parameters
    ----------
    path
        The lock's file. It is made if need be, with its folders, and stays.
    wait
        Wait until whoever holds it lets go, instead of yielding False.

    Raises
    ------
    RunError
        The file system knows no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            mine = _lock(handle, path, wait)
            if mine and not _is_at(handle, path):
                continue  # who held it before has removed it, and others would lock a new one
            yield mine
            return
        finally:
            os.close(handle)  # which lets go of the lock


def _is_at(handle: int, path: Path) -> bool:
    """Return whether an open file is the one that lies at `path`."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def reserved(place: Path, wait: bool = False) -> Iterator[bool]:
    """Hold a place in which no lock's file shall stay, by a lock in the user's cache; tell whether it was got.

    Without a cache that can be written to, or that knows locks, everyone is told that it was: what they do is better
    done unguarded than not at all.

    Parameters
    ----------
    place
        A file or folder, there or not.
    wait
        Wait until whoever holds it lets go, instead of yielding False.
    """
    with ExitStack() as held:
        mine = True
        with suppress(OSError, GenrelabError):
            lock = cache_folder() / "locks" / hashlib.sha256(os.fsencode(place.resolve())).hexdigest()
            mine = held.enter_context(claimed(lock, wait))
            if mine:
                held.callback(_remove, lock)  # before it is let go of
        yield mine


def _remove(path: Path) -> None:
    with suppress(OSError):  # Windows removes no open file: it stays, and is no harm
        path.unlink()


if sys.platform == "win32":
    import msvcrt
    import time

    def _lock(handle: int, path: Path, wait: bool) -> bool:
        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
                time.sleep(1.0)
            else:
                return True

else:
    import fcntl

    def _lock(handle: int, path: Path, wait: bool) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            reason = error.strerror or error
            raise RunError(f"{path}: cannot be locked ({reason}); choose a place on another disk") from None
        return True
