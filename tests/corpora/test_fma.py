import csv
from pathlib import Path

import pytest

from genrelab.corpora import load_corpus
from genrelab.corpora.fma import DAMAGED
from genrelab.corpora.protocols import make_splits
from genrelab.errors import CorpusError

HEADER = [
    ("", ""),
    ("album", "id"),
    ("album", "title"),
    ("artist", "bio"),
    ("artist", "id"),
    ("artist", "name"),
    ("set", "split"),
    ("set", "subset"),
    ("track", "bit_rate"),
    ("track", "genre_top"),
    ("track", "license"),
    ("track", "title"),
]
BIO = 'Two lines,\nwith a comma and "quotes".'
TRACKS = [
    # id, artist id, artist, split, subset, genre
    (2, 1, "AWOL", "training", "small", "Hip-Hop"),
    (5, 1, "AWOL", "training", "small", "Hip-Hop"),
    (10, 6, "Kurt Vile", "validation", "small", "Pop"),
    (140, 54, "Alec K. Redfearn", "training", "small", "Pop"),
    (141, 54, "Alec K. Redfearn", "test", "small", "Hip-Hop"),
    (98565, 7, "Cut Short", "test", "small", "Pop"),
    (1482, 9, "1975", "test", "medium", "Rock"),
    (20, 4, "Nicky Cook", "training", "large", ""),
    (26, 4, "None", "training", "large", "Rock"),
]


