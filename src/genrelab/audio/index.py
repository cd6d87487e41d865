"""The index of a sample store: a JSON line of settings, then one JSON line a clip, in the order of the samples."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genrelab.errors import CorpusError

FORMAT = 1
FINISHED = "clips.jsonl"  # the store that readers see
BUILDING = "building.jsonl"  # the one being built; becomes FINISHED
PREVIOUS = "previous.jsonl"  # an interrupted build whose plan has changed since: still good to copy from
BYTES = 2  # a sample is a little-endian int16


@dataclass(frozen=True, slots=True)
class ClipSource:
    """Where a clip's sound lies.

    Attributes
    ----------
    clip
        Its name, unique in the corpus.
    path
        The sound file.
    start
        Seconds into the file.
    duration
        Seconds; None to the end of the file.
    """

    clip: str
    path: Path
    start: float = 0.0
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A clip in a store: the excerpt, the file it came from (as it was then) and its samples, or why there are none.

    `size` is -1 where there was no readable file. `offset` and `samples` count samples, not bytes.
    """

    clip: str
    path: str
    start: float
    duration: float | None
    size: int
    mtime_ns: int
    sha256: str
    offset: int
    samples: int
    reason: str = ""

    def at(self, offset: int) -> "Record":
        """Return the same clip with its samples elsewhere."""
        return replace(self, offset=offset)


@dataclass(frozen=True, slots=True)
class Index:
    """What a store holds.

    Attributes
    ----------
    sample_rate, max_seconds
        The settings all clips were decoded with.
    samples_file
        The name of the file beside the index that holds the samples.
    records
        The clips, quarantined ones too, in order; their samples lie side by side from offset 0.
    """

    sample_rate: int
    max_seconds: float
    samples_file: str
    records: tuple[Record, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples the clips have together."""
        return self.records[-1].offset + self.records[-1].samples if self.records else 0

    def same_settings(self, other: "Index") -> bool:
        """Return whether the samples of both were decoded alike."""
        return (self.sample_rate, self.max_seconds) == (other.sample_rate, other.max_seconds)

    def text(self) -> str:
        """Return the index as it stands in its file."""
        head = {
            "genrelab_store": FORMAT,
            "sample_rate": self.sample_rate,
            "max_seconds": self.max_seconds,
            "samples_file": self.samples_file,
        }
        return json.dumps(head) + "\n" + lines(self.records)


def lines(records: Iterable[Record]) -> str:
    """Return records as JSON lines, pure ASCII, so that a name that is not UTF-8 can be told too."""
    return "".join(json.dumps(asdict(record)) + "\n" for record in records)


def load(path: Path, torn: bool = False) -> Index | None:
    """Read an index; None where there is no such file.

    Parameters
    ----------
    path
        The index file; the samples lie beside it.
    torn
        Whether its end may be missing, as after a kill: then the clips that are whole, samples and all, are returned,
        and None where not even the settings can be read.

    Raises
    ------
    CorpusError
        If the index is damaged, of another version, or its samples are missing (only if not `torn`).
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    whole, _, tail = text.rpartition(b"\n")
    try:
        head, *rest = [json.loads(line) for line in whole.split(b"\n")]
        index = _parse(head, rest)
    except (ValueError, TypeError, KeyError) as error:
        if torn:
            return None
        raise CorpusError(f"{path}: not the index of a sample store, or damaged; delete {path.parent}") from error
    try:
        there = (path.parent / index.samples_file).stat().st_size // BYTES
    except FileNotFoundError:
        there = 0
    if torn:
        kept = [record for record in index.records if record.offset + record.samples <= there]
        return replace(index, records=tuple(kept))
    if tail or there < index.samples:
        raise CorpusError(
            f"{path.parent}: {index.samples_file} holds {there} samples, the index tells of {index.samples}; "
            "delete the store and build it again"
        )
    return index


def _parse(head: dict[str, Any], rest: list[dict[str, Any]]) -> Index:
    if head["genrelab_store"] != FORMAT:
        raise ValueError(f"version {head['genrelab_store']}")
    name = str(head["samples_file"])
    if Path(name).name != name:
        raise ValueError(f"samples outside the store: {name}")
    index = Index(int(head["sample_rate"]), float(head["max_seconds"]), name, tuple(Record(**line) for line in rest))
    offset = 0
    for record in index.records:
        if record.offset != offset or record.samples < 0:
            raise ValueError(f"clip {record.clip} is out of place")
        offset += record.samples
    return index
