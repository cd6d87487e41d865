"""The confusion matrix as a figure: blue what is right, orange what is mistaken for what."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from genrelab.report.style import FAINT, INK, new_figure, styled

# Both ramps go from white to dark, so that they also read in grey.
_RIGHT = LinearSegmentedColormap.from_list("right", ["#FFFFFF", "#BFDDF0", "#5BA6D6", "#0072B2", "#004A78"])
_WRONG = LinearSegmentedColormap.from_list("wrong", ["#FFFFFF", "#FBD9B5", "#F2A25C", "#D55E00", "#8F3D00"])
_FULL_TEXT = 12  # up to so many genres, a cell has room for rate and count
_COUNTS = 32  # beyond, not even for the count alone


@styled
def confusion_figure(counts: npt.NDArray[Any], genres: Sequence[str], title: str = "") -> Figure:
    """Draw a confusion matrix: colour is the share of a true genre's clips, numbers are percent and clips.

    Readable from 2 to about 30 genres: up to 12 each cell tells rate and count, up to 32 the count, beyond that only
    colour (the numbers are in ``metrics.json``).

    Parameters
    ----------
    counts
        Clips by true genre (rows) and predicted genre (columns), shape (genres, genres).
    genres
        Their names, in the same order.
    title
        Stands above.
    """
    size = len(genres)
    cell = 0.56 if size <= _FULL_TEXT else 0.3 if size <= 20 else 0.23
    longest = max(len(genre) for genre in genres)
    height = cell * size + 0.065 * longest + 0.9
    figure = new_figure(max(cell * size + 0.08 * longest + 1.0, 3.6), height)
    axes = figure.subplots()
    support = counts.sum(axis=1, keepdims=True)
    rates = np.divide(counts, support, out=np.zeros(counts.shape), where=support > 0)
    _paint(axes, rates)
    if size <= _COUNTS:
        _write(axes, counts, rates, with_rates=size <= _FULL_TEXT)
    names = [f"{genre}  ({int(clips)})" for genre, clips in zip(genres, support[:, 0], strict=True)]
    flat = size <= 4 and longest <= 9
    axes.set_xticks(range(size), genres, rotation=0 if flat else 45, ha="center" if flat else "right")
    if not flat:
        for label in axes.get_xticklabels():
            label.set_rotation_mode("anchor")
    axes.set_yticks(range(size), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true genre (clips)")
    if title:
        axes.set_title(title)
    return figure


def _paint(axes: Axes, rates: npt.NDArray[np.float64]) -> None:
    size = len(rates)
    diagonal = np.eye(size, dtype=bool)
    colours = np.where(diagonal[..., None], _RIGHT(rates), _WRONG(np.sqrt(rates)))  # the root lifts rare mistakes
    axes.imshow(colours, aspect="equal", interpolation="nearest")
    axes.grid(visible=False)
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="#EEF0F2", linewidth=0.8)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, counts: npt.NDArray[Any], rates: npt.NDArray[np.float64], *, with_rates: bool) -> None:
    size = len(counts)
    for row, column in np.argwhere(counts > 0):
        rate, count = rates[row, column], int(counts[row, column])
        shade = rate if row == column else np.sqrt(rate)
        colour = "white" if shade > 0.62 else INK
        if with_rates:
            weight = "bold" if row == column else "normal"
            axes.text(column, row - 0.1, f"{100 * rate:.0f}%", ha="center", va="center", color=colour, weight=weight)
            small = "#E6EEF4" if shade > 0.62 else FAINT if shade < 0.3 else INK
            axes.text(column, row + 0.25, f"{count}", ha="center", va="center", color=small, fontsize=6)
        else:
            axes.text(
                column, row, f"{count}", ha="center", va="center", color=colour, fontsize=6.5 if size <= 20 else 5
            )
