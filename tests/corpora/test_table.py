import json
from pathlib import Path

import pandas as pd
import pytest

from genrelab.corpora import load_corpus
from genrelab.errors import CorpusError


@pytest.fixture
def folder(tmp_path, sound):
    sound(tmp_path / "a.wav")
    sound(tmp_path / "sub/b.wav")
    return tmp_path


def _csv(folder, text):
    (folder / "music.csv").write_text(text)
    return folder / "music.csv"


def test_csv_parquet_and_json_lines_say_the_same(folder):
    rows = [
        {"path": "a.wav", "genre": "jazz", "artist": "Ella", "mood": "calm"},
        {"path": "sub/b.wav", "genre": "None", "artist": "1975", "mood": ""},
    ]
    pd.DataFrame(rows).to_csv(folder / "music.csv", index=False)
    pd.DataFrame(rows).to_parquet(folder / "music.parquet")
    (folder / "music.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    csv, parquet, lines = (load_corpus("table", path=folder / f"music.{s}") for s in ("csv", "parquet", "jsonl"))
    pd.testing.assert_frame_equal(csv.clips, parquet.clips, check_dtype=False)
    pd.testing.assert_frame_equal(csv.clips, lines.clips, check_dtype=False)
    assert csv.genres == ("None", "jazz")
    assert list(csv.clips["artist"]) == ["Ella", "1975"]
    assert list(csv.clips["path"]) == [str(folder / "a.wav"), str(folder / "sub" / "b.wav")]
    assert csv.name == "music"


def test_columns_may_be_called_otherwise(folder):
    path = _csv(folder, "file,label,genre\na.wav,jazz,wrong\nsub/b.wav,rock,wrong\n")
    corpus = load_corpus("table", path=path, columns={"path": "file", "genre": "label"})
    assert corpus.genres == ("jazz", "rock")


def test_paths_are_relative_to_root_where_given(folder):
    (folder / "tables").mkdir()
    path = _csv(folder / "tables", "path,genre\na.wav,jazz\nsub/b.wav,rock\n")
    assert load_corpus("table", path=path, root=folder).clips["path"][0] == str(folder / "a.wav")


def test_excerpts_of_one_file_get_names_of_their_own_and_one_track(folder):
    path = _csv(folder, "path,genre,start,seconds\na.wav,jazz,0,0.2\na.wav,jazz,0.25,0.2\nsub/b.wav,rock,,\n")
    clips = load_corpus("table", path=path).clips
    assert list(clips["clip"]) == ["a.wav@0", "a.wav@0.25", "sub/b.wav"]
    assert clips["track"].nunique() == 2
    assert list(clips["start"]) == [0.0, 0.25, 0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.wav,jazz\n", "needs a column 'genre'.*it has path, label"),
        ("genre\njazz\n", "one of 'path' and 'clip'"),
        ("path,genre\na.wav,jazz\nlost.wav,rock\n", r"not there: lost\.wav \(line 3\)"),
        ("path,genre\na.wav,jazz\n,rock\n", "line 3 names no sound file"),
        ("path,genre\na.wav,jazz\nsub/b.wav,\n", "'sub/b.wav' .row 2. has no genre"),
        ("path,genre,start\na.wav,jazz,0\nsub/b.wav,rock,soon\n", "line 3: start is 'soon'"),
        ("path,genre,seconds\na.wav,jazz,1\nsub/b.wav,rock,inf\n", "line 3: seconds is 'inf', which is no number"),
        ("clip,path,genre\nx,a.wav,jazz\nx,sub/b.wav,rock\n", "'x' .row 2. occurs twice"),
        ("path,genre\na.wav,jazz\nsub/b.wav,rock,much,more\n", "cannot be read: .*2 fields in line 3, saw 4"),
        ("genre,path\nx,jazz,a.wav\nx,rock,sub/b.wav\n", "line 2 has 3 fields and the header 2; give every row"),
        ("path,genre\na.wav,jazz,\nsub/b.wav,rock,much\n", "line 3 has 3 fields and the header 2; give every row"),
        ("", "cannot be read"),
    ],
)
def test_a_faulty_table_is_refused_with_the_place(folder, text, message):
    with pytest.raises(CorpusError, match=message):
        load_corpus("table", path=_csv(folder, text))


