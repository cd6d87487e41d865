"""Bootstrap intervals draw tracks, not clips, and say so when they know nothing."""

import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.evaluation.intervals import Interval, bootstrap, bootstrap_genres, resampled_sums
from genrelab.evaluation.metrics import LABELS, metrics
from genrelab.evaluation.predictions import Predictions


def two_genres(right: list[bool], tracks: list[str]) -> Predictions:
    """Clips of genres a and b in turn, right or wrong with probability .9."""
    size = len(right)
    code = np.arange(size) % 2
    p_a = np.where(np.asarray(right) == (code == 0), 0.9, 0.1)
    table = pd.DataFrame({"clip": [f"c{i}" for i in range(size)], "track": tracks, "artist": "", "split": "test"})
    return Predictions(table.assign(fold=0, genre=np.array(["a", "b"])[code], p_a=p_a, p_b=1 - p_a))


def test_an_interval_holds_what_lies_between_its_ends() -> None:
    assert 0.5 in Interval(0.4, 0.6)
    assert 0.7 not in Interval(0.4, 0.6)
    assert 0.5 not in Interval(math.nan, math.nan)


def test_every_figure_lies_in_its_interval(make_predictions) -> None:
    predictions = make_predictions().part("test")
    intervals, values = bootstrap(predictions), metrics(predictions)
    assert set(LABELS) - set(intervals) == {"roc_auc", "average_precision", "ece"}
    for name, interval in intervals.items():
        assert values[name] in interval, name
        assert interval.low < interval.high


def test_the_accuracy_of_independent_clips_has_the_width_theory_gives() -> None:
    right = (np.random.default_rng(0).random(1000) < 0.7).tolist()
    interval = bootstrap(two_genres(right, [""] * 1000), resamples=4000)["accuracy"]
    p = np.mean(right)
    half = 1.96 * math.sqrt(p * (1 - p) / 1000)
    assert interval.low == pytest.approx(p - half, abs=0.003)
    assert interval.high == pytest.approx(p + half, abs=0.003)


def test_clips_that_are_copies_of_a_track_do_not_narrow_the_interval() -> None:
    right = (np.random.default_rng(0).random(100) < 0.7).tolist()
    alone = bootstrap(two_genres(right, [f"t{i}" for i in range(100)]))["accuracy"]
    copies = [value for value in right for _ in range(10)]
    as_tracks = bootstrap(two_genres(copies, [f"t{i // 10}" for i in range(1000)]))["accuracy"]
    as_clips = bootstrap(two_genres(copies, [""] * 1000))["accuracy"]
    assert as_tracks == pytest.approx(alone)
    assert as_clips.high - as_clips.low < 0.4 * (alone.high - alone.low)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another(make_predictions) -> None:
    predictions = make_predictions(clips=100).part("test")
    assert bootstrap(predictions, seed=1) == bootstrap(predictions, seed=1)
    assert bootstrap(predictions, seed=1) != bootstrap(predictions, seed=2)


def test_a_higher_level_gives_a_wider_interval(make_predictions) -> None:
    predictions = make_predictions(clips=100).part("test")
    narrow, wide = (bootstrap(predictions, level=level)["macro_f1"] for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_single_track_has_no_interval() -> None:
    found = bootstrap(two_genres([True, False, True], ["t", "t", "t"]))
    assert all(math.isnan(interval.low) and math.isnan(interval.high) for interval in found.values())


def test_without_a_single_mistake_the_exact_bound_stands() -> None:
    found = bootstrap(two_genres([True] * 20, [""] * 20))
    assert found["accuracy"] == pytest.approx((0.025 ** (1 / 20), 1.0))  # Clopper-Pearson: .832 to 1
    assert found["accuracy"].low == pytest.approx(0.8316, abs=1e-4)
    assert found["log_loss"] == pytest.approx((-math.log(0.9),) * 2)
    table = two_genres([True] * 20, [""] * 20).table
    certain = Predictions(table.assign(p_a=table["genre"] == "a", p_b=table["genre"] == "b"), {})
    assert bootstrap(certain)["brier"] == (0.0, 0.0)  # no fraction: a loss of 0 has no such bound
    assert bootstrap(two_genres([False] * 20, [""] * 20))["accuracy"] == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))


