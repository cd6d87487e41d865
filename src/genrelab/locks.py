"""One process at a time: locks that the system lets go of when their process dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genrelab.errors import RunError


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
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _lock(handle, path, wait)
    finally:
        os.close(handle)  # which lets go of the lock


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
