"""Sentences about figures."""

import math

import pytest

from genrelab.corpora.protocols import PROTOCOLS
from genrelab.evaluation.intervals import Interval
from genrelab.report import words

NOWHERE = Interval(math.nan, math.nan)


def test_the_headline_keeps_figure_clips_interval_and_protocol_together() -> None:
    info = {"protocol": "artist-folds", "folds": 5, "seed": 0}
    found = words.headline(0.6208, Interval(0.581, 0.662), 538, info)
    assert found == "62.1\u00a0% of 538 clips right (95 % interval 58\u201366), artist-folds, 5 folds, seed 0"


def test_a_single_fold_is_no_folds() -> None:
    assert words.protocol_line({"protocol": "random", "folds": 1, "seed": 7}) == "random, 1 fold, seed 7"


def test_what_is_not_known_is_a_dash_or_said() -> None:
    assert words.percent(math.nan) == words.number(None) == words.span(NOWHERE) == "\u2013"
    assert words.interval_words(NOWHERE) == "too few tracks for an interval"


def test_differences_have_a_sign() -> None:
    assert words.points(0.0312) == "+3.1"
    assert words.points(-0.0312) == "\u22123.1"


def test_every_protocol_of_the_package_has_its_paragraph() -> None:
    paragraphs = {words.protocol_words(name) for name in PROTOCOLS}
    assert len(paragraphs) == len(PROTOCOLS)
    assert "not known" in words.protocol_words("somebody's own")


@pytest.mark.parametrize(
    ("confidence", "accuracy", "wanted"),
    [(0.8, 0.6, "too sure"), (0.5, 0.6, "too modest"), (0.61, 0.6, "about as sure")],
)
def test_calibration_is_said_plainly(confidence, accuracy, wanted) -> None:
    assert wanted in words.calibration_words(confidence, accuracy, 0.1)


@pytest.mark.parametrize(("minutes", "wanted"), [(0.5, "30 s"), (41.2, "41 min"), (150, "2.5 h")])
def test_durations_have_the_unit_a_person_would_say(minutes, wanted) -> None:
    assert words.duration(minutes) == wanted
