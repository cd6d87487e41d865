"""What the default bundle's thresholds and offsets are chosen by."""

import json
from pathlib import Path

import numpy as np
import pytest

from genrelab.backbones.answers import FURTHER
from genrelab.backbones.own import write_graphs
from genrelab.bundles.classifier import Classifier
from genrelab.corpora import load_corpus
from genrelab.errors import RunError
from genrelab.studies.default_model import build, choose_offsets, choose_thresholds, fit_growth
from genrelab.studies.familiarity import area, equal_errors, fit_familiarity
from genrelab.studies.hearing import Heard, joined
from genrelab.training.recipe import load_recipe
from genrelab.training.run import Options, train

NAMES = [tag for tags in FURTHER.values() for tag in tags] + ["beautiful"]


def heard(count, shift, seed, groups=10):
    """Return sounds of three windows of four values; the first lies `shift` away from music's, by its own group too."""
    rng = np.random.default_rng(seed)
    group = np.array([f"group {number % groups}" for number in range(count)])
    clip = np.repeat(np.arange(count), 3)
    layers = rng.standard_normal((len(clip), 4))
    layers[:, 0] += shift
    layers[:, 3] = 7.0
    return Heard(layers, clip, group, np.full(count, 3.0))


def test_sounds_apart_are_told_by_a_judge_that_never_heard_their_kind():
    familiarity, music, other = fit_familiarity(heard(60, 0.0, 0), heard(40, 3.0, 1))
    assert music.shape == (60,)
    assert other.shape == (40,)
    assert area(music, other) > 0.98
    assert familiarity.weight[0, 0] > 0
    assert familiarity.deviation[3].isinf()  # what never moves has no say


def test_sounds_alike_cannot_be_told():
    _, music, other = fit_familiarity(heard(60, 0.0, 0), heard(60, 0.0, 1))
    assert 0.3 < area(music, other) < 0.7


def test_a_far_side_is_as_strange_as_the_other():
    near, far = heard(60, 0.0, 0), heard(60, 0.0, 1)
    far.layers[:, 1] *= 4
    _, music, other = fit_familiarity(near, far)
    assert area(music, other) > 0.9


def test_means_are_over_each_sounds_own_windows():
    sound = Heard(np.zeros((3, 1)), np.array([0, 0, 1]), np.array(["a", "b"]), np.array([2.0, 1.0]))
    assert sound.means(np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 6.0]])).tolist() == [[2.0, 0.0], [5.0, 6.0]]


def test_joined_sounds_keep_their_windows():
    both = joined(heard(2, 0.0, 0), heard(3, 0.0, 1))
    assert both.clip.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert len(both.group) == len(both.apart) == 5


def test_many_windows_are_trusted_as_much_more_as_they_deserve():
    """Sounds vary by .5, and each window by 1.5 besides: the mean of ten says more than one."""
    rng = np.random.default_rng(0)
    true = np.arange(6000) % 4
    apart = np.where(np.arange(6000) % 2, 10.0, 1.0)
    variance = 0.5 + 1.5 / apart
    seen = np.eye(4)[true] + np.sqrt(variance)[:, None] * rng.standard_normal((6000, 4))
    # The log-odds of Gaussian classes are what was seen over its variance: 2 for one window, three times its own 0.5.
    assert fit_growth(seen / 2, true, apart) == pytest.approx(3, rel=0.25)


def test_windows_that_know_no_more_than_one_are_trusted_no_more():
    rng = np.random.default_rng(1)
    true = np.arange(3000) % 4
    seen = np.eye(4)[true] + rng.standard_normal((3000, 4))
    assert fit_growth(seen, true, np.where(np.arange(3000) % 2, 10.0, 1.0)) < 0.1


def test_a_further_genre_takes_no_more_right_answers_than_allowed():
    rng = np.random.default_rng(0)
    true = np.arange(2000) % 10
    ten = rng.standard_normal((2000, 10))
    ten[np.arange(2000), true] += 3
    ten -= np.log(np.exp(ten).sum(1, keepdims=True))
    tags = rng.standard_normal((2000, len(NAMES))) - 1
    offsets = choose_offsets(ten, tags, true, NAMES)
    assert list(offsets) == list(FURTHER)
    right = ten.argmax(1) == true
    for genre, wanted in FURTHER.items():
        odds = tags[:, [NAMES.index(tag) for tag in wanted]].max(1) + offsets[genre]
        assert (odds > ten.max(1))[right].sum() <= 3
        assert offsets[genre] <= 0


