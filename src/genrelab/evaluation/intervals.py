"""How far a figure would wander if other tracks had been drawn: bootstrap intervals over tracks.

Clips of one track are no independent witnesses, so whole tracks are drawn anew, with replacement (the cluster
bootstrap: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8; percentile intervals).
Every figure here is a function of sums over clips, so a resample is one row of a product: how often each track was
drawn times what each track contributes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from genrelab.evaluation.metrics import brier_scores, by_genre, in_top, log_losses, scores
from genrelab.evaluation.predictions import Predictions

Floats = npt.NDArray[np.float64]
_BLOCK = 4_000_000  # weights held at once: 32 MB


class Interval(NamedTuple):
    """The two ends of an interval; NaN where nothing can be said."""

    low: float
    high: float

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float | np.floating) and bool(self.low <= value <= self.high)


def bootstrap(
    predictions: Predictions, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> dict[str, Interval]:
    """Return an interval for each figure that follows from sums over clips.

    These are accuracy, balanced and top-3 accuracy, macro and weighted precision, recall and F1, log loss and Brier.
    The areas under curves need a sort for each resample and are left out; so is the calibration error, which any
    resampling pushes upwards, so that its interval would mislead.

    With a single track there is no interval (NaN). Where not one clip is wrong (or right) every resample says the
    same; then the exact binomial bound for that many tracks stands instead (Clopper and Pearson 1934).

    Parameters
    ----------
    predictions
        One part, e.g. ``predictions.part("test")``.
    resamples
        How often tracks are drawn anew.
    seed
        The same seed gives the same intervals.
    level
        Coverage asked for.
    """
    counts, means = _resample(predictions, resamples, seed)
    drawn = {**scores(counts), **means}
    unbounded = ("log_loss", "brier")
    return {
        name: percentile_interval(values, predictions.n_tracks, level, fraction=name not in unbounded)
        for name, values in drawn.items()
    }


def bootstrap_genres(
    predictions: Predictions, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Return intervals of precision, recall and F1 of each genre: ``genre, precision_low, precision_high`` and so on.

    A genre without clips, or whose clips all come from one track, has no interval (NaN) of recall and F1; one that no
    clip is called, or the clips of one track alone, none of precision.
    """
    counts, _ = _resample(predictions, resamples, seed)
    genres = range(len(predictions.genres))
    true, called = (
        [len(np.unique(predictions.tracks[codes == g])) for g in genres]
        for codes in (predictions.true, predictions.predicted)
    )
    # A resample without a clip of the genre says nothing of it: it must not count as a zero. F1 would be zero there
    # whatever else is called so. Of precision, it is one without a clip that is called so.
    absent, uncalled = counts.sum(axis=-1) == 0, counts.sum(axis=-2) == 0
    columns: dict[str, Any] = {"genre": predictions.genres}
    unknown = {"precision": (uncalled, called), "recall": (absent, true), "f1": (absent, true)}
    for (name, (nothing, tracks)), values in zip(unknown.items(), by_genre(counts), strict=True):
        known = np.where(nothing, np.nan, values)
        intervals = [percentile_interval(known[:, g], tracks[g], level, fraction=True) for g in genres]
        columns[f"{name}_low"] = [interval.low for interval in intervals]
        columns[f"{name}_high"] = [interval.high for interval in intervals]
    return pd.DataFrame(columns)


def resampled_sums(contributions: Any, tracks: npt.NDArray[np.int64], resamples: int, seed: int) -> Floats:
    """Return the sum of each column over the clips of tracks drawn with replacement, once a resample.

    Parameters
    ----------
    contributions
        What each clip adds, shape (clips, columns), dense or scipy-sparse.
    tracks
        Track of each clip, from 0 up without gaps, shape (clips,).
    resamples, seed
        How often, and from which random stream.

    Returns
    -------
    ndarray
        Shape (resamples, columns).
    """
    number = int(tracks.max()) + 1
    rows = np.arange(len(tracks))
    members = sparse.csr_array((np.ones(len(tracks)), (tracks, rows)), shape=(number, len(tracks)))
    by_track = sparse.csr_array((members @ sparse.csr_array(contributions)).T)
    blocks = [(by_track @ weights).T for weights in _weights(number, resamples, seed)]
    return np.concatenate(blocks)


def resampled_means(values: Floats, tracks: npt.NDArray[np.int64], resamples: int, seed: int) -> Floats:
    """Return the mean of each column of values (clips, columns) instead, else as `resampled_sums`."""
    sums = resampled_sums(np.column_stack([values, np.ones(len(values))]), tracks, resamples, seed)
    return np.asarray(sums[:, :-1] / sums[:, -1:])


def confusion_contributions(predictions: Predictions) -> sparse.csr_array:
    """Return a 1 for each clip in its cell of the confusion matrix laid flat, shape (clips, genres * genres)."""
    size, clips = len(predictions.genres), len(predictions)
    cells = predictions.true * size + predictions.predicted
    return sparse.csr_array((np.ones(clips), (np.arange(clips), cells)), shape=(clips, size * size))


def _resample(predictions: Predictions, resamples: int, seed: int) -> tuple[Floats, dict[str, Floats]]:
    """Return confusion counts (resamples, genres, genres) and the figures that are plain means over clips."""
    size = len(predictions.genres)
    plain = {
        "top3_accuracy": in_top(predictions, 3).astype(np.float64),
        "log_loss": log_losses(predictions),
        "brier": brier_scores(predictions),
    }
    columns = [confusion_contributions(predictions), np.column_stack(list(plain.values()))]
    sums = resampled_sums(sparse.hstack(columns, format="csr"), predictions.tracks, resamples, seed)
    clips = sums[:, : size * size].sum(axis=1)
    means = {name: sums[:, size * size + place] / clips for place, name in enumerate(plain)}
    return sums[:, : size * size].reshape(-1, size, size), means


def _weights(tracks: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield how often each track is drawn, in blocks of shape (tracks, some resamples)."""
    random = np.random.default_rng(seed)
    step = max(1, _BLOCK // tracks)
    for first in range(0, resamples, step):
        block = min(step, resamples - first)
        drawn = random.integers(0, tracks, size=(block, tracks))
        drawn += np.arange(block)[:, None] * tracks
        yield np.bincount(drawn.ravel(), minlength=block * tracks).reshape(block, tracks).T.astype(np.float64)


def percentile_interval(values: Floats, tracks: int, level: float, *, fraction: bool) -> Interval:
    """Percentiles of the resampled values, or the exact bound where a fraction never moves from 0 or 1."""
    values = values[np.isfinite(values)]
    if tracks < 2 or len(values) == 0:
        return Interval(np.nan, np.nan)
    tail = (1 - level) / 2
    low, high = float(values.min()), float(values.max())
    if fraction and low == high and low in (0.0, 1.0):
        bound = tail ** (1 / tracks)
        return Interval(bound, 1.0) if low == 1.0 else Interval(0.0, 1 - bound)
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))
