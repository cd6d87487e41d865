"""Blends by hand, and every format that `genrelab classify` writes."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genrelab.bundles.prediction import Prediction
from genrelab.cli.formats import Format
from genrelab.cli.writers import writer
from genrelab.errors import RunError
from genrelab.evaluation.blends import Blend, corners, groups, of_genre, read_classified, shares, within

GENRES = ("a", "b", "c")


def blend(rows: list[list[float]], tracks: list[int] | None = None, own: str | None = None) -> Blend:
    clips = pd.DataFrame(
        {"clip": [str(n) for n in range(len(rows))], "track": tracks or range(len(rows)), "artist": ""}
    )
    return Blend("some", GENRES, clips, np.array(rows), own)


def classified(path: Path, kind: Format, top: int | None = None) -> Path:
    """Write two files that were classified and one that was not, as the command line does."""
    stream = io.StringIO()
    out = writer(kind, stream, GENRES, False, top)
    for name, genres in (("x/1.wav", (("b", 0.7), ("a", 0.2), ("c", 0.1))), ("y/2.wav", (("c", 0.5), ("b", 0.5)))):
        given = (*genres, ("a", 0.0)) if len(genres) == 2 else genres
        out.add(Prediction(name, given[0][0], given[0][1], genres=given[:top], seconds=1.0), None)
    out.add(Prediction("y/bad.wav", error="not audio"), None)
    out.close()
    path.write_text(stream.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", [Format.CSV, Format.JSON, Format.JSONL])
def test_what_classify_writes_is_read(tmp_path: Path, kind: Format) -> None:
    found = read_classified(classified(tmp_path / f"afrobeats.{kind}", kind), GENRES)
    assert found.name == "afrobeats"
    assert found.probabilities.tolist() == [[0.2, 0.7, 0.1], [0.0, 0.5, 0.5]]
    assert list(found.clips["artist"]) == ["x", "y"]
    assert found.failed == 1


@pytest.mark.parametrize("kind", [Format.CSV, Format.JSON, Format.JSONL])
def test_names_with_line_ends_and_a_spreadsheets_mark_are_read(tmp_path: Path, kind: Format) -> None:
    names = ["x/new\nline.wav", "x/next\x85line.wav", "y/sepa\u2028rated.wav", "y/form\x0cfeed.wav", "carriage\rreturn"]
    stream = io.StringIO()
    out = writer(kind, stream, GENRES, False, None)
    for name in names:
        out.add(Prediction(name, "b", 0.7, genres=(("b", 0.7), ("a", 0.2), ("c", 0.1)), seconds=1.0), None)
    out.close()
    path = tmp_path / "some"
    path.write_text(stream.getvalue(), encoding="utf-8-sig")
    found = read_classified(path, GENRES)
    assert list(found.clips["clip"]) == names
    assert found.probabilities.tolist() == [[0.2, 0.7, 0.1]] * 5


def test_spans_of_a_timeline_are_averaged_by_file(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    path.write_text(
        "path,start,end,genre,probability,unknown,seconds,error,a,b,c\n"
        "1.wav,0,3,a,1,false,3,,1,,\n1.wav,3,6,b,1,false,3,,,1,\n1.wav,6,9,,,false,3,silent,,,\n"
    )
    found = read_classified(path, GENRES)
    assert found.probabilities.tolist() == [[0.5, 0.5, 0.0]]
    assert found.failed == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not what `genrelab classify"),
        ("hello\n", "not what `genrelab classify"),
        ("[1, 2]", "not what `genrelab classify"),
        ("path,genre,error,a,b,c\n1.wav,a,,x,0,0\n", "not what `genrelab classify"),
        ("path,genre,error,a,b,c\n1.wav,,no file,,,\n", "holds no classified file"),
        ("path,genre,error,a,b,polka\n1.wav,a,,.5,.2,.3\n", "genres that the run does not know .polka."),
        ("path,genre,error,a,b,c\n1.wav,a,,.5,,\n", "without --top"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text)
    with pytest.raises(RunError, match=message):
        read_classified(path, GENRES)


def test_shares_are_means_with_intervals_over_tracks() -> None:
    found = shares(blend([[0.6, 0.3, 0.1]] * 6 + [[0.2, 0.7, 0.1]] * 6))
    assert list(found["genre"]) == ["b", "a", "c"]
    assert found["share"].tolist() == pytest.approx([0.5, 0.4, 0.1])
    assert found["low"].iloc[0] < 0.5 < found["high"].iloc[0]
    assert found["low"].iloc[2] == pytest.approx(0.1) == found["high"].iloc[2]
    assert 0.6 < found["lead"].iloc[0] < 0.9  # b before a is far from sure
    assert found["lead"].iloc[1] == 1.0
    assert np.isnan(found["lead"].iloc[2])


def test_a_resample_divides_by_the_clips_that_it_drew() -> None:
    found = shares(blend([[0.6, 0.3, 0.1]] * 4, tracks=[0, 0, 0, 1]))  # four clips, or two, or six: all the same
    assert found["low"].tolist() == pytest.approx([0.6, 0.3, 0.1]) == found["high"].tolist()


def test_one_track_has_no_interval() -> None:
    found = shares(blend([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], tracks=[7, 7]))
    assert found[["low", "high", "lead"]].isna().all(axis=None)


def test_variety_lies_within_clips_that_are_alike_and_between_clips_that_are_sure() -> None:
    assert within(np.array([[0.5, 0.5, 0.0]] * 3)) == pytest.approx(1.0)
    assert within(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])) == pytest.approx(0.0)
    # One sure clip and one that is half and half: mean entropy ln(2)/2, entropy of (.75, .25) .5623.
    assert within(np.array([[1.0, 0.0], [0.5, 0.5]])) == pytest.approx(np.log(2) / 2 / 0.562335, rel=1e-5)
    assert np.isnan(within(np.array([[1.0, 0.0]])))


def test_corners_leave_out_the_genre_itself() -> None:
    rows = [[0.5, 0.2, 0.3]]
    assert corners(blend(rows)) == ("a", "c")
    assert corners(blend(rows, own="a")) == ("c", "b")


def test_artists_with_the_most_clips_come_first() -> None:
    some = blend([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]])
    some.clips["artist"] = ["x", "y", "y", "a"]
    found = groups(some)
    assert list(found["artist"]) == ["y", "a", "x"]
    assert found.loc[0, ["clips", "p_a", "p_b", "p_c"]].tolist() == [2, 0.25, 0.25, 0.5]


def test_a_genre_of_the_run_is_a_blend_by_artist(make_predictions) -> None:
    part = make_predictions(clips=100).part("test")
    found = of_genre(part, "reggae")
    assert len(found.clips) == 10
    assert found.own == "reggae"
    means = groups(found)
    assert means["clips"].sum() == 10
    assert means[[f"p_{genre}" for genre in part.genres]].sum(axis=1).tolist() == pytest.approx([1.0] * len(means))
    with pytest.raises(RunError, match="no clips of polka"):
        of_genre(part, "polka")