def test_a_tag_that_is_never_heard_needs_no_offset():
    ten = np.log(np.full((100, 10), 0.1))
    offsets = choose_offsets(ten, np.full((100, len(NAMES)), -9.0), np.zeros(100, np.int64), NAMES)
    assert set(offsets.values()) == {0.0}


@pytest.mark.parametrize("seed", [0, 1])
def test_areas_are_those_of_scikit_learn_for_ties_too(seed):
    rng = np.random.default_rng(seed)
    music, other = rng.integers(0, 5, 50).astype(float), rng.integers(2, 7, 30).astype(float)
    pairs = (other[:, None] > music).mean() + 0.5 * (other[:, None] == music).mean()
    assert area(music, other) == pytest.approx(pairs)


def test_errors_are_equal_where_as_much_music_is_strange_as_other_sounds_are_not():
    rng = np.random.default_rng(0)
    music, other = rng.normal(0, 1, 4000), rng.normal(3, 1, 1000)
    score = equal_errors(music, other)
    assert score == pytest.approx(1.5, abs=0.1)
    assert (music > score).mean() == pytest.approx((other <= score).mean(), abs=0.005)
    assert equal_errors(np.zeros(50), np.ones(20)) == 1


def test_thresholds_keep_the_answers_of_music_wherever_it_is_from():
    rng = np.random.default_rng(0)
    strange, sure = rng.normal(0, 1, 4000), rng.uniform(0, 1, 4000)
    for elsewhere in (rng.normal(0, 1, 4000), rng.normal(2, 1, 4000)):
        above, below = choose_thresholds(strange, elsewhere, rng.normal(1, 1, 1000), sure)
        assert (strange > above).mean() <= 0.0251
        assert (elsewhere > above).mean() <= 0.0501
        assert below == pytest.approx(0.025, abs=0.01)


def test_a_judge_that_can_afford_it_is_no_stricter_than_where_its_errors_are_equal():
    rng = np.random.default_rng(0)
    above, _ = choose_thresholds(rng.normal(0, 1, 4000), rng.normal(0, 1, 4000), rng.normal(6, 1, 4000), np.ones(9))
    assert above == pytest.approx(3, abs=0.3)


@pytest.mark.slow
def test_a_run_on_the_listener_becomes_a_bundle_that_says_all_of_it(tmp_path, monkeypatch):
    """The whole way on synthesised music: what comes out is no good, but whole."""
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    write_graphs()
    toy = load_corpus("toy", root=str(tmp_path / "toy"), clips=60, progress=False)
    strange = load_corpus("not-music", root=str(tmp_path / "not-music"), clips=30, progress=False)
    options = [f"corpus={json.dumps({'kind': 'toy', 'root': str(tmp_path / 'toy'), 'clips': 60, 'progress': False})}"]
    recipe = load_recipe("default", [*options, "protocol.folds=2", "network.c=[0.003]"])
    train(recipe, tmp_path / "run", Options(stores=tmp_path / "stores"))
    files = [Path(path) for path in toy.clips["path"]]
    music = {name: files[5 * number : 5 * number + 5] for number, name in enumerate(("one", "two", "three"))}
    music["lost"] = [tmp_path / "none.wav"]
    figures = build(tmp_path / "run", music, strange, tmp_path / "whole.onnx", vocabulary="toy")
    assert figures["clips"] == 60
    assert figures["labelled clips called unknown"] < 0.2
    assert figures["area under the curve, labelled against no music"] > 0.8
    classifier = Classifier(tmp_path / "whole.onnx")
    # The toy corpus has ambient and funk of its own, and the head that knows them has the say.
    assert classifier.metadata.growth >= 0
    assert classifier.metadata.hop == recipe.hop_samples
    assert 0 <= figures["calibration error"]["all clips"] < 0.5
    assert classifier.genres == (*toy.genres, "electronic", "folk", "soul", "punk")
    found = classifier.classify_file(files[0])
    assert sum(probability for _, probability in found.genres) == pytest.approx(1, abs=1e-6)
    assert len(found.tags) == len(classifier.metadata.tags) > 20
    assert set(Classifier(tmp_path / "whole.onnx", vocabulary="toy").genres) == set(toy.genres)
    Path(toy.clips["path"][7]).write_bytes(b"no sound any more")
    with pytest.raises(RunError, match="1 of its clips can no longer be heard"):
        build(tmp_path / "run", music, strange, tmp_path / "again.onnx")
    assert not (tmp_path / "again.onnx").exists()
