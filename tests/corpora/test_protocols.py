import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.corpora.corpus import Corpus
from genrelab.corpora.protocols import PARTS, groups, make_splits, split_notes
from genrelab.errors import CorpusError


def _corpus(per_genre: int = 20, genres: str = "xyz", per_artist: int = 4, per_track: int = 1, **columns) -> Corpus:
    rows = [
        (f"{genre}{i:03d}", "/nowhere", genre, f"{genre}-t{i // per_track}", f"{genre}-a{i // per_artist}")
        for genre in genres
        for i in range(per_genre)
    ]
    table = pd.DataFrame(rows, columns=["clip", "path", "genre", "track", "artist"])
    return Corpus("test", table.assign(**columns))


def _counts(corpus: Corpus, split) -> pd.DataFrame:
    return pd.crosstab(corpus.clips["genre"].to_numpy(), split.parts.to_numpy())


@st.composite
def corpora(draw) -> Corpus:
    """Draw corpora with tracks of one to three clips, artists of one to six tracks, some of them unknown."""
    rows = []
    for genre in draw(st.sampled_from(["xy", "xyz"])):
        for artist in range(draw(st.integers(6, 9))):
            known = draw(st.booleans())
            for track in range(draw(st.integers(1, 6))):
                name = f"{genre}{artist}.{track}"
                rows += [
                    (f"{name}.{clip}", "/nowhere", genre, name, f"{genre}{artist}" if known else "")
                    for clip in range(draw(st.integers(1, 3)))
                ]
    rows.append(("x.known", "/nowhere", "x", "x.known", "x.known"))
    return Corpus("drawn", pd.DataFrame(rows, columns=["clip", "path", "genre", "track", "artist"]))


@settings(max_examples=25, deadline=None)
@given(corpora(), st.sampled_from(["random", "artist-folds"]), st.integers(2, 4), st.integers(0, 99))
def test_every_clip_is_tested_once_and_no_group_crosses_parts(corpus, protocol, folds, seed):
    splits = make_splits(corpus, protocol, folds=folds, seed=seed)
    assert [split.fold for split in splits] == list(range(folds))
    tested = sum((split.parts == "test").astype(int) for split in splits)
    assert (tested == 1).all()
    table = corpus.clips.assign(whose=corpus.clips["artist"].where(corpus.clips["artist"] != "", corpus.clips["track"]))
    for split in splits:
        assert list(split.parts.index) == list(corpus.clips["clip"])
        assert set(split.parts) == set(PARTS)
        parts = split.parts.to_numpy()
        assert (table.assign(part=parts).groupby("track")["part"].nunique() == 1).all()
        if protocol == "artist-folds":
            assert (table.assign(part=parts).groupby("whose")["part"].nunique() == 1).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 60), st.integers(0, 99))
def test_single_clips_are_divided_by_the_fractions_in_every_genre(per_genre, seed):
    corpus = _corpus(per_genre)
    (split,) = make_splits(corpus, "random", seed=seed, validation=0.2, test=0.1)
    counts = _counts(corpus, split)
    for part, fraction in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
        assert (abs(counts[part] - fraction * per_genre) < 1).all()


def test_folds_are_stratified():
    corpus = _corpus(20, per_artist=2)
    for protocol in ("random", "artist-folds"):
        for split in make_splits(corpus, protocol, folds=5, validation=0.2):
            counts = _counts(corpus, split)
            assert (counts["test"] == 4).all()
            assert (counts["validation"] == 4).all()


@pytest.mark.filterwarnings("error")
def test_a_genre_of_fewer_clips_than_folds_is_divided_without_a_word_of_scikit_learns():
    corpus = _corpus(20).select(lambda clips: (clips["genre"] != "z") | (clips["clip"] < "z003"))
    tested = [_counts(corpus, split)["test"]["z"] for split in make_splits(corpus, "random", folds=5)]
    assert sorted(tested) == [0, 0, 1, 1, 1]


def test_one_fold_of_artist_folds_is_a_grouped_holdout():
    corpus = _corpus(20, per_artist=2)
    (split,) = make_splits(corpus, "artist-folds", validation=0.1, test=0.2)
    assert _counts(corpus, split).to_dict("list") == {"test": [4, 4, 4], "train": [14, 14, 14], "validation": [2, 2, 2]}


def test_a_genre_of_few_clips_weighs_as_much_as_one_of_many():
    # A large artist fills the training part with x; the next has half of y's clips, which belong there all the same.
    artists = [("x", "a", 50), ("x", "b", 12), ("y", "b", 4)]
    artists += [("x", f"x{i}", 1) for i in range(38)] + [("y", f"y{i}", 1) for i in range(4)]
    rows = [(f"{genre}-{artist}-{i}", genre, artist) for genre, artist, clips in artists for i in range(clips)]
    corpus = Corpus("test", pd.DataFrame([(row[0], *row) for row in rows], columns=["clip", "path", "genre", "artist"]))
    (split,) = make_splits(corpus, "artist-folds", validation=0.25, test=0.25)
    assert _counts(corpus, split).loc["y"].to_dict() == {"test": 2, "train": 4, "validation": 2}


