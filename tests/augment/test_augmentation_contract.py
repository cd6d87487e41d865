"""What every augmentation in the registry promises."""

import inspect
import json
from typing import get_type_hints

import numpy as np
import pytest
import torch
from pydantic import ConfigDict, create_model

from genrelab.augment import AUGMENTATIONS, Augmentation, Frozen
from genrelab.errors import RecipeError

SAMPLE_RATE = 8000
SAMPLES = 6000
GENRES = torch.tensor([0, 2, 2, 0, 2])
KINDS = pytest.mark.parametrize("kind", AUGMENTATIONS)
WAVEFORM = pytest.mark.parametrize("kind", [k for k, v in AUGMENTATIONS.items() if v.stage == "waveform"])
FEATURES = pytest.mark.parametrize("kind", [k for k, v in AUGMENTATIONS.items() if v.stage == "features"])


def build(kind, **options) -> Augmentation:
    if "sample_rate" in inspect.signature(AUGMENTATIONS[kind]).parameters:
        options["sample_rate"] = SAMPLE_RATE
    if kind == "band-stop":
        options["centre"] = (200.0, 3000.0)
    if kind == "low-pass":
        options["cutoff"] = (500.0, 3000.0)
    augmentation = AUGMENTATIONS[kind](**options)
    if kind == "feature-noise":
        augmentation.fit(features(), GENRES)
    return augmentation


def features():
    return torch.randn(5, 2, 20, 50, generator=torch.Generator().manual_seed(1))


def example_of(augmentation):
    """Return values for an augmentation, and what its `apply` needs beyond them."""
    if augmentation.stage == "waveform":
        clip = np.random.default_rng(0).standard_normal(SAMPLES + 3000, np.float32)
        return clip, {"length": SAMPLES}
    if augmentation.stage == "features":
        return features(), {"genres": GENRES}
    return (features(), torch.eye(5)), {}


def assert_same(ours, theirs):
    if isinstance(ours, tuple):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])
    else:
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(parts(ours), parts(theirs), strict=True))


def parts(values):
    return [np.asarray(part) for part in (values if isinstance(values, tuple) else (values,))]


@KINDS
def test_it_knows_the_name_it_is_found_by(kind):
    assert AUGMENTATIONS[kind].kind == kind
    assert AUGMENTATIONS[kind].stage in ("waveform", "features", "batch")


@KINDS
def test_it_changes_what_it_is_given_and_leaves_the_original_alone(kind):
    augmentation = build(kind, p=1.0)
    values, context = example_of(augmentation)
    before = [part.copy() for part in parts(values)]
    untouched = build(kind, p=0.0)(values, np.random.default_rng(3), **context)
    augmented = augmentation(values, np.random.default_rng(3), **context)
    assert not same(augmented, untouched)
    assert all(np.array_equal(a, b) for a, b in zip(parts(values), before, strict=True))
    assert [part.dtype for part in parts(augmented)] == [part.dtype for part in before]


@KINDS
def test_what_is_returned_shares_no_memory_with_what_came_in(kind):
    augmentation = build(kind, p=0.0)
    values, context = example_of(augmentation)
    for part, original in zip(
        parts(augmentation(values, np.random.default_rng(0), **context)), parts(values), strict=True
    ):
        assert not np.shares_memory(part, original)


@KINDS
def test_a_seed_decides_everything(kind):
    augmentation = build(kind, p=0.7)
    values, context = example_of(augmentation)
    one, again = (augmentation(values, np.random.default_rng(5), **context) for _ in range(2))
    assert_same(one, again)
    shape = augmentation.shape(values)
    drawn = [json.dumps(augmentation.draw(np.random.default_rng(seed), shape)) for seed in range(20)]
    assert len(set(drawn)) > 1


@KINDS
def test_frozen_it_replays_exactly_what_it_drew(kind):
    augmentation = build(kind, p=1.0)
    values, context = example_of(augmentation)
    called = augmentation(values, np.random.default_rng(7), **context)
    frozen = augmentation.freeze(np.random.default_rng(7), augmentation.shape(values))
    for _ in range(2):
        assert_same(frozen(values, **context), called)


@KINDS
@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_it_survives_being_written_to_json(kind, p):
    augmentation = build(kind, p=p)
    values, context = example_of(augmentation)
    frozen = augmentation.freeze(np.random.default_rng(9), augmentation.shape(values))
    text = frozen.to_json()
    read = Frozen.from_json(text)
    assert read.to_json() == text
    assert len(text) < 3000
    assert_same(read(values, **context), frozen(values, **context))
    settings = Augmentation.from_json(augmentation.to_json())
    assert type(settings) is AUGMENTATIONS[kind]
    assert settings.to_json() == augmentation.to_json()


