"""Predictions as table, JSON, JSON lines and CSV."""

import csv
import io
import json
from pathlib import Path

import pytest

from genrelab.bundles.prediction import Prediction
from genrelab.cli.formats import Format
from genrelab.cli.writers import Timeline, bar, clock, merged, writer
from genrelab.evaluation.blends import read_classified

GENRES = ("jazz", "rock", "blues")
JAZZ = Prediction("a.mp3", "jazz", 0.5, False, (("jazz", 0.5), ("blues", 0.3), ("rock", 0.2)), 61.0)
UNKNOWN = Prediction("b, c.mp3", "rock", 0.4, True, (("rock", 0.4), ("jazz", 0.35), ("blues", 0.25)), 3725.4)
BAD = Prediction("caf\udce9.mp3", error="empty file")
SILENT = Prediction("pause.wav", unknown=True, seconds=4.0)
BLEND = Prediction("c.mp3", "blues", 0.5, False, (("blues", 0.5), ("rock", 0.4)), 60.0, blend=("blues", "rock"))
TAGGED = Prediction(
    "d.mp3",
    "jazz",
    0.5,
    genres=(("jazz", 0.5), ("blues", 0.3), ("rock", 0.2)),
    tags=(("sax", 0.9), ("piano", 0.8), ("slow", 0.7), ("bass", 0.6), ("drums", 0.5), ("live", 0.4), ("loud", 0.1)),
)
SPANS: Timeline = [(0.0, 2.0, JAZZ), (2.0, 4.0, JAZZ), (4.0, 5.5, UNKNOWN), (5.5, 7.0, BAD)]


def written(
    kind: Format,
    *predictions: Prediction,
    timeline: Timeline | None = None,
    top: int | None = None,
    tags: bool = False,
) -> str:
    stream = io.StringIO()
    out = writer(kind, stream, GENRES, timeline is not None, top, tags)
    for prediction in predictions:
        out.add(prediction, timeline)
    out.close()
    return stream.getvalue()


def test_json_lines_are_the_predictions_own_lines():
    assert written(Format.JSONL, JAZZ, BAD) == f"{JAZZ.to_json()}\n{BAD.to_json()}\n"


@pytest.mark.parametrize("predictions", [(), (JAZZ,), (JAZZ, UNKNOWN, BAD)])
def test_json_is_one_array(predictions: tuple[Prediction, ...]):
    assert json.loads(written(Format.JSON, *predictions)) == [p.as_dict() for p in predictions]


def test_a_timeline_is_one_key_more():
    (value,) = json.loads(written(Format.JSON, JAZZ, timeline=SPANS))
    assert {key: value[key] for key in JAZZ.as_dict()} == JAZZ.as_dict()
    assert [(span["start"], span["end"], span["genre"], span["error"]) for span in value["timeline"]] == [
        (0.0, 2.0, "jazz", None),
        (2.0, 4.0, "jazz", None),
        (4.0, 5.5, "rock", None),
        (5.5, 7.0, None, "empty file"),
    ]


def test_csv_has_one_row_a_file_and_one_column_a_genre():
    assert written(Format.CSV, JAZZ, UNKNOWN, BAD).splitlines() == [
        "path,genre,probability,unknown,seconds,error,jazz,rock,blues",
        "a.mp3,jazz,0.5,false,61.0,,0.5,0.2,0.3",
        '"b, c.mp3",rock,0.4,true,3725.4,,0.35,0.4,0.25',
        "caf\ufffd.mp3,,,false,,empty file,,,",
    ]


@pytest.mark.parametrize("name", ["a\rb.mp3", "a\nb.mp3", "a\r\nb.mp3", "a\r\n", 'a "b".mp3'])
def test_csv_holds_every_name(name: str):
    text = written(Format.CSV, Prediction(name, error="empty file"), JAZZ)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[0] for row in rows] == ["path", name, "a.mp3"]
    assert text.splitlines()[-1] == "a.mp3,jazz,0.5,false,61.0,,0.5,0.2,0.3"
    assert "\r" not in text.replace(name, "")


def test_csv_with_a_timeline_has_one_row_a_span():
    assert written(Format.CSV, JAZZ, timeline=SPANS).splitlines()[:2] == [
        "path,start,end,genre,probability,unknown,seconds,error,jazz,rock,blues",
        "a.mp3,0.000,2.000,jazz,0.5,false,61.0,,0.5,0.2,0.3",
    ]


def test_csv_with_a_timeline_keeps_the_row_of_a_file_that_failed():
    assert written(Format.CSV, BAD, timeline=[]).splitlines()[1] == "caf\ufffd.mp3,,,,,false,,empty file,,,"


def test_the_table_shows_genre_bar_runners_up_and_length():
    lines = written(Format.TABLE, JAZZ, UNKNOWN, BAD).splitlines()
    assert lines[0].split() == ["file", "genre", "probability", "then", "length"]
    assert lines[1].split() == ["a.mp3", "jazz", "█████", "50%", "blues", "30%,", "rock", "20%", "1:01"]
    assert "unknown (rock?)" in lines[2]
    assert lines[2].endswith("1:02:05")
    assert "caf\ufffd.mp3" in lines[3]
    assert "empty file" in lines[3]


