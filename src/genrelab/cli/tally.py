"""What people see of a batch on standard error: how far it is, and a line in the end."""

import time
from collections import Counter
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from genrelab.bundles.prediction import Prediction
from genrelab.cli.writers import clock


class Tally:
    """Counts predictions, shows the count while it grows, and sums up when closed.

    Parameters
    ----------
    stream
        Where people look.
    progress
        Whether to show the growing count; it is only ever shown on a terminal.
    """

    def __init__(self, stream: TextIO, progress: bool) -> None:
        self.files = 0
        self.failed = 0
        self._unknown = 0
        self._seconds = 0.0
        self._genres: Counter[str] = Counter()
        self._began = time.perf_counter()
        self._console = Console(file=stream, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not (progress and self._console.is_terminal),
        )
        self._task = self._progress.add_task("listening", total=None)
        self._progress.start()

    def add(self, prediction: Prediction) -> None:
        """Count a prediction."""
        self.files += 1
        if prediction.error is not None:
            self.failed += 1
        else:
            self._seconds += prediction.seconds or 0.0
            if prediction.unknown or prediction.genre is None:
                self._unknown += 1
            else:
                self._genres[prediction.genre] += 1
        self._progress.update(self._task, description=f"{_files(self.files)}, {self.failed} failed")

    def hide(self) -> None:
        """Take the count away, so that a table may be printed where it was."""
        if self._progress.live.is_started:
            self._progress.stop()

    def close(self) -> None:
        """Print the line that sums up."""
        self.hide()
        self._console.print(Text(self.summary()), soft_wrap=True)

    def summary(self) -> str:
        """Return the line: files, failures, files a genre, length of the music, time, and how many times real time."""
        took = time.perf_counter() - self._began
        genres = [f"{genre} {count}" for genre, count in self._genres.most_common()]
        genres += [f"unknown {self._unknown}"] if self._unknown else []
        failed = f" ({self.failed} failed)" if self.failed else ""
        parts = [_files(self.files) + failed, ", ".join(genres)]
        if self._seconds:
            speed = self._seconds / max(took, 1e-9)
            parts.append(f"{clock(self._seconds)} of music in {took:.1f} s, {speed:.0f} times real time")
        return " · ".join(part for part in parts if part)


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
