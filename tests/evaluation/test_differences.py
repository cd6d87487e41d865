import numpy as np
import pytest

from genrelab.errors import RunError
from genrelab.evaluation.differences import confusion_difference
from genrelab.evaluation.metrics import confusion
from genrelab.evaluation.predictions import Predictions


def test_a_model_does_not_differ_from_itself(make_predictions) -> None:
    part = make_predictions().part("test")
    difference = confusion_difference(part, part)
    assert np.array_equal(difference.rates_a, difference.rates_b)
    assert not difference.beyond_noise.any()
    assert difference.clips.sum() == len(part)


def test_rates_are_shares_of_each_genre_on_the_shared_clips(make_predictions) -> None:
    a, b = (make_predictions(noise_seed=seed).part("test") for seed in (1, 2))
    fewer = Predictions(b.table.iloc[:300].sample(frac=1, random_state=0), b.info)
    difference = confusion_difference(a, fewer)
    kept = confusion(Predictions(a.table.iloc[:300], a.info))
    assert np.allclose(difference.rates_a, kept / kept.sum(axis=1, keepdims=True))
    assert np.allclose(difference.rates_b.sum(axis=1), 1)
    assert difference.clips.tolist() == kept.sum(axis=1).tolist()


def test_chance_seldom_stands_out_in_any_cell_and_a_real_difference_does(make_predictions) -> None:
    equal = [[make_predictions(clips=200, seed=n, noise_seed=m).part("test") for m in (1, 2)] for n in range(20)]
    marked = [confusion_difference(a, b, resamples=300).beyond_noise.any() for a, b in equal]
    assert sum(marked) <= 3
    good, bad = (make_predictions(skill=skill, noise_seed=1).part("test") for skill in (3.0, 1.0))
    assert confusion_difference(good, bad).beyond_noise.diagonal().sum() >= 5


def test_a_genre_of_a_single_track_proves_nothing(make_predictions) -> None:
    a, b = (make_predictions(clips=4, genres=("x", "y"), clips_per_track=2, noise_seed=n).part("test") for n in (1, 2))
    assert not confusion_difference(a, b).beyond_noise.any()


def test_different_genres_cannot_be_compared(make_predictions) -> None:
    a, b = make_predictions().part("test"), make_predictions(genres=("x", "y")).part("test")
    with pytest.raises(RunError, match="tell apart different genres"):
        confusion_difference(a, b)
