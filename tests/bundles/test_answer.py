"""When two genres are a blend, and how sure many windows are."""

import numpy as np
import pytest

from genrelab.bundles.answer import answer, blend, sureness, windows_apart
from genrelab.bundles.metadata import Metadata


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0.5, 0.5),  # as likely
        (0.6, 0.4),  # three to two: as uneven as a blend may be
        (0.3, 0.2),  # half of all probability: as little as a blend may have
        (0.25, 0.25),
    ],
)
def test_two_genres_that_are_about_as_likely_and_together_more_so_than_the_rest_are_a_blend(
    first: float, second: float
):
    assert blend([("blues", first), ("rock", second), ("jazz", 0.1)]) == ("blues", "rock")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0.61, 0.39),  # the first leads
        (0.9, 0.1),
        (0.25, 0.24),  # as likely, but so much else is likely, too
        (0.1, 0.1),
    ],
)
def test_a_clear_lead_is_no_blend_nor_is_being_at_a_loss(first: float, second: float):
    assert blend([("blues", first), ("rock", second), ("jazz", 0.05)]) == ()


def test_one_window_is_as_sure_as_it_says_and_many_are_surer_within_bounds():
    assert sureness(1, 2.0) == 1
    assert sureness([1, 2, 4], 2.0) == pytest.approx([1, 3 / 2, 2])
    assert sureness(1e9, 2.0) == pytest.approx(3)
    assert sureness([1, 12], 0.0).tolist() == [1, 1]


def test_windows_that_overlap_are_counted_once():
    metadata = Metadata("x", ("a", "b"), 1000, 2000, 1000)
    assert windows_apart(9, 10.0, metadata) == 5
    assert windows_apart(3, 100.0, metadata) == 3
    assert windows_apart(1, 0.5, metadata) == 1
    assert windows_apart(4, None, metadata) == 4


@pytest.mark.parametrize(
    ("probability", "strangeness", "unknown"), [(0.5, 1.0, False), (0.51, 1, True), (0.5, 0.9, True)]
)
def test_a_sound_on_a_threshold_is_not_yet_unknown(probability: float, strangeness: float, unknown: bool):
    metadata = Metadata("x", ("a", "b"), 1000, 2000, 2000, unknown_below=probability, unknown_above=strangeness)
    outputs = {"logits": np.zeros((1, 2), np.float32), "strangeness": np.ones((1, 1), np.float32)}
    said = answer(outputs, metadata, (0, 1), None, None)
    assert (said.unknown, said.blend) == (unknown, () if unknown else ("a", "b"))


def test_windows_that_agree_make_an_answer_surer_where_the_bundle_says_so():
    windows = {"logits": np.tile(np.float32([1, 0]), (6, 1))}
    metadata = Metadata("x", ("a", "b"), 1000, 2000, 2000, growth=2.0)
    one = answer({"logits": windows["logits"][:1]}, metadata, (0, 1), None, 2.0)
    six = answer(windows, metadata, (0, 1), None, 12.0)
    assert one.probability == pytest.approx(1 / (1 + np.exp(-1)))
    assert six.probability == pytest.approx(1 / (1 + np.exp(-2.25)))
