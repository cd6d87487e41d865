"""What an ensemble makes of its members' probabilities."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from genrelab.errors import RunError
from genrelab.evaluation.ensembles import RULES, combine, features
from genrelab.evaluation.predictions import Predictions


def predictions(*rows: tuple[float, float], split: str = "test", genres: str = "ab") -> Predictions:
    """Make a table of clips c0, c1 ... whose true genres take turns."""
    count = len(rows)
    table = pd.DataFrame(
        {
            "clip": [f"c{number}" for number in range(count)],
            "track": "",
            "artist": "",
            "split": split,
            "fold": 0,
            "genre": [genres[number % 2] for number in range(count)],
        }
    )
    values = pd.DataFrame(rows, columns=[f"p_{genre}" for genre in genres])
    return Predictions(pd.concat([table, values], axis=1), {"protocol": "random"})


SURE, UNSURE = predictions((0.9, 0.1), (0.9, 0.1)), predictions((0.4, 0.6), (0.2, 0.8))


def test_the_mean_is_the_mean_of_the_probabilities():
    np.testing.assert_allclose(combine([SURE, UNSURE], "mean").probabilities, [[0.65, 0.35], [0.55, 0.45]])


def test_the_product_is_normalised():
    expected = [[0.36 / 0.42, 0.06 / 0.42], [0.18 / 0.26, 0.08 / 0.26]]
    np.testing.assert_allclose(combine([SURE, UNSURE], "product").probabilities, expected)


def test_a_certain_zero_of_one_member_does_not_silence_the_others():
    never = predictions((0.0, 1.0), (1.0, 0.0))
    always = predictions((1.0, 0.0), (1.0, 0.0))
    np.testing.assert_allclose(combine([never, always], "product").probabilities, [[0.5, 0.5], [1.0, 0.0]], atol=1e-9)


def test_two_who_disagree_leave_the_word_to_the_more_confident():
    np.testing.assert_allclose(combine([SURE, UNSURE], "vote").probabilities, [[0.9, 0.1], [0.9, 0.1]])
    surer = predictions((0.05, 0.95), (0.2, 0.8))
    np.testing.assert_allclose(combine([SURE, surer], "vote").probabilities, [[0.05, 0.95], [0.9, 0.1]])


def test_two_votes_beat_one_that_is_surer():
    third = predictions((0.45, 0.55), (0.3, 0.7))
    np.testing.assert_allclose(combine([SURE, UNSURE, third], "vote").probabilities, [[0.4, 0.6], [0.2, 0.8]])
    sure, unsure = (predictions(row, genres="abc") for row in ((0.98, 0.01, 0.01), (0.3, 0.4, 0.3)))
    np.testing.assert_allclose(combine([sure, unsure, unsure], "vote").probabilities, [[0.3, 0.4, 0.3]])


def test_stacking_learns_from_validation_whom_to_believe():
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2
    good = np.where(truth == 0, 0.8, 0.2) + 0.1 * rng.uniform(-1, 1, 80)
    wrong = 1 - good  # always the opposite: of use to who has learned it
    noise = rng.uniform(0.01, 0.99, 80)
    members = []
    for column in (wrong, noise):
        parts = [predictions(*((p, 1 - p) for p in column), split=split) for split in ("validation", "test")]
        members.append(Predictions(pd.concat([part.table for part in parts]), {}))
    stacked = combine(members, "stack").part("test")
    assert (stacked.predicted == stacked.true).all()
    assert (members[0].part("test").predicted != members[0].part("test").true).all()


@pytest.mark.parametrize("absent", [0, 1, 2])
@pytest.mark.parametrize(("genres", "skill"), [("abc", 0.0), ("abc", 1.0), ("abcd", 0.3), ("abcd", 1.0)])
def test_stacking_never_calls_a_genre_that_validation_lacks(absent, genres, skill):
    present = [genre for genre in range(len(genres)) if genre != absent]
    random = np.random.default_rng(0)
    true = np.array(present)[np.arange(120) % len(present)]

    def member() -> Predictions:
        logits = skill * random.normal(0, 0.6, (120, len(genres)))
        logits[np.arange(120), true] += skill
        logits[:, present[0]] += 0.8  # both members lean to one of the two: the regression's offset leans back
        values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        table = pd.DataFrame({"clip": [f"c{n}" for n in range(120)], "track": "", "artist": "", "fold": 0})
        table["split"] = np.repeat(["validation", "test"], 60)
        table["genre"] = np.array(list(genres))[true]
        return Predictions(table.join(pd.DataFrame(values, columns=[f"p_{genre}" for genre in genres])), {})

    stacked = combine([member(), member()], "stack").part("test")
    assert absent not in stacked.predicted
    assert (stacked.predicted == stacked.true).mean() > {0.0: 0.49, 0.3: 0.4, 1.0: 0.8}[skill]


@pytest.mark.parametrize("absent", [0, 1, 2, 3])
def test_stacking_members_who_say_the_same_of_every_clip_calls_no_genre_that_validation_lacks(absent):
    present = [genre for genre in range(4) if genre != absent]
    table = pd.DataFrame({"clip": [f"c{n}" for n in range(12)], "track": "", "artist": "", "fold": 0})
    table["split"] = np.repeat(["validation", "test"], 6)
    table["genre"] = np.array(list("abcd"))[np.array(present)[np.arange(12) % 3]]
    member = Predictions(table.join(pd.DataFrame(np.full((12, 4), 0.25), columns=[f"p_{one}" for one in "abcd"])), {})
    assert absent not in combine([member, member], "stack").predicted


def test_stacking_looks_at_one_member_after_another():
    both = np.array([[[0.1, 0.9]], [[0.3, 0.7]]])
    np.testing.assert_allclose(np.exp(features(both)), [[0.1, 0.9, 0.3, 0.7]])


def test_stacking_two_genres_is_their_logistic_regression():
    right = [(0.8, 0.2), (0.3, 0.7), (0.6, 0.4), (0.6, 0.4), (0.7, 0.3), (0.1, 0.9)]
    parts = [predictions(*right, split=split).table for split in ("validation", "test")]
    member = Predictions(pd.concat(parts), {})
    inputs = features(np.stack([np.array(right)] * 2))
    wanted = LogisticRegression(C=0.1, max_iter=2000).fit(inputs, np.arange(6) % 2).predict_proba(inputs)
    np.testing.assert_allclose(combine([member, member], "stack").part("test").probabilities, wanted)


def test_stacking_without_a_validation_part_is_an_error():
    with pytest.raises(RunError, match="fold 0 has none to learn from"):
        combine([SURE, UNSURE], "stack")


def test_choosing_takes_in_each_fold_who_lost_least_there():
    later = [Predictions(member.table.assign(fold=1, clip=["c2", "c3"]), {}) for member in (SURE, UNSURE)]
    members = [Predictions(pd.concat([a.table, b.table]), {}) for a, b in zip((SURE, UNSURE), later, strict=True)]
    chosen = combine(members, "choose", {0: [0.4, 0.3], 1: [0.2, 0.3]})
    np.testing.assert_allclose(chosen.probabilities, [[0.4, 0.6], [0.2, 0.8], [0.9, 0.1], [0.9, 0.1]])


def test_choosing_without_losses_is_an_error():
    with pytest.raises(RunError, match="what the members lost"):
        combine([SURE, UNSURE], "choose")


@pytest.mark.parametrize("rule", RULES[:3])
def test_rows_are_matched_by_clip_not_by_place(rule):
    turned = Predictions(UNSURE.table.iloc[::-1], {})
    expected = combine([SURE, UNSURE], rule)
    np.testing.assert_array_equal(combine([SURE, turned], rule).probabilities, expected.probabilities)


def test_members_must_have_judged_the_same_clips():
    with pytest.raises(RunError, match="other clips"):
        combine([SURE, predictions((0.5, 0.5))], "mean")


def test_members_must_tell_the_same_genres():
    with pytest.raises(RunError, match="tells a, c, the first one a, b"):
        combine([SURE, predictions((0.5, 0.5), (0.5, 0.5), genres="ac")], "mean")


def test_one_member_is_no_ensemble():
    with pytest.raises(RunError, match="two members"):
        combine([SURE], "mean")


def test_an_unknown_rule_is_named():
    with pytest.raises(RunError, match=r"'best'.*mean, product, vote, stack"):
        combine([SURE, UNSURE], "best")  # type: ignore[arg-type]
