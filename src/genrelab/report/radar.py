"""Several runs over several metrics on one wheel."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from genrelab.errors import RunError
from genrelab.evaluation.metrics import LABELS
from genrelab.report.style import COLOURS, DASHES, FAINT, GRID, MARKERS, legend_columns, new_figure, styled

METRICS = ("accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "top3_accuracy")
MOST_RUNS = 6


@styled
def radar_figure(table: pd.DataFrame, size: tuple[float, float] | None = None) -> Figure:
    """Draw each run as a line around a wheel with a spoke for each metric; outside is better.

    The middle is 0 and the rim 1.

    Parameters
    ----------
    table
        A row a run, named by the index; a column a metric, from 0 to 1, usually `METRICS`.
    size
        Width and height in inches; None for a large wheel.

    Raises
    ------
    RunError
        There are more than `MOST_RUNS` runs, fewer than 3 metrics, or values that are no numbers from 0 to 1.
    """
    values = table.to_numpy(float)
    if len(table) > MOST_RUNS or values.shape[1] < 3 or not ((values >= 0) & (values <= 1)).all():
        raise RunError(
            f"a radar takes up to {MOST_RUNS} runs and 3 or more metrics from 0 to 1; got {len(table)} runs and "
            f"{values.shape[1]} metrics" + ("" if np.isfinite(values).all() else ", some of them missing")
        )
    spokes = np.linspace(0, 2 * np.pi, values.shape[1], endpoint=False)
    figure = new_figure(*(size or (5.6, 4.4 + 0.2 * len(table))))
    axes = figure.add_subplot(projection="polar")
    assert isinstance(axes, PolarAxes)  # noqa: S101 (for the type checker)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    names = [str(run) for run in table.index]
    lines = []
    for number, row in enumerate(values):
        lines += axes.plot(
            np.r_[spokes, 0], np.r_[row, row[0]], color=COLOURS[number], clip_on=False,
            linestyle=DASHES[number % len(DASHES)], marker=MARKERS[number], markersize=4.5,
        )  # fmt: skip
    # From 0 to 1: a wheel that began elsewhere would make small differences look large.
    axes.set_ylim(0, 1)
    rings = np.arange(0.2, 1.01, 0.2)
    axes.set_yticks(rings, [f"{ring:.1f}" for ring in rings])
    axes.set_rlabel_position(180 / values.shape[1])
    axes.tick_params(axis="y", labelsize=7, labelcolor=FAINT)
    axes.set_xticks(spokes, [LABELS.get(str(name), str(name)).replace(" ", "\n", 1) for name in table.columns])
    axes.tick_params(axis="x", pad=16)
    axes.spines["polar"].set_color(GRID)
    # Names by hand: matplotlib passes over those that begin with "_".
    figure.legend(lines, names, loc="outside lower center", ncols=min(2, legend_columns(names, figure.get_figwidth())))
    return figure
