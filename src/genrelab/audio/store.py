"""A corpus decoded once: int16 samples in one memory-mapped file, any excerpt at hand without reading the rest.

A store is a folder: `clips.jsonl` (see `index.py`), `samples-<n>.i16`, and `quarantine.csv`, the files that could not
be used and why. `building.py` makes it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genrelab.audio.building import build
from genrelab.audio.index import BUILDING, FINISHED, ClipSource, Record, load
from genrelab.errors import CorpusError, printable

if TYPE_CHECKING:
    import os

    from rich.progress import Progress

__all__ = ["ClipSource", "SampleStore"]


class SampleStore:
    """The decoded clips of a corpus, opened for reading.

    Parameters
    ----------
    folder
        A folder that `SampleStore.build` has finished.

    Attributes
    ----------
    folder
        Where it lies.
    sample_rate
        In Hz, of all clips.
    clips
        Names of the clips that have samples, in the order of the build.
    quarantine
        The other clips, each with its reason.

    Raises
    ------
    CorpusError
        If there is no finished store or it is damaged.
    """

    def __init__(self, folder: "str | os.PathLike[str]") -> None:
        self.folder = Path(folder)
        index = load(self.folder / FINISHED)
        if index is None:
            begun = (self.folder / BUILDING).exists()
            state = "its build was interrupted; build again, it goes on from there" if begun else "build it first"
            raise CorpusError(f"{self.folder}: no sample store here: {state}")
        self.sample_rate = index.sample_rate
        self._records: dict[str, Record] = {record.clip: record for record in index.records if not record.reason}
        self.clips = list(self._records)
        self.quarantine = {record.clip: record.reason for record in index.records if record.reason}
        # A plain array over the map: slices of np.memmap cost ten times as much. Nothing at all cannot be mapped.
        path = self.folder / index.samples_file
        mapped = np.memmap(path, "<i2", "r", shape=(index.samples,)) if index.samples else np.zeros(0, "<i2")
        self._samples: NDArray[np.int16] = np.asarray(mapped)

    @classmethod
    def build(
        cls,
        folder: "str | os.PathLike[str]",
        clips: Iterable[ClipSource],
        sample_rate: int,
        *,
        jobs: int | None = None,
        progress: "bool | Progress | None" = True,
        max_seconds: float = 600.0,
        wait: bool = False,
    ) -> "SampleStore":
        """Decode clips into a store, or bring a store up to date, and open it.

        Killed at any moment, the next call goes on where it stopped, and the result is the same byte for byte. What is
        there already is kept: only clips whose file content, excerpt or settings changed are decoded. Files that
        cannot be decoded, are silent or shorter than 0.1 s go to the quarantine with their reason.

        Parameters
        ----------
        folder
            Where the store shall lie.
        clips
            What to decode, in the order in which the store shall hold it.
        sample_rate
            In Hz, for all clips.
        jobs
            Decoding threads; None takes one for each core this process may use.
        progress
            True shows a bar on stderr; a `rich.progress.Progress` gets a task more; False or None shows nothing.
        max_seconds
            Longer clips are quarantined.
        wait
            Where another process builds this store, wait for it and open what it has built.

        Raises
        ------
        CorpusError
            If two clips share a name, another process builds this store and none shall be waited for, or it cannot
            be written (a full disk); what is written by then is kept.
        """
        build(Path(folder), list(clips), sample_rate, max_seconds, jobs=jobs, progress=progress, wait=wait)
        return cls(folder)

    def __reduce__(self) -> tuple[type["SampleStore"], tuple[Path]]:
        """Open the folder anew in a worker process instead of sending it the samples."""
        return SampleStore, (self.folder,)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, clip: object) -> bool:
        return clip in self._records

    def samples(self, clip: str) -> int:
        """Return a clip's length in samples."""
        return self._record(clip).samples

    def seconds(self, clip: str) -> float:
        """Return a clip's length in seconds."""
        return self._record(clip).samples / self.sample_rate

    def read(
        self, clip: str, start: int = 0, count: int | None = None, *, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return a part of a clip; only its pages are read from disk.

        Parameters
        ----------
        clip
            The clip's name.
        start
            First sample.
        count
            How many samples; None: as many as `out` holds, or without it to the end. Where the clip ends before, zeros
            follow.
        out
            Where to write them, shape (count,); None: a new array.

        Returns
        -------
        samples
            Shape (count,), float32 in [-1, 1): `out`, or a copy.

        Raises
        ------
        CorpusError
            If the store has no such clip.
        IndexError
            If `start` lies outside the clip or `count` is negative.
        """
        record = self._record(clip)
        if not 0 <= start <= record.samples or (count is not None and count < 0):
            raise IndexError(f"clip {clip!r} has {record.samples} samples; asked for {count} from {start}")
        there = record.samples - start
        if count is None:
            count = there if out is None else len(out)
        first = record.offset + start
        part = self._samples[first : first + min(count, there)]
        samples = np.empty(count, np.float32) if out is None else out
        np.multiply(part, np.float32(1 / 32768), out=samples[: len(part)])
        samples[len(part) :] = 0.0
        return samples

    def key(self, clip: str) -> str:
        """Return what a clip's samples depend on: its file's content, the excerpt, the settings of the store."""
        record = self._record(clip)
        return f"{record.sha256} {record.start} {record.duration} {self.sample_rate}"

    def _record(self, clip: str) -> Record:
        try:
            return self._records[clip]
        except KeyError:
            reason = self.quarantine.get(clip)
            why = (
                f"it is quarantined: {reason}"
                if reason
                else f"it has {len(self)} others; build it again with this clip"
            )
            raise CorpusError(f"{self.folder}: no clip {printable(clip)!r} in this store; {why}") from None
