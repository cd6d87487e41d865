"""Figures and pages of confusions, blends and embeddings: golden pictures, and what a page must hold.

To renew the pictures after a wanted change: ``GENRELAB_GOLDEN=write python -m pytest`` with this file, then look.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from genrelab.evaluation.blends import Blend, of_genre, shares
from genrelab.evaluation.confusions import by_artist, confused, overlap, soft_confusion
from genrelab.evaluation.predictions import Predictions
from genrelab.report.confusions import (
    blend_artists_figure,
    blend_bars_figure,
    overlap_figure,
    pairs_figure,
    soft_confusion_figure,
    ternary_figure,
)
from genrelab.report.confusions_page import artist_words, blend_words, clip_links
from genrelab.report.embedding import REST, embedding_figure, embedding_page, mark, merit_words
from genrelab.report.save import png_bytes
from genrelab.report.sounds import taken_in, total_seconds

DPI = 24
SOME = {"value": 0.5, "low": 0.4, "high": 0.6}
MERITS = {
    "clips": 120,
    "judged": 90,
    "chance": 0.1,
    "knn": SOME,
    "knn_other_artists": {"value": 0.3, "low": 0.2, "high": 0.4},
    "knn_control": SOME,
    "artist_effect": {"value": 0.2, "low": 0.1, "high": 0.3},
    "silhouette_genre": -0.02,
    "silhouette_artist": None,
    "trust_tsne": 0.97,
    "trust_umap": 0.95,
}


@pytest.fixture(scope="module")
def part(make_predictions):
    return make_predictions(clips=200).part("test")


@pytest.mark.parametrize("length", [19, 60])
def test_long_names_stay_within_figures_of_blends(length: int) -> None:
    genres = tuple(f"{number} {'so it is called ' * 4}"[:length] for number in range(9))
    given = np.random.default_rng(0).dirichlet(np.ones(9), 30)
    clips = pd.DataFrame({"clip": range(30), "track": range(30), "artist": "someone"})
    some = Blend(genres[0], genres, clips, given, genres[0])
    corners = dict.fromkeys(genres[:3], given[:, :2])
    figures = [blend_bars_figure(some), blend_artists_figure(some)]
    figures.append(ternary_figure(corners, genres[1:3], f"{genres[0]} and the others"))
    for figure in figures:
        png_bytes(figure, DPI)  # lays it out
        figure.draw_without_rendering()  # at the figure's own resolution, in which the places below are told
        for text in figure.findobj(Text):
            if text.get_text() and text.get_visible():
                ends = text.get_window_extent()
                assert ends.x0 >= 0, text
                assert ends.x1 <= figure.bbox.width, text


@pytest.fixture(scope="module")
def table(part) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 4)) * 4
    places = centres[part.true] + rng.normal(size=(len(part), 4))
    table = part.table.assign(predicted=np.asarray(part.genres)[part.predicted])
    table["split"] = np.where(np.arange(len(part)) % 4 == 0, "validation", "test")
    return table.join(pd.DataFrame(places, columns=["tsne_x", "tsne_y", "umap_x", "umap_y"]))


def test_golden_soft_confusion(part, check) -> None:
    check(soft_confusion_figure(soft_confusion(part), part.genres), "soft-confusion")


def test_golden_overlap(part, check) -> None:
    check(overlap_figure(overlap(soft_confusion(part)), part.genres), "overlap")


def test_golden_pairs(part, check) -> None:
    check(pairs_figure(confused(part)), "pairs")


@pytest.mark.parametrize("few", [1, 2, 3, 6])
def test_no_mark_lies_under_the_legend_of_pairs(part, few: int) -> None:
    pairs = confused(part).head(few).assign(rate_high=1.0, mean_high=1.0)
    figure = pairs_figure(pairs)
    png_bytes(figure, DPI)  # lays it out
    figure.draw_without_rendering()  # at the figure's own resolution, in which places are told
    (legend,) = [*figure.legends, *filter(None, [figure.axes[0].get_legend()])]
    assert not legend.get_window_extent().overlaps(figure.axes[0].get_window_extent())
    assert [text.get_text() for text in legend.get_texts()] == ["clips called so", "mean probability"]


def test_golden_blend_bars(part, check) -> None:
    check(blend_bars_figure(of_genre(part, "reggae")), "blend-bars")


def test_golden_blend_artists(part, check) -> None:
    check(blend_artists_figure(of_genre(part, "reggae")), "blend-artists")


def test_golden_ternary(part, check) -> None:
    columns = [part.genres.index(genre) for genre in ("pop", "rock")]
    clips = {genre: of_genre(part, genre).probabilities[:, columns] for genre in ("pop", "rock", "reggae")}
    check(ternary_figure(clips, ("pop", "rock")), "ternary")


@pytest.mark.parametrize("by", ["genre", "artist"])
def test_golden_embedding(table, check, by: str) -> None:
    check(embedding_figure(table, by), f"embedding-{by}")


def test_names_of_artists_are_no_formulas_and_all_in_the_legend(part, table) -> None:
    names = ["$uicideboy$", "Money $_$", "_underscore"]  # the second is no formula that matplotlib could read
    artists = np.resize(names, len(table))
    figure = embedding_figure(table.assign(artist=artists), "artist")
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == sorted([*names, "other artists"])
    shades = [handle.get_facecolor().tolist() for handle in figure.legends[0].legend_handles]
    assert shades[-1] == [list(to_rgba(REST))]  # those without a colour come last
    blend = blend_artists_figure(of_genre(Predictions(part.table.assign(artist=artists), {}), "reggae"))
    assert all(len(png_bytes(one, dpi=DPI)) > 500 for one in (figure, blend))


def test_the_legend_of_a_triangle_names_what_begins_with_an_underscore() -> None:
    figure = ternary_figure({"_a": np.array([[0.5, 0.2]]), "b": np.array([[0.1, 0.2]])}, ("_a", "b"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_a (1)", "b (1)", "mean of b"]


@pytest.mark.parametrize("genres", [2, 30])
def test_two_and_thirty_genres_can_be_drawn(make_predictions, genres: int) -> None:
    part = make_predictions(clips=60, genres=tuple(f"genre {n}" for n in range(genres))).part("test")
    soft = soft_confusion(part)
    blend = blend_artists_figure(of_genre(part, "genre 1"))
    figures = (soft_confusion_figure(soft, part.genres), overlap_figure(overlap(soft), part.genres), blend)
    assert all(len(png_bytes(figure, dpi=DPI)) > 500 for figure in figures)


def test_every_genre_has_a_mark_of_its_own() -> None:
    assert len({mark(number) for number in range(49)}) == 49


def test_a_blend_is_told_with_its_intervals_and_doubts() -> None:
    rows = np.array([[0.5, 0.3, 0.2]] * 5 + [[0.5, 0.2, 0.3]] * 4)
    clips = pd.DataFrame({"clip": [str(n) for n in range(9)], "track": range(9), "artist": ""})
    blend = Blend("afrobeats", ("hiphop", "disco", "rock"), clips, rows, failed=1)
    told = blend_words(blend, shares(blend))
    assert told[0].startswith("afrobeats lies between hiphop (50\u00a0%, 95 % interval 50\u201350) and disco (26")
    assert told[1].startswith("That disco comes before rock is not sure")
    assert "most clips are blends themselves" in told[2]
    assert told[3] == "9 of 9 clips are nearer hiphop, 0 nearer disco."
    assert told[4] == "1 file(s) could not be classified and are left out."


def test_a_blend_is_also_told_between_the_two_genres_that_are_asked_for() -> None:
    rows = np.array([[0.5, 0.3, 0.2]] * 5 + [[0.5, 0.2, 0.3]] * 4)
    clips = pd.DataFrame({"clip": [str(n) for n in range(9)], "track": range(9), "artist": ""})
    blend = Blend("afrobeats", ("hiphop", "disco", "rock"), clips, rows)
    told = blend_words(blend, shares(blend), ("rock", "disco"))[-1]
    assert told.startswith("9 of 9 clips are nearer hiphop, 0 nearer disco. Asked about rock (24")
    assert told.endswith(": 4 of 9 clips are nearer rock, 5 nearer disco.")
    assert blend_words(blend, shares(blend), ("disco", "hiphop")) == blend_words(blend, shares(blend))


def test_a_genre_of_the_run_tells_its_own_share_first(part) -> None:
    blend = of_genre(part, "reggae")
    told = blend_words(blend, shares(blend))
    assert told[0].startswith("Of all probability, clips of reggae give ")
    assert told[1].startswith("Reggae lies between ")


def test_artists_are_told_with_how_many_questions_were_asked(part) -> None:
    halves = part.table.assign(artist=part.table["genre"] + (part.tracks // 10 % 2).astype(str))
    told = artist_words(by_artist(Predictions(halves, {})))
    assert told.startswith("20 artists have three tracks or more in a genre")
    assert "180 questions. By chance alone up to 9 of them" in told
    nobody = by_artist(part.with_probabilities(part.probabilities), least=1000)
    assert artist_words(nobody).startswith("No artist has three tracks")


def test_merits_are_told_with_a_true_minus_and_a_dash() -> None:
    told = " ".join(merit_words(MERITS))
    assert "\u22120.02 by genre, \u2013 by artist" in told
    assert "+20.0 points (95 % interval 10 to 30), is the artist effect: the neighbourhood knows artists" in told
    assert "nothing can be said of an artist effect" in merit_words(MERITS | {"artist_effect": None})[1]


def test_the_map_page_holds_all_data_and_no_way_out_of_its_script(table) -> None:
    evil = table.assign(artist="</script><b>x")
    info = {"name": "n", "corpus": "c", "source": "run", "protocol": "random", "fold": 0, "folds": 2, "seed": 0}
    page = embedding_page(
        info=info | {"leaks": []},
        table=evil,
        merits=MERITS,
        figures={},
        notes=["a <note>"],
        sounds={evil["clip"].iloc[0]: "data:audio/mpeg;base64,AAAA"},
    )
    assert "a &lt;note&gt;" in page
    assert "loads nothing from elsewhere" in page
    assert not re.search(r"(src|href)=.https?:", page)
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    assert data["artists"] == ["</script><b>x"]
    assert len(data["clip"]) == len(data["p"]) == len(data["maps"]["umap"]["x"]) == len(table)
    assert [data["genres"][code] for code in data["genre"]] == list(table["genre"])
    assert [data["genres"][code] for code in data["predicted"]] == list(table["predicted"])
    assert [data["splits"][code] for code in data["split"]] == list(table["split"])
    assert list(data["sound"]) == [table["clip"].iloc[0]]
    assert min(data["maps"]["tsne"]["x"]) == 0 and max(data["maps"]["tsne"]["x"]) == 1  # noqa: PT018 (both ends)


def test_a_map_page_that_links_sound_says_so(table) -> None:
    info = {"name": "n", "corpus": "c", "source": "bundle", "leaks": []}
    sounds = {table["clip"].iloc[0]: "../music/a.mp3"}
    page = embedding_page(info=info, table=table, merits=MERITS, figures={}, sounds=sounds)
    assert "loads nothing but the sound that it plays" in " ".join(page.split())
    assert "loads nothing from elsewhere" not in page


def test_clips_are_linked_from_where_the_page_lies_with_their_place_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    song = tmp_path / "music" / "a song #1.wav"
    song.write_bytes(b"x")
    clips = pd.DataFrame(
        {
            "clip": ["whole", "part", "gone"],
            "path": [str(song), str(song), str(tmp_path / "no.wav")],
            "start": [0.0, 2.5, 0.0],
            "seconds": [np.nan, 3.0, np.nan],
        }
    )
    links = clip_links(clips, tmp_path / "out")
    assert links == {"whole": "../music/a%20song%20%231.wav", "part": "../music/a%20song%20%231.wav#t=2.5,5.5"}
    assert clip_links(None, tmp_path) == {}


def test_sound_is_taken_in_as_mp3(tmp_path: Path, make_tone) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", make_tone(440, 2.0), 22050)
    clips = pd.DataFrame(
        {"clip": ["a", "b", "no"], "path": [str(tmp_path / name) for name in ("a.wav", "a.wav", "no.wav")]}
    ).assign(start=[0.0, 0.5, 0.0], seconds=[np.nan, 1.0, np.nan])
    assert total_seconds(clips) == pytest.approx(3.0)
    sounds = taken_in(clips)
    assert set(sounds) == {"a", "b"}
    assert sounds["a"].startswith("data:audio/mpeg;base64,")
    assert len(sounds["a"]) > len(sounds["b"]) > 1000
