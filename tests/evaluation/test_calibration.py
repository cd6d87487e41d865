"""Reliability, its error, and the temperature that mends it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.evaluation.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
    unknown_threshold,
)
from genrelab.evaluation.metrics import log_losses, metrics
from genrelab.evaluation.predictions import Predictions


def from_logits(logits: np.ndarray, true: np.ndarray) -> Predictions:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    table = pd.DataFrame(
        {"clip": [str(i) for i in range(len(p))], "track": "", "artist": "", "split": "test", "fold": 0}
    )
    table["genre"] = [f"g{code}" for code in true]
    columns = [f"p_g{code}" for code in range(logits.shape[1])]
    return Predictions(table.join(pd.DataFrame(p / p.sum(axis=1, keepdims=True), columns=columns)))


def binary(p_first: list[float], true: list[int]) -> Predictions:
    p = np.array(p_first)
    return from_logits(np.log(np.c_[p, 1 - p]), np.array(true))


def test_reliability_by_hand() -> None:
    # Confidences .8 right, .8 wrong, .6 right, in five bins: .8 lies in (.6, .8], .6 in (.4, .6].
    table = reliability(binary([0.8, 0.2, 0.6], [0, 0, 0]), bins=5)
    assert table["clips"].tolist() == [0, 0, 1, 2, 0]
    assert table["accuracy"][2:4].tolist() == [1.0, 0.5]
    assert table["confidence"][2:4].tolist() == pytest.approx([0.6, 0.8])
    assert math.isnan(table["accuracy"][0])
    assert expected_calibration_error(table) == pytest.approx((1 * 0.4 + 2 * 0.3) / 3)


def test_certainty_falls_into_the_last_bin() -> None:
    table = reliability(from_logits(np.array([[1000.0, 0.0]]), np.array([0])))
    assert table["clips"].tolist() == [0] * 14 + [1]
    assert expected_calibration_error(table) == 0.0


def test_what_rounding_makes_of_certainty_falls_into_the_last_bin_too() -> None:
    table = binary([0.9], [0]).table.assign(p_g0=np.float64(np.float32(1) + np.finfo(np.float32).eps), p_g1=0.0)
    assert reliability(Predictions(table))["clips"].tolist() == [0] * 14 + [1]


def test_a_temperature_that_was_put_in_is_found_again() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(scale=2, size=(20_000, 5))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = (p.cumsum(axis=1) > random.random((len(p), 1))).argmax(axis=1)  # truths drawn as the logits say
    assert fit_temperature(from_logits(logits, true)) == pytest.approx(1.0, abs=0.03)
    assert fit_temperature(from_logits(2.5 * logits, true)) == pytest.approx(2.5, abs=0.07)
    assert fit_temperature(from_logits(logits / 2, true)) == pytest.approx(0.5, abs=0.02)


def test_a_temperature_by_hand() -> None:
    """Three of four clips are right where .9 is claimed: log(9) / T = log(3), the log-odds of 3/4."""
    assert fit_temperature(binary([0.9] * 4, [0, 0, 0, 1])) == pytest.approx(2, rel=1e-6)


def test_the_fitted_temperature_has_the_least_log_loss(make_predictions) -> None:
    validation = make_predictions().part("validation")
    best = fit_temperature(validation)

    def loss(temperature: float) -> float:
        return log_losses(apply_temperature(validation, temperature)).mean()

    assert loss(best) < min(loss(best * 1.02), loss(best / 1.02), loss(1.0))


def test_calibration_on_validation_mends_the_test_part(make_predictions) -> None:
    predictions = make_predictions(sharpness=4.0)
    test = predictions.part("test")
    mended = apply_temperature(test, fit_temperature(predictions.part("validation")))
    assert metrics(mended)["ece"] < 0.5 * metrics(test)["ece"]
    assert metrics(mended)["accuracy"] == metrics(test)["accuracy"]


def test_a_validation_part_without_mistakes_makes_nothing_sharper() -> None:
    assert fit_temperature(binary([0.8, 0.9, 0.3], [0, 0, 1])) == 1.0


def test_the_temperature_is_bounded() -> None:
    random = np.random.default_rng(0)
    noise = from_logits(random.normal(scale=100, size=(200, 3)), random.integers(0, 3, 200))
    assert fit_temperature(noise) == pytest.approx(10.0)


def test_probabilities_that_are_exactly_zero_survive_a_temperature() -> None:
    certain = from_logits(np.array([[2000.0, 0.0, 0.0]]), np.array([0]))
    softened = apply_temperature(certain, 10.0).probabilities
    assert np.isfinite(softened).all()
    assert softened[0, 0] > 0.999


def test_temperature_one_changes_nothing(make_predictions) -> None:
    predictions = make_predictions(clips=50).part("test")
    np.testing.assert_allclose(apply_temperature(predictions, 1.0).probabilities, predictions.probabilities, atol=1e-12)


def test_the_unknown_threshold_keeps_what_it_promises(make_predictions) -> None:
    predictions = make_predictions(clips=400).part("validation")
    threshold = unknown_threshold(predictions, keep=0.95)
    assert (predictions.confidence >= threshold).sum() in (380, 381)
    few = make_predictions(clips=10).part("validation")
    assert (few.confidence >= unknown_threshold(few, keep=0.95)).all()  # nine of ten would be too few
    assert unknown_threshold(predictions, keep=1.0) == predictions.confidence.min()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.floats(0.1, 10))
def test_a_temperature_keeps_the_order_of_genres(seed, temperature) -> None:
    logits = np.random.default_rng(seed).normal(scale=4, size=(20, 6))
    before = from_logits(logits, np.zeros(20, dtype=int))
    after = apply_temperature(before, temperature)
    assert (after.predicted == before.predicted).all()
    assert (np.diff(np.take_along_axis(after.probabilities, before.probabilities.argsort(axis=1), 1)) >= -1e-15).all()
    assert after.probabilities.sum(axis=1) == pytest.approx(np.ones(20))
