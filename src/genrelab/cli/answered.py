"""What a file of results answers already, so that a batch goes on where it was stopped."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from genrelab.bundles.prediction import Prediction
from genrelab.cli.formats import Format
from genrelab.cli.writers import Lines, csv_header
from genrelab.errors import GenrelabError, RunError, printable
from genrelab.files import atomic_path
from genrelab.locks import claimed

_REPLACED = "\ufffd"  # stands in a path for bytes that are not UTF-8, so that several files may share it


@dataclass(frozen=True)
class Shape:
    """What the rows of one batch have in common.

    Parameters
    ----------
    kind
        JSON lines or CSV.
    genres
        All genres of the bundle, in its order.
    timeline, tags
        Whether rows tell them.
    top
        How many genres a row tells; None for all.
    """

    kind: Format
    genres: Sequence[str]
    timeline: bool
    tags: bool
    top: int | None

    @property
    def told(self) -> int:
        """How many genres a row tells."""
        return len(self.genres) if self.top is None else min(self.top, len(self.genres))


def read_answers(path: Path, shape: Shape) -> dict[str, str]:
    """Return what a file of results holds of each path that it answers, as it stands there.

    Left out are paths that failed, a last row that was cut, and what nobody could tell from another file's.

    Parameters
    ----------
    path
        What ``genrelab classify`` wrote, whole or not; nothing need be there.
    shape
        What its rows must look like.

    Raises
    ------
    GenrelabError
        The file holds something else, or rows of other options.
    """
    if not path.is_file():  # what is there and is none, `growing` refuses
        return {}
    data = path.read_bytes()
    try:
        text = data[: data.rfind(b"\n") + 1].decode("utf-8")
        rows = _json_rows(text, shape) if shape.kind is Format.JSONL else _csv_rows(text, shape)
        return {name: kept for name, kept in rows.items() if kept and _REPLACED not in name}
    except _OtherOptionsError:
        raise GenrelabError(
            f"{printable(path)}: was begun with another --bundle, --vocabulary, --timeline, --tags or --top; "
            "give the same again, or choose another --output"
        ) from None
    except (ValueError, KeyError, TypeError, csv.Error):
        raise GenrelabError(
            f"{printable(path)}: is not what `genrelab classify --format {shape.kind}` writes; choose another --output"
        ) from None


@contextmanager
def growing(path: Path, shape: Shape, answers: dict[str, str]) -> Iterator[TextIO]:
    """Write answers to a file, whole or not at all, and yield it to have further rows appended one by one.

    Raises
    ------
    GenrelabError
        Another process is appending to it.
    """
    head = _as_csv(csv_header(shape.genres, shape.timeline, shape.tags)) if shape.kind is Format.CSV else ""
    with ExitStack() as held:
        if path.is_file() or not path.exists():  # what is there and is none, `atomic_path` refuses
            _hold(path, held)
        with atomic_path(path) as temporary:
            temporary.write_text(head + "".join(answers.values()), encoding="utf-8", newline="")
        _hold(path, held)  # another file than before
        yield held.enter_context(path.open("a", encoding="utf-8", errors="replace", newline=""))


def _hold(path: Path, held: ExitStack) -> None:
    """Lock a file: whoever appends to one that another replaces writes rows that nobody will read."""
    if os.name != "posix":  # Windows lets nobody replace a file that is open
        return
    try:
        mine = held.enter_context(claimed(path))
    except RunError:  # on a disk that knows no locks nobody can tell
        return
    if not mine:
        raise GenrelabError(
            f"{printable(path)}: another `genrelab classify` is writing it; wait for it, or choose another --output"
        )


def unanswered(items: Iterable[str | Prediction], answered: set[str]) -> Iterator[str | Prediction]:
    """Yield what is to be answered yet, each path once; `answered` grows."""
    for item in items:
        name = item.path if isinstance(item, Prediction) else item
        if name is not None and name not in answered:
            answered.add(name)
            yield item


class _OtherOptionsError(Exception):
    """Rows that other options have made."""


def _json_rows(text: str, shape: Shape) -> dict[str, str]:
    keys = [*Prediction(None).as_dict(shape.tags), *(("timeline",) if shape.timeline else ())]
    rows = {}
    for line in text.split("\n")[:-1]:  # splitlines would cut at more than line ends
        values: dict[str, Any] = json.loads(line)
        told = [entry["genre"] for entry in values["genres"]]
        if list(values) != keys or not set(told) <= set(shape.genres) or len(told) not in (0, shape.told):
            raise _OtherOptionsError
        rows[str(values["path"])] = f"{line}\n" if values["error"] is None else ""
    return rows


def _csv_rows(text: str, shape: Shape) -> dict[str, str]:
    header = csv_header(shape.genres, shape.timeline, shape.tags)
    read = list(csv.reader(io.StringIO(text, newline="")))
    if read and read[0] != header:
        raise _OtherOptionsError if read[0][:1] == header[:1] else ValueError
    if read and len(read[-1]) < len(header):  # cut at a line end within a path
        read.pop()
    error, rows = header.index("error"), dict[str, str]()
    for row in read[1:]:
        if len(row) != len(header):
            raise ValueError
        told = sum(map(bool, row[-len(shape.genres) :]))
        if told not in (0, shape.told):
            raise _OtherOptionsError
        span = shape.timeline and row[1] != ""  # which may have an error of its own: the end that nobody can decode
        before = rows.get(row[0], "") if span else ""
        rows[row[0]] = before + _as_csv(row) if span or not row[error] else ""
    if shape.timeline and rows:  # whether all spans of the last file are there, nothing tells
        rows.popitem()
    return rows


def _as_csv(row: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(Lines(stream)).writerow(row)
    return stream.getvalue()
