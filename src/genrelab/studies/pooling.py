"""Seeds taken together: a track counts with all that the networks of all seeds said of it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genrelab.evaluation.predictions import Predictions


def pool(tests: Sequence[Predictions]) -> Predictions:
    """Return the test parts of one recipe's runs, one a seed, as one table.

    A clip stands in it once for each seed and fold that tested it, under names of their own; its track stays its track,
    so that drawing tracks anew takes a track with all that was said of it.
    """
    tables = []
    for number, test in enumerate(tests):
        table = test.table
        track = ("track " + table["track"]).where(table["track"].fillna("") != "", "clip " + table["clip"])
        clip = [f"{number}/{fold}/{clip}" for fold, clip in zip(table["fold"], table["clip"], strict=True)]
        # Folds of different seeds are different folds.
        tables.append(table.assign(clip=clip, track=track, fold=table["fold"] + 1000 * number))
    return Predictions(pd.concat(tables, ignore_index=True), tests[0].info)


def sign_flip(a: Predictions, b: Predictions, flips: int = 9999, seed: int = 0) -> float:
    """Return the two-sided p-value that two models are equally accurate, with tracks as its units.

    Were they, then on each track it would be as likely that a has so many clips more right than b as the other way
    round: the test turns that round at random, track by track (a paired permutation test: Fisher, "The Design of
    Experiments", 1935; Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005).

    Parameters
    ----------
    a, b
        Two tables of the same clips, as `pool` returns them.
    flips
        How often; the p-value is no smaller than 1 / (flips + 1).
    seed
        Of the random turns.
    """
    right = [pd.Series(one.predicted == one.true, index=one.table["clip"]).astype(float) for one in (a, b)]
    by_clip = (right[0] - right[1]).reindex(a.table["clip"]).to_numpy()
    by_track = np.bincount(a.tracks, weights=by_clip)
    by_track = by_track[by_track != 0]
    signs = np.random.default_rng(seed).integers(0, 2, size=(flips, len(by_track)), dtype=np.int8) * 2 - 1
    as_far = np.abs(signs @ by_track) >= abs(by_track.sum()) - 1e-9
    return float((1 + as_far.sum()) / (1 + flips))
