import numpy as np
import pandas as pd
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
    marked = [confusion_difference(a, b, flips=999).beyond_noise.any() for a, b in equal]
    assert sum(marked) <= 3
    good, bad = (make_predictions(skill=skill, noise_seed=1).part("test") for skill in (3.0, 1.0))
    assert confusion_difference(good, bad).beyond_noise.diagonal().sum() >= 5


def sure(predicted: np.ndarray, true: np.ndarray, tracks: np.ndarray) -> Predictions:
    """Return a model that calls each clip so with a probability of .9."""
    genres = [f"g{code}" for code in range(5)]
    probabilities = np.full((len(true), 5), 0.025)
    probabilities[np.arange(len(true)), predicted] = 0.9
    table = pd.DataFrame({"clip": np.arange(len(true)).astype(str), "track": tracks.astype(str), "artist": ""})
    table = table.assign(split="test", fold=0, genre=[genres[code] for code in true])
    return Predictions(table.join(pd.DataFrame(probabilities, columns=["p_" + genre for genre in genres])), {})


def test_a_genre_that_one_model_never_finds_stands_out() -> None:
    true = np.repeat(np.arange(5), 12)
    blind = np.where(true == 0, 3, true)
    models = sure(true, true, np.arange(60)), sure(blind, true, np.arange(60))
    assert np.argwhere(confusion_difference(*models).beyond_noise).tolist() == [[0, 0], [0, 3]]
    assert not confusion_difference(*models, flips=18).beyond_noise.any()  # itself is one of 19, more than 5 %


def test_a_genre_whose_tracks_have_more_clips_does_not_drown_out_the_others() -> None:
    track = np.concatenate([np.repeat(np.arange(12), 10), np.arange(12, 60)])
    true = track // 12
    blind = np.where(true < 2, 3, true)
    beyond = confusion_difference(sure(true, true, track), sure(blind, true, track)).beyond_noise
    assert np.argwhere(beyond).tolist() == [[0, 0], [0, 3], [1, 1], [1, 3]]


def test_many_clips_of_few_tracks_are_few_witnesses() -> None:
    true, track = np.repeat(np.arange(5), 30), np.repeat(np.arange(15), 10)
    random, marked = np.random.default_rng(0), 0
    for _ in range(40):
        said = [np.where(random.random(15) < 0.4, random.integers(0, 5, 15), true[::10])[track] for _ in range(2)]
        marked += confusion_difference(*(sure(one, true, track) for one in said), flips=499).beyond_noise.any()
    assert marked <= 4  # a bootstrap's standard error, which three tracks hardly have, let twenty stand out


def test_a_genre_of_a_single_track_proves_nothing(make_predictions) -> None:
    a, b = (make_predictions(clips=4, genres=("x", "y"), clips_per_track=2, noise_seed=n).part("test") for n in (1, 2))
    assert not confusion_difference(a, b).beyond_noise.any()


def test_different_genres_cannot_be_compared(make_predictions) -> None:
    a, b = make_predictions().part("test"), make_predictions(genres=("x", "y")).part("test")
    with pytest.raises(RunError, match="tell apart different genres"):
        confusion_difference(a, b)
