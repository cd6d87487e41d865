"""How the verbs speak: progress on standard error, so that standard output stays data; names as they are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def plain(text: object) -> str:
    """Keep rich from reading markup, and a terminal commands, in names that others chose."""
    from rich.markup import escape

    from genrelab.errors import printable

    return escape(printable(text))


def progress_bars() -> "Progress":
    """Return rich progress bars for standard error; where that is no terminal, they are drawn once, at the end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    # Where a terminal is narrow the bar gives way, and then the words, which go on in a next line: never the figures.
    return Progress(
        TextColumn("{task.description}", table_column=Column()),
        BarColumn(bar_width=None, table_column=Column(width=4, ratio=1)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        console=Console(stderr=True),
        expand=True,
    )
