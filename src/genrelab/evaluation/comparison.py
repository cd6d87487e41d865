"""Which of two models is better, on the clips both were tested on, and whether the difference is more than noise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.stats import binom

from genrelab.errors import RunError
from genrelab.evaluation.intervals import (
    Interval,
    bootstrap,
    confusion_contributions,
    percentile_interval,
    resampled_sums,
)
from genrelab.evaluation.metrics import confusion, metrics, scores
from genrelab.evaluation.predictions import Predictions

SIGNIFICANT = 0.05
_BLOCK = 4_000_000  # numbers held at once: 32 MB


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. Differences are a minus b: above zero, a is better.

    Intervals are 95 % (or the level asked for), paired bootstrap over tracks; `p` is that of `sign_flip`, whose units
    are tracks, too; `mcnemar_p` is two-sided and exact, with clips as its units.
    """

    name_a: str
    name_b: str
    clips: int
    tracks: int
    accuracy_a: float
    accuracy_b: float
    accuracy_difference: float
    accuracy_interval: Interval
    macro_f1_a: float
    macro_f1_b: float
    macro_f1_difference: float
    macro_f1_interval: Interval
    only_a_right: int
    only_b_right: int
    p: float
    mcnemar_p: float
    warnings: list[str] = field(default_factory=list)

    def beyond_noise(self, p: float | None = None, by_seed: Sequence[float] = ()) -> bool:
        """Whether the difference in accuracy is larger than the noise: all that is known of it has to agree.

        Its interval leaves out zero, its p-value is below `SIGNIFICANT`, and it exceeds its standard deviation over
        seeds.

        Parameters
        ----------
        p
            After correction, where this is one of several comparisons; `p` as it stands if it is not given.
        by_seed
            The difference of each seed. Of fewer than two no spread is known, and what is said holds for these two
            trained models, not for their recipes.
        """
        low, high = self.accuracy_interval
        spread = np.std(by_seed, ddof=1) if len(by_seed) > 1 else 0.0
        return bool(
            (low > 0 or high < 0)
            and (self.p if p is None else p) < SIGNIFICANT
            and abs(self.accuracy_difference) > spread
        )


@dataclass(frozen=True)
class Ranking:
    """Several runs, best accuracy first, and the best against each other one.

    `table` has a row a run, each on all its own clips: ``run, protocol, leaks, clips, tracks``; value, ``_low`` and
    ``_high`` of accuracy, balanced accuracy and macro F1; ``log_loss`` and ``ece``. `holm_p` are the `p` of
    `against_best` after Holm's correction for their number.
    """

    table: pd.DataFrame
    against_best: list[Comparison]
    holm_p: list[float]
    warnings: list[str]