def test_each_genre_has_its_interval(make_predictions) -> None:
    predictions = make_predictions().part("test")
    table = bootstrap_genres(predictions)
    assert table["genre"].tolist() == list(predictions.genres)
    recall = (predictions.predicted == predictions.true)[predictions.true == 0].mean()
    assert table["recall_low"][0] < recall < table["recall_high"][0]


def test_a_genre_of_one_track_has_no_interval() -> None:
    predictions = two_genres([True, True, False, True], ["t", "u", "t", "v"])  # a: t, t; b: u, v
    table = bootstrap_genres(predictions).set_index("genre")
    assert math.isnan(table.loc["a", "recall_low"])
    assert table.loc["b", ["recall_low", "recall_high"]].tolist() == pytest.approx([math.sqrt(0.025), 1.0])


@pytest.mark.parametrize("called", [1, 2, 4, 12])
def test_a_precision_without_a_mistake_has_the_exact_bound_of_the_tracks_called_so(called) -> None:
    right = [n % 2 == 1 or n < 2 * called for n in range(60)]  # of 30 clips of a the first are called so, and no other
    table = bootstrap_genres(two_genres(right, [""] * 60)).set_index("genre")
    found = table.loc["a", ["precision_low", "precision_high"]].tolist()
    assert found == pytest.approx([0.025 ** (1 / called), 1.0] if called > 1 else [math.nan] * 2, nan_ok=True)
    assert table.loc["a", "recall_low"] <= called / 30 <= table.loc["a", "recall_high"]


def test_of_a_genre_that_is_never_called_or_never_true_the_other_figures_are_known() -> None:
    table = bootstrap_genres(two_genres([n % 2 == 1 for n in range(40)], [""] * 40)).set_index("genre")
    assert table.loc["a", ["precision_low", "precision_high"]].isna().all()
    assert table.loc["a", ["recall_low", "recall_high"]].tolist() == pytest.approx([0, 1 - 0.025 ** (1 / 20)])
    never = two_genres([n % 2 == 1 for n in range(40)], [""] * 40)
    never = Predictions(never.table.assign(genre="a"), {})
    table = bootstrap_genres(never).set_index("genre")
    assert table.loc["b", ["precision_low", "precision_high"]].tolist() == pytest.approx([0, 1 - 0.025 ** (1 / 40)])
    assert table.loc["b", ["recall_low", "f1_low"]].isna().all()


def test_sums_are_those_of_whole_tracks_drawn_with_replacement() -> None:
    # Track 0 adds (1, 10) in two clips, track 1 adds (100, 0): every sum must be made of those alone.
    contributions = np.array([[1.0, 4.0], [0.0, 6.0], [100.0, 0.0]])
    sums = resampled_sums(contributions, np.array([0, 0, 1]), resamples=200, seed=0)
    assert sums.shape == (200, 2)
    assert {tuple(row) for row in sums.tolist()} == {(2.0, 20.0), (101.0, 10.0), (200.0, 0.0)}
    assert sums.mean(axis=0) == pytest.approx([101, 10], rel=0.15)


def test_a_thousand_resamples_of_ten_thousand_clips_take_no_time(make_predictions) -> None:
    predictions = make_predictions(clips=10_000, clips_per_track=1).part("test")
    assert predictions.tracks.max() == 9_999
    started = time.process_time()
    bootstrap(predictions, resamples=1000)
    assert time.process_time() - started < 5  # about .3 s; a loop over resamples takes a minute


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), tracks=st.integers(2, 40))
def test_intervals_are_ordered_and_within_bounds(seed, tracks) -> None:
    random = np.random.default_rng(seed)
    right = (random.random(60) < 0.6).tolist()
    predictions = two_genres(right, [f"t{i % tracks}" for i in range(60)])
    for name, interval in bootstrap(predictions, resamples=200, seed=seed).items():
        assert interval.low <= interval.high, name
        assert interval.low >= 0, name
        if name not in ("log_loss", "brier"):
            assert interval.high <= 1 + 1e-12, name
