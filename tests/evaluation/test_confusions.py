"""Confusions by hand: three genres, ten clips, numbers one can count."""

import numpy as np
import pandas as pd
import pytest

from genrelab.errors import RunError
from genrelab.evaluation.confusions import (
    between,
    by_artist,
    confused,
    mistaken,
    one_row_a_clip,
    overlap,
    pair_of,
    soft_confusion,
)
from genrelab.evaluation.intervals import bootstrap_genres
from genrelab.evaluation.predictions import Predictions

GENRES = ("a", "b", "c")


def table(rows: list[tuple[str, str, str, tuple[float, float, float]]]) -> Predictions:
    """Rows of (artist, genre, track, probabilities); clips are numbered."""
    clips = pd.DataFrame(
        {
            "clip": [f"clip {number}" for number in range(len(rows))],
            "track": [track for _, _, track, _ in rows],
            "artist": [artist for artist, _, _, _ in rows],
            "split": "test",
            "fold": 0,
            "genre": [genre for _, genre, _, _ in rows],
        }
    )
    return Predictions(clips.join(pd.DataFrame([p for *_, p in rows], columns=["p_a", "p_b", "p_c"])), {})


@pytest.fixture
def predictions() -> Predictions:
    return table(
        [
            ("x", "a", "1", (0.8, 0.1, 0.1)),
            ("x", "a", "1", (0.2, 0.7, 0.1)),
            ("x", "a", "2", (0.1, 0.5, 0.4)),
            ("y", "a", "3", (0.9, 0.1, 0.0)),
            ("z", "b", "4", (0.0, 1.0, 0.0)),
            ("z", "b", "5", (0.4, 0.35, 0.25)),
        ]
    )


def test_a_pair_tells_how_often_how_much_and_how_surely(predictions) -> None:
    row = confused(predictions).iloc[0]
    assert (row["true"], row["called"], row["clips"], row["tracks"], row["of"]) == ("a", "b", 2, 2, 4)
    assert row["rate"] == 0.5
    assert row["mean"] == pytest.approx((0.1 + 0.7 + 0.5 + 0.1) / 4)
    assert row["wrong"] == pytest.approx(0.6)
    assert row["own"] == pytest.approx(0.15)
    assert row["rate_low"] <= 0.5 <= row["rate_high"]
    assert row["mean_low"] < row["mean"] < row["mean_high"]


def test_a_pair_that_is_never_confused_has_an_exact_bound_and_no_probabilities_of_mistakes(predictions) -> None:
    pairs = confused(predictions).set_index(["true", "called"])
    row = pairs.loc[("a", "c")]
    assert row["clips"] == 0
    assert row["rate_low"] == 0.0
    assert row["rate_high"] == pytest.approx(1 - 0.025 ** (1 / 3))  # a's clips are three tracks (Clopper, Pearson 1934)
    assert np.isnan(row["wrong"])
    assert row["mean"] < row["mean_high"] <= 0.4  # though none is called c, all are given something of it


def test_two_mistaken_clips_of_one_track_are_one_track() -> None:
    found = confused(table([("x", "a", "1", (0.2, 0.7, 0.1))] * 2 + [("y", "a", "2", (0.9, 0.1, 0.0))]))
    assert found.loc[0, ["clips", "tracks", "of"]].tolist() == [2, 1, 3]


def test_a_genre_without_clips_has_no_rows(predictions) -> None:
    assert set(confused(predictions)["true"]) == {"a", "b"}
    assert len(confused(predictions)) == 4


def test_of_two_genres_the_rate_is_what_the_recall_leaves_with_its_interval(make_predictions) -> None:
    part = make_predictions(genres=("a", "b"), skill=0.5).part("test")
    row = confused(part).set_index("true").loc["a"]
    recall = bootstrap_genres(part).set_index("genre").loc["a"]
    assert row["rate_low"] == pytest.approx(1 - recall["recall_high"])
    assert row["rate_high"] == pytest.approx(1 - recall["recall_low"])


