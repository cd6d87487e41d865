"""A table for people whose 50 000 rows are printed in seconds; rich's own takes five times as long."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

# Texts and their styles, which follow one another. Objects of rich's own would slow all down by being so many.
Cell = tuple[tuple[str, str], ...]

_GAP = "  "  # between columns
_NARROWEST = 8  # characters, of a column that folds
_BLOCK = 500  # rows that are styled and written at a time


@dataclass(frozen=True)
class Column:
    """A column's title, whether its cells go on in a next line where the table is too wide, and where they stand."""

    title: str
    folds: bool = False
    right: bool = False


class Table:
    """Rows with a cell a column; see `print`."""

    def __init__(self, *columns: Column) -> None:
        self._columns = columns
        self.rows: list[Sequence[Cell]] = []

    def print(self, console: Console) -> None:
        """Print all rows under their titles, no wider than the console where folding can do it."""
        titles: Sequence[Cell] = [((column.title, "bold"),) for column in self._columns]
        widths = self._widths(chain([titles], self.rows), console.width)
        rows = chain([titles], self.rows)
        while block := list(islice(rows, _BLOCK)):
            text = Text()
            for row in block:
                for line in _lines(row, widths, console):
                    self._append(text, line, widths)
            console.print(text, soft_wrap=True, end="")

    def _widths(self, rows: Iterator[Sequence[Cell]], most: int) -> list[int]:
        widths = [0] * len(self._columns)
        for row in rows:
            widths = list(map(max, widths, map(_length, row)))
        folding = [number for number, column in enumerate(self._columns) if column.folds]
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - most
        while excess > 0:
            widest = max(folding, key=widths.__getitem__)
            if widths[widest] <= _NARROWEST:
                break
            widths[widest] -= 1
            excess -= 1
        return widths

    def _append(self, text: Text, line: Sequence[Cell | Text | None], widths: Sequence[int]) -> None:
        for number, (cell, width, column) in enumerate(zip(line, widths, self._columns, strict=True)):
            padding = " " * (width - (cell.cell_len if isinstance(cell, Text) else _length(cell or ())))
            text.append(_GAP * (number > 0) + padding * column.right)
            if isinstance(cell, Text):
                text.append_text(cell)
            else:
                for words, style in cell or ():
                    text.append(words, style or None)
            text.append(padding * (not column.right))
        text.append("\n")


def _length(cell: Cell) -> int:
    return sum(cell_len(words) for words, _ in cell)


def _lines(row: Sequence[Cell], widths: Sequence[int], console: Console) -> Iterator[Sequence[Cell | Text | None]]:
    """Yield a row's lines: one, unless a cell is too wide."""
    columns = [
        [cell] if _length(cell) <= width else Text.assemble(*cell).wrap(console, width, overflow="fold")
        for cell, width in zip(row, widths, strict=True)
    ]
    yield from zip_longest(*columns)
