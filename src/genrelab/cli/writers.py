"""Predictions as a table for people, or as JSON, JSON lines or CSV for programs."""

import csv
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from genrelab.bundles.prediction import Prediction, as_utf8
from genrelab.cli.formats import Format
from genrelab.errors import printable

if TYPE_CHECKING:
    from genrelab.cli.table import Cell

Timeline = Sequence[tuple[float, float, Prediction]]

BAR = 10  # characters
RUNNERS_UP = 2  # so many genres in the table beside the first
TAGS = 5  # so many tags in the table, at most
LIKELY_TAG = 0.2  # what is less probable the table leaves out
WIDE = 160  # columns of a table that goes to a file, where there is no terminal to ask


class Writer(Protocol):
    """Takes predictions one by one."""

    def add(self, prediction: Prediction, timeline: Timeline | None) -> None:
        """Write one file's prediction; `timeline` is None where none was asked for."""
        ...

    def close(self) -> None:
        """Write what comes after the last; also when it came early, so that what is written is whole."""
        ...


def writer(
    kind: Format,
    stream: TextIO,
    genres: Sequence[str],
    timeline: bool,
    top: int | None,
    tags: bool = False,
    begun: bool = False,
) -> Writer:
    """Return what writes predictions to a stream.

    Parameters
    ----------
    kind
        The format.
    stream
        Where to.
    genres
        All genres of the bundle, a column each in CSV.
    timeline
        Whether timelines will come.
    top
        How many genres a prediction holds; None for all.
    tags
        Whether to write the tags: all of them, but in a table the likeliest.
    begun
        Whether the stream holds CSV's first row already.
    """
    if kind is Format.TABLE:
        return TableWriter(stream, RUNNERS_UP if top is None else top - 1, tags)
    if kind is Format.CSV:
        return CsvWriter(stream, genres, timeline, tags, begun)
    return JsonWriter(stream, kind is Format.JSONL, tags)


class JsonWriter:
    """One JSON object a file: each in a line of its own at once, or all in one array."""

    def __init__(self, stream: TextIO, lines: bool, tags: bool = False) -> None:
        self._stream, self._lines, self._tags = stream, lines, tags
        self._separator = "" if lines else "[\n"

    def add(self, prediction: Prediction, timeline: Timeline | None) -> None:
        """Write one object; with a timeline, it has a further key, a list of spans."""
        values = prediction.as_dict(self._tags)
        if timeline is not None:
            values["timeline"] = [self._span(*span) for span in timeline]
        self._stream.write(self._separator + json.dumps(values, ensure_ascii=False))
        self._separator = "" if self._lines else ",\n"
        if self._lines:
            self._stream.write("\n")
            self._stream.flush()  # whoever reads lines wants each when it is there

    def close(self) -> None:
        """End the array."""
        if not self._lines:
            self._stream.write("[]\n" if self._separator == "[\n" else "\n]\n")

    def _span(self, start: float, end: float, prediction: Prediction) -> dict[str, Any]:
        values = prediction.as_dict(self._tags)
        del values["path"], values["seconds"]
        return {"start": round(start, 3), "end": round(end, 3), **values}


def csv_header(genres: Sequence[str], timeline: bool, tags: bool) -> list[str]:
    """Return the names of CSV's columns."""
    # Those who read this file take all that follows the error for genres.
    return ["path", *(("start", "end") if timeline else ()), *_csv_keys(tags), *genres]


def _csv_keys(tags: bool) -> tuple[str, ...]:
    return ("genre", "probability", "unknown", *(("tags",) if tags else ()), "seconds", "error")


class CsvWriter:
    """One row a file and one column a genre; with timelines, one row a span."""

    def __init__(
        self, stream: TextIO, genres: Sequence[str], timeline: bool, tags: bool = False, begun: bool = False
    ) -> None:
        self._stream, self._genres, self._timeline = stream, genres, timeline
        self._csv = csv.writer(Lines(stream))
        self._keys = _csv_keys(tags)
        if not begun:
            self._csv.writerow(csv_header(genres, timeline, tags))

    def add(self, prediction: Prediction, timeline: Timeline | None) -> None:
        """Write a file's row or rows; a genre beyond the top ones asked for is left empty."""
        if not self._timeline:
            self._row(prediction, ())
        elif not timeline:
            self._row(prediction, ("", ""))
        else:
            for start, end, span in timeline:
                self._row(span, (f"{start:.3f}", f"{end:.3f}"))
        self._stream.flush()

    def close(self) -> None:
        """Nothing comes after the last row."""

    def _row(self, prediction: Prediction, span: tuple[str, ...]) -> None:
        values = prediction.as_dict(tags=True)
        values["tags"] = "; ".join(f"{entry['tag']} {entry['probability']}" for entry in values["tags"])
        probabilities = {entry["genre"]: entry["probability"] for entry in values["genres"]}
        own = (values[key] for key in self._keys)
        cells = [values["path"], *span, *own, *(probabilities.get(genre) for genre in self._genres)]
        self._csv.writerow([str(cell).lower() if isinstance(cell, bool) else cell for cell in cells])


