"""How the verbs draw progress: on standard error, so that standard output stays data."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


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
