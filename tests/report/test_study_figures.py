"""Figures and words of ablations and tunings, from tables alone."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genrelab.report.ablation import ablation_figure, findings
from genrelab.report.tuning import tuning_figure


@pytest.fixture
def ablation() -> pd.DataFrame:
    """Return the table of a study of three variants, of which one is worse and under one protocol another is better."""
    rows = []
    for protocol, easier in (("random", 0.08), ("artist-folds", 0.0)):
        for variant, difference, larger in (("none", np.nan, False), ("mixup", 0.04, not easier), ("all", -0.07, True)):
            accuracy = 0.45 + easier + (0.0 if np.isnan(difference) else difference)
            rows.append(
                {
                    "variant": variant,
                    "protocol": protocol,
                    "seeds": 3,
                    "accuracy": accuracy,
                    "low": accuracy - 0.04,
                    "high": accuracy + 0.045,
                    "difference": difference,
                    "difference_low": difference - 0.03,
                    "difference_high": difference + 0.03,
                    "p": 0.0004 if larger else 0.07,
                    "larger": larger,
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture
def trials() -> pd.DataFrame:
    """Return thirty trials whose accuracy depends on the learning rate; the worse ones were pruned, one failed."""
    rng = np.random.default_rng(0)
    rate = 10 ** rng.uniform(-4, -2, 30)
    value = 0.55 - 0.05 * np.abs(np.log10(rate) + 2.8) + 0.02 * rng.standard_normal(30)
    table = pd.DataFrame({"number": range(30), "state": "complete", "value": value, "train.lr": rate})
    table["train.batch_size"] = rng.choice([16, 32], 30)
    table["network.filters"] = rng.choice(["[16, 32]", "[32, 64]"], 30)
    table["network.dropout"] = rng.uniform(0, 0.5, 30)
    table.loc[(table["number"] > 5) & (table["value"] < 0.51), "state"] = "pruned"
    table.loc[7, ["state", "value"]] = ["fail", np.nan]
    return table


def test_golden_ablation(ablation, check) -> None:
    check(ablation_figure(ablation, "none"), "ablation")


def test_golden_tuning(trials, check) -> None:
    keys = ["train.lr", "train.batch_size", "network.filters", "network.dropout"]
    check(tuning_figure(trials, keys, "validation_accuracy", True, {"train.lr": 0.61}), "tuning")


def test_a_tuning_of_one_trial_and_one_key_is_drawn(trials) -> None:
    figure = tuning_figure(trials[:1], ["train.lr"], "validation_loss", larger_is_better=False)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Trials", "train.lr"]


def test_an_ablation_without_intervals_is_drawn(ablation) -> None:
    unknown = ablation.assign(low=np.nan, high=np.nan, difference_low=np.nan, difference_high=np.nan)
    assert len(ablation_figure(unknown, "none").axes) == 2
    assert "all (\u22127.0 points)" in findings(unknown, "none")["random"][1]


def test_the_words_tell_what_is_larger_than_the_noise_and_what_is_not(ablation) -> None:
    told = findings(ablation, "none")
    assert told["artist-folds"][1:] == [
        "Better by more than the noise: mixup (+4.0 points, 95\u00a0% +1.0 to +7.0, p < 0.001).",
        "Worse by more than the noise: all (\u22127.0 points, 95\u00a0% \u221210.0 to \u22124.0, p < 0.001).",
    ]
    assert told["random"][2] == (
        "Within the noise, so that nothing can be said (interval, p and seeds have to agree): "
        "mixup (+4.0 points, 95\u00a0% +1.0 to +7.0, p 0.070)."
    )


def test_of_one_seed_the_words_warn(ablation) -> None:
    assert "rests on one seed" in findings(ablation.assign(seeds=1), "none")["random"][-1]


def _trials(count: int, **drawn: Any) -> pd.DataFrame:
    found = np.random.default_rng(1).uniform(1, 2, count)
    return pd.DataFrame({"number": range(count), "state": "complete", "value": found, **drawn})


def test_what_was_drawn_evenly_stands_on_an_even_axis_and_logarithms_on_theirs():
    rng = np.random.default_rng(0)
    table = _trials(24, even=rng.uniform(0.001, 0.5, 24), log=10 ** rng.uniform(-4, -2, 24))
    _, even, log = tuning_figure(table, ["even", "log"], "validation_loss", False).axes
    assert (even.get_xscale(), log.get_xscale()) == ("linear", "log")


def test_labels_below_a_panel_do_not_lie_upon_each_other():
    table = _trials(
        8,
        power=[1.6e-4, 2e-4, 4e-4, 5e-4, 1.2e-3, 2e-3, 3e-3, 5e-3],  # one of ten
        lists=["[16, 32, 64, 64]", "[32, 64, 128, 128]", "[8, 16, 32, 32]", "none"] * 2,
    )
    figure = tuning_figure(table, ["power", "lists"], "validation_loss", larger_is_better=False)
    figure.draw_without_rendering()
    for axes in figure.axes[1:]:
        labels = [text for text in axes.get_xticklabels(which="both") if text.get_text()]
        boxes = sorted((text.get_window_extent() for text in labels), key=lambda box: box.x0)
        seen = [box for box in boxes if axes.bbox.x0 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1]
        assert len(seen) >= 2
        assert all(left.x1 < right.x0 for left, right in pairwise(seen))
