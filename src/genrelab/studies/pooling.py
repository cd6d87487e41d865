"""Seeds taken together: a track counts with all that the networks of all seeds said of it."""

from collections.abc import Sequence

import pandas as pd

from genrelab.evaluation.predictions import Predictions, track_names


def pool(tests: Sequence[Predictions]) -> Predictions:
    """Return the test parts of one recipe's runs, one a seed, as one table.

    A clip stands in it once for each seed and fold that tested it, under names of their own; its track stays its track,
    so that drawing tracks anew takes a track with all that was said of it.
    """
    tables = []
    for number, test in enumerate(tests):
        table = test.table
        clip = [f"{number}/{fold}/{clip}" for fold, clip in zip(table["fold"], table["clip"], strict=True)]
        # Folds of different seeds are different folds.
        tables.append(table.assign(clip=clip, track=track_names(table), fold=table["fold"] + 1000 * number))
    return Predictions(pd.concat(tables, ignore_index=True), tests[0].info)
