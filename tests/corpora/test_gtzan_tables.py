"""GTZAN 2.0's feature tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genrelab.corpora import load_corpus
from genrelab.errors import CorpusError
from genrelab.extractors.handcrafted import COLUMNS


def table(names: list[str]) -> pd.DataFrame:
    """Make a table whose values tell row and column: 100 x row + column, columns in another order than ours."""
    values = {name: [100.0 * row + column for row in range(len(names))] for column, name in enumerate(COLUMNS)}
    order = [*COLUMNS[::-1], "length"]
    return pd.DataFrame({"filename": names} | values | {"length": 66149})[["filename", *order]]


@pytest.fixture
def write(tmp_path: Path):
    def save(frame: pd.DataFrame) -> Path:
        frame.to_csv(tmp_path / "features.csv", index=False)
        return tmp_path / "features.csv"

    return save


WHOLE = ["blues.00000.wav", "blues.00001.wav", "rock.00000.wav"]


def test_a_clip_is_its_row_in_our_order_of_columns(write):
    corpus = load_corpus("gtzan-tables", path=write(table(WHOLE)))
    assert corpus.holds == "rows"
    assert list(corpus.clips["clip"]) == ["blues.00000", "blues.00001", "rock.00000"]
    assert list(corpus.clips["genre"]) == ["blues", "blues", "rock"]
    np.testing.assert_array_equal(corpus.rows["blues.00001"][1], 100 + np.arange(57)[None])


def test_pieces_are_put_in_order_and_a_missing_one_is_the_mean_of_the_others(write):
    names = ["blues.00000.1.wav", "blues.00000.0.wav", "blues.00000.2.wav", "rock.00000.0.wav", "rock.00000.2.wav"]
    rows = load_corpus("gtzan-tables", path=write(table(names))).rows
    assert rows["blues.00000"][3][:, 0].tolist() == [100.0, 0.0, 200.0]
    assert rows["rock.00000"][3][:, 0].tolist() == [300.0, 350.0, 400.0]


def test_the_clip_that_is_unreadable_elsewhere_is_left_out_as_the_published_systems_do(write):
    corpus = load_corpus("gtzan-tables", path=write(table([*WHOLE, "jazz.00054.wav"])))
    assert "jazz.00054" not in corpus.rows
    assert "jazz.00054" in corpus.notes[0]


def test_repeats_share_a_track_and_the_published_list_is_known(write):
    clips = load_corpus("gtzan-tables", path=write(table(["jazz.00034.wav", "jazz.00053.wav", "rock.00000.wav"]))).clips
    assert clips["track"].nunique() == 2
    assert set(clips["published_list"]) <= {"train", "validation", "test", ""}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: frame.drop(columns="tempo"), "no column tempo"),
        (lambda frame: frame.assign(tempo=["120", "fast", "90"]), "row 3, column tempo: is not a number"),
        (lambda frame: frame.assign(filename=["blues.00000.wav", "x.wav", "y"]), "row 3: 'x.wav' is not a name"),
        (lambda frame: frame.assign(filename=["blues.00000.wav"] * 2 + ["rock.00000.wav"]), "is here twice"),
        (lambda frame: frame.iloc[:1], "two genres"),
    ],
)
def test_a_table_that_is_not_right_is_named_with_the_place(write, spoil, message):
    with pytest.raises(CorpusError, match=message):
        load_corpus("gtzan-tables", path=write(spoil(table(WHOLE))))


def test_two_tables_give_the_clips_that_are_in_both(write, tmp_path):
    pieces = table(["blues.00000.0.wav", "blues.00000.1.wav", "rock.00000.0.wav", "rock.00000.1.wav"])
    pieces.to_csv(tmp_path / "pieces.csv", index=False)
    corpus = load_corpus("gtzan-tables", path=write(table(WHOLE)), pieces_path=tmp_path / "pieces.csv")
    assert list(corpus.clips["clip"]) == ["blues.00000", "rock.00000"]
    assert {number: rows.shape for number, rows in corpus.rows["rock.00000"].items()} == {1: (1, 57), 2: (2, 57)}


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"none\.csv: there is no such table"):
        load_corpus("gtzan-tables", path=tmp_path / "none.csv")