def write_tracks(path: Path, tracks=TRACKS, header=HEADER, index: str = "track_id") -> Path:
    """Write a table as FMA's: two lines of names, one that names the index, texts of several lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([first for first, _ in header])
        writer.writerow([second for _, second in header])
        writer.writerow([index, *[""] * (len(header) - 1)])
        for number, artist_id, artist, split, subset, genre in tracks:
            licence = "Attribution-NonCommercial-ShareAlike 3.0 International"
            row = [number, 7, "An album", BIO, artist_id, artist, split, subset, 256000, genre, licence, "A title"]
            writer.writerow(row[: len(header)])
    return path


@pytest.fixture
def fma(tmp_path, sound):
    """Return a folder with the clips of `TRACKS`, one in mp3 and the others its hard links, and their metadata."""
    write_tracks(tmp_path / "fma_metadata" / "tracks.csv")
    original = sound(tmp_path / "sound.mp3", seconds=0.2)
    for number, _, _, _, subset, _ in TRACKS:
        for larger in ("small", "medium", "large")[("small", "medium", "large").index(subset) :]:
            path = tmp_path / f"fma_{larger}" / f"{number:06d}"[:3] / f"{number:06d}.mp3"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.hardlink_to(original)
    return tmp_path


def test_a_clip_is_its_tracks_number_with_genre_artist_and_split(fma):
    corpus = load_corpus("fma", root=fma)
    assert (corpus.name, corpus.genres) == ("fma-small", ("Hip-Hop", "Pop"))
    assert list(corpus.clips["clip"]) == ["000002", "000005", "000010", "000140", "000141"]
    assert corpus.clips.iloc[0].drop(["seconds"]).to_dict() == {
        "clip": "000002",
        "path": str(fma / "fma_small/000/000002.mp3"),
        "start": 0.0,
        "genre": "Hip-Hop",
        "track": "000002",
        "artist": "AWOL",
        "artist_id": "1",
        "split": "training",
        "subset": "small",
        "album": "An album",
        "title": "A title",
        "licence": "Attribution-NonCommercial-ShareAlike 3.0 International",
    }


def test_clips_known_to_hold_next_to_nothing_are_left_out_and_noted(fma):
    corpus = load_corpus("fma", root=fma)
    assert corpus.notes == ("left out for holding 0 to 6.6 s of sound (FMA's wiki): 098565",)
    (fma / "fma_small/098/098565.mp3").unlink()  # whether or not they are there
    assert len(load_corpus("fma", root=fma)) == 5


def test_of_the_small_subset_six_clips_are_known_to_be_damaged():
    small = {"098565", "098567", "098569", "099134", "108925", "133297"}
    assert small <= set(DAMAGED)
    assert len(DAMAGED) == 20
    assert max(DAMAGED.values()) == 6.6


def test_a_subset_holds_the_smaller_ones(fma):
    assert len(load_corpus("fma", root=fma, subset="medium")) == 6
    corpus = load_corpus("fma", root=fma, subset="large")
    assert corpus.name == "fma-large"
    assert corpus.notes[0] == "left out of the large subset for want of a root genre: 1 tracks"
    assert list(corpus.clips.set_index("clip").loc[["001482", "000026"], "artist"]) == ["1975", "None"]


@pytest.mark.parametrize("root", [".", "fma_small"])
def test_root_is_the_folder_of_the_clips_or_the_one_around_it(fma, root):
    assert len(load_corpus("fma", root=fma / root)) == 5


def test_a_larger_folder_serves_a_smaller_subset(fma):
    (fma / "fma_small").rename(fma / "elsewhere")
    corpus = load_corpus("fma", root=fma)
    assert (corpus.root, len(corpus)) == (fma / "fma_medium", 5)


def test_metadata_may_lie_anywhere_if_it_is_named(fma):
    (fma / "fma_metadata").rename(fma / "tables")
    for metadata in (fma / "tables", fma / "tables" / "tracks.csv"):
        assert len(load_corpus("fma", root=fma, metadata=metadata)) == 5
    with pytest.raises(CorpusError, match=r"tracks\.csv is not there; .*corpus fetch fma-metadata"):
        load_corpus("fma", root=fma)


def test_missing_clips_are_an_error_unless_they_are_accepted(fma):
    (fma / "fma_small/000/000005.mp3").unlink()
    with pytest.raises(CorpusError, match=r"1 of 5 clips are missing: 000005\. Mend the copy, or"):
        load_corpus("fma", root=fma)
    corpus = load_corpus("fma", root=fma, partial=True)
    assert len(corpus) == 4
    assert "1 of 5 clips are missing: 000005" in corpus.notes


def test_a_clip_that_is_there_twice_is_refused(fma, sound):
    sound(fma / "fma_small/000/000005.flac")
    with pytest.raises(CorpusError, match="000005 is here twice"):
        load_corpus("fma", root=fma)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"header": HEADER[:-4]}, "no column track genre_top, track title, track license"),
        ({"index": "2"}, "its third line does not begin with track_id"),
        ({"tracks": [("x", 1, "A", "test", "small", "Pop")]}, "'x' is no track's number"),
    ],
)
def test_a_table_that_is_not_fmas_is_named(fma, change, message):
    if "tracks" in change:
        change["tracks"] = [*TRACKS, *change["tracks"]]
    path = write_tracks(fma / "fma_metadata" / "tracks.csv", **change)
    with pytest.raises(CorpusError, match=message) as error:
        load_corpus("fma", root=fma)
    assert str(path) in str(error.value)


def test_an_empty_or_binary_table_is_one_sentence(fma):
    for content in (b"", b"\xff\xfe\x00" * 50, b"\x89PNG"):
        (fma / "fma_metadata" / "tracks.csv").write_bytes(content)
        with pytest.raises(CorpusError, match=r"tracks\.csv: (is not FMA's|the table cannot be read)"):
            load_corpus("fma", root=fma)


def test_a_folder_without_fma_and_an_unknown_subset_are_named(tmp_path):
    with pytest.raises(CorpusError, match="there is no FMA here; it should hold fma_medium or fma_large, or"):
        load_corpus("fma", root=tmp_path, subset="medium")
    with pytest.raises(CorpusError, match="no FMA subset 'full'; choose one of small, medium, large"):
        load_corpus("fma", root=tmp_path, subset="full")


def test_the_official_split_is_that_of_the_table(fma):
    corpus = load_corpus("fma", root=fma)
    (split,) = make_splits(corpus, "fma-official")
    assert split.protocol == "fma-official"
    assert [split.clips(part) for part in ("train", "validation", "test")] == [
        ["000002", "000005", "000140"],
        ["000010"],
        ["000141"],
    ]
    with pytest.raises(CorpusError, match="it has no 5 folds"):
        make_splits(corpus, "fma-official", folds=5)


def test_another_corpus_has_no_official_split(corpus_of):
    corpus = corpus_of([("a", "x", "a", ""), ("b", "y", "b", "")])
    with pytest.raises(CorpusError, match="'fma-official' is FMA's own split, and this corpus has no column 'split'"):
        make_splits(corpus, "fma-official")
