"""Heads: what scikit-learn finds is what the module says, in PyTorch and in ONNX, and survives saving."""

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from genrelab.errors import RecipeError
from genrelab.networks import NETWORKS

HEADS = pytest.mark.parametrize("kind", ["logistic-regression", "svm", "neighbours"])
SIZE = 12
ONE = {"logistic-regression": {"c": 0.1}, "svm": {"c": 3.0, "gamma": 0.5}, "neighbours": {"k": 5}}


def clouds(n=60, genres=3, size=SIZE, seed=0):
    """Draw points about the genres' middles; the middles are the same for every seed."""
    middles = np.random.default_rng(7).standard_normal((genres, size))
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % genres
    return middles[codes] + rng.standard_normal((n, size)), codes, np.ones(n)


def build(kind, n_classes=3, size=SIZE):
    return NETWORKS[kind](input_shape=(1, size, 1), n_classes=n_classes)


def solved(kind, n_classes=3, **drawn):
    rows, codes, weights = clouds(**drawn)
    head = build(kind, n_classes, rows.shape[1])
    head.lesson(rows, codes, weights)(**ONE[kind])
    return head


def asked(head, rows):
    with torch.inference_mode():
        return head(torch.from_numpy(rows).float()[:, None, :, None]).numpy()


@pytest.mark.parametrize("size", [SIZE, 200], ids=["few values", "more values than examples"])
def test_logistic_regression_says_what_scikit_learn_says(size):
    rows, codes, _ = clouds(size=size)
    others = clouds(seed=1, size=size)[0]
    expected = Reference(C=0.1, max_iter=1000, tol=1e-6).fit(rows, codes).predict_proba(others)
    probabilities = torch.softmax(torch.from_numpy(asked(solved("logistic-regression", size=size), others)), 1)
    assert probabilities.numpy() == pytest.approx(expected, abs=2e-3)


def test_a_machine_of_each_genre_says_what_scikit_learn_says():
    rows, codes, _ = clouds()
    others = clouds(seed=1)[0]
    machines = [SVC(C=3.0, gamma=0.5 / SIZE).fit(rows, codes == genre) for genre in range(3)]
    expected = np.stack([machine.decision_function(others) for machine in machines], 1)
    assert asked(solved("svm"), others) == pytest.approx(expected, abs=1e-4)


def test_neighbours_vote_as_scikit_learns_do():
    rows, codes, _ = clouds(n=90)
    others = clouds(seed=1)[0]
    likeness = KNeighborsClassifier(5, metric="cosine", weights=lambda distances: np.maximum(1 - distances, 0))
    expected = likeness.fit(rows, codes).predict_proba(others)
    head = solved("neighbours", n=90)
    votes = np.exp(asked(head, others)) - 1 / 3
    assert votes / votes.sum(1, keepdims=True) == pytest.approx(expected, abs=1e-4)
    assert asked(head, 2 * others) == pytest.approx(asked(head, others), abs=1e-5)  # a direction has no length


def test_neighbours_are_no_more_than_there_are_examples():
    head = solved("neighbours", n=3)
    assert asked(head, clouds()[0]).shape == (60, 3)


@HEADS
def test_two_genres_are_told_apart(kind):
    head = solved(kind, n_classes=2, genres=2, n=200)
    rows, codes, _ = clouds(seed=1, genres=2, n=200)
    assert (asked(head, rows).argmax(1) == codes).mean() > 0.9


@HEADS
def test_a_genre_without_an_example_is_never_the_answer(kind):
    head = solved(kind, n_classes=5)
    said = asked(head, clouds(seed=1)[0])
    assert said.shape == (60, 5)
    assert np.isfinite(said).all()
    assert set(said.argmax(1)) == {0, 1, 2}
    assert said[:, 3:].max() <= said[:, :3].min()


@HEADS
def test_what_counts_more_is_answered_more(kind):
    rows, codes, weights = clouds(n=300)
    head = build(kind)
    head.lesson(rows, codes, weights)(**ONE[kind])
    before = (asked(head, rows).argmax(1) == 2).sum()
    head.lesson(rows, codes, np.where(codes == 2, 8.0, 1.0))(**ONE[kind])
    assert (asked(head, rows).argmax(1) == 2).sum() > before


@HEADS
def test_sharper_logits_keep_their_order_and_learning_anew_forgets_them(kind):
    head = solved(kind)
    rows, codes, weights = clouds()
    before = asked(head, rows)
    head.sharpen(0.25)
    assert asked(head, rows) == pytest.approx(0.25 * before, rel=1e-5)
    head.lesson(rows, codes, weights)(**ONE[kind])
    assert asked(head, rows) == pytest.approx(before, rel=1e-5)


@HEADS
def test_weights_fit_a_fresh_head_whatever_number_of_examples_they_hold(kind):
    head = solved(kind)
    fresh = build(kind)
    fresh.load_state_dict(head.state_dict())
    rows = clouds(seed=1)[0]
    assert np.array_equal(asked(fresh, rows), asked(head, rows))


@HEADS
def test_it_is_the_same_in_onnx(kind, tmp_path):
    head = solved(kind).eval()
    rows = torch.from_numpy(clouds(seed=1)[0]).float()[:, None, :, None]
    path = tmp_path / "head.onnx"
    batch = {0: torch.export.Dim("batch", min=1)}
    torch.onnx.export(
        head, (rows[:3],), path, input_names=["x"], dynamic_shapes=(batch,), external_data=False, verbose=False
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": rows.numpy()})[0] == pytest.approx(asked(head, clouds(seed=1)[0]), abs=1e-4)


def test_every_combination_of_the_settings_is_a_choice():
    head = NETWORKS["svm"](input_shape=(1, 4, 1), n_classes=2, c=(1.0, 2.0), gamma=(0.5,))
    assert head.choices() == [{"c": 1.0, "gamma": 0.5}, {"c": 2.0, "gamma": 0.5}]


@pytest.mark.parametrize("values", [(), (1.0, 0.0)])
def test_settings_that_cannot_be_are_refused(values):
    with pytest.raises(RecipeError, match=r"^network\.c: .*give one value to try or more, each above 0$"):
        NETWORKS["logistic-regression"](input_shape=(1, 4, 1), n_classes=2, c=values)
