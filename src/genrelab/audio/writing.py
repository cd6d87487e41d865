"""The writing side of a sample store: one process at a time, samples before their index, full disks reported."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from genrelab.audio.index import BUILDING, Index, Record, lines
from genrelab.errors import CorpusError
from genrelab.locks import claimed


class Writer:
    """Appends clips to a samples file and to `building.jsonl`.

    Flushing to the disk takes as long as decoding a few clips, so a second thread does it all the while, each
    time for what has come since the last time. Only then are the lines of the index written.

    Parameters
    ----------
    folder
        The store.
    index
        What both files hold already.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._samples = (folder / index.samples_file).open("ab", buffering=0)
        self._index = (folder / BUILDING).open("ab", buffering=0)
        self._pending: list[Record] = []
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="flush")
        self._flushing: Future[None] | None = None

    def add(self, record: Record, samples: NDArray[np.int16]) -> None:
        """Append a clip."""
        if len(samples):
            _write(self._samples, samples.data.cast("B"))
        self._pending.append(record)
        if self._flushing is None or self._flushing.done():
            self._wait()
            self._flushing = self._flusher.submit(self._commit, self._pending)
            self._pending = []

    def _wait(self) -> None:
        if self._flushing is not None:
            self._flushing.result()  # raises what went wrong in the other thread

    def _commit(self, records: list[Record]) -> None:
        os.fsync(self._samples.fileno())
        _write(self._index, memoryview(lines(records).encode()))
        os.fsync(self._index.fileno())

    def _finish(self) -> None:
        self._wait()
        self._commit(self._pending)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Flush what is whole, after an error as well: it need not be decoded again."""
        try:
            if kind is None:
                self._finish()
            else:
                with suppress(OSError):
                    self._finish()
        finally:
            self._flusher.shutdown()
            self._samples.close()
            self._index.close()


@contextmanager
def lock(folder: Path, wait: bool) -> Iterator[None]:
    """Hold the folder for one building process.

    Raises
    ------
    CorpusError
        If another process holds it, and this one shall not wait until it has built.
    """
    with claimed(folder / ".lock", wait) as mine:
        if not mine:
            raise CorpusError(
                f"{folder}: another process is building this sample store; wait for it or take another folder"
            )
        yield


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the system says of a full, lost or forbidden disk into a `CorpusError` that says what to do."""
    try:
        yield
    except OSError as error:
        raise CorpusError(
            f"{folder}: the sample store cannot be written ({error.strerror or error}); "
            "mend that (make room?) and build again: what is written is kept"
        ) from error


def _write(file: FileIO, data: memoryview) -> None:
    while data:  # a full disk first takes a part, and only then says no
        data = data[file.write(data) :]
