"""How well scores order clips: ROC and precision-recall curves of one genre against the rest, and their areas."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def roc_curve(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the ROC curve of one genre.

    Parameters
    ----------
    scores
        Shape (clips,), higher means "rather this genre".
    positive
        Shape (clips,), True where the clip is of this genre; at least one True and one False.

    Returns
    -------
    tuple
        False-positive rate and true-positive rate, from (0, 0) to (1, 1); one point a distinct score.
    """
    hits, alarms = _counts(scores, positive)
    return np.r_[0.0, alarms / alarms[-1]], np.r_[0.0, hits / hits[-1]]


def precision_recall_curve(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return recall and precision of one genre for every distinct score as threshold, recall rising.

    Parameters
    ----------
    scores
        Shape (clips,).
    positive
        Shape (clips,), at least one True.
    """
    hits, alarms = _counts(scores, positive)
    return hits / hits[-1], hits / (hits + alarms)


def roc_auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve: how often a clip of the genre scores above one of another, ties half.

    NaN where the clips are all or none of this genre: there is nothing to put in order. Fawcett, "An introduction to
    ROC analysis", Pattern Recognition Letters 27 (2006).
    """
    if positive.all() or not positive.any():
        return float("nan")
    false_rate, true_rate = roc_curve(scores, positive)
    return float(np.trapezoid(true_rate, false_rate))


def average_precision(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Return the precision averaged over the recall it is gained at, without interpolation; NaN without positives."""
    if not positive.any():
        return float("nan")
    recall, precision = precision_recall_curve(scores, positive)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _counts(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Count true and false positives among clips scoring at least each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    last_of_equals = np.r_[np.diff(scores[order]) != 0, True]
    hits = np.cumsum(positive[order])[last_of_equals].astype(np.float64)
    return hits, (np.flatnonzero(last_of_equals) + 1) - hits