class Lines:
    r"""Ends the rows of a `csv.writer` with \n; told to do so itself, it would not quote the \r in a file's name."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> None:
        """Write a row."""
        self._stream.write(row.removesuffix("\r\n") + "\n")


class TableWriter:
    """A table for people, printed when all rows are there (also after Ctrl-C)."""

    def __init__(self, stream: TextIO, runners_up: int, tags: bool = False) -> None:
        from genrelab.cli.table import Column, Table

        self._stream, self._runners_up, self._tags = stream, runners_up, tags
        self._table = Table(
            Column("file", folds=True),
            Column("genre"),
            Column("probability"),
            Column("then" if runners_up else "", folds=True),
            *([Column("tags", folds=True)] if tags else []),
            Column("length", right=True),
        )

    def add(self, prediction: Prediction, timeline: Timeline | None) -> None:
        """Add a file's row, and one for each stretch of its timeline with the same genre."""
        self._row(_shown(prediction.path), "", prediction, clock(prediction.seconds))
        for start, end, span in merged(timeline or ()):
            self._row(f"  {clock(start)}–{clock(end)}", "dim", span, "")  # noqa: RUF001

    def close(self) -> None:
        """Print the table."""
        from rich.console import Console

        console = Console(file=self._stream, highlight=False)
        if not console.is_terminal:
            console.width = WIDE
        if self._table.rows:
            self._table.print(console)

    def _row(self, name: str, style: str, prediction: Prediction, length: str) -> None:
        genre, probability, then = _called(prediction), "", "silent"
        if prediction.error is not None:
            style = "red"
            then = _shown(prediction.error)
        elif prediction.probability is not None:
            probability = bar(prediction.probability)
            then = _shares(prediction.genres[1 : 1 + self._runners_up])
        likely = [(tag, share) for tag, share in prediction.tags if share >= LIKELY_TAG]
        tags: list[Cell] = [((_shares(likely[:TAGS]), "dim"),)] if self._tags else []
        last = (then, "red" if prediction.error is not None else "dim")
        self._table.rows.append((((name, style),), genre, ((probability, ""),), (last,), *tags, ((length, ""),)))


def _called(prediction: Prediction) -> "Cell":
    """Return a genre, a blend or "unknown" with the best guess, in its colours."""
    if prediction.error is not None:
        return (("–", ""),)  # noqa: RUF001
    if prediction.genre is None:
        return (("unknown", "yellow"),)
    if prediction.unknown:
        return ("unknown", "yellow"), (f" ({_shown(prediction.genre)}?)", "dim")
    return ((_shown(" + ".join(prediction.blend) or prediction.genre), "bold"),)


def _shown(text: str | None) -> str:
    """Return what a name or a reason looks like in a table: on one line, and no orders to the terminal."""
    return printable(as_utf8(text or ""))


def _shares(pairs: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{_shown(name)} {probability:.0%}" for name, probability in pairs)


def merged(timeline: Timeline) -> list[tuple[float, float, Prediction]]:
    """Join neighbouring spans of the same first genre; a stretch is represented by its most probable span.

    It is thus a blend only where none of its spans is surely of one genre.
    """
    stretches: list[tuple[float, float, Prediction]] = []
    for start, end, prediction in timeline:
        if stretches and _heard_as(stretches[-1][2]) == _heard_as(prediction):
            first, _, best = stretches[-1]
            surer = (prediction.probability or 0) > (best.probability or 0)
            stretches[-1] = (first, end, prediction if surer else best)
        else:
            stretches.append((start, end, prediction))
    return stretches


def _heard_as(prediction: Prediction) -> tuple[str | None, bool, str | None]:
    return prediction.genre, prediction.unknown, prediction.error


def bar(probability: float) -> str:
    """Return a probability as a bar of eighths of characters, with the percentage."""
    eighths = round(probability * BAR * 8)
    full, part = divmod(eighths, 8)
    blocks = "█" * full + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[part]
    return f"{blocks:<{BAR}} {probability:4.0%}"


def clock(seconds: float | None) -> str:
    """Return seconds as ``m:ss`` or ``h:mm:ss``; nothing for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