@pytest.mark.parametrize("ends", [("", "", ""), ("", ",", ","), ("", ",", ""), ("", ",,", ""), (",", ",", ",")])
def test_rows_may_end_in_a_comma(folder, ends):
    lines = ["path,genre,artist", "a.wav,jazz,007", "sub/b.wav,rock,"]
    path = _csv(folder, "".join(f"{line}{end}\n" for line, end in zip(lines, ends, strict=True)))
    clips = load_corpus("table", path=path).clips
    assert list(clips["genre"]) == ["jazz", "rock"]
    assert list(clips["artist"]) == ["007", ""]


def test_a_table_of_excels_is_read(folder):
    sound = "path;genre;artist\r\na.wav;jazz;B\u00e9la\r\nsub\\b.wav;rock;x, y\r\n"
    (folder / "music.csv").write_bytes(sound.encode("utf-8-sig"))
    corpus = load_corpus("table", path=folder / "music.csv")
    assert list(corpus.clips["artist"]) == ["B\u00e9la", "x, y"]
    assert list(corpus.clips["path"]) == [str(folder / "a.wav"), str(folder / "sub" / "b.wav")]
    (folder / "music.csv").write_bytes(sound.encode("cp1252"))
    with pytest.raises(CorpusError, match="it is not UTF-8; save it as that"):
        load_corpus("table", path=folder / "music.csv")
    lines = '{"path": "a.wav", "genre": "jazz"}\n{"path": "sub/b.wav", "genre": "rock"}\n'
    (folder / "music.jsonl").write_bytes(lines.encode("utf-8-sig"))
    assert len(load_corpus("table", path=folder / "music.jsonl")) == 2


def test_names_with_accents_are_found_however_they_are_written(folder, sound):
    sound(folder / "Bjo\u0308rk.wav")
    sound(folder / "Sigur R\u00f3s.wav")
    path = folder / "music.csv"
    path.write_text("path,genre\nBj\u00f6rk.wav,a\nSigur Ro\u0301s.wav,b\n", encoding="utf-8")
    assert all(Path(place).is_file() for place in load_corpus("table", path=path).clips["path"])


def test_a_tilde_may_begin_a_name(folder, sound):
    sound(folder / "~intro~.wav")
    path = _csv(folder, "path,genre\n~intro~.wav,jazz\na.wav,rock\n")
    assert load_corpus("table", path=path).clips["path"][0] == str(folder / "~intro~.wav")


def test_a_parquet_of_categories_that_lacks_a_path_names_the_row(folder):
    table = pd.DataFrame({"path": pd.Categorical(["a.wav", None]), "genre": pd.Categorical(["jazz", "rock"])})
    table.to_parquet(folder / "music.parquet")
    with pytest.raises(CorpusError, match="row 2 names no sound file"):
        load_corpus("table", path=folder / "music.parquet")


def test_a_broken_json_line_is_named(folder):
    (folder / "music.jsonl").write_text('{"path": "a.wav", "genre": "jazz"}\n{"path"\n')
    with pytest.raises(CorpusError, match="line 2 is not JSON"):
        load_corpus("table", path=folder / "music.jsonl")


def test_a_parquet_file_that_is_none_is_refused(folder):
    (folder / "music.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(CorpusError, match="cannot be read"):
        load_corpus("table", path=folder / "music.parquet")


def test_an_unknown_suffix_and_an_unknown_column_name_the_choices(folder):
    (folder / "music.xlsx").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"ends in \.csv"):
        load_corpus("table", path=folder / "music.xlsx")
    path = _csv(folder, "path,genre\na.wav,jazz\n")
    with pytest.raises(CorpusError, match="no column 'label' to be used as 'genre'; there are path, genre"):
        load_corpus("table", path=path, columns={"genre": "label"})


@pytest.mark.parametrize(("name", "clips"), [("gtzan-excerpts", 538), ("gtzan-full", 335)])
def test_the_research_tables_load(shared_data, name, clips):
    corpus = load_corpus("table", path=shared_data / name / "clips.csv")
    assert (corpus.name, len(corpus), len(corpus.genres)) == (name, clips, 10)
    assert list(corpus.clips["track"]) == list(corpus.clips["clip"])
