import pytest

from genrelab.augment import AUGMENTATIONS
from genrelab.errors import RecipeError


@pytest.mark.parametrize(
    ("kind", "key", "value", "message"),
    [
        ("time-stretch", "rate", (1.2, 0.8), "is not a range"),
        ("time-stretch", "rate", (0.1, 1.0), "between 0.25 and 4"),
        ("time-stretch", "rate", (1.0, float("nan")), "is not a range"),
        ("time-stretch", "rate", 1.1, "is not a range"),
        ("time-stretch", "rate", (1.0, 1.1, 1.2), "is not a range"),
        ("time-stretch", "rate", ("slow", "fast"), "is not a range"),
        ("pitch-shift", "semitones", (-36.0, 0.0), "between -24 and 24"),
        ("gain", "decibels", (0.0, float("inf")), "between -100 and 100"),
        ("noise", "amplitude", (-0.001, 0.005), "between 0 and 1"),
        ("time-shift", "fraction", (-1.1, 0.0), "between -1 and 1"),
        ("time-shift", "fill", "mirror", "'mirror' is not one of circular, zero"),
        ("band-stop", "centre", (200.0, 12000.0), "between 20 and 11025"),
        ("band-stop", "octaves", (0.0, 1.0), "between 0.1 and 10"),
        ("low-pass", "cutoff", (10.0, 2000.0), "between 20 and 11025"),
        ("random-crop", "margin", -1.0, "between 0 and 100"),
        ("spec-augment", "time_masks", -1, "-1 is not a whole number of at least 0"),
        ("spec-augment", "time_masks", 1.5, "1.5 is not a whole number"),
        ("spec-augment", "frequency_masks", True, "True is not a whole number"),
        ("spec-augment", "max_frames", 0, "at least 1"),
        ("spec-augment", "max_bands", 0, "at least 1"),
        ("spec-augment", "fill", "median", "'median' is neither a number nor mean"),
        ("spec-augment", "fill", None, "None is not a number"),
        ("random-frames", "part", 0.0, "between 0.01 and 1"),
        ("pixel-noise", "amplitude", -0.1, "-0.1 is not a number"),
        ("feature-noise", "factor", -1.0, "between 0 and 100"),
        ("mixup", "alpha", 0.0, "between 0.01 and 100"),
        ("cutmix", "alpha", float("nan"), "between 0.01 and 100"),
    ],
)
def test_an_option_out_of_range_is_named(kind, key, value, message):
    options = {"sample_rate": 22050} if kind in ("band-stop", "low-pass") else {}
    with pytest.raises(RecipeError, match=rf"^augment\.{kind}\.{key}: .*{message}"):
        AUGMENTATIONS[kind](**options, **{key: value})


def test_no_masks_at_all_are_refused():
    with pytest.raises(RecipeError, match=r"augment\.spec-augment\.time_masks, frequency_masks: both are 0"):
        AUGMENTATIONS["spec-augment"](time_masks=0, frequency_masks=0)


@pytest.mark.parametrize("kind", ["band-stop", "low-pass"])
def test_a_sample_rate_of_nothing_is_refused(kind):
    with pytest.raises(RecipeError, match=r"audio\.sample_rate: 0"):
        AUGMENTATIONS[kind](sample_rate=0)
