"""Whether a probability means what it says, and the one number that mends most of it."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from genrelab.evaluation.predictions import Predictions

BINS = 15  # as Guo et al. 2017
_TEMPERATURES = (0.1, 10.0)
_TINY = 1e-38  # float32's smallest normal number: below it a float32 softmax has already lost the logit


def reliability(predictions: Predictions, bins: int = BINS) -> pd.DataFrame:
    """Return how often clips are right, by how sure the model was.

    Bins are of equal width and closed on the right: (0, 1/bins], (1/bins, 2/bins] and so on.

    Returns
    -------
    DataFrame
        One row a bin: ``low, high, clips``, mean ``confidence`` and ``accuracy`` (NaN in an empty bin).
    """
    confidence = predictions.confidence
    right = predictions.predicted == predictions.true
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    clips = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(place, weights=confidence, minlength=bins) / clips
        accuracy = np.bincount(place, weights=right, minlength=bins) / clips
    return pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "clips": clips, "confidence": mean_confidence, "accuracy": accuracy}
    )


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Return the mean distance between confidence and accuracy over the bins of `reliability`, weighted by clips.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
    """
    filled = table[table["clips"] > 0]
    gap = (filled["accuracy"] - filled["confidence"]).abs()
    return float((gap * filled["clips"]).sum() / filled["clips"].sum())


def fit_temperature(predictions: Predictions) -> float:
    """Return the temperature that makes the log loss of these predictions smallest.

    Fit it on the validation part, apply it elsewhere. Probabilities become ``softmax(logits / temperature)``; log
    probabilities serve as logits, from which they differ by a constant a row. Guo et al. 2017, section 4.2.

    Where every clip is right, sharper is always better and the data do not say how much: then it is never below 1.

    Returns
    -------
    float
        Between 0.1 and 10; above 1 where the model is too sure.
    """
    return best_temperature(_logits(predictions), predictions.true)[0]


def best_temperature(logits: npt.NDArray[np.float64], true: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the temperature of `fit_temperature` and the log loss that it leaves.

    Parameters
    ----------
    logits
        Shape (clips, genres).
    true
        The columns of the genres that the clips have, (clips,).
    """
    rows = np.arange(len(true))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, true]))

    all_right = bool((logits.argmax(axis=1) == true).all())
    low, high = np.log((1.0 if all_right else _TEMPERATURES[0], _TEMPERATURES[1]))
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-8})
    # A bounded search never quite reaches its bounds, where the optimum lies when the data ask for no change.
    best = min((float(found.x), low, high), key=loss)
    return float(np.exp(best)), loss(best)


def apply_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions as ``softmax(logits / temperature)``; the order of genres in a row stays as it is."""
    return predictions.with_probabilities(softmax(_logits(predictions) / temperature, axis=1))


def unknown_threshold(predictions: Predictions, keep: float = 0.95) -> float:
    """Return the confidence below which a clip is called unknown, so that `keep` of these clips stay known.

    Call it with validation predictions to which the temperature is already applied.
    """
    return float(np.quantile(predictions.confidence, 1.0 - keep, method="lower"))


def _logits(predictions: Predictions) -> npt.NDArray[np.float64]:
    return np.log(np.maximum(predictions.probabilities, _TINY))
