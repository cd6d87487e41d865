"""Building a sample store: parallel, resumable, the same bytes however often it was interrupted.

Clips are decoded by threads (libsndfile, soxr and SHA-256 let go of Python's lock) and written by one, in the order
given. The samples of a clip are on the disk before its line in the index is, so the index never promises what is not
there, and whatever follows the last whole line is cut off on resuming. A store that readers may have open is never
changed below its end: where clips changed, a new samples file grows beside it, filled from the old one as far as
possible, and replacing the index switches over.
"""

import csv
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genrelab.audio import media
from genrelab.audio.index import BUILDING, BYTES, FINISHED, PREVIOUS, ClipSource, Index, Record, load
from genrelab.audio.processors import processors
from genrelab.audio.read import read, require_sound
from genrelab.audio.writing import Writer, disk_errors, lock
from genrelab.errors import AudioError, CorpusError, printable
from genrelab.files import atomic_path, content_hash, remove_leftovers, write_text

if TYPE_CHECKING:
    from rich.progress import Progress

_QUARANTINE = "quarantine.csv"
# Numbers of samples files: what else lies in the folder is not ours to delete.
_SAMPLES = re.compile(r"samples-(\d+)\.i16")
# Decoded clips that may wait for a slow one before them, per thread: bounds memory, keeps the threads busy.
_AHEAD = 4

Decoded = tuple[Record, NDArray[np.int16]]
Older = tuple[Record, NDArray[np.int16] | None]  # a clip's record in an older index, and the samples file, mapped


def build(
    folder: Path,
    sources: Sequence[ClipSource],
    sample_rate: int,
    max_seconds: float,
    *,
    jobs: int | None = None,
    progress: "bool | Progress | None" = True,
    wait: bool = False,
) -> None:
    """Build the store in `folder` or bring it up to date; see `SampleStore.build`."""
    if sample_rate < 1 or not max_seconds > 0:
        raise CorpusError(
            f"{folder}: cannot decode to {sample_rate} Hz, at most {max_seconds} s a clip; both must be > 0"
        )
    _require_distinct(folder, sources)
    settings = Index(sample_rate, float(max_seconds), "")
    with disk_errors(folder):
        if _is_usable(folder, _load_finished(folder, settings), sources):
            return
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder, wait):
            remove_leftovers(folder)
            finished = _load_finished(folder, settings)
            if finished and _is_up_to_date(finished, sources):
                if not (folder / _QUARANTINE).exists():
                    _write_quarantine(folder, finished)
                _clean(folder, finished)
                return
            begun = _begin(folder, settings, finished, sources)
            done = _fill(folder, begun, finished, sources, jobs or processors(), progress)
            _write_quarantine(folder, done)
            write_text(folder / FINISHED, done.text())
            _clean(folder, done)


def _begin(folder: Path, settings: Index, finished: Index | None, sources: Sequence[ClipSource]) -> Index:
    """Return the index to go on with; `_put` then brings `building.jsonl` and its samples file into that state."""
    begun = load(folder / BUILDING, torn=True)
    if begun is not None and begun.same_settings(settings):
        if _agreeing(begun, sources) == len(begun.records):
            return begun
        (folder / BUILDING).replace(folder / PREVIOUS)  # clips changed meanwhile: what is decoded will be copied
    previous = load(folder / PREVIOUS, torn=True)
    if finished and previous is None and _agreeing(finished, sources) == len(finished.records):
        return finished  # only new clips at the end: they can follow in the same file
    names = [_SAMPLES.fullmatch(path.name) for path in folder.iterdir()]
    newest = max((int(name[1]) for name in names if name), default=0)
    return replace(settings, samples_file=f"samples-{newest + 1}.i16")


def _put(folder: Path, index: Index) -> None:
    write_text(folder / BUILDING, index.text())
    with (folder / index.samples_file).open("ab") as file:
        file.truncate(index.samples * BYTES)


def _fill(
    folder: Path,
    index: Index,
    finished: Index | None,
    sources: Sequence[ClipSource],
    jobs: int,
    progress: "bool | Progress | None",
) -> Index:
    """Decode or copy the clips that `index` has not yet, append them, and return the whole index."""
    older = _older(folder, finished, index)
    left = iter(sources[len(index.records) :])
    records = list(index.records)
    offset = index.samples
    waiting: deque[Future[Decoded]] = deque()
    with ExitStack() as stack:
        advance = stack.enter_context(_bar(progress, len(sources), len(records)))
        pool = ThreadPoolExecutor(jobs, thread_name_prefix="decode")
        # After an error, nothing more is begun.
        stack.callback(pool.shutdown, cancel_futures=True)

        def decode_ahead() -> None:
            while len(waiting) < _AHEAD * jobs and (source := next(left, None)) is not None:
                waiting.append(pool.submit(_take, source, index, older.get(source.clip)))

        decode_ahead()
        _put(folder, index)  # only now: it waits for the disk, and the first clips are decoded meanwhile
        writer = stack.enter_context(Writer(folder, index))
        stack.callback(pool.shutdown, cancel_futures=True)  # before the writer's last flush, too
        while waiting:
            record, samples = waiting.popleft().result()
            record = record.at(offset)
            writer.add(record, samples)
            records.append(record)
            offset += record.samples
            advance()
            decode_ahead()
    return replace(index, records=tuple(records))