@KINDS
def test_it_is_applied_as_often_as_it_should_be(kind):
    augmentation = build(kind, p=0.3)
    shape = augmentation.shape(example_of(augmentation)[0])
    rng = np.random.default_rng(0)
    drawn = [augmentation.draw(rng, shape) for _ in range(1000)]
    decisions = [one["applied"] for draw in drawn for one in draw.get("examples", [draw])]
    assert np.mean(decisions) == pytest.approx(0.3, abs=0.04)


@KINDS
@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), "often", True, None])
def test_a_probability_that_is_none_is_refused(kind, p):
    with pytest.raises(RecipeError, match=rf"augment\.{kind}\.p: .* is not a number between 0 and 1"):
        build(kind, p=p)


@KINDS
def test_recipes_can_check_its_options_against_its_signature(kind):
    hints = get_type_hints(AUGMENTATIONS[kind].__init__)
    signature = inspect.signature(AUGMENTATIONS[kind]).parameters
    options = {name: p for name, p in signature.items() if name != "sample_rate"}
    assert all(p.default is not p.empty for p in options.values())
    fields = {name: (hints[name], p.default) for name, p in options.items()}
    model = create_model("Options", __config__=ConfigDict(extra="forbid"), **fields)
    dumped = model.model_validate({}).model_dump(mode="json")
    assert build(kind, **dumped).settings() == build(kind).settings()


@WAVEFORM
@pytest.mark.parametrize("samples", [1, 1000, 6000, 6001])
def test_a_clip_keeps_its_length_unless_another_is_wanted(kind, samples):
    clip = np.random.default_rng(0).standard_normal(samples, np.float32)
    for p in (0.0, 1.0):
        augmentation = build(kind, p=p)
        for length in (None, 500, 7000):
            augmented = augmentation(clip, np.random.default_rng(1), length=length)
            assert augmented.shape == (samples if length is None else length,)
            assert augmented.dtype == np.float32
            assert np.isfinite(augmented).all()


@WAVEFORM
def test_the_input_for_a_window_fills_it_without_padding(kind):
    augmentation = build(kind, p=0.8)
    for seed in range(20):
        parameters = augmentation.draw(np.random.default_rng(seed), (SAMPLES,))
        clip = np.ones(augmentation.input_for(SAMPLES, parameters), np.float32)
        augmented = augmentation.apply(clip, parameters, length=SAMPLES)
        assert np.abs(augmented[-500:]).max() > 0.1


@WAVEFORM
def test_a_silent_clip_gives_finite_samples(kind):
    assert np.isfinite(build(kind, p=1.0)(np.zeros(SAMPLES, np.float32), np.random.default_rng(0))).all()


@FEATURES
def test_each_example_is_drawn_by_itself(kind):
    augmentation = build(kind, p=0.5)
    values, context = example_of(augmentation)
    drawn = augmentation.draw(np.random.default_rng(2), augmentation.shape(values))
    assert [one["applied"] for one in drawn["examples"]].count(True) in range(1, 5)
    result = augmentation.apply(values, drawn, **context)
    for number, one in enumerate(drawn["examples"]):
        alone = {"examples": [one]}
        genre = GENRES[number : number + 1]
        assert torch.equal(augmentation.apply(values[number : number + 1], alone, genres=genre)[0], result[number])
        assert torch.equal(result[number], values[number]) != one["applied"]
    with pytest.raises(ValueError, match="zip"):
        augmentation.apply(values[:4], drawn, genres=GENRES[:4])


def test_a_different_seed_gives_different_noise():
    noise = build("noise", p=1.0)
    clip = np.zeros(5, np.float32)
    assert not same(noise(clip, np.random.default_rng(0)), noise(clip, np.random.default_rng(1)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gain", "augment: not JSON"),
        ("[1]", "augment: the JSON of an augmentation is a mapping, not list"),
        ('{"kind": "echo"}', "augment.kind: 'echo' is not one of time-stretch, pitch-shift"),
        ('{"kind": "gain", "db": 3}', "augment.gain: got an unexpected keyword argument 'db'; the keys here are decib"),
        ('{"kind": "band-stop"}', "augment.band-stop: missing a required argument: 'sample_rate'"),
        ('{"kind": "gain", "decibels": 3}', r"augment\.gain\.decibels: 3 is not a range \[lowest, highest\]"),
    ],
)
def test_json_that_is_not_an_augmentations_is_refused(text, message):
    with pytest.raises(RecipeError, match=message):
        Augmentation.from_json(text)


def test_settings_are_not_frozen_parameters():
    with pytest.raises(RecipeError, match="keys augmentation and parameters"):
        Frozen.from_json(build("gain").to_json())
