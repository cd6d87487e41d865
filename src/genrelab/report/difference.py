"""The difference of two confusion matrices as a figure: who is better where, and where it is more than noise."""

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from genrelab.evaluation.differences import ConfusionDifference
from genrelab.report.confusion import name_sides, paint_cells
from genrelab.report.style import BLUE, INK, VERMILION, legend_columns, new_figure, styled

# Both ways from white to dark, so that grey print tells how much; whose the cell is, it tells by hatching.
_FIRST = LinearSegmentedColormap.from_list("first", ["#FFFFFF", "#BFDDF0", "#5BA6D6", BLUE])
_SECOND = LinearSegmentedColormap.from_list("second", ["#FFFFFF", "#FBD9B5", "#F2A25C", VERMILION])
_NUMBERS = 20  # beyond so many genres, no cell has room for one
_LEAST = 0.00501  # half a percentage point, printed as nothing


@styled
def difference_figure(
    difference: ConfusionDifference, names: tuple[str, str], size: tuple[float, float] | None = None
) -> Figure:
    """Draw by how many percentage points two runs differ in each cell of the confusion matrix, first minus second.

    Blue is where the first run is better: on the diagonal, where it is right more often; elsewhere, where it makes
    that mistake less often. Orange and hatched is where the second is. A dot marks what is more than noise.

    Parameters
    ----------
    difference
        What `genrelab.evaluation.differences.confusion_difference` returns.
    names
        Of the two runs.
    size
        Width and height in inches; None for as much as the genres want.
    """
    points = difference.rates_a - difference.rates_b
    side, genres = len(points), difference.genres
    better = np.where(np.eye(side, dtype=bool), points, -points)
    reach = max(float(np.abs(points).max()), 0.1)
    cell = 0.5 if side <= 12 else 0.32 if side <= _NUMBERS else 0.23
    longest = max(map(len, genres))
    wanted = max(cell * side + 0.08 * longest + 1.0, 4.4), cell * side + 0.065 * longest + 1.35
    figure = new_figure(*(size or wanted))
    axes = figure.subplots()
    shades = np.abs(better) / reach
    colours = np.where((better > 0)[..., None], _FIRST(shades), _SECOND(shades))
    paint_cells(axes, colours)
    for row, column in np.argwhere(np.abs(points) >= _LEAST):
        if better[row, column] < 0:
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, **_hatched(shades[row, column])))
        if side <= _NUMBERS:
            text = f"{100 * points[row, column]:+.0f}".replace("-", "\u2212")
            shade = shades[row, column]
            ground = {"facecolor": colours[row, column], "linewidth": 0, "pad": 0.6}  # no hatching through a number
            axes.text(
                column, row, text, ha="center", va="center", color="white" if shade > 0.7 else INK, bbox=ground,
                fontsize=8 if side <= 12 else 6, weight="bold" if row == column else "normal",
            )  # fmt: skip
    rows, columns = np.nonzero(difference.beyond_noise)
    axes.scatter(columns + 0.36, rows - 0.36, s=9 if side <= 12 else 5, color=INK, edgecolor="white", linewidth=0.4)
    name_sides(axes, genres, [f"{genre}  ({clips})" for genre, clips in zip(genres, difference.clips, strict=True)])
    axes.set(xlabel="predicted", ylabel="true genre (clips)")
    keys = [
        Rectangle((0, 0), 1, 1, facecolor=_FIRST(0.75)),
        Rectangle((0, 0), 1, 1, facecolor=_SECOND(0.75), **_hatched(0.75)),
        axes.scatter([], [], s=9, color=INK),
    ]
    words = [f"better: {names[0]}", f"better: {names[1]}", "more than noise"]
    figure.legend(keys, words, loc="outside lower center", ncols=legend_columns(words, figure.get_figwidth()))
    return figure


def _hatched(shade: float) -> dict[str, Any]:
    """Return how the second run's cells are hatched: as faintly as they are coloured."""
    return {"hatch": "/////", "edgecolor": to_rgba(INK, 0.12 + 0.25 * shade), "linewidth": 0}