def _take(source: ClipSource, settings: Index, old: Older | None) -> Decoded:
    """Return a clip's record and samples: from an older store where nothing changed, else decoded."""
    size, mtime_ns = _stamp(source.path)
    sha256 = ""
    if old and _agrees(old[0], source, (size, mtime_ns)):
        return _copy(old[0], old[1])
    if size >= 0:
        with suppress(OSError):  # reading it will say what is wrong
            sha256 = content_hash(source.path)
    start, duration = float(source.start), None if source.duration is None else float(source.duration)  # no np.float32
    record = Record(source.clip, str(source.path), start, duration, size, mtime_ns, sha256, offset=0, samples=0)
    if old and sha256 and old[0].sha256 == sha256 and not old[0].reason and _same_excerpt(old[0], source):
        return _copy(replace(record, samples=old[0].samples, offset=old[0].offset), old[1])
    try:
        samples = read(source.path, settings.sample_rate, source.start, source.duration, settings.max_seconds)
        require_sound(samples, settings.sample_rate, source.path)
    except AudioError as error:
        return replace(record, reason=error.reason), np.zeros(0, np.int16)
    return replace(record, samples=len(samples)), _to_int16(samples)


def _copy(record: Record, older: NDArray[np.int16] | None) -> Decoded:
    if older is None or not record.samples:
        return record, np.zeros(0, np.int16)
    return record, older[record.offset : record.offset + record.samples]


def _to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return 16-bit samples; `samples` is used up. Sixteen-bit files that are not resampled come through unchanged."""
    samples *= 32768
    np.rint(samples, out=samples)
    np.clip(samples, -32768, 32767, out=samples)  # three times as fast as np.minimum
    return samples.astype("<i2")


def _older(folder: Path, finished: Index | None, index: Index) -> dict[str, Older]:
    """Return, by clip, what may be copied instead of decoded."""
    found: dict[str, Older] = {}
    for old in (load(folder / PREVIOUS, torn=True), finished):
        if old is not None and old.same_settings(index):
            path = folder / old.samples_file
            samples = np.asarray(np.memmap(path, "<i2", "r", shape=(old.samples,))) if old.samples else None
            found.update((record.clip, (record, samples)) for record in old.records)
    return found


def _load_finished(folder: Path, settings: Index) -> Index | None:
    """Return the finished store if its samples are of use; one that is damaged is rebuilt like one that is missing."""
    try:
        finished = load(folder / FINISHED)
    except CorpusError:
        return None
    return finished if finished and finished.same_settings(settings) else None


def _is_usable(folder: Path, finished: Index | None, sources: Sequence[ClipSource]) -> bool:
    """Return whether the store is what was asked for, with nothing left to tidy up or no right to do so.

    Who finds it so needs no lock: a store on a read-only disk, or another user's, can be used as it is.
    """
    if finished is None or not _is_up_to_date(finished, sources):
        return False
    names = {path.name for path in folder.iterdir()}
    tidy = _QUARANTINE in names and names <= {FINISHED, _QUARANTINE, finished.samples_file, ".lock"}
    return tidy or not os.access(folder, os.W_OK)


def _is_up_to_date(finished: Index, sources: Sequence[ClipSource]) -> bool:
    return _agreeing(finished, sources) == len(sources) == len(finished.records)


def _agreeing(index: Index, sources: Sequence[ClipSource]) -> int:
    """Return how many of the first clips are the same in both, going by the files' sizes and times alone."""
    pairs = zip(index.records, sources, strict=False)
    for number, (record, source) in enumerate(pairs):
        if record.clip != source.clip or not _agrees(record, source, _stamp(source.path)):
            return number
    return min(len(index.records), len(sources))


def _agrees(record: Record, source: ClipSource, stamp: tuple[int, int]) -> bool:
    if record.reason == media.NEEDS_PYAV and media.available():
        return False
    same_file = record.path == str(source.path) and (record.size, record.mtime_ns) == stamp
    return same_file and _same_excerpt(record, source)


def _same_excerpt(record: Record, source: ClipSource) -> bool:
    return (record.start, record.duration) == (source.start, source.duration)


def _stamp(path: Path) -> tuple[int, int]:
    """Return size and time of a regular file that can be read, else (-1, 0), so that mending it is a change."""
    try:
        if path.is_file() and os.access(path, os.R_OK):
            status = path.stat()
            return status.st_size, status.st_mtime_ns
    except (OSError, ValueError):
        pass
    return -1, 0


@contextmanager
def _bar(progress: "bool | Progress | None", total: int, done: int) -> Iterator[Callable[[], None]]:
    """Yield what to call after each clip."""
    if progress is None or progress is False:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with ExitStack() as stack:
        if progress is True:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            progress = stack.enter_context(Progress(*columns, console=Console(stderr=True)))
        bar = progress
        task = bar.add_task("Decoding", total=total, completed=done)
        yield lambda: bar.advance(task)


def _write_quarantine(folder: Path, index: Index) -> None:
    """Write the clips without samples, in names that every CSV reader can decode."""
    with atomic_path(folder / _QUARANTINE) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["clip", "path", "reason"])
        for record in index.records:
            if record.reason:
                table.writerow([printable(record.clip), printable(record.path), printable(record.reason)])


def _clean(folder: Path, index: Index) -> None:
    """Remove what the finished store does not need; who has the old samples open keeps them until closing."""
    for name in (BUILDING, PREVIOUS):
        (folder / name).unlink(missing_ok=True)
    for path in list(folder.iterdir()):
        if _SAMPLES.fullmatch(path.name) and path.name != index.samples_file:
            path.unlink()


def _require_distinct(folder: Path, sources: Sequence[ClipSource]) -> None:
    seen: set[str] = set()
    for source in sources:
        if source.clip in seen:
            raise CorpusError(f"{folder}: two clips are called {printable(source.clip)!r}; names must be unique")
        seen.add(source.clip)
