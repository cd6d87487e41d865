import numpy as np
import pandas as pd
import pytest
import soundfile

from genrelab.audio.store import SampleStore
from genrelab.corpora.audit import artist_notes, audit, gate
from genrelab.corpora.corpus import Corpus
from genrelab.corpora.protocols import make_splits
from genrelab.errors import CorpusError, LeakError


@pytest.fixture
def corpus(tmp_path, sound) -> Corpus:
    """Return eight clips of two genres; y3 is a quiet vorbis copy of x0, and each pair of clips has one artist."""
    rows = []
    for seed, genre in enumerate("xxxxyyyy"):
        clip = f"{genre}{seed % 4}"
        path = sound(tmp_path / f"{clip}.wav", seconds=2.5, seed=seed)
        if clip == "y3":
            samples, rate = soundfile.read(tmp_path / "x0.wav")
            path = tmp_path / "y3.ogg"
            soundfile.write(path, 0.3 * samples, rate)
        rows.append((clip, str(path), genre, f"{genre}-artist{seed % 4 // 2}"))
    return Corpus("test", pd.DataFrame(rows, columns=["clip", "path", "genre", "artist"]))


def _split(corpus: Corpus, **parts: str):
    """Put all clips into the training part but for those named."""
    named = {"x1": "validation", "y1": "validation", "x2": "test", "y2": "test"} | parts
    column = [named.get(clip, "train") for clip in corpus.clips["clip"]]
    return make_splits(Corpus("test", corpus.clips.assign(part=column)), "column", column="part")


def test_a_copy_in_the_same_part_is_listed_and_leaks_nothing(corpus):
    found = audit(corpus, _split(corpus), forbid_artists=False)
    (pair,) = found.near_duplicates.to_dict("records")
    assert (pair["clip_a"], pair["clip_b"], pair["parts"], pair["same_track"]) == ("x0", "y3", "", False)
    assert pair["similarity"] > 0.75
    assert found.ok
    assert gate(found, allow_leaks=False) == []


def test_a_copy_in_another_part_is_a_leak(corpus):
    found = audit(corpus, _split(corpus, y3="test"), forbid_artists=False)
    assert found.leaks == ("1 pair of clips in different parts have the same sound: x0 = y3 (train+test)",)
    with pytest.raises(LeakError, match=r"x0 = y3.*--allow-leaks"):
        gate(found, allow_leaks=False)
    assert gate(found, allow_leaks=True) == list(found.leaks)


def test_a_copy_of_what_is_left_out_is_no_leak(corpus):
    found = audit(corpus, _split(corpus, y3=""), forbid_artists=False)
    assert found.ok
    assert list(found.near_duplicates["parts"]) == [""]


def test_copies_that_are_most_alike_come_first(corpus, tmp_path):
    (tmp_path / "x2.wav").write_bytes((tmp_path / "x1.wav").read_bytes())
    pairs = audit(corpus, [], forbid_artists=False).near_duplicates
    assert pairs[["clip_a", "clip_b"]].to_numpy().tolist() == [["x1", "x2"], ["x0", "y3"]]


def test_of_a_file_that_holds_several_clips_each_is_heard_alone(tmp_path, sound):
    path = str(sound(tmp_path / "album.wav", seconds=5))
    rows = [("first", path, 0.0, 2.5, "x"), ("second", path, 2.5, 2.5, "y")]
    album = Corpus("test", pd.DataFrame(rows, columns=["clip", "path", "start", "seconds", "genre"]))
    assert audit(album, [], forbid_artists=False).near_duplicates.empty


def test_a_track_in_two_parts_is_a_leak(corpus):
    track = corpus.clips["clip"].replace({"x2": "x3"})
    shared = Corpus("test", corpus.clips.assign(track=track))
    found = audit(shared, _split(shared), forbid_artists=False)
    assert found.leaks == ("1 track lies in more than one part: x3 (train+test)",)
    assert found.shared_tracks.to_dict("records") == [{"fold": 0, "track": "x3", "parts": "train+test"}]
    assert found.class_counts["tracks"].tolist() == [3, 4]


