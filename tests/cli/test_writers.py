"""Predictions as table, JSON, JSON lines and CSV."""

import io
import json

import pytest

from genrelab.bundles.prediction import Prediction
from genrelab.cli.formats import Format
from genrelab.cli.writers import Timeline, bar, clock, merged, writer

GENRES = ("jazz", "rock", "blues")
JAZZ = Prediction("a.mp3", "jazz", 0.5, False, (("jazz", 0.5), ("blues", 0.3), ("rock", 0.2)), 61.0)
UNKNOWN = Prediction("b, c.mp3", "rock", 0.4, True, (("rock", 0.4), ("jazz", 0.35), ("blues", 0.25)), 3725.4)
BAD = Prediction("caf\udce9.mp3", error="empty file")
SPANS: Timeline = [(0.0, 2.0, JAZZ), (2.0, 4.0, JAZZ), (4.0, 5.5, UNKNOWN), (5.5, 7.0, BAD)]


def written(kind: Format, *predictions: Prediction, timeline: Timeline | None = None, top: int | None = None) -> str:
    stream = io.StringIO()
    out = writer(kind, stream, GENRES, timeline is not None, top)
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


def test_top_one_leaves_the_runners_up_out():
    line = written(Format.TABLE, JAZZ, top=1).splitlines()[1]
    assert line.split() == ["a.mp3", "jazz", "█████", "50%", "1:01"]


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
