"""Metrics agree with scikit-learn, with small tables worked out by hand, and with themselves."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from genrelab.evaluation.metrics import LABELS, confusion, in_top, metrics, per_genre, scores
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.ranking import average_precision, precision_recall_curve, roc_auc, roc_curve


def predictions_of(true: list[str], probabilities: list[list[float]], genres: tuple[str, ...]) -> Predictions:
    size = len(true)
    table = pd.DataFrame(
        {"clip": [f"c{i}" for i in range(size)], "track": "", "artist": "", "split": "test", "fold": 0}
    )
    table["genre"] = true
    return Predictions(table.join(pd.DataFrame(probabilities, columns=[f"p_{genre}" for genre in genres])))


# By hand: rock is right once and called jazz once; jazz is right; metal, sure of itself, is called rock.
HAND = predictions_of(
    ["rock", "rock", "jazz", "metal"],
    [[0.1, 0.2, 0.7], [0.6, 0.1, 0.3], [0.5, 0.25, 0.25], [0.0, 0.0, 1.0]],
    ("jazz", "metal", "rock"),
)


def test_a_table_worked_out_by_hand() -> None:
    found = metrics(HAND)
    assert list(found) == list(LABELS)
    assert found["accuracy"] == 0.5
    assert found["balanced_accuracy"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found["macro_precision"] == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0 + 1 / 2) / 3)
    assert found["weighted_f1"] == pytest.approx((2 / 3 + 0 + 2 * 1 / 2) / 4)
    assert found["top3_accuracy"] == 1.0
    assert found["brier"] == pytest.approx((0.14 + 0.86 + 0.375 + 2.0) / 4)
    assert found["log_loss"] == pytest.approx(-(math.log(0.7) + math.log(0.3) + math.log(0.5) + math.log(2**-52)) / 4)


def test_the_confusion_matrix_has_truths_as_rows() -> None:
    assert confusion(HAND).tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 1]]


def test_per_genre_by_hand() -> None:
    table = per_genre(HAND).set_index("genre")
    assert table["clips"].tolist() == [1, 1, 2]
    assert table["predicted"].tolist() == [2, 0, 2]
    assert table.loc["jazz", ["precision", "recall"]].tolist() == [0.5, 1.0]
    # Scores for jazz .1 .6 .5 .0, the third is jazz: two of three others score below it.
    assert table.loc["jazz", "roc_auc"] == pytest.approx(2 / 3)
    assert table.loc["jazz", "average_precision"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("genres", [2, 3, 10, 30])
def test_every_metric_agrees_with_scikit_learn(make_predictions, genres) -> None:
    predictions = make_predictions(clips=300, genres=tuple(f"genre {i:02}" for i in range(genres))).part("test")
    true, predicted, p = predictions.true, predictions.predicted, predictions.probabilities
    one_hot = np.eye(genres)[true]
    wanted = {
        "accuracy": reference.accuracy_score(true, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(true, predicted),
        "roc_auc": reference.roc_auc_score(one_hot, p, average="macro"),
        "average_precision": reference.average_precision_score(one_hot, p, average="macro"),
        "log_loss": reference.log_loss(true, p, labels=range(genres)),
        "brier": np.mean(np.sum((p - one_hot) ** 2, axis=1)),
    }
    if genres > 3:
        wanted["top3_accuracy"] = reference.top_k_accuracy_score(true, p, k=3, labels=range(genres))
    for average in ("macro", "weighted"):
        values = reference.precision_recall_fscore_support(true, predicted, average=average, zero_division=0)[:3]
        wanted |= {
            f"{average}_{name}": value for name, value in zip(("precision", "recall", "f1"), values, strict=True)
        }
    found = metrics(predictions)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_per_genre_agrees_with_scikit_learn(make_predictions) -> None:
    predictions = make_predictions(clips=300).part("test")
    table = per_genre(predictions)
    precision, recall, f1, support = reference.precision_recall_fscore_support(predictions.true, predictions.predicted)
    np.testing.assert_allclose(table[["precision", "recall", "f1"]], np.c_[precision, recall, f1], atol=1e-12)
    assert table["clips"].tolist() == support.tolist()
    for g in range(10):
        positive, score = predictions.true == g, predictions.probabilities[:, g]
        assert table["roc_auc"][g] == pytest.approx(reference.roc_auc_score(positive, score), abs=1e-12)


def test_macro_averages_are_the_means_of_the_table(make_predictions) -> None:
    predictions = make_predictions(clips=200).part("test")
    found, table = metrics(predictions), per_genre(predictions)
    for name in ("precision", "recall", "f1"):
        assert found[f"macro_{name}"] == pytest.approx(table[name].mean(), abs=1e-12)


def test_a_genre_absent_from_the_part_has_no_area_and_does_not_weigh_on_the_mean() -> None:
    predictions = predictions_of(["a", "b"], [[0.8, 0.2, 0.0], [0.3, 0.7, 0.0]], ("a", "b", "never"))
    absent = per_genre(predictions).set_index("genre").loc["never"]
    assert absent[["precision", "recall", "f1", "roc_auc", "average_precision"]].isna().all()
    found = metrics(predictions)
    assert found["macro_f1"] == 1.0
    assert found["roc_auc"] == 1.0


def test_a_genre_that_is_only_ever_predicted_pulls_the_macro_average_down_as_in_scikit_learn() -> None:
    predictions = predictions_of(["a", "b"], [[0.8, 0.1, 0.1], [0.2, 0.2, 0.6]], ("a", "b", "ghost"))
    assert metrics(predictions)["macro_f1"] == pytest.approx(1 / 3)
    assert metrics(predictions)["balanced_accuracy"] == 0.5


def test_a_part_of_one_genre_has_no_area_at_all() -> None:
    found = metrics(predictions_of(["a", "a"], [[0.8, 0.2], [0.3, 0.7]], ("a", "b")))
    assert math.isnan(found["roc_auc"])
    assert found["average_precision"] == 1.0


def test_with_equal_probabilities_top_1_is_accuracy() -> None:
    predictions = predictions_of(["a", "b"], [[0.5, 0.5], [0.5, 0.5]], ("a", "b"))
    assert in_top(predictions, 1).tolist() == (predictions.predicted == predictions.true).tolist() == [True, False]


def test_scores_of_many_matrices_are_those_of_each() -> None:
    counts = np.random.default_rng(0).integers(0, 9, size=(4, 3, 3))
    together = scores(counts)
    for number, matrix in enumerate(counts):
        for name, value in scores(matrix).items():
            assert together[name][number] == value


@pytest.mark.parametrize("ties", [False, True])
def test_curves_agree_with_scikit_learn(ties) -> None:
    random = np.random.default_rng(1)
    score = random.normal(size=200).round(1 if ties else 12)
    positive = random.random(200) < 0.3
    x, y = roc_curve(score, positive)
    wanted_x, wanted_y, _ = reference.roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(np.c_[x, y], np.c_[wanted_x, wanted_y], atol=1e-15)
    recall, precision = precision_recall_curve(score, positive)
    wanted_precision, wanted_recall, _ = reference.precision_recall_curve(positive, score)
    np.testing.assert_allclose(np.c_[recall, precision][::-1], np.c_[wanted_recall, wanted_precision][:-1], atol=1e-15)
    assert roc_auc(score, positive) == pytest.approx(reference.roc_auc_score(positive, score), abs=1e-12)
    wanted = reference.average_precision_score(positive, score)
    assert average_precision(score, positive) == pytest.approx(wanted, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), genres=st.integers(2, 6), clips=st.integers(1, 30))
def test_metrics_do_not_depend_on_the_order_of_rows(seed, genres, clips) -> None:
    random = np.random.default_rng(seed)
    names = tuple(f"g{i}" for i in range(genres))
    probabilities = random.dirichlet(np.ones(genres), size=clips)
    true = [names[i] for i in random.integers(0, genres, clips)]
    order = random.permutation(clips)
    one = metrics(predictions_of(true, probabilities.tolist(), names))
    other = metrics(predictions_of([true[i] for i in order], probabilities[order].tolist(), names))
    for name, value in one.items():
        assert other[name] == pytest.approx(value, abs=1e-12, nan_ok=True), name
        if not math.isnan(value) and name not in ("log_loss", "brier"):
            assert -1e-12 <= value <= 1 + 1e-12, name
