"""Which genres blend into which, as figures: mean probabilities, the largest confusions, blends of clips."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from genrelab.evaluation.blends import Blend, groups
from genrelab.evaluation.predictions import PREFIX
from genrelab.report import words
from genrelab.report.confusion import RIGHT, WRONG, name_sides, paint_cells
from genrelab.report.style import BLUE, COLOURS, FAINT, INK, MARKERS, WIDTH, name_percents, new_figure, styled

Floats = npt.NDArray[np.float64]

_REST = "#D5D9DE"
# Characters that there is room for: of a genre's name, the colour beside it and a legend's row; at a triangle's corner.
_NAME, _SWATCH, _ROW, _CORNER, _TOP = 30, 5, 110, 24, 48
_PAIRS, _ARTISTS, _BARS = 15, 20, 400  # drawn at most
_NAMED = 6  # so many genres have a colour in stacked bars; more could not be told apart


@styled
def soft_confusion_figure(soft: Floats, genres: Sequence[str]) -> Figure:
    """Draw the mean probabilities of each true genre's clips in percent, shape (genres, genres), rows true."""
    figure, axes = _matrix(genres)
    _cells(axes, soft, np.eye(len(genres), dtype=bool))
    axes.set_xlabel("mean probability of")
    axes.set_ylabel("clips of")
    return figure


@styled
def overlap_figure(shared: Floats, genres: Sequence[str]) -> Figure:
    """Draw how much each two genres blend (symmetric, in percent), genres that blend next to each other.

    Their order is that of a hierarchical clustering (average linkage, leaves in the best order).
    """
    order = _seriate(shared)
    names = [genres[code] for code in order]
    ordered = shared[np.ix_(order, order)].copy()
    ordered[np.triu_indices(len(names))] = np.nan  # each pair once
    figure, axes = _matrix(names)
    _cells(axes, ordered, np.zeros(ordered.shape, dtype=bool))
    for place, name in enumerate(names):
        axes.text(place - 0.4, place, name, ha="left", va="center", fontsize=8, clip_on=False)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.grid(visible=False, which="minor")
    return figure


