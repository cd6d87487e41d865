"""Where two models differ: cell by cell of their confusion matrices, on the clips both were tested on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from genrelab.evaluation.comparison import random_turns, shared_clips
from genrelab.evaluation.intervals import confusion_contributions
from genrelab.evaluation.metrics import confusion, ratio
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
    a: Predictions, b: Predictions, *, flips: int = 9999, seed: int = 0, level: float = 0.95
) -> ConfusionDifference:
    """Compare the confusion matrices of two models on the clips that both were tested on.

    Were the models alike, then on each track either could as well have said what the other did: these turns are made
    at random, for all cells at once. A cell is beyond noise where its difference, over the root of its tracks' summed
    squares, is larger than the largest of any cell in all but 5 % of the turns: of a hundred cells, five would else
    stand out by chance (the maximum statistic: Westfall and Young, "Resampling-Based Multiple Testing", 1993; as a
    permutation test exact with few tracks, too, which a bootstrap's standard error is not).

    Parameters
    ----------
    a, b
        One part of a run each.
    flips, seed
        How often tracks are turned, and from which random stream.
    level
        How sure to be that no cell stands out by chance.

    Raises
    ------
    RunError
        The genres differ, or no clip is in both.
    """
    one, other, _ = shared_clips(a, b)
    size = len(one.genres)
    members = sparse.csr_array((np.ones(len(one)), (one.tracks, np.arange(len(one)))))
    by_track = sparse.csr_array(members @ (confusion_contributions(one) - confusion_contributions(other)))
    moved = np.sqrt(by_track.power(2).sum(axis=0))
    cells = np.flatnonzero(moved)
    beyond = np.zeros(size * size, bool)
    if len(cells):
        scaled = sparse.csr_array(by_track[:, cells] / moved[cells])
        largest = np.concatenate(
            [np.abs(turns @ scaled).max(axis=1) for turns in random_turns(by_track.shape[0], flips, seed, len(cells))]
        )
        found = np.abs(scaled.sum(axis=0))
        p = (1 + (largest[:, None] >= found - 1e-9).sum(axis=0)) / (1 + flips)
        beyond[cells] = p < 1 - level
    counts_a, counts_b = confusion(one), confusion(other)
    clips = counts_a.sum(axis=1)  # of a genre, the same to both
    rates_a, rates_b = (ratio(counts, clips[:, None]) for counts in (counts_a, counts_b))
    return ConfusionDifference(one.genres, clips, rates_a, rates_b, beyond.reshape(size, size))