def test_the_same_seed_divides_alike_and_another_does_not():
    corpus = _corpus()
    for folds in (1, 4):
        first, again, other = (make_splits(corpus, "random", folds=folds, seed=seed) for seed in (1, 1, 2))
        assert all(a.parts.equals(b.parts) for a, b in zip(first, again, strict=True))
        assert not (first[0].parts == "test").equals(other[0].parts == "test")


def test_groups_are_tied_over_columns_and_unknown_values_tie_nothing():
    clips = pd.DataFrame(
        {
            "track": ["t1", "t1", "t2", "t3", "t4", "t5"],
            "artist": [None, "a", "a", "", " ", " "],
            "artist_id": ["", "", "7", "7", np.nan, ""],
        }
    )
    assert list(groups(clips, ["track", "artist", "artist_id"])) == [0, 0, 0, 0, 1, 2]
    assert list(groups(clips, ["track"])) == [0, 0, 1, 2, 3, 4]
    assert list(groups(clips, [])) == [0, 1, 2, 3, 4, 5]


def test_an_artist_spelled_in_two_ways_is_one():
    # as GTZAN's index spells one of metal; and as macOS and all others spell one with an accent
    names = ["Rage Against The Machine", "Rage Against the Machine", "Bj\u00f6rk", "Bjo\u0308rk", "BJO\u0308RK"]
    assert list(groups(pd.DataFrame({"artist": names}), ["artist"])) == [0, 0, 1, 1, 1]


def test_the_stricter_of_two_artist_columns_holds():
    # Two artists that a second column knows to be one.
    corpus = _corpus(20, per_artist=2)
    merged = corpus.clips["artist"].replace({"x-a0": "x-a1"})
    corpus = _corpus(20, per_artist=2, artist_id=merged)
    for seed in range(5):
        for split in make_splits(corpus, "artist-folds", folds=5, seed=seed):
            assert split.parts[["x000", "x001", "x002", "x003"]].nunique() == 1


@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_what_a_table_lacks_is_left_out_whatever_the_type_of_its_columns(kind):
    parts = ["train", "train", "val", "test", None] * 4
    corpus = _corpus(10, "xy", split=pd.array(parts, dtype=kind), artist_id=pd.array(["a", None] * 10, dtype=kind))
    split = make_splits(corpus, "column", column="split")[0]
    assert list(split.parts[:5]) == ["train", "train", "validation", "test", ""]
    assert split_notes(corpus, "artist-folds", ["artist_id"])[0].startswith("the artist of 10 of 20 clips is unknown")


def test_columns_of_a_table_are_parts_under_any_usual_name():
    parts = ["train", "Training", "valid", "val", "dev", "test", "testing", "none", "", "train"] * 2
    corpus = _corpus(10, "xy", part=parts)
    (split,) = make_splits(corpus, "column", column="part")
    expected = ["train"] * 2 + ["validation"] * 3 + ["test"] * 2 + [""] * 2 + ["train"]
    assert list(split.parts) == expected * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "best"}, "no protocol 'best'; choose one of random, artist-folds, gtzan-filtered"),
        ({"protocol": "column"}, "needs the name of a column"),
        ({"protocol": "column", "column": "part", "folds": 3}, "it has no 3 folds"),
        ({"protocol": "column", "column": "genre"}, "column 'genre' says x, y; a part is train, validation, test"),
        ({"protocol": "column", "column": "part"}, "no clip of this corpus is in the validation or test part"),
        ({"protocol": "gtzan-filtered"}, "no clip of this corpus is in the train or validation or test part"),
        ({"protocol": "random", "test": 0.5}, "test is 0.5; it must be a fraction"),
        ({"protocol": "random", "folds": 0}, "0 folds cannot be made"),
        ({"protocol": "random", "seed": -1}, "seed is -1; it must be a whole number from 0"),
        ({"protocol": "random", "seed": 2**32, "folds": 3}, "seed is 4294967296; it must be a whole number from 0"),
        ({"protocol": "random", "folds": 25}, "no genre has the 25 clips that 25 folds need; ask for 20 or fewer"),
        ({"protocol": "artist-folds", "group_by": ("label",)}, "no column 'label' to group by"),
        ({"protocol": "artist-folds", "folds": 30}, "10 groups cannot make 30 folds"),
    ],
)
def test_what_cannot_be_done_is_told(arguments, message):
    corpus = _corpus(20, "xy", part=["train"] * 40)
    with pytest.raises(CorpusError, match=message):
        make_splits(corpus, **arguments)


