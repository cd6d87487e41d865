import os
import re
import sys
from pathlib import Path

import pytest

from genrelab.corpora import load_corpus
from genrelab.errors import CorpusError


def test_folders_are_genres_and_folders_in_them_artists(tmp_path, sound):
    for name in ("jazz/one.wav", "jazz/Ella/two.flac", "jazz/Ella/Album/three.wav", "rock/four.wav"):
        sound(tmp_path / name)
    corpus = load_corpus("folder", root=tmp_path)
    assert corpus.genres == ("jazz", "rock")
    assert corpus.clips.set_index("clip")["artist"].to_dict() == {
        "jazz/one.wav": "",
        "jazz/Ella/two.flac": "Ella",
        "jazz/Ella/Album/three.wav": "Ella",
        "rock/four.wav": "",
    }
    assert corpus.clips["path"].map(os.path.isabs).all()


def test_hidden_and_other_files_are_skipped(tmp_path, sound):
    for name in ("jazz/a.wav", "jazz/._a.wav", "jazz/.trash/b.wav", ".hidden/c.wav", "rock/d.wav"):
        sound(tmp_path / name)
    (tmp_path / "jazz" / "cover.jpg").write_bytes(b"no sound")
    assert list(load_corpus("folder", root=tmp_path).clips["clip"]) == ["jazz/a.wav", "rock/d.wav"]


def test_an_empty_genre_is_noted(tmp_path, sound):
    sound(tmp_path / "jazz/a.wav")
    sound(tmp_path / "rock/b.wav")
    (tmp_path / "pop").mkdir()
    assert load_corpus("folder", root=tmp_path).notes == (
        "the folder 'pop' holds no sound file; there is no such genre",
    )


def test_what_is_left_out_and_what_may_be_one_genre_is_noted(tmp_path, sound):
    for name in ("Hip-Hop/a.wav", "hip hop/b.wav", "rock/c.wav", "d.wav"):
        sound(tmp_path / name)
    assert load_corpus("folder", root=tmp_path).notes == (
        "left out, since they lie in no genre's folder: d.wav",
        "'Hip-Hop' and 'hip hop' count as 2 genres; give them one name if they are one",
    )


def test_one_genre_only_is_refused(tmp_path, sound):
    sound(tmp_path / "jazz/a.wav")
    with pytest.raises(CorpusError, match=r"'jazz', and a classifier needs at least two genres$"):
        load_corpus("folder", root=tmp_path)


def test_where_the_genres_lie_a_folder_deeper_it_is_told_what_to_give(tmp_path, sound):
    for genre in ("jazz", "rock"):
        sound(tmp_path / "audio" / genre / "a.wav")
    (tmp_path / "clips.csv").touch()
    places = re.escape(f"give {tmp_path / 'audio'} or {tmp_path / 'clips.csv'}")
    with pytest.raises(CorpusError, match=f"'audio', .*; if the genres lie deeper, {places}$"):
        load_corpus("folder", root=tmp_path)


def test_files_outside_genres_are_named(tmp_path, sound):
    sound(tmp_path / "a.wav")
    with pytest.raises(CorpusError, match=r"a\.wav lie in no genre's folder"):
        load_corpus("folder", root=tmp_path)


def test_a_folder_without_sound_is_refused(tmp_path):
    (tmp_path / "jazz").mkdir()
    with pytest.raises(CorpusError, match="it holds no sound file"):
        load_corpus("folder", root=tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a file name")
def test_a_name_that_is_not_utf8_gets_a_clip_name_that_can_be_written(tmp_path, sound):
    sound(tmp_path / "rock/b.wav")
    sound(tmp_path / "jazz/x.wav").rename(os.fsdecode(os.fsencode(tmp_path) + b"/jazz/\xff.wav"))
    corpus = load_corpus("folder", root=tmp_path)
    assert corpus.clips["clip"][0] == r"jazz/\udcff.wav"
    assert Path(corpus.clips["path"][0]).is_file()