def test_a_name_in_the_table_gives_the_terminal_no_orders():
    name = Prediction("a\x1b[2J\nb\u202e.mp3", error="cut\x1b[31m short")
    (line,) = written(Format.TABLE, name).splitlines()[1:]
    assert line.split() == [r"a\x1b[2J\nb\u202e.mp3", "–", r"cut\x1b[31m", "short"]  # noqa: RUF001


def test_a_foreign_bundles_names_in_the_table_give_the_terminal_no_orders():
    one, other = "a\x1b[2J", "b\n\x9b"
    named = Prediction("a.mp3", one, 0.6, genres=((one, 0.6), (other, 0.4)), seconds=1.0, tags=((other, 0.9),))
    (line,) = written(Format.TABLE, named, tags=True).splitlines()[1:]
    assert line.split() == ["a.mp3", r"a\x1b[2J", "██████", "60%", r"b\n\x9b", "40%", r"b\n\x9b", "90%", "0:01"]


def test_top_one_leaves_the_runners_up_out():
    line = written(Format.TABLE, JAZZ, top=1).splitlines()[1]
    assert line.split() == ["a.mp3", "jazz", "█████", "50%", "1:01"]


def test_a_blend_is_shown_as_both_genres():
    assert "blues + rock" in written(Format.TABLE, BLEND).splitlines()[1]


def test_silence_is_unknown_and_says_why():
    line = written(Format.TABLE, SILENT).splitlines()[1]
    assert line.split() == ["pause.wav", "unknown", "silent", "0:04"]
    assert written(Format.CSV, SILENT).splitlines()[1] == "pause.wav,,,true,4.0,,,,"


def test_the_table_shows_the_five_likeliest_tags_that_are_likely_at_all():
    header, line = written(Format.TABLE, TAGGED, tags=True).splitlines()
    assert header.split() == ["file", "genre", "probability", "then", "tags", "length"]
    assert line.rstrip().endswith("sax 90%, piano 80%, slow 70%, bass 60%, drums 50%")
    two = Prediction("e.mp3", "jazz", 0.5, genres=(("jazz", 0.5),), tags=(("sax", 0.2), ("loud", 0.19)))
    assert written(Format.TABLE, two, tags=True).splitlines()[1].split()[-2:] == ["sax", "20%"]


def test_tags_are_a_column_of_csv_before_the_genres():
    header, row = written(Format.CSV, TAGGED, tags=True).splitlines()
    assert header == "path,genre,probability,unknown,tags,seconds,error,jazz,rock,blues"
    tags = "sax 0.9; piano 0.8; slow 0.7; bass 0.6; drums 0.5; live 0.4; loud 0.1"
    assert row == f"d.mp3,jazz,0.5,false,{tags},,,0.5,0.2,0.3"


def test_tags_are_a_key_of_json_in_files_and_spans_where_they_are_asked_for():
    (value,) = json.loads(written(Format.JSON, TAGGED, timeline=[(0.0, 2.0, TAGGED)], tags=True))
    assert value["tags"] == value["timeline"][0]["tags"] == TAGGED.as_dict(tags=True)["tags"]
    (value,) = json.loads(written(Format.JSON, TAGGED, timeline=[(0.0, 2.0, TAGGED)]))
    assert "tags" not in value
    assert "tags" not in value["timeline"][0]


def test_what_is_written_with_tags_can_be_read_as_a_blend(tmp_path: Path):
    (tmp_path / "genres.csv").write_text(written(Format.CSV, TAGGED, SILENT, tags=True))
    read = read_classified(tmp_path / "genres.csv", GENRES)
    assert read.probabilities.tolist() == [[0.5, 0.2, 0.3]]
    assert read.failed == 1  # of silence there is no blend


def test_a_name_in_the_table_is_no_markup():
    assert "[red]a[/].mp3" in written(Format.TABLE, Prediction("[red]a[/].mp3", error="x [bold]y"))


def test_no_predictions_make_no_table():
    assert written(Format.TABLE) == ""


def test_neighbouring_spans_of_one_genre_are_one_stretch_of_the_table():
    assert [(start, end, p.genre) for start, end, p in merged(SPANS)] == [
        (0.0, 4.0, "jazz"),
        (4.0, 5.5, "rock"),
        (5.5, 7.0, None),
    ]
    lines = written(Format.TABLE, JAZZ, timeline=SPANS).splitlines()
    assert lines[2].split()[:2] == ["0:00–0:04", "jazz"]  # noqa: RUF001
    assert len(lines) == 5


def test_a_stretch_of_silence_is_one_and_a_blend_joins_those_of_its_first_genre():
    blues = Prediction("c.mp3", "blues", 0.8, False, (("blues", 0.8), ("rock", 0.1)), 60.0)
    spans = [(0.0, 2.0, SILENT), (2.0, 4.0, SILENT), (4.0, 6.0, BLEND), (6.0, 8.0, blues), (8.0, 9.0, JAZZ)]
    assert [(start, end, p.genre, p.blend) for start, end, p in merged(spans)] == [
        (0.0, 4.0, None, ()),
        (4.0, 8.0, "blues", ()),
        (8.0, 9.0, "jazz", ()),
    ]


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0, "             0%"), (0.5, "█████       50%"), (0.06, "▋            6%"), (1, "██████████ 100%")],
)
def test_a_bar_is_ten_characters_long_and_has_eighths(probability: float, text: str):
    assert bar(probability) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (36000, "10:00:00")]
)
def test_lengths_are_read_like_a_clock(seconds: float | None, text: str):
    assert clock(seconds) == text