def test_a_genre_of_one_artist_cannot_be_folded_by_artist():
    corpus = _corpus(20)
    clips = corpus.clips.assign(artist=corpus.clips["artist"].where(corpus.clips["genre"] != "z", "alone"))
    with pytest.raises(CorpusError, match="all clips of genre 'z' belong to one group"):
        make_splits(Corpus("test", clips), "artist-folds", folds=3)


def test_a_fold_that_would_not_train_on_a_genre_is_refused():
    # Two artists, one much larger: whoever is tested, the other may be needed for validation, but never both.
    rows = [(f"{g}{i}", "/n", g, f"{g}{i}", f"{g}{i}") for g in "xy" for i in range(20)]
    rows += [(f"z{i}", "/n", "z", "same", "same") for i in range(3)]
    corpus = Corpus("test", pd.DataFrame(rows, columns=["clip", "path", "genre", "track", "artist"]))
    (split,) = make_splits(corpus, "random")
    assert set(split.parts[["z0", "z1", "z2"]]) == {"train"}
    parts = [
        "test" if genre == "z" else ["train", "validation", "test"][i % 3]
        for i, genre in enumerate(corpus.clips["genre"])
    ]
    with pytest.raises(CorpusError, match="trains on no clip of z"):
        make_splits(Corpus("test", corpus.clips.assign(part=parts)), "column", column="part")


def test_artist_folds_without_artists_says_so():
    rows = [(f"{g}{i}", "/n", g) for g in "xy" for i in range(9)]
    corpus = Corpus("test", pd.DataFrame(rows, columns=["clip", "path", "genre"]))
    with pytest.raises(CorpusError, match=r"the artists, and none is known; give the table .* protocol\.name=random"):
        make_splits(corpus, "artist-folds", folds=3)
    with pytest.raises(CorpusError, match=r"none is known; give the file GTZANindex\.txt .* --set corpus\.index=FILE"):
        make_splits(Corpus("gtzan-tables", corpus.clips), "artist-folds", folds=3)


def test_artists_that_are_not_known_are_told():
    corpus = _corpus(20, "xy", per_artist=2)
    few = Corpus("test", corpus.clips.assign(artist=corpus.clips["artist"].where(corpus.clips.index < 3, "")))
    both = ("track", "artist", "artist_id")
    (note,) = split_notes(few, "artist-folds", both)
    assert note.startswith("the artist of 37 of 40 clips is unknown; each counts as one of its own, ")
    with_ids = Corpus("test", few.clips.assign(artist_id=["", *map(str, range(39))]))
    assert split_notes(with_ids, "artist-folds", both) == []
    assert split_notes(corpus, "artist-folds", both) == []
    assert split_notes(few, "random", both) == []
    assert split_notes(few, "artist-folds", ("track", "genre")) == []


def test_a_part_that_would_be_empty_gets_the_smallest_group_of_the_largest_part():
    corpus = _corpus(10, per_artist=2)
    for seed in range(5):
        for split in make_splits(corpus, "artist-folds", folds=3, seed=seed, validation=0.1):
            counts = _counts(corpus, split)
            assert counts["validation"].sum() == 2
            assert (counts["train"] > 0).all()


def test_what_a_small_part_lacks_is_not_taken_from_a_genre_that_has_one_group_to_learn_from():
    # Of z there is a single clip to train on once the other is tested; it is the smallest group of all.
    rows = [(f"{g}{i}", "/n", g, f"{g}{i}", f"{g}{i // 2}") for g in "xy" for i in range(8)]
    rows += [(f"z{i}", "/n", "z", f"z{i}", f"z{i}") for i in range(2)]
    corpus = Corpus("test", pd.DataFrame(rows, columns=["clip", "path", "genre", "track", "artist"]))
    for seed in range(5):
        for split in make_splits(corpus, "artist-folds", folds=2, seed=seed, validation=0.05):
            assert list(_counts(corpus, split).loc[["x", "y"], "validation"].sort_values()) == [0, 2]


def test_one_split_of_a_small_library_fills_all_its_parts():
    corpus = _corpus(8, "xy", per_artist=2)
    (split,) = make_splits(corpus, "artist-folds", validation=0.05, test=0.05)
    assert _counts(corpus, split).sum().to_dict() == {"test": 2, "train": 12, "validation": 2}


def test_golden_splits_stay_as_they_are():
    # Runs are resumed and compared by these: a seed names the same split for ever. Of each part its second letter.
    corpus = _corpus(8, "xy", per_artist=2)
    (split,) = make_splits(corpus, "random", seed=3, validation=0.2, test=0.2)
    assert "".join(part[1] for part in split.parts) == "rrrarreaarerrrar"
