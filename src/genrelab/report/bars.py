"""Precision, recall and F1 of every genre as bars with their intervals, for one run or several side by side."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from genrelab.errors import RunError
from genrelab.report.style import COLOURS, HATCHES, INK, WIDTH, legend_columns, new_figure, styled

MOST_RUNS = 4  # beyond, bars are threads
_PANELS = (("precision", "Precision"), ("recall", "Recall"), ("f1", "F1"))


@styled
def genre_bars_figure(table: pd.DataFrame) -> Figure:
    """Draw a panel each for precision, recall and F1, with a bar for each genre and run.

    Parameters
    ----------
    table
        A row for each genre and run: ``genre``; ``clips`` (of it; told beside its name where all runs agree);
        ``precision``, ``recall``, ``f1`` and of each ``_low`` and ``_high``; for several runs also ``run``. What is
        NaN is not drawn. It is `genrelab.evaluation.metrics.per_genre` joined with
        `genrelab.evaluation.intervals.bootstrap_genres`.

    Raises
    ------
    RunError
        There are more than `MOST_RUNS` runs.
    """
    runs = list(table["run"].unique()) if "run" in table else [""]
    if len(runs) > MOST_RUNS:
        raise RunError(f"bars of {len(runs)} runs cannot be told apart; draw {MOST_RUNS} or fewer")
    genres = list(table["genre"].unique())
    thick = 0.19 if len(runs) == 1 else 0.13
    figure = new_figure(WIDTH, len(genres) * (thick * len(runs) + 0.09) + 0.9 + 0.25 * (len(runs) > 1))
    panels = figure.subplots(1, 3, sharey=True)
    height = 0.8 / len(runs)
    for axes, (column, heading) in zip(panels, _PANELS, strict=True):
        handles = []
        for number, run in enumerate(runs):
            own = (table[table["run"] == run] if "run" in table else table).set_index("genre").reindex(genres)
            middle = np.arange(len(genres)) + (number - (len(runs) - 1) / 2) * height
            value = own[column].to_numpy(float)
            # Hatches are drawn in the colour of the edge, and white ones keep a bar's colour readable.
            bars = axes.barh(
                middle, np.nan_to_num(value), height=height * 0.92, color=COLOURS[number], alpha=0.85,
                hatch=HATCHES[number], edgecolor="white", linewidth=0,
            )  # fmt: skip
            handles.append(bars)
            ends = own[[f"{column}_low", f"{column}_high"]].to_numpy(float)
            known = np.isfinite(ends).all(axis=1)
            axes.hlines(middle[known], ends[known, 0], ends[known, 1], color=INK, linewidth=1.0)
            for end in ends[known].T:  # the whiskers' ends
                axes.vlines(end, middle[known] - height * 0.2, middle[known] + height * 0.2, color=INK, linewidth=1.0)
        axes.set_title(heading)
        axes.set_xlim(0, 1.01)  # or the ends of whiskers at 1 would be cut
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        axes.grid(visible=False, axis="y")
        axes.set_ylim(len(genres) - 0.45, -0.55)
    clips = table.groupby("genre")["clips"].agg(["first", "nunique"])
    names = [f"{g}  ({clips['first'][g]})" if clips["nunique"][g] == 1 else str(g) for g in genres]
    panels[0].set_yticks(range(len(genres)), names)
    if len(runs) > 1:
        # Names by hand: matplotlib passes over those that begin with "_".
        figure.legend(handles, runs, loc="outside lower center", ncols=legend_columns(runs, WIDTH))
    return figure
