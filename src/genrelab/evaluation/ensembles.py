"""Several systems as one: what is made of their probabilities for the same clips."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from genrelab.errors import RunError
from genrelab.evaluation.predictions import Predictions

Rule = Literal["mean", "product", "vote", "stack", "choose"]
RULES: tuple[str, ...] = get_args(Rule)
SMALLEST = 1e-12  # a probability below counts as it: one member's certain zero shall not silence the others

Array = npt.NDArray[np.float64]


def combine(
    members: Sequence[Predictions], rule: Rule, losses: Mapping[int, Sequence[float]] | None = None
) -> Predictions:
    """Return the predictions of an ensemble.

    Parameters
    ----------
    members
        Predictions of two or more systems for the same clips, folds and genres.
    rule
        ``mean``: the mean of the probabilities. ``product``: their product, normalised. ``vote``: the genre that most
        members choose; of genres with equally many votes the one with the most confident voter. The row's probabilities
        are those of the winner's most confident voter. ``stack``: a logistic regression on the members' log
        probabilities, fitted fold by fold on the validation part (Wolpert 1992), so that of its own validation rows
        little can be concluded. ``choose``: in each fold the one member with the least of `losses`, so that choosing
        among systems is part of what is tested (nested cross-validation: Cawley and Talbot 2010, JMLR 11).
    losses
        For ``choose``: what each member lost in a fold on clips that are neither learned from nor tested.

    Raises
    ------
    RunError
        Fewer than two members, or members that judged other clips, folds or genres; ``stack`` without validation rows,
        ``choose`` without losses.
    """
    if rule not in RULES:
        raise RunError(f"there is no rule {rule!r} for ensembles; choose one of {', '.join(RULES)}")
    aligned = _align(members)
    first = aligned[0]
    probabilities = np.stack([member.probabilities for member in aligned])
    combined = np.empty_like(probabilities[0])
    if rule == "choose":
        if losses is None:
            raise RunError("the rule 'choose' goes by what the members lost in validation, and nothing is known of it")
        for fold, of_members in losses.items():
            rows = (first.table["fold"] == fold).to_numpy()
            combined[rows] = probabilities[best(of_members)][rows]
    elif rule == "stack":
        for fold, (weights, bias) in fit_stacks(aligned).items():
            rows = (first.table["fold"] == fold).to_numpy()
            combined[rows] = softmax(features(probabilities[:, rows]) @ weights.T + bias, axis=1)
    else:
        combined = {"mean": mean, "product": product, "vote": vote}[rule](probabilities)
    return first.with_probabilities(combined)


def mean(probabilities: Array) -> Array:
    """Return the mean of (members, clips, genres) over the members, (clips, genres)."""
    averaged: Array = probabilities.mean(axis=0)
    return averaged


def product(probabilities: Array) -> Array:
    """Return the normalised product of (members, clips, genres) over the members, (clips, genres)."""
    return np.asarray(softmax(np.log(np.maximum(probabilities, SMALLEST)).sum(axis=0), axis=1))


def vote(probabilities: Array) -> Array:
    """Return for each clip the probabilities of its winning genre's most confident voter, (clips, genres)."""
    genres = probabilities.shape[2]
    choice, confidence = probabilities.argmax(axis=2), probabilities.max(axis=2)  # (members, clips)
    ballots = np.eye(genres)[choice]
    votes = ballots.sum(axis=0)
    # Confidence is at most 1: it decides among equally many votes alone.
    strongest = (ballots * confidence[..., None]).max(axis=0)
    winner = (votes + strongest / 2).argmax(axis=1)
    voter = np.where(choice == winner, confidence, -1).argmax(axis=0)
    chosen: Array = probabilities[voter, np.arange(len(winner))]
    return chosen


def best(losses: Sequence[float]) -> int:
    """Return which member lost least, the first of several."""
    return int(np.argmin(losses))


def fit_stacks(members: Sequence[Predictions]) -> dict[int, tuple[Array, Array]]:
    """Return for each fold the weights (genres, members x genres) and biases (genres,) of its logistic regression."""
    first = members[0]
    found = {}
    for fold in sorted(set(first.table["fold"])):
        rows = ((first.table["fold"] == fold) & (first.table["split"] == "validation")).to_numpy()
        true = first.true[rows]
        if len(set(true)) < 2:
            raise RunError(f"the rule 'stack' learns from the validation part, and fold {fold} has none to learn from")
        inputs = features(np.stack([member.probabilities[rows] for member in members]))
        fitted = LogisticRegression(C=0.1, max_iter=2000).fit(inputs, true)
        # A genre that no validation clip has keeps weights of zero and a bias below the mean of the others' logits,
        # where all of those are that lie together: of members who say the same of every clip.
        weights = np.zeros((len(first.genres), inputs.shape[1]))
        bias = np.full(len(first.genres), float(min(fitted.intercept_.min(), fitted.intercept_.mean() - 0.5)))
        if len(fitted.classes_) == 2:
            # One row for both, of which each gets half: the greater is never below 0, and what is absent always is.
            half, middle = fitted.coef_[0] / 2, float(fitted.intercept_[0]) / 2
            bias[:] = -max(abs(middle), 0.5)
            weights[fitted.classes_], bias[fitted.classes_] = (-half, half), (-middle, middle)
        else:
            weights[fitted.classes_], bias[fitted.classes_] = fitted.coef_, fitted.intercept_
        found[int(fold)] = (weights, bias)
    return found


def features(probabilities: Array) -> Array:
    """Return what stacking looks at: the log probabilities of (members, clips, genres), (clips, members x genres)."""
    logs = np.log(np.maximum(probabilities, SMALLEST))
    return np.asarray(logs.transpose(1, 0, 2).reshape(logs.shape[1], -1))


def _align(members: Sequence[Predictions]) -> list[Predictions]:
    """Return the members with their rows in the order of the first one's."""
    if len(members) < 2:
        raise RunError(f"an ensemble needs two members or more, and has {len(members)}")
    keys = ["clip", "split", "fold"]
    aligned = [member.table.sort_values(keys, ignore_index=True) for member in members]
    for number, (member, table) in enumerate(zip(members, aligned, strict=True), start=1):
        if member.genres != members[0].genres:
            raise RunError(
                f"member {number} tells {', '.join(member.genres)}, the first one {', '.join(members[0].genres)}; "
                "an ensemble's members tell the same genres"
            )
        if not table[keys].equals(aligned[0][keys]):
            raise RunError(
                f"member {number} judged other clips than the first one, or in other folds; train all members with the "
                "same corpus, protocol and seed (or protocol.seed)"
            )
    return [Predictions(table, member.info) for member, table in zip(members, aligned, strict=True)]