@styled
def pairs_figure(pairs: pd.DataFrame) -> Figure:
    """Draw the largest confusions of `genrelab.evaluation.confusions.confused`: how often, and how much probability."""
    rows = pairs[pairs["clips"] > 0].head(_PAIRS)
    figure = new_figure(WIDTH, 1.15 + 0.27 * max(len(rows), 1))
    axes = figure.subplots()
    place = np.arange(len(rows))
    whisker = np.nan_to_num(np.abs([rows["rate"] - rows["rate_low"], rows["rate_high"] - rows["rate"]]))
    axes.errorbar(
        rows["rate"],
        place - 0.14,
        xerr=whisker,
        fmt="o",
        color=COLOURS[1],
        ms=5,
        lw=1.4,
        label="clips called so",
    )
    whisker = np.nan_to_num(np.abs([rows["mean"] - rows["mean_low"], rows["mean_high"] - rows["mean"]]))
    axes.errorbar(
        rows["mean"],
        place + 0.16,
        xerr=whisker,
        fmt="D",
        color=BLUE,
        ms=4,
        lw=1.4,
        label="mean probability",
    )
    labels = [f"{row.true} → {row.called}  ({row.clips} of {row.of})" for row in rows.itertuples()]
    axes.set_yticks(place, labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0)
    name_percents(axes.xaxis)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("with 95 % intervals over tracks")
    # Outside: of few pairs, it would lie over their marks.
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def blend_bars_figure(blend: Blend) -> Figure:
    """Draw each clip as a stacked bar of probabilities, ordered by the genre they have most of.

    Of more than 400 clips, every n-th is drawn.
    """
    colours = _shades(blend)
    values = _stack(pd.DataFrame(blend.probabilities, columns=list(blend.genres)), colours)
    values = values.sort_values(list(values.columns), ascending=False)
    values = values.iloc[:: -(-len(values) // _BARS)]
    figure = new_figure(WIDTH, 2.9)
    axes = figure.subplots()
    edge = 0.4 if len(values) <= 80 else 0.0
    bottom = np.zeros(len(values))
    for genre in map(str, values):
        axes.bar(
            np.arange(len(values)), values[genre], 1.0, bottom, color=colours[genre], edgecolor="white", linewidth=edge
        )
        bottom += values[genre].to_numpy()
    axes.set(xlim=(-0.5, len(values) - 0.5), ylim=(0, 1), xlabel=f"{len(values)} clips of {blend.name}")
    axes.set_xticks([])
    name_percents(axes.yaxis)
    axes.grid(visible=False)
    _legend(figure, colours)
    return figure


@styled
def blend_artists_figure(blend: Blend, unit: str = "artist") -> Figure:
    """Draw the mean blend of all clips and of the artists with most clips as stacked bars."""
    table = groups(blend)
    table = table[table["artist"] != ""].head(_ARTISTS)
    colours = _shades(blend)
    means = table[[PREFIX + genre for genre in blend.genres]].set_axis(list(blend.genres), axis=1)
    everything = pd.DataFrame([blend.probabilities.mean(axis=0)], columns=list(blend.genres))
    values = _stack(pd.concat([everything, means]), colours)
    number = len(set(blend.clips["artist"]) - {""})
    shown = f"{len(table)} of {number} {unit}s" if number > len(table) else f"by {unit}"
    labels = [f"all clips ({len(blend.clips)})"] + [
        f"{words.short(name, 28)} ({clips})" for name, clips in zip(table["artist"], table["clips"], strict=True)
    ]
    figure = new_figure(WIDTH, 1.1 + 0.23 * len(values))
    axes = figure.subplots()
    place = np.arange(len(values)) + np.r_[0, np.full(len(values) - 1, 0.4)]
    left = np.zeros(len(values))
    for genre in map(str, values):
        axes.barh(place, values[genre], 0.8, left, color=colours[genre], edgecolor="white", linewidth=0.4)
        for y, start, width in zip(place, left, values[genre], strict=True):
            if width >= 0.08:
                ink = "white" if colours[genre] in _DARK else INK
                axes.text(start + width / 2, y, f"{100 * width:.0f}", ha="center", va="center", color=ink, fontsize=6.5)
        left += values[genre].to_numpy()
    axes.set_yticks(place, labels)
    axes.set(xlim=(0, 1), ylim=(place[-1] + 0.6, -0.6), xlabel=f"mean probability, {shown}")
    name_percents(axes.xaxis)
    axes.grid(visible=False)
    _legend(figure, colours)
    return figure


@styled
def ternary_figure(
    clips: dict[str, Floats], corners: tuple[str, str], rest: str = "all other genres", stands_out: bool = True
) -> Figure:
    """Draw clips between two genres and all others: each corner is a probability of 1.

    Parameters
    ----------
    clips
        By what they are: probabilities of the two genres, shape (clips, 2).
    corners
        The two genres.
    rest
        What the third corner is called.
    stands_out
        Whether the last of `clips` stands before the others and shows its mean.
    """
    figure = new_figure(5.2, 4.9)
    axes = figure.subplots()
    height = np.sqrt(3) / 2
    for step in (0.25, 0.5, 0.75):
        for line in _grid(step):
            axes.plot(line[:, 0] + line[:, 1] / 2, line[:, 1] * height, color="#DDE1E6", lw=0.7, zorder=1)
    axes.plot([0, 1, 0.5, 0], [0, 0, height, 0], color=FAINT, lw=1.0, zorder=1)
    axes.plot([0.5, 0.5], [0, height], color=FAINT, lw=0.7, ls=(0, (4, 3)), zorder=1)  # as near one as the other
    last = len(clips) - 1
    handles, labels = [], []
    for number, (name, values) in enumerate(clips.items()):
        third = 1 - values.sum(axis=1)
        x, y = values[:, 1] + third / 2, third * height
        front = stands_out and number == last
        marks = axes.scatter(
            x,
            y,
            s=26 if front else 18,
            marker=MARKERS[number],
            color=COLOURS[number],
            alpha=0.85 if front else 0.65,
            edgecolors="white" if front else "none",
            linewidths=0.5,
            zorder=2 + front,
        )
        handles.append(marks)
        name = words.short(name, _CORNER)
        labels.append(f"{name} ({len(values)})")
        if front:
            mean = x.mean(), y.mean()
            handles.append(axes.scatter(*mean, s=150, marker="+", color=INK, linewidths=2, zorder=4))
            labels.append(f"mean of {name}")
    left, right = (f"{words.short(name, _CORNER)} 100 %" for name in corners)
    axes.text(-0.02, -0.02, left, ha="left", va="top", weight="bold")
    axes.text(1.02, -0.02, right, ha="right", va="top", weight="bold")
    axes.text(0.5, height + 0.02, f"{words.short(rest, _TOP)} 100 %", ha="center", va="bottom", weight="bold")
    axes.set(xlim=(-0.06, 1.06), ylim=(-0.08, height + 0.08), aspect="equal")
    axes.axis("off")
    # By hand: matplotlib passes over names that begin with "_".
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


_DARK = (COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[6])


def _matrix(genres: Sequence[str]) -> tuple[Figure, Axes]:
    size, longest = len(genres), max(len(genre) for genre in genres)
    cell = 0.5 if size <= 12 else 0.3
    figure = new_figure(max(cell * size + 0.08 * longest + 0.7, 3.4), cell * size + 0.06 * longest + 0.8)
    axes = figure.subplots()
    name_sides(axes, genres, genres)
    return figure, axes


def _cells(axes: Axes, values: Floats, own: npt.NDArray[np.bool_]) -> None:
    """Paint a matrix of fractions and write percents; NaN stays empty."""
    known = np.nan_to_num(values)
    shade = np.where(own, known, np.sqrt(known))  # the root lifts what is small
    colours = np.where(own[..., None], RIGHT(shade), WRONG(shade))
    colours[np.isnan(values)] = (1, 1, 1, 0)
    paint_cells(axes, colours)
    size = len(values)
    for row, column in np.argwhere(known >= 0.005):
        axes.text(
            column,
            row,
            f"{100 * values[row, column]:.0f}",
            ha="center",
            va="center",
            color="white" if shade[row, column] > 0.62 else INK,
            weight="bold" if own[row, column] else "normal",
            fontsize=8 if size <= 12 else 5.5,
        )


def _seriate(shared: Floats) -> npt.NDArray[np.int64]:
    """Return an order of genres in which those that blend are neighbours."""
    if len(shared) < 3:
        return np.arange(len(shared))
    likeness = np.nan_to_num(shared)
    np.fill_diagonal(likeness, 0)
    distance = likeness.max() - likeness
    np.fill_diagonal(distance, 0)
    return np.asarray(leaves_list(linkage(squareform(distance), "average", optimal_ordering=True)), dtype=np.int64)


def _shades(blend: Blend) -> dict[str, str]:
    """Return the colours of the genres with the largest shares; what is left is ``"other genres"``."""
    mean = blend.probabilities.mean(axis=0)
    order = [blend.genres[code] for code in np.argsort(-mean, kind="stable")]
    if len(order) <= _NAMED + 1:
        return dict(zip(order, COLOURS, strict=False))
    return {**dict(zip(order[:_NAMED], COLOURS, strict=False)), "other genres": _REST}


def _stack(values: pd.DataFrame, colours: dict[str, str]) -> pd.DataFrame:
    """Return the columns that have a colour, and the sum of the others."""
    named = [genre for genre in colours if genre in values]
    if "other genres" in colours:
        return values[named].assign(**{"other genres": values.drop(columns=named).sum(axis=1)})
    return values[named]


def _legend(figure: Figure, colours: dict[str, str]) -> None:
    handles, labels = [Patch(color=colour) for colour in colours.values()], [words.short(g, _NAME) for g in colours]
    widths = [len(label) + _SWATCH for label in labels]
    # In one row where there is room for it; else in columns as wide as the longest.
    columns = len(labels) if sum(widths) <= _ROW else max(1, _ROW // max(widths))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, handlelength=1.0, columnspacing=1.2)


def _grid(step: float) -> list[Floats]:
    """Return the three lines on which one share is `step`, in (x, third share) before the slant."""
    lines = ([0, step], [1 - step, step]), ([step, 0], [step, 1 - step]), ([1 - step, 0], [0, 1 - step])
    return [np.array(line) for line in lines]
