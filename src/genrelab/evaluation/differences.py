"""Where two models differ: cell by cell of their confusion matrices, on the clips both were tested on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import norm

from genrelab.evaluation.comparison import holm, shared_clips
from genrelab.evaluation.intervals import confusion_contributions, resampled_sums
from genrelab.evaluation.metrics import confusion
from genrelab.evaluation.predictions import Predictions


@dataclass(frozen=True)
class ConfusionDifference:
    """What `confusion_difference` found; every matrix has a row for each true genre and a column for each called.

    Parameters
    ----------
    genres
        In the order of rows and columns.
    clips
        Of each genre, shape (genres,).
    rates_a, rates_b
        Shares of a genre's clips; a genre without clips has zeros.
    beyond_noise
        Whether a cell's difference is larger than chance would make in any of the cells.
    """

    genres: tuple[str, ...]
    clips: npt.NDArray[np.int64]
    rates_a: npt.NDArray[np.float64]
    rates_b: npt.NDArray[np.float64]
    beyond_noise: npt.NDArray[np.bool_]


def confusion_difference(
    a: Predictions, b: Predictions, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> ConfusionDifference:
    """Compare the confusion matrices of two models on the clips that both were tested on.

    A cell's difference over its standard error from a paired bootstrap over tracks is held against the normal
    distribution, and the p-values are corrected for the number of cells that hold any clip (Holm): of a hundred cells,
    five would else stand out by chance.

    Parameters
    ----------
    a, b
        One part of a run each.
    resamples, seed
        Of the bootstrap.
    level
        How sure to be that no cell stands out by chance.

    Raises
    ------
    RunError
        The genres differ, or no clip is in both.
    """
    one, other, _ = shared_clips(a, b)
    size = len(one.genres)
    both = sparse.hstack([confusion_contributions(one), confusion_contributions(other)], format="csr")
    drawn = resampled_sums(both, one.tracks, resamples, seed).reshape(-1, 2, size, size)
    rates = _rates(drawn)
    rates_a, rates_b = (_rates(confusion(part)) for part in (one, other))
    spread = np.std(rates[:, 0] - rates[:, 1], axis=0)
    difference = rates_a - rates_b
    distance = np.divide(np.abs(difference), spread, out=np.zeros((size, size)), where=spread > 0)
    asked = (rates_a > 0) | (rates_b > 0)
    beyond = np.zeros((size, size), bool)
    beyond[asked] = np.array(holm(list(2 * norm.sf(distance[asked])))) < 1 - level
    return ConfusionDifference(one.genres, confusion(one).sum(axis=1), rates_a, rates_b, beyond)


def _rates(counts: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    """Return shares of each row; zeros where a row is empty."""
    support = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, support, out=np.zeros(counts.shape), where=support > 0))
