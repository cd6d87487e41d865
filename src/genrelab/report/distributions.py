"""How the values of columns lie in each genre, as small boxes side by side."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from genrelab.errors import CorpusError
from genrelab.report.style import COLOURS, FAINT, INK, WIDTH, new_figure, styled

MOST = 12
_ACROSS = 3
_PERCENTILES = (5, 25, 50, 75, 95)


def telling_columns(table: pd.DataFrame) -> "pd.Series[float]":
    """Return for each numeric column how much of its variance lies between genres (eta squared, 0 to 1), most first.

    A column that is the same everywhere has none.
    """
    numbers = table.drop(columns="genre").select_dtypes("number")
    means = numbers.groupby(table["genre"]).transform("mean")
    total = numbers.var(ddof=0)
    return (means.var(ddof=0) / total.where(total > 0)).fillna(0.0).sort_values(ascending=False, kind="stable")


@styled
def distributions_figure(table: pd.DataFrame, columns: Sequence[str] | None = None) -> Figure:
    """Draw a panel for each column and in it a box for each genre.

    A box holds the middle half of a genre's values, its line is their median, the whiskers reach from their 5th to
    their 95th percentile.

    Parameters
    ----------
    table
        A row a clip: ``genre`` and numbers, such as the 57 columns of GTZAN's feature tables.
    columns
        Which ones, in order. None takes the `MOST` that tell genres apart best, and says how well (`telling_columns`).

    Raises
    ------
    CorpusError
        A column is missing or holds no numbers.
    """
    if "genre" not in table:
        raise CorpusError(f"the table has no column 'genre'; it has {', '.join(map(str, table.columns[:8]))} …")
    shares = telling_columns(table)
    unknown = [column for column in columns or [] if column not in shares]
    if unknown or shares.empty:
        raise CorpusError(f"the table has no numbers in a column {', '.join(unknown) or 'at all'}; name others")
    chosen = list(columns) if columns is not None else list(shares.index[:MOST])
    genres = sorted(table["genre"].unique())
    across = min(_ACROSS, len(chosen))
    down = -(-len(chosen) // across)
    figure = new_figure(WIDTH, down * (0.14 * len(genres) + 0.62) + 0.25)
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    for axes, column in zip(grid.flat, chosen, strict=False):
        for place, name in enumerate(genres):
            values = table.loc[table["genre"] == name, column].dropna().to_numpy(float)
            if not len(values):
                continue
            low, first, median, third, high = np.percentile(values, _PERCENTILES)
            colour = COLOURS[place % len(COLOURS)]
            axes.hlines(place, low, high, color=colour, linewidth=1.0)
            axes.barh(place, third - first, left=first, height=0.66, color=colour, alpha=0.6)
            axes.vlines(median, place - 0.33, place + 0.33, color=INK, linewidth=1.3)
        axes.set_title(column if columns is not None else f"{column}  ({100 * shares[column]:.0f} %)", fontsize=7.5)
        axes.grid(visible=False, axis="y")
        axes.xaxis.get_major_locator().set_params(nbins=4)
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 5))
    for axes in grid.flat[len(chosen) :]:
        axes.remove()
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(genres)), genres)
        axes.set_ylim(len(genres) - 0.4, -0.6)
    if columns is None:
        figure.supxlabel("in brackets: how much of the variance lies between genres", fontsize=7.5, color=FAINT)
    return figure