def test_artists_in_two_parts_are_a_leak_only_where_the_protocol_forbids_them(corpus):
    splits = _split(corpus)
    allowed = audit(corpus, splits, forbid_artists=False)
    assert allowed.ok
    assert list(allowed.shared_artists["artist"]) == ["x-artist0", "x-artist1", "y-artist0", "y-artist1"]
    assert list(allowed.shared_artists["parts"]) == ["train+validation", "train+test"] * 2
    forbidden = audit(corpus, splits, forbid_artists=True)
    assert forbidden.leaks == (
        "4 artists lie in more than one part: x-artist0 (train+validation), x-artist1 (train+test), "
        "y-artist0 (train+validation) and 1 more",
    )


def test_artists_in_two_parts_of_a_given_split_are_told(corpus):
    found = audit(corpus, _split(corpus, y3="test"), forbid_artists=False)
    (note,) = artist_notes(found, "column")
    assert note.startswith("3 artists lie in more than one part: x-artist0 (train+validation), x-artist1 (train+test)")
    assert note.endswith("; the figures may be too good")
    assert artist_notes(found, "random") == []


def test_unknown_artists_are_not_shared(corpus):
    nameless = Corpus("test", corpus.clips.assign(artist=""))
    found = audit(nameless, _split(nameless), forbid_artists=True)
    assert found.ok
    assert found.class_counts["artists"].tolist() == [0, 0]


def test_a_second_artist_column_counts_as_well(corpus):
    merged = Corpus("test", corpus.clips.assign(artist="", artist_id=["1", "", "1", "", "", "", "", ""]))
    found = audit(merged, _split(merged), forbid_artists=True)
    assert found.leaks == ("1 artist lies in more than one part: x0 (train+test)",)


def test_artist_folds_pass_their_own_audit(corpus):
    alone = Corpus("test", corpus.clips.assign(artist=corpus.clips["clip"])).select(corpus.clips["clip"] != "y3")
    found = audit(alone, make_splits(alone, "artist-folds", folds=3), forbid_artists=True)
    assert found.ok
    assert found.shared_artists.empty


def test_clips_are_counted_by_genre_and_part(corpus):
    counts = audit(corpus, _split(corpus), forbid_artists=False).class_counts
    assert counts.loc["x"].to_dict() == {"clips": 4, "tracks": 4, "artists": 2, "train": 2, "validation": 1, "test": 1}
    assert list(audit(corpus, [], forbid_artists=False).class_counts.columns) == ["clips", "tracks", "artists"]


def test_unreadable_and_silent_files_are_named_with_their_reasons(corpus, tmp_path):
    (tmp_path / "x1.wav").write_text("this is no sound\n" * 50)
    (tmp_path / "x2.wav").write_bytes(b"")
    soundfile.write(tmp_path / "y0.wav", np.zeros(16000), 8000)
    found = audit(corpus, _split(corpus), forbid_artists=False)
    assert sorted(found.unreadable) == ["x1", "x2", "y0"]
    assert "empty" in found.unreadable["x2"]
    assert "silent" in found.unreadable["y0"]
    assert len(found.near_duplicates) == 1


def test_a_store_is_heard_instead_of_the_files(corpus, tmp_path):
    (tmp_path / "x1.wav").write_bytes(b"")
    store = SampleStore.build(tmp_path / "store", corpus.sources[:-1], 16000, progress=False)
    found = audit(corpus, _split(corpus), store, forbid_artists=False)
    assert sorted(found.unreadable) == ["x1", "y3"]
    assert "not in the sample store" in found.unreadable["y3"]
    store = SampleStore.build(tmp_path / "store", corpus.sources, 16000, progress=False)
    again = audit(corpus, _split(corpus), store, forbid_artists=False)
    assert list(again.near_duplicates["clip_b"]) == ["y3"]


def test_a_corpus_without_sound_is_not_listened_to(corpus):
    pictures = Corpus("pictures", corpus.clips, holds="pictures")
    found = audit(pictures, _split(corpus), forbid_artists=True)
    assert not found.unreadable
    assert len(found.near_duplicates) == 0
    assert not found.ok  # artists are looked at all the same
    with pytest.raises(CorpusError, match="pictures holds pictures, no sound"):
        _ = pictures.sources
