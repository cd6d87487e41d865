"""Comparing runs: paired, on shared clips, with a warning wherever the figures do not mean the same."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from genrelab.errors import RunError
from genrelab.evaluation.comparison import compare, compare_many, holm, mcnemar, shared_clips, sign_flip
from genrelab.evaluation.intervals import Interval, bootstrap
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions


def test_a_run_against_itself_differs_by_nothing(make_predictions) -> None:
    run = make_predictions().part("test")
    found = compare(run, run)
    assert found.accuracy_difference == found.macro_f1_difference == 0.0
    assert found.accuracy_interval == (0.0, 0.0)
    assert found.p == found.mcnemar_p == 1.0
    assert not found.beyond_noise()
    assert found.warnings == []


def test_differences_are_those_of_the_metrics(make_predictions) -> None:
    a, b = make_predictions(skill=2.0).part("test"), make_predictions(skill=1.2, noise_seed=2).part("test")
    found = compare(a, b, name_a="strong", name_b="weak")
    assert (found.name_a, found.name_b, found.clips, found.tracks) == ("strong", "weak", 540, 270)
    assert found.accuracy_difference == pytest.approx(metrics(a)["accuracy"] - metrics(b)["accuracy"])
    assert found.macro_f1_difference == pytest.approx(metrics(a)["macro_f1"] - metrics(b)["macro_f1"])
    assert found.accuracy_difference in found.accuracy_interval
    assert found.macro_f1_difference in found.macro_f1_interval
    right_a, right_b = a.predicted == a.true, b.predicted == b.true
    assert (found.only_a_right, found.only_b_right) == ((right_a > right_b).sum(), (right_a < right_b).sum())
    assert found.mcnemar_p == mcnemar(found.only_a_right, found.only_b_right)
    assert found.accuracy_interval.low > 0
    assert found.beyond_noise()


def test_the_other_way_round_everything_changes_its_sign(make_predictions) -> None:
    a, b = make_predictions().part("test"), make_predictions(noise_seed=2).part("test")
    one, other = compare(a, b), compare(b, a)
    assert one.accuracy_difference == -other.accuracy_difference
    assert one.accuracy_interval == pytest.approx((-other.accuracy_interval.high, -other.accuracy_interval.low))
    assert (one.p, one.mcnemar_p) == (other.p, other.mcnemar_p)


def test_a_difference_is_beyond_noise_only_where_interval_p_and_seeds_agree(make_predictions) -> None:
    a, b = make_predictions(skill=2.0).part("test"), make_predictions(skill=1.2, noise_seed=2).part("test")
    pair = compare(a, b)
    by = pair.accuracy_difference
    assert pair.p == 1e-4  # nothing as extreme in 9999 turns
    assert pair.beyond_noise(0.049, [by, by])
    assert not pair.beyond_noise(0.05, [by, by])
    assert not pair.beyond_noise(0.049, [3 * by, -by])
    assert not pair.beyond_noise(0.049, [1.8 * by, 0.2 * by])  # 1.13 by: of a sample, the deviation divides by n - 1
    assert pair.beyond_noise(0.049, [-by])  # one seed has no spread
    for ends in ((-0.01, 0.2), (0.0, 0.2), (-0.2, 0.0)):
        assert not replace(pair, accuracy_interval=Interval(*ends)).beyond_noise(0.001, [by, by])
    unknown = replace(pair, accuracy_interval=Interval(math.nan, math.nan))
    assert not unknown.beyond_noise(0.001)


def test_sign_flips_of_three_tracks_by_hand(make_predictions) -> None:
    """With all three tracks in favour of a, two of the eight ways to turn them are as extreme: p is 1/4."""
    a = make_predictions(clips=3, genres=("x", "y", "z"), folds=1, clips_per_track=1).part("test")
    right = np.eye(3)[a.true]
    p = sign_flip(a.with_probabilities(right), a.with_probabilities(np.roll(right, 1, axis=1)))
    assert p == pytest.approx(0.25, abs=0.015)


def test_a_track_counts_by_how_many_more_of_its_clips_are_right(make_predictions) -> None:
    """Of 3 + 1 - 1, six of the eight ways to turn them are as extreme as 3; of 1 + 1 - 1 all eight would be."""
    run = make_predictions(clips=5, genres=("x", "y", "z"), folds=1, clips_per_track=1).part("test")
    run = Predictions(run.table.assign(track=list("uuuvw")))
    right = np.eye(3)[run.true]
    wrong = np.roll(right, 1, axis=1)
    a_right = np.array([True, True, True, True, False])[:, None]
    a, b = (run.with_probabilities(np.where(here, right, wrong)) for here in (a_right, ~a_right))
    assert sign_flip(a, b) == pytest.approx(0.75, abs=0.02)


def test_pairing_makes_the_interval_narrower_than_two_separate_ones(make_predictions) -> None:
    a, b = make_predictions().part("test"), make_predictions(noise_seed=2).part("test")
    separate = [bootstrap(run)["accuracy"] for run in (a, b)]
    unpaired = math.hypot(*(interval.high - interval.low for interval in separate))
    paired = compare(a, b).accuracy_interval
    assert paired.high - paired.low < 0.9 * unpaired


def test_the_order_of_genre_columns_does_not_matter(make_predictions) -> None:
    a, b = make_predictions().part("test"), make_predictions(noise_seed=2).part("test")
    turned = b.table[[*b.table.columns[:6], *b.table.columns[:5:-1]]]
    assert compare(a, Predictions(turned, b.info)) == compare(a, b)


def test_clips_are_matched_by_name_not_by_place(make_predictions) -> None:
    a, b = make_predictions(clips=100).part("test"), make_predictions(clips=100, noise_seed=2).part("test")
    assert compare(a, Predictions(b.table.sample(frac=1, random_state=0), b.info)) == compare(a, b)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (5, 5), (1, 9), (0, 12), (40, 61)])
def test_mcnemar_is_the_exact_binomial_test(b, c) -> None:
    wanted = binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar(b, c) == mcnemar(c, b) == pytest.approx(wanted, abs=1e-12)


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("info", "warning"),
    [
        ({"protocol": "random"}, "The protocol differs: a has 'artist-folds', b has 'random'"),
        ({"corpus": "fma"}, "The corpus differs: a has 'gtzan', b has 'fma'"),
        ({"leaks": ["3 tracks"]}, "b was trained although its parts leak"),
    ],
)
def test_what_makes_figures_differ_without_the_models_is_warned_of(make_predictions, info, warning) -> None:
    a, b = make_predictions(clips=100).part("test"), make_predictions(clips=100, info=info).part("test")
    (found,) = compare(a, b).warnings
    assert found.startswith(warning)


def test_other_folds_are_warned_of_and_other_numbers_for_the_same_folds_are_not(make_predictions) -> None:
    run = make_predictions(clips=100).part("test")
    renamed = Predictions(run.table.assign(fold=4 - run.table["fold"]), run.info)
    assert compare(run, renamed).warnings == []
    shifted = Predictions(run.table.assign(fold=np.arange(100) % 5), run.info)
    assert compare(run, shifted).warnings == ["The folds differ: a and b learned from different clips."]
    single = Predictions(run.table.assign(fold=0), run.info)
    assert compare(run, single).warnings[0].startswith("The number of folds differs: a has 5, b has 1")


def test_only_shared_clips_are_compared_and_that_is_said(make_predictions) -> None:
    run = make_predictions(clips=100).part("test")
    fewer = Predictions(run.table.iloc[10:], run.info)
    found = compare(run, fewer)
    assert found.clips == 90
    assert found.warnings == [
        "The clips differ: a was tested on 100, b on 90; the differences are taken on the 90 that both share."
    ]


def test_clips_whose_true_genre_differs_are_left_out_and_that_is_said(make_predictions) -> None:
    run = make_predictions(clips=100).part("test")
    relabelled = run.table.copy()
    relabelled.loc[:3, "genre"] = "metal"  # the four first clips are blues and classical
    found = compare(run, Predictions(relabelled, run.info))
    assert found.clips == 96
    assert "true genre of 4 clips differs" in found.warnings[0]


def test_a_clip_tested_twice_counts_once_with_its_mean(make_predictions) -> None:
    run = make_predictions(clips=100).part("test")
    other = np.roll(run.probabilities, 1, axis=1)
    again = run.with_probabilities(other).table.assign(fold=run.table["fold"] + 5)
    one, _, _ = shared_clips(Predictions(pd.concat([run.table, again]), run.info), run)
    np.testing.assert_allclose(one.probabilities, (run.probabilities + other) / 2)


def test_different_genres_cannot_be_compared(make_predictions) -> None:
    a = make_predictions(clips=40, genres=("rock", "jazz")).part("test")
    b = make_predictions(clips=40, genres=("rock", "folk")).part("test")
    with pytest.raises(RunError, match="not in both: folk, jazz"):
        compare(a, b)


def test_runs_without_a_shared_clip_cannot_be_compared(make_predictions) -> None:
    run = make_predictions(clips=40).part("test")
    other = Predictions(run.table.assign(clip="other " + run.table["clip"]), run.info)
    with pytest.raises(RunError, match="share no clip"):
        compare(run, other)


def test_many_runs_are_ranked_and_the_best_is_held_against_each(make_predictions) -> None:
    runs = {
        "weak": make_predictions(skill=0.8, noise_seed=2).part("test"),
        "strong": make_predictions(skill=2.5).part("test"),
        "middle": make_predictions(skill=1.5, noise_seed=3).part("test"),
    }
    ranking = compare_many(runs)
    assert ranking.table["run"].tolist() == ["strong", "middle", "weak"]
    assert [(pair.name_a, pair.name_b) for pair in ranking.against_best] == [("strong", "middle"), ("strong", "weak")]
    for row in ranking.table.to_dict("records"):
        assert row["accuracy"] == metrics(runs[row["run"]])["accuracy"]
        assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert ranking.holm_p == holm([pair.p for pair in ranking.against_best])
    assert ranking.warnings == []


def test_one_run_is_no_comparison(make_predictions) -> None:
    with pytest.raises(RunError, match="two or more"):
        compare_many({"only": make_predictions(clips=20).part("test")})
