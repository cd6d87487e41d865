"""The user's cache of networks, into which one process at a time writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genrelab.files import remove_leftovers
from genrelab.locks import claimed


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Write into a folder of the cache: made if need be, when no other process does, without what a killed one left.

    Parameters
    ----------
    folder
        The folder; it keeps an empty file ``.lock``.

    Raises
    ------
    RunError
        The file system knows no locks.
    """
    with claimed(folder / ".lock", wait=True):
        remove_leftovers(folder)
        yield
