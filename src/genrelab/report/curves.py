"""Curves as figures: how training went, how well scores order clips, whether probabilities mean what they say."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from genrelab.errors import RunError
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.ranking import average_precision, precision_recall_curve, roc_auc, roc_curve
from genrelab.report.style import (
    BLUE,
    FAINT,
    GREEN,
    VERMILION,
    WIDTH,
    line_style,
    name_percents,
    name_powers,
    new_figure,
    styled,
    unit_square,
)

_PARTS: tuple[tuple[str, str, Any], ...] = (("train", VERMILION, (0, (4, 1.2))), ("validation", BLUE, "-"))
MOST_RUNS = 4  # side by side


@styled
def training_figure(history: pd.DataFrame) -> Figure:
    """Draw loss, accuracy and learning rate over epochs.

    Parameters
    ----------
    history
        One row an epoch: ``epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, learning_rate``
        and, for several folds, ``fold``: then each fold is a thin line and their mean a thick one, as long as half of
        them train. A column that is missing or empty is not drawn.
    """
    rates = "learning_rate" in history and history["learning_rate"].notna().any()
    figure = new_figure(height=2.7)
    panels = figure.subplots(1, 3 if rates else 2, width_ratios=[3, 3, 1.6] if rates else None)
    for axes, figure_name in zip(panels, ("loss", "accuracy"), strict=False):
        for part, colour, dash in _PARTS:
            _draw_folds(axes, history, f"{part}_{figure_name}", colour, dash, label=part)
        axes.set(title=figure_name.capitalize(), xlabel="epoch")
        axes.margins(x=0.02)
    panels[0].set_ylim(bottom=0)
    panels[1].set_ylim(0, 1)
    name_percents(panels[1].yaxis)
    panels[0].legend(loc="upper right")
    if rates:
        _draw_folds(panels[2], history, "learning_rate", GREEN, "-", label="learning rate")
        panels[2].set(title="Learning rate", xlabel="epoch", yscale="log")
        name_powers(panels[2].yaxis)
        panels[2].minorticks_off()
    for axes in panels:
        axes.xaxis.get_major_locator().set_params(integer=True)
        if history["epoch"].nunique() == 1:
            axes.set_xticks(history["epoch"].unique())
    return figure


@styled
def runs_training_figure(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw loss and accuracy over epochs, a column for each run, on the same scales.

    Where a loss begins so high that it would press the others flat, its beginning lies above the frame.

    Parameters
    ----------
    histories
        By name of run, in the order in which they shall stand, up to `MOST_RUNS`; each as `training_figure` takes it.

    Raises
    ------
    RunError
        There are more runs, or none.
    """
    if not 1 <= len(histories) <= MOST_RUNS:
        raise RunError(f"training curves of 1 to {MOST_RUNS} runs fit side by side, not of {len(histories)}")
    figure = new_figure(WIDTH if len(histories) > 1 else WIDTH / 2, 3.9)
    grid = figure.subplots(2, len(histories), sharey="row", sharex="col", squeeze=False)
    for column, (name, history) in zip(grid.T, histories.items(), strict=True):
        for axes, figure_name in zip(column, ("loss", "accuracy"), strict=True):
            for part, colour, dash in _PARTS:
                _draw_folds(axes, history, f"{part}_{figure_name}", colour, dash, label=part)
            axes.margins(x=0.02)
        if history["epoch"].nunique() == 1:
            column[1].set_xticks(history["epoch"].unique())  # of both
        else:
            column[1].xaxis.get_major_locator().set_params(integer=True, nbins=5)
        column[0].set_title("\n".join(textwrap.wrap(name, 60 // len(histories))), fontsize=8)
        column[1].set_xlabel("epoch")
    losses = [history.filter(regex="_loss$").to_numpy() for history in histories.values()]
    usual = 1.15 * max(float(np.nanquantile(loss, 0.9)) for loss in losses)
    highest = max(float(np.nanmax(loss)) for loss in losses)
    grid[0, 0].set(ylabel="loss", ylim=(0, usual if highest > 2 * usual else None))
    grid[1, 0].set(ylabel="accuracy", ylim=(0, 1))
    name_percents(grid[1, 0].yaxis)
    drawn = {label for axes in grid.flat for label in axes.get_legend_handles_labels()[1]}
    keys = [Line2D([], [], color=colour, linestyle=dash, label=part) for part, colour, dash in _PARTS if part in drawn]
    figure.legend(handles=keys, loc="outside lower center", ncols=2)
    return figure


@styled
def roc_figure(predictions: Predictions) -> Figure:
    """Draw a ROC curve for each genre against the rest, best area first; genres without clips are left out."""
    figure, axes = _one_against_rest()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    curves = [
        (roc_auc(predictions.probabilities[:, g], predictions.true == g), g) for g in range(len(predictions.genres))
    ]
    for area, g in _best_first(curves):
        x, y = roc_curve(predictions.probabilities[:, g], predictions.true == g)
        axes.plot(x, y, label=f"{area:.3f}  {predictions.genres[g]}", **line_style(g))
    axes.set(title="ROC, one genre against the rest", xlabel="false-positive rate", ylabel="true-positive rate")
    _legend_beside(figure, axes, "AUC")
    return figure


@styled
def precision_recall_figure(predictions: Predictions) -> Figure:
    """Draw precision over recall for each genre against the rest, best average precision first."""
    figure, axes = _one_against_rest()
    curves = [
        (average_precision(predictions.probabilities[:, g], predictions.true == g), g)
        for g in range(len(predictions.genres))
    ]
    for area, g in _best_first(curves):
        recall, precision = precision_recall_curve(predictions.probabilities[:, g], predictions.true == g)
        # A precision holds for the recall gained at it: steps, as average precision sums them.
        axes.step(
            np.r_[0, recall],
            np.r_[precision[0], precision],
            where="pre",
            label=f"{area:.3f}  {predictions.genres[g]}",
            **line_style(g),
        )
    axes.set(title="Precision and recall, one against the rest", xlabel="recall", ylabel="precision")
    _legend_beside(figure, axes, "AP")
    return figure


@styled
def reliability_figure(table: pd.DataFrame, ece: float) -> Figure:
    """Draw how often clips are right over how sure the model was, above a histogram of its sureness.

    Parameters
    ----------
    table
        What `genrelab.evaluation.calibration.reliability` returns.
    ece
        Expected calibration error, written into the figure.
    """
    figure = new_figure(4.4, 5.2)
    top, bottom = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    filled = table[table["clips"] > 0]
    width = table["high"] - table["low"]
    middle = filled["low"] + width[filled.index] / 2
    confidence, accuracy = filled["confidence"].to_numpy(), filled["accuracy"].to_numpy()
    unit_square(top)
    top.set_aspect("auto")  # or the two panels would be of different width
    top.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    top.bar(middle, accuracy, width=width[filled.index] * 0.92, color=BLUE, alpha=0.3, zorder=2)
    top.vlines(confidence, accuracy, confidence, color=VERMILION, linewidth=1.6, zorder=3)
    area = 12 + 60 * filled["clips"] / filled["clips"].max()
    top.scatter(confidence, accuracy, s=area, color=BLUE, edgecolor="white", linewidth=0.6, zorder=4, clip_on=False)
    top.set(title="Sure and right?", ylabel="share that is right")
    top.text(0.04, 0.93, f"ECE {ece:.3f}", weight="bold", va="top")
    top.text(0.04, 0.865, "below the diagonal: too sure", va="top", color=FAINT, fontsize=7.5)
    bottom.bar(table["low"] + width / 2, table["clips"], width=width * 0.92, color=FAINT, alpha=0.7)
    bottom.set(xlabel="probability of the predicted genre", ylabel="clips")
    return figure


def _draw_folds(axes: Axes, history: pd.DataFrame, column: str, colour: str, dash: Any, label: str) -> None:
    if column not in history or not history[column].notna().any():
        return
    folds = [rows for _, rows in history.groupby("fold")] if "fold" in history else [history]
    for rows in folds:
        points = rows.dropna(subset=[column])
        many = len(folds) > 1
        # One epoch makes no line: a dot shows it.
        marker = "o" if len(points) == 1 else ""
        axes.plot(
            points["epoch"],
            points[column],
            color=colour,
            linestyle=dash,
            marker=marker,
            markersize=3 if many else 5,
            linewidth=0.7 if many else 1.6,
            alpha=0.45 if many else 1.0,
            label=None if many else label,
        )
    if len(folds) > 1:
        by_epoch = history.dropna(subset=[column]).groupby("epoch")[column]
        mean = by_epoch.mean()[by_epoch.size() * 2 >= len(folds)]  # a mean over the last stragglers would mislead
        marker = "o" if len(mean) == 1 else ""
        axes.plot(mean.index, mean.to_numpy(), color=colour, linestyle=dash, marker=marker, label=label)


def _best_first(curves: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Put areas in falling order, without those that are not defined."""
    return sorted((curve for curve in curves if np.isfinite(curve[0])), key=lambda curve: (-curve[0], curve[1]))


def _one_against_rest() -> tuple[Figure, Axes]:
    figure = new_figure(6.0, 3.8)
    axes = figure.subplots()
    unit_square(axes)
    return figure, axes


def _legend_beside(figure: Figure, axes: Axes, title: str) -> None:
    """Put the legend outside, in as many columns as keep it from growing taller than the axes, and make room for it."""
    handles, labels = axes.get_legend_handles_labels()
    columns = -(-len(labels) // 16)
    longest = max(map(len, labels), default=0)
    figure.set_figwidth(3.65 + columns * (0.55 + 0.068 * longest))
    figure.legend(
        handles,
        labels,
        title=title,
        loc="outside right center",
        alignment="left",
        ncols=columns,
        fontsize=8 if len(labels) <= 12 else 7,
    )
