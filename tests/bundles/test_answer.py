"""When two genres are a blend."""

import pytest

from genrelab.bundles.answer import blend


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