def test_soft_confusion_is_the_mean_of_probabilities(predictions) -> None:
    soft = soft_confusion(predictions)
    assert soft[0] == pytest.approx([0.5, 0.35, 0.15])
    assert soft[1] == pytest.approx([0.2, 0.675, 0.125])
    assert np.isnan(soft[2]).all()


def test_overlap_is_symmetric_and_takes_the_one_way_that_is_known(predictions) -> None:
    shared = overlap(soft_confusion(predictions))
    assert np.array_equal(shared, shared.T, equal_nan=True)
    assert shared[0, 1] == pytest.approx((0.35 + 0.2) / 2)
    assert shared[0, 2] == pytest.approx(0.15)
    assert np.isnan(shared[2, 2])


def test_mistaken_clips_come_the_surest_first_with_how_typical_they_are(predictions) -> None:
    found = mistaken(predictions)
    assert list(found["clip"]) == ["clip 1", "clip 2", "clip 5"]
    assert list(found["called"]) == ["b", "b", "a"]
    assert found["own"].tolist() == pytest.approx([0.2, 0.1, 0.35])
    # The two of a called b differ by .1, .2, .3 in their probabilities, each by half of that from their mean.
    assert found["typical"].tolist() == pytest.approx([0.85, 0.85, 1.0])


def test_a_clip_lies_between_two_genres_if_both_are_probable_and_close(predictions) -> None:
    found = between(predictions)
    assert list(found["clip"]) == ["clip 2", "clip 5"]
    assert list(found["first"]) == ["b", "a"]
    assert list(found["second"]) == ["c", "b"]
    assert between(predictions, least=0.41).empty
    assert list(between(predictions, apart=0.06)["clip"]) == ["clip 5"]
    edge = table([("x", "a", "1", (0.5, 0.25, 0.25)), ("x", "a", "2", (0.4, 0.35, 0.25))])
    assert list(between(edge, apart=0.25)["clip"]) == ["clip 1", "clip 0"]  # the most in both first


def test_an_artist_is_set_against_the_genres_other_artists() -> None:
    right, wrong = (0.9, 0.1, 0.0), (0.1, 0.9, 0.0)
    rows = [("x", "a", f"x{n}", wrong) for n in range(3)] + [("y", "a", f"y{n}", right) for n in range(5)]
    found = by_artist(table([*rows, ("", "a", "u", wrong), ("z", "b", "z", wrong)]))
    row = found.iloc[0]
    assert (row["artist"], row["genre"], row["called"], row["gone"], row["tracks"]) == ("x", "a", "b", 3, 3)
    assert row["others"] == pytest.approx(1 / 6)
    # Of 9 tracks 4 go: three drawn of nine, all of the four (Fisher).
    assert row["p"] == pytest.approx(4 / 84)
    assert found.attrs == {"artists": 2, "questions": 4}
    assert row["holm_p"] == pytest.approx(4 * 4 / 84)


def test_clips_of_one_track_count_as_one_for_an_artist() -> None:
    wrong = (0.1, 0.9, 0.0)
    rows = [("x", "a", "one album side", wrong)] * 5 + [("y", "a", f"y{n}", (1.0, 0.0, 0.0)) for n in range(3)]
    assert by_artist(table(rows)).empty  # x has one track, fewer than three


def test_without_artists_there_is_an_empty_table() -> None:
    found = by_artist(table([("", "a", str(n), (0.1, 0.9, 0.0)) for n in range(3)]))
    assert found.empty
    assert found.attrs["questions"] == 0


def test_a_clip_judged_by_several_folds_counts_once_with_its_mean() -> None:
    twice = pd.concat(
        [table([("x", "a", "1", (1.0, 0.0, 0.0))]).table, table([("x", "a", "1", (0.0, 1.0, 0.0))]).table]
    )
    twice["fold"] = [0, 1]
    once = one_row_a_clip(Predictions(twice, {}))
    assert once.probabilities.tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("text", ["a", "a,a", "a,techno", "a,b,c"])
def test_a_pair_is_two_different_genres_of_the_run(text: str) -> None:
    with pytest.raises(RunError, match=r"--pair .*a, b, c"):
        pair_of(text, GENRES)
    assert pair_of("b, a", GENRES) == ("b", "a")
