"""A tuning as a figure: how the objective went over the trials, and over each parameter."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genrelab.report.style import BLUE, FAINT, VERMILION, WIDTH, name_powers, new_figure, styled

COLUMNS = 3
LETTERS = 30  # beside each other below a panel
Places = npt.NDArray[np.float64]


@styled
def tuning_figure(
    table: pd.DataFrame,
    parameters: Sequence[str],
    objective: str,
    larger_is_better: bool,
    importances: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the objective over trials, pruned ones marked, and over each parameter.

    Parameters
    ----------
    table
        A line a trial: ``number, state`` (``complete``, ``pruned`` or another, which is not drawn), ``value`` and a
        column for each parameter. One trial at least is complete.
    parameters
        The columns to draw.
    objective
        What the values are.
    larger_is_better
        Of the objective.
    importances
        Share of each parameter, written into its panel's title.
    """
    rows = math.ceil(len(parameters) / COLUMNS)
    figure = new_figure(WIDTH, 2.5 + 1.9 * rows)
    grid = figure.add_gridspec(1 + rows, COLUMNS, height_ratios=[1.3, *[1] * rows])
    complete, pruned = (table[(table["state"] == state) & table["value"].notna()] for state in ("complete", "pruned"))
    pick = int(complete["value"].argmax() if larger_is_better else complete["value"].argmin())
    label = objective.replace("_", " ")

    top = figure.add_subplot(grid[0, :])
    best = complete["value"].cummax() if larger_is_better else complete["value"].cummin()
    top.step(complete["number"], best, where="post", color=FAINT, linewidth=1.0, label="best so far")
    _draw(top, complete["number"].to_numpy(), pruned["number"].to_numpy(), complete, pruned, pick)
    top.set(title="Trials", xlabel="trial", ylabel=label)
    top.xaxis.set_major_locator(MaxNLocator(integer=True))
    top.margins(y=0.1)  # for all panels, which share the axis
    top.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, ncols=4)

    for number, parameter in enumerate(parameters):
        axes = figure.add_subplot(grid[1 + number // COLUMNS, number % COLUMNS], sharey=top)
        share = (importances or {}).get(parameter)
        axes.set_title(parameter if share is None else f"{parameter} ({100 * share:.0f} %)")
        _draw(
            axes,
            _place(axes, table[parameter], complete),
            _place(axes, table[parameter], pruned),
            complete,
            pruned,
            pick,
        )
        if number % COLUMNS == 0:
            axes.set_ylabel(label)
        else:
            axes.tick_params(labelleft=False)
    return figure


def _draw(axes: Axes, x: Places, x_pruned: Places, complete: pd.DataFrame, pruned: pd.DataFrame, pick: int) -> None:
    axes.plot(x_pruned, pruned["value"], "x", color=FAINT, markersize=5, label="pruned" if len(pruned) else None)
    axes.plot(x, complete["value"], "o", color=BLUE, markersize=5, alpha=0.8, label="complete")
    axes.plot(x[pick], complete["value"].iloc[pick], "D", color=VERMILION, markersize=6.5, label="best")


def _place(axes: Axes, values: "pd.Series[float]", chosen: pd.DataFrame) -> Places:
    """Return where trials stand on a parameter's axis, which is set up for it: numbers, their logarithms or choices."""
    numbers = pd.to_numeric(values, errors="coerce")
    choices = sorted(values.dropna().unique(), key=lambda value: (isinstance(value, str), value))
    if numbers.notna().sum() < values.notna().sum() or len(choices) <= 5:
        letters = max(4, LETTERS // len(choices))
        axes.set_xticks(range(len(choices)), [fill(str(choice), letters) for choice in choices])
        axes.set_xlim(-0.5, len(choices) - 0.5)
        return np.array([choices.index(value) for value in values[chosen.index]], dtype=np.float64)
    # Drawn from a range of logarithms most are small; drawn evenly, half are above half the largest.
    if numbers.min() > 0 and numbers.max() / numbers.min() > 20 and numbers.median() < numbers.max() / 4:
        axes.set_xscale("log")
        name_powers(axes.xaxis, between=[3])  # more would lie upon each other
    return numbers[chosen.index].to_numpy(dtype=np.float64)
