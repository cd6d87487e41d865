"""The confusion matrix as a figure: blue what is right, orange what is mistaken for what."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from genrelab.evaluation.metrics import ratio
from genrelab.report.style import FAINT, INK, new_figure, styled

# Both ramps go from white to dark, so that they also read in grey.
RIGHT = LinearSegmentedColormap.from_list("right", ["#FFFFFF", "#BFDDF0", "#5BA6D6", "#0072B2", "#004A78"])
WRONG = LinearSegmentedColormap.from_list("wrong", ["#FFFFFF", "#FBD9B5", "#F2A25C", "#D55E00", "#8F3D00"])
_FULL_TEXT = 12  # up to so many genres, a cell has room for rate and count
_COUNTS = 32  # beyond, not even for the count alone


@styled
def confusion_figure(
    counts: npt.NDArray[Any],
    genres: Sequence[str],
    numbers: Literal["rates", "counts"] | None = None,
) -> Figure:
    """Draw a confusion matrix: colour is the share of a true genre's clips, numbers are percent and clips.

    Readable from 2 to about 30 genres: up to 12 each cell tells rate and count, up to 32 the count, beyond that only
    colour (the numbers are in ``metrics.json``).

    Parameters
    ----------
    counts
        Clips by true genre (rows) and predicted genre (columns), shape (genres, genres).
    genres
        Their names, in the same order.
    numbers
        Only percent, or only clips, in the cells; None is both where there is room.
    """
    size = len(genres)
    cell = 0.56 if size <= _FULL_TEXT else 0.3 if size <= 20 else 0.23
    longest = max(len(genre) for genre in genres)
    height = cell * size + 0.065 * longest + 0.9
    figure = new_figure(max(cell * size + 0.08 * longest + 1.0, 3.6), height)
    axes = figure.subplots()
    support = counts.sum(axis=1, keepdims=True)
    rates = ratio(counts, support)
    _paint(axes, rates)
    if size <= _COUNTS:
        _write(axes, counts, rates, numbers or ("both" if size <= _FULL_TEXT else "counts"))
    names = [f"{genre}  ({int(clips)})" for genre, clips in zip(genres, support[:, 0], strict=True)]
    name_sides(axes, genres, names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true genre (clips)")
    return figure


def name_sides(axes: Axes, columns: Sequence[str], rows: Sequence[str]) -> None:
    """Name the columns of a matrix, slanted where they are many or long, and its rows."""
    flat = len(columns) <= 4 and max(map(len, columns)) <= 9
    axes.set_xticks(range(len(columns)), columns, rotation=0 if flat else 45, ha="center" if flat else "right")
    if not flat:
        for label in axes.get_xticklabels():
            label.set_rotation_mode("anchor")
    axes.set_yticks(range(len(rows)), rows)


def paint_cells(axes: Axes, colours: npt.NDArray[np.float64]) -> None:
    """Paint a matrix of colours (rows, columns, 4) with thin lines between the cells."""
    axes.imshow(colours, aspect="equal", interpolation="nearest")
    axes.grid(visible=False)
    axes.set_xticks(np.arange(colours.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(colours.shape[0] + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="#EEF0F2", linewidth=0.8)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _paint(axes: Axes, rates: npt.NDArray[np.float64]) -> None:
    diagonal = np.eye(len(rates), dtype=bool)
    paint_cells(axes, np.where(diagonal[..., None], RIGHT(rates), WRONG(np.sqrt(rates))))  # rare mistakes show, too


def _write(axes: Axes, counts: npt.NDArray[Any], rates: npt.NDArray[np.float64], numbers: str) -> None:
    size = len(counts)
    alone = 8.5 if size <= _FULL_TEXT else 6.5 if size <= 20 else 5
    for row, column in np.argwhere(counts > 0):
        rate, count = f"{100 * rates[row, column]:.0f}", f"{int(counts[row, column])}"
        shade = rates[row, column] if row == column else np.sqrt(rates[row, column])
        colour = "white" if shade > 0.62 else INK
        weight = "bold" if row == column and size <= _FULL_TEXT else "normal"
        if numbers == "both":
            axes.text(column, row - 0.1, f"{rate}%", ha="center", va="center", color=colour, weight=weight)
            small = "#E6EEF4" if shade > 0.62 else FAINT if shade < 0.3 else INK
            axes.text(column, row + 0.25, count, ha="center", va="center", color=small, fontsize=6)
        else:
            text = count if numbers == "counts" else f"{rate}%" if size <= _FULL_TEXT else rate
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=alone, weight=weight)
