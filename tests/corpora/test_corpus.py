import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from genrelab.corpora import CORPORA, load_corpus
from genrelab.corpora.corpus import COLUMNS, Corpus
from genrelab.errors import CorpusError


def _table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"clip": ["a", "b"], "path": ["/a.wav", "/b.wav"], "genre": ["x", "y"], **columns})


def test_columns_that_are_not_given_are_filled_in():
    clips = Corpus("test", _table()).clips
    assert tuple(clips.columns) == COLUMNS
    assert list(clips["track"]) == ["a", "b"]
    assert list(clips["artist"]) == ["", ""]
    assert list(clips["start"]) == [0.0, 0.0]
    assert clips["seconds"].isna().all()


def test_excerpts_of_one_file_are_one_track():
    table = pd.DataFrame({"clip": list("abc"), "path": ["/1.wav", "/1.wav", "/2.wav"], "genre": list("xxy")})
    assert list(Corpus("test", table).clips["track"]) == ["/1.wav", "/1.wav", "c"]


def test_excerpts_of_one_file_are_one_track_where_the_table_names_none():
    paths = ["/1.wav", "/1.wav", "/2.wav", "/2.wav", "/2.wav", "/3.wav"]
    table = pd.DataFrame({"clip": list("abcdef"), "path": paths, "genre": list("xxxyyy")})
    blank = Corpus("test", table.assign(track=["", None, " ", "", "", ""])).clips
    assert list(blank["track"]) == ["/1.wav", "/1.wav", "/2.wav", "/2.wav", "/2.wav", "f"]
    some = Corpus("test", table.assign(track=["one", "two", "", "known", "", ""])).clips
    assert list(some["track"]) == ["one", "two", "known", "known", "known", "f"]


def test_a_genre_is_one_whether_its_accents_are_taken_apart_or_not():
    genres = pd.Series(["\u00c9lectro", "E\u0301lectro ", "rock"], dtype="category")
    table = pd.DataFrame({"clip": list("abc"), "path": "/x.wav", "genre": genres})
    assert Corpus("test", table).genres == ("rock", "\u00c9lectro")


def test_a_column_of_categories_may_lack_some():
    table = _table(artist=pd.Categorical([None, "Ella"]), track=pd.Categorical(["t", None]))
    clips = Corpus("test", table).clips
    assert list(clips["artist"]) == ["", "Ella"]
    assert list(clips["track"]) == ["t", "b"]


def test_further_columns_are_kept_behind_the_others():
    assert Corpus("test", _table(mood=["sad", "gay"])).clips.columns[-1] == "mood"


def test_genres_are_sorted_unless_given():
    assert Corpus("test", _table()).genres == ("x", "y")
    assert Corpus("test", _table(), genres=("y", "x", "z")).genres == ("y", "x", "z")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"clip": ["a", "a"]}, r"'a' \(row 2\) occurs twice"),
        ({"clip": ["a", None]}, "row 2.*no clip name"),
        ({"path": ["/a.wav", None]}, "'b' .row 2. has no path"),
        ({"genre": ["x", " "]}, "'b' .row 2. has no genre"),
        ({"genre": ["x", "x"]}, "every clip is 'x'.*at least two genres"),
        ({"start": [0, -1]}, "'b' .* starts before"),
        ({"seconds": [1, 0]}, "'b' .* has no length"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(columns, message):
    with pytest.raises(CorpusError, match=message):
        Corpus("test", _table(**columns))


def test_a_missing_column_is_named():
    with pytest.raises(CorpusError, match="no column 'genre'; it has: clip, path"):
        Corpus("test", _table().drop(columns="genre"))


def test_a_table_without_rows_is_refused():
    with pytest.raises(CorpusError, match="no clips"):
        Corpus("test", _table().head(0))


def test_a_genre_that_the_corpus_does_not_name_is_refused():
    with pytest.raises(CorpusError, match="does not name: y"):
        Corpus("test", _table(), genres=("x", "z"))


def test_sources_say_which_part_of_which_file():
    sources = Corpus("test", _table(start=[0.0, 1.5], seconds=[np.nan, 2.0])).sources
    assert [(s.clip, str(s.path), s.start, s.duration) for s in sources] == [
        ("a", "/a.wav", 0.0, None),
        ("b", "/b.wav", 1.5, 2.0),
    ]


def test_a_subset_balances_genres_and_takes_every_artist_first(corpus_of):
    rows = [(f"{genre}{i}", genre, f"{genre}{i}", f"{genre}-artist{i // 4}") for genre in "xyz" for i in range(12)]
    corpus = corpus_of(rows)
    small = corpus.subset(9, seed=1)
    assert small.clips["genre"].value_counts().to_dict() == {"x": 3, "y": 3, "z": 3}
    assert small.clips["artist"].nunique() == 9
    assert list(small.clips["clip"]) == sorted(small.clips["clip"], key=list(corpus.clips["clip"]).index)
    pd.testing.assert_frame_equal(small.clips, corpus.subset(9, seed=1).clips)
    assert set(small.clips["clip"]) != set(corpus.subset(9, seed=2).clips["clip"])
    assert corpus.subset(100) is corpus


def test_a_subset_too_small_for_its_genres_is_refused(corpus_of):
    corpus = corpus_of([(f"{genre}{i}", genre, "", "") for genre in "xyz" for i in range(3)])
    with pytest.raises(CorpusError, match="2 clips cannot hold 3 genres"):
        corpus.subset(2)


def test_an_unknown_corpus_names_the_choices():
    with pytest.raises(CorpusError, match="no corpus 'msd'; choose one of gtzan, "):
        load_corpus("msd")


@pytest.mark.parametrize("kind", CORPORA)
def test_every_loader_refuses_options_it_does_not_know_and_asks_for_those_it_needs(kind, tmp_path):
    with pytest.raises(CorpusError, match="no option 'colour'; it takes"):
        load_corpus(kind, colour="blue")
    with pytest.raises(CorpusError, match="needs the option"):
        load_corpus(kind)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("toy", {"root": "t", "clips": True}, "corpus 'toy': the option 'clips' must be a whole number, not True"),
        ("folder", {"root": None}, "corpus 'folder': the option 'root' must be text or a path, not None"),
        ("table", {"path": "t.csv", "columns": "label"}, "'columns' must be a mapping of text to text, not 'label'"),
        ("table", {"path": "t.csv", "columns": {"genre": 1}}, "must be a mapping of text to text, not {'genre': 1}"),
    ],
)
def test_an_option_of_another_type_is_told(kind, options, message):
    with pytest.raises(CorpusError, match=re.escape(message)):
        load_corpus(kind, **options)


def test_naming_the_corpora_imports_nothing_heavy():
    code = "import sys, genrelab.corpora; print({'pandas', 'pydantic', 'numpy', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("kind", sorted(set(CORPORA) - {"toy", "not-music"}))  # these make what is not there
def test_every_loader_names_what_is_not_there(kind, tmp_path):
    option = "path" if kind in ("table", "gtzan-tables") else "root"
    with pytest.raises(CorpusError, match="absent"):
        load_corpus(kind, **{option: tmp_path / "absent.csv"})