def compare(
    a: Predictions,
    b: Predictions,
    *,
    name_a: str = "a",
    name_b: str = "b",
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Comparison:
    """Compare two tables, each one part of a run, on the clips that both hold.

    A clip tested in several folds counts with its mean probabilities. Both models see the same resampled tracks, so
    that what makes a track hard for both falls out of the difference.

    Parameters
    ----------
    a, b
        What each says of its clips; those that both hold are compared.
    name_a, name_b
        What messages and warnings call them.
    resamples
        How often tracks are drawn anew for the intervals.
    seed
        Of these draws.
    level
        Of the intervals: 0.95 for 95 %.

    Raises
    ------
    RunError
        The genres differ, or no clip is in both.
    """
    one_a, one_b, warnings = shared_clips(a, b, name_a, name_b)
    return _paired(one_a, one_b, (name_a, name_b), warnings, resamples, seed, level)


def shared_clips(
    a: Predictions, b: Predictions, name_a: str = "a", name_b: str = "b"
) -> tuple[Predictions, Predictions, list[str]]:
    """Return what two models say of the clips that both were tested on, row by row the same, and what to beware of.

    Raises
    ------
    RunError
        As `compare`.
    """
    if set(a.genres) != set(b.genres):
        odd = ", ".join(sorted(set(a.genres) ^ set(b.genres)))
        raise RunError(
            f"{name_a} and {name_b} tell apart different genres (not in both: {odd}); they cannot be compared"
        )
    warnings = _warnings(a, b, name_a, name_b)
    one_a, one_b = a.by_clip(), b.by_clip(a.genres)
    shared = one_a.index.intersection(one_b.index, sort=False)
    if shared.empty:
        raise RunError(f"{name_a} and {name_b} share no clip; compare runs on the same corpus and part")
    if len(shared) < max(len(one_a), len(one_b)):
        warnings.append(
            f"The clips differ: {name_a} was tested on {len(one_a)}, {name_b} on {len(one_b)}; "
            f"the differences are taken on the {len(shared)} that both share."
        )
    one_a, one_b = one_a.loc[shared], one_b.loc[shared]
    agree = (one_a["genre"] == one_b["genre"]).to_numpy()
    if not agree.all():
        if not agree.any():
            raise RunError(f"{name_a} and {name_b} disagree on the true genre of every clip they share")
        warnings.append(
            f"The true genre of {int((~agree).sum())} clips differs between {name_a} and {name_b}; they are left out."
        )
    return Predictions(one_a[agree].reset_index()), Predictions(one_b[agree].reset_index()), warnings


def compare_many(
    runs: Mapping[str, Predictions], *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Ranking:
    """Rank runs by accuracy and compare the best with each other one.

    Parameters
    ----------
    runs
        One part's predictions by the run's name; two or more.
    resamples, seed, level
        As for `compare`.

    Raises
    ------
    RunError
        Fewer than two runs, or two that `compare` refuses.
    """
    if len(runs) < 2:
        raise RunError("a comparison needs two or more runs")
    table = pd.DataFrame([_row(name, run, resamples, seed, level) for name, run in runs.items()])
    table = table.sort_values("accuracy", ascending=False, kind="stable").reset_index(drop=True)
    names = [str(name) for name in table["run"]]
    options = {"resamples": resamples, "seed": seed}
    pairs = [
        compare(runs[names[0]], runs[name], name_a=names[0], name_b=name, level=level, **options) for name in names[1:]
    ]
    warnings = list(dict.fromkeys(text for pair in pairs for text in pair.warnings))
    return Ranking(table, pairs, holm([pair.p for pair in pairs]), warnings)


def sign_flip(a: Predictions, b: Predictions, flips: int = 9999, seed: int = 0) -> float:
    """Return the two-sided p-value that two models are equally accurate, with tracks as its units.

    Were they, then on each track it would be as likely that a has so many clips more right than b as the other way
    round: the test turns that round at random, track by track (a paired permutation test: Fisher, "The Design of
    Experiments", 1935; Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005).

    Parameters
    ----------
    a, b
        Two tables, row by row the same clips, as `shared_clips` returns them.
    flips
        How often; the p-value is no smaller than 1 / (flips + 1).
    seed
        Of the random turns.
    """
    more_right = (a.predicted == a.true).astype(float) - (b.predicted == b.true)
    by_track = np.bincount(a.tracks, weights=more_right)
    by_track = by_track[by_track != 0]
    sums = np.concatenate([turns @ by_track for turns in random_turns(len(by_track), flips, seed)])
    as_far = np.abs(sums) >= abs(by_track.sum()) - 1e-9
    return float((1 + as_far.sum()) / (1 + flips))


def random_turns(tracks: int, flips: int, seed: int, columns: int = 1) -> Iterator[npt.NDArray[np.float64]]:
    """Yield 1 or -1 at random for each track, shape (some flips, tracks), as many as `flips` in all.

    Blocks are small enough for memory, also where each makes so many `columns` of sums.
    """
    random = np.random.default_rng(seed)
    step = max(1, _BLOCK // max(tracks, columns))
    for first in range(0, flips, step):
        turned = random.integers(0, 2, size=(min(step, flips - first), tracks), dtype=np.int8)
        yield np.where(turned, 1.0, -1.0)


def mcnemar(only_a_right: int, only_b_right: int) -> float:
    """Return the exact two-sided p-value that two models are equally often the only one to be right.

    McNemar, Psychometrika 12 (1947), with the binomial distribution in place of chi-squared.
    """
    differing = only_a_right + only_b_right
    return min(1.0, 2.0 * float(binom.cdf(min(only_a_right, only_b_right), differing, 0.5)))


def holm(p_values: list[float]) -> list[float]:
    """Return p-values corrected for their number, in the order given (Holm, Scand. J. Statistics 6, 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1.0)
    corrected = np.empty(len(p_values))
    corrected[order] = stepped
    return [float(value) for value in corrected]


def _paired(
    a: Predictions,
    b: Predictions,
    names: tuple[str, str],
    warnings: list[str],
    resamples: int,
    seed: int,
    level: float,
) -> Comparison:
    both = sparse.hstack([confusion_contributions(a), confusion_contributions(b)], format="csr")
    size = len(a.genres)
    sums = resampled_sums(both, a.tracks, resamples, seed).reshape(-1, 2, size, size)
    drawn, now_a, now_b = scores(sums), scores(confusion(a)), scores(confusion(b))

    def interval(name: str) -> Interval:
        return percentile_interval(drawn[name][:, 0] - drawn[name][:, 1], a.n_tracks, level, fraction=False)

    right_a, right_b = a.predicted == a.true, b.predicted == b.true
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return Comparison(
        name_a=names[0],
        name_b=names[1],
        clips=len(a),
        tracks=a.n_tracks,
        accuracy_a=float(now_a["accuracy"]),
        accuracy_b=float(now_b["accuracy"]),
        accuracy_difference=float(now_a["accuracy"] - now_b["accuracy"]),
        accuracy_interval=interval("accuracy"),
        macro_f1_a=float(now_a["macro_f1"]),
        macro_f1_b=float(now_b["macro_f1"]),
        macro_f1_difference=float(now_a["macro_f1"] - now_b["macro_f1"]),
        macro_f1_interval=interval("macro_f1"),
        only_a_right=only_a,
        only_b_right=only_b,
        p=sign_flip(a, b),
        mcnemar_p=mcnemar(only_a, only_b),
        warnings=warnings,
    )


def _warnings(a: Predictions, b: Predictions, name_a: str, name_b: str) -> list[str]:
    """Say what, in how the two were tested, makes their figures differ for other reasons than the models."""
    found = []
    for key, reason in (
        ("protocol", "a figure under one says nothing about the other"),
        ("corpus", "they were not trained on the same music"),
    ):
        if a.info.get(key) != b.info.get(key):
            found.append(
                f"The {key} differs: {name_a} has {_named(a.info.get(key))}, {name_b} has {_named(b.info.get(key))}; "
                f"{reason}."
            )
    folds_a, folds_b = _fold_of(a), _fold_of(b)
    shared = folds_a.index.intersection(folds_b.index)
    if folds_a.nunique() != folds_b.nunique():
        found.append(
            f"The number of folds differs: {name_a} has {folds_a.nunique()}, {name_b} has {folds_b.nunique()}; "
            "they learned from different amounts of music."
        )
    elif not _same_groups(folds_a.loc[shared], folds_b.loc[shared]):
        found.append(f"The folds differ: {name_a} and {name_b} learned from different clips.")
    for predictions, name in ((a, name_a), (b, name_b)):
        if predictions.info.get("leaks"):
            found.append(f"{name} was trained although its parts leak into each other; its figures are too high.")
    return found


def _fold_of(predictions: Predictions) -> "pd.Series[int]":
    return predictions.table.groupby("clip", sort=True)["fold"].first()


def _same_groups(a: "pd.Series[int]", b: "pd.Series[int]") -> bool:
    """Whether two ways to number folds make the same groups of clips."""
    pairs = pd.DataFrame({"a": a, "b": b}).drop_duplicates()
    return bool(pairs["a"].is_unique and pairs["b"].is_unique)


def _row(name: str, run: Predictions, resamples: int, seed: int, level: float) -> dict[str, object]:
    figures, intervals = metrics(run), bootstrap(run, resamples, seed, level)
    row: dict[str, object] = {"run": name, "protocol": str(run.info.get("protocol", "unknown"))}
    row |= {
        "leaks": bool(run.info.get("leaks")),
        "clips": run.table["clip"].nunique(),
        "tracks": run.n_tracks,
    }
    for key in ("accuracy", "balanced_accuracy", "macro_f1"):
        row |= {key: figures[key], f"{key}_low": intervals[key].low, f"{key}_high": intervals[key].high}
    return row | {"log_loss": figures["log_loss"], "ece": figures["ece"]}


def _named(value: object) -> str:
    return repr(value) if value is not None else "none named"
