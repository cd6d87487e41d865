"""Predictions to figures: how often right, for which genre, in what order, how honestly sure.

A genre that a part does not hold has no ROC AUC and no average precision: they are NaN in `per_genre` (null in JSON),
and the mean over genres is taken over the others. Macro averages run over the genres that occur among the truths or
the predictions, as scikit-learn's do by default; balanced accuracy over those among the truths.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from genrelab.evaluation.calibration import expected_calibration_error, reliability
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.ranking import average_precision, roc_auc

Floats = npt.NDArray[np.float64]
# What people read, in the order in which it is told.
LABELS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "top3_accuracy": "top-3 accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "weighted_precision": "weighted precision",
    "weighted_recall": "weighted recall",
    "weighted_f1": "weighted F1",
    "roc_auc": "ROC AUC (one against the rest)",
    "average_precision": "average precision (one against the rest)",
    "log_loss": "log loss (nats)",
    "brier": "Brier score",
    "ece": "expected calibration error",
}


def metrics(predictions: Predictions) -> dict[str, float]:
    """Return every figure of `LABELS` by name.

    Brier is the multi-class score (0 to 2): the squared distance between the probabilities and the truth's 1-of-n
    vector, mean over clips (Brier, Monthly Weather Review 78, 1950). Log loss is in nats. ECE has 15 bins.
    """
    table = per_genre(predictions)
    figures = {name: float(value) for name, value in scores(confusion(predictions)).items()}
    figures["top3_accuracy"] = float(in_top(predictions, 3).mean())
    figures["roc_auc"] = _mean(table["roc_auc"])
    figures["average_precision"] = _mean(table["average_precision"])
    figures["log_loss"] = float(log_losses(predictions).mean())
    figures["brier"] = float(brier_scores(predictions).mean())
    figures["ece"] = expected_calibration_error(reliability(predictions))
    return {name: figures[name] for name in LABELS}


def per_genre(predictions: Predictions) -> pd.DataFrame:
    """Return one row a genre.

    Columns: ``genre``, ``clips`` (of this genre), ``predicted`` (clips called so), ``precision``, ``recall``, ``f1``,
    ``roc_auc``, ``average_precision``. A genre that is neither true nor predicted anywhere has NaN throughout.
    """
    counts = confusion(predictions)
    precision, recall, f1 = (np.where(_seen(counts), figure, np.nan) for figure in by_genre(counts))
    columns = range(len(predictions.genres))
    ranked = [(predictions.probabilities[:, g], predictions.true == g) for g in columns]
    return pd.DataFrame(
        {
            "genre": predictions.genres,
            "clips": counts.sum(axis=1),
            "predicted": counts.sum(axis=0),
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "roc_auc": [roc_auc(score, positive) for score, positive in ranked],
            "average_precision": [average_precision(score, positive) for score, positive in ranked],
        }
    )


def confusion(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Return clips by true genre (rows) and predicted genre (columns), shape (genres, genres)."""
    size = len(predictions.genres)
    return np.bincount(predictions.true * size + predictions.predicted, minlength=size * size).reshape(size, size)


def scores(counts: npt.NDArray[Any]) -> dict[str, Floats]:
    """Return the figures that follow from confusion counts alone.

    Parameters
    ----------
    counts
        Shape (..., genres, genres), rows true, columns predicted; many matrices at once where there are leading axes.

    Returns
    -------
    dict
        Each figure with the shape of the leading axes. 0/0 counts as 0.
    """
    precision, recall, f1 = by_genre(counts)
    support = counts.sum(axis=-1)
    total, present = support.sum(axis=-1), (support > 0).sum(axis=-1)
    figures = {
        "accuracy": ratio(np.trace(counts, axis1=-2, axis2=-1), total),
        "balanced_accuracy": ratio(recall.sum(axis=-1), present),
    }
    seen = _seen(counts).sum(axis=-1)
    for name, figure in (("precision", precision), ("recall", recall), ("f1", f1)):
        figures[f"macro_{name}"] = ratio(figure.sum(axis=-1), seen)
        figures[f"weighted_{name}"] = ratio((figure * support).sum(axis=-1), total)
    return figures


def in_top(predictions: Predictions, k: int) -> npt.NDArray[np.bool_]:
    """Return for each clip whether its genre is among the `k` most probable; of equals the first counts as higher."""
    own = np.take_along_axis(predictions.probabilities, predictions.true[:, None], axis=1)
    earlier = np.arange(len(predictions.genres)) < predictions.true[:, None]
    ahead = (predictions.probabilities > own) | ((predictions.probabilities == own) & earlier)
    return np.asarray(ahead.sum(axis=1) < k)


def log_losses(predictions: Predictions) -> Floats:
    """Return minus the log of each clip's probability of its true genre, shape (clips,)."""
    own = np.take_along_axis(predictions.probabilities, predictions.true[:, None], axis=1)[:, 0]
    return -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))  # the floor scikit-learn uses


def brier_scores(predictions: Predictions) -> Floats:
    """Return each clip's squared distance from certainty of the truth, shape (clips,), 0 to 2."""
    truth = np.eye(len(predictions.genres))[predictions.true]
    return np.asarray(np.square(predictions.probabilities - truth).sum(axis=1))


def by_genre(counts: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 of each genre, each of shape (..., genres); 0/0 counts as 0."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    support, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    return ratio(hits, predicted), ratio(hits, support), ratio(2 * hits, support + predicted)


def _seen(counts: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    seen: npt.NDArray[np.bool_] = (counts.sum(axis=-1) + counts.sum(axis=-2)) > 0
    return seen


def ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """Return part by whole, as broadcast; 0/0 counts as 0."""
    zeros = np.zeros(np.broadcast_shapes(np.shape(part), np.shape(whole)))
    return np.asarray(np.divide(part, whole, out=zeros, where=np.asarray(whole) > 0))


def _mean(column: "pd.Series[float]") -> float:
    """Mean of what is defined; NaN, without a warning, where nothing is."""
    return float(column.mean())
