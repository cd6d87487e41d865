"""The predictions table says what it is, keeps it through a file, and refuses what is no such table."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from genrelab.errors import RunError
from genrelab.evaluation.predictions import Predictions


def small_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "clip": ["a", "b", "c"],
            "track": ["t1", "t1", ""],
            "artist": ["x", "x", ""],
            "split": ["test", "test", "validation"],
            "fold": [0, 0, 0],
            "genre": ["rock", "jazz", "rock"],
            "p_jazz": [0.25, 0.5, 0.125],
            "p_rock": [0.75, 0.5, 0.875],
        }
    )


def test_genres_stand_in_the_order_of_their_columns() -> None:
    predictions = Predictions(small_table())
    assert predictions.genres == ("jazz", "rock")
    assert predictions.true.tolist() == [1, 0, 1]
    assert predictions.predicted.tolist() == [1, 0, 1]  # of equals, the first
    assert predictions.confidence.tolist() == [0.75, 0.5, 0.875]


def test_a_clip_without_a_track_is_a_track_of_its_own() -> None:
    table = small_table().assign(track=["", "a", "a"])
    assert Predictions(table).tracks.tolist() == [0, 1, 1]


def test_a_missing_track_counts_as_empty() -> None:
    assert Predictions(small_table().assign(track=[None, None, "t"])).tracks.tolist() == [0, 1, 2]


def test_a_part_holds_its_rows_and_keeps_the_info() -> None:
    part = Predictions(small_table(), {"protocol": "random"}).part("validation")
    assert part.table["clip"].tolist() == ["c"]
    assert part.info == {"protocol": "random"}


def test_an_unknown_part_names_those_there_are() -> None:
    with pytest.raises(RunError, match=r"'train'.*test, validation"):
        Predictions(small_table()).part("train")


def test_info_comes_from_the_frame_unless_given() -> None:
    table = small_table()
    table.attrs = {"seed": 3}
    assert Predictions(table).info == {"seed": 3}
    assert Predictions(table, {"seed": 4}).info == {"seed": 4}


def test_a_file_gives_back_what_was_written(tmp_path, make_predictions) -> None:
    predictions = make_predictions(clips=50)
    predictions.write(tmp_path / "p.parquet")
    again = Predictions.read(tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(again.table, predictions.table)
    assert again.info == predictions.info
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_other_tools_find_the_info_in_the_parquet_metadata(tmp_path) -> None:
    Predictions(small_table(), {"leaks": ["one"]}).write(tmp_path / "p.parquet")
    assert json.loads(pq.read_schema(tmp_path / "p.parquet").metadata[b"genrelab"]) == {"leaks": ["one"]}


def test_the_same_table_gives_the_same_bytes(tmp_path) -> None:
    for name in ("a.parquet", "b.parquet"):
        Predictions(small_table(), {"seed": 0}).write(tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(RunError, match=r"p\.parquet: no such file"):
        Predictions.read(tmp_path / "p.parquet")


@pytest.mark.parametrize("content", [b"", b"clip,genre\n", b"PAR1 and then nothing PAR1"])
def test_a_file_that_is_not_parquet_is_named(tmp_path, content) -> None:
    (tmp_path / "p.parquet").write_bytes(content)
    with pytest.raises(RunError, match=r"p\.parquet: not a Parquet file"):
        Predictions.read(tmp_path / "p.parquet")


def test_an_error_in_a_file_names_the_file(tmp_path) -> None:
    small_table().drop(columns="fold").to_parquet(tmp_path / "p.parquet")
    with pytest.raises(RunError, match=r"p\.parquet: the predictions lack the column\(s\) fold"):
        Predictions.read(tmp_path / "p.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genre": ["rock", "polka", "rock"]}, "'polka' has no column p_polka"),
        ({"p_rock": [0.75, 0.502, 0.875]}, "1 row.* 'b'; write softmax outputs"),
        ({"p_rock": [0.75, 0.5, float("nan")]}, "1 row.* 'c'"),
        ({"p_jazz": [-0.5, 0.5, 0.125], "p_rock": [1.5, 0.5, 0.875]}, "1 row.* 'a'"),
        ({"clip": ["a", "a", "c"]}, "'a' stands twice"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(change, message) -> None:
    with pytest.raises(RunError, match=message):
        Predictions(small_table().assign(**change))


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(RunError, match="no rows"):
        Predictions(small_table().iloc[:0])


def test_one_probability_column_is_not_enough() -> None:
    with pytest.raises(RunError, match="two or more probability columns"):
        Predictions(small_table().drop(columns="p_jazz"))


def test_other_probabilities_leave_the_original_alone() -> None:
    predictions = Predictions(small_table(), {"seed": 1})
    changed = predictions.with_probabilities(np.full((3, 2), 0.5))
    assert changed.probabilities.tolist() == [[0.5, 0.5]] * 3
    assert changed.info == {"seed": 1}
    assert predictions.probabilities[0].tolist() == [0.25, 0.75]
