"""Figures of genres, columns, sounds and several runs; see test_figures.py on golden pictures."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from genrelab.errors import CorpusError, GenrelabError, RunError
from genrelab.evaluation.differences import ConfusionDifference, confusion_difference
from genrelab.evaluation.intervals import bootstrap_genres
from genrelab.evaluation.metrics import confusion, metrics, per_genre
from genrelab.evaluation.predictions import Predictions
from genrelab.report.bars import genre_bars_figure
from genrelab.report.confusion import confusion_figure
from genrelab.report.curves import runs_training_figure
from genrelab.report.difference import difference_figure
from genrelab.report.distributions import distributions_figure, telling_columns
from genrelab.report.radar import METRICS, radar_figure
from genrelab.report.save import png_bytes
from genrelab.report.spectrogram import spectrogram_figure


@pytest.fixture(scope="module")
def runs(make_predictions) -> dict[str, Predictions]:
    """Return three models of the same clips, the second a better one."""
    skills = {"first": (1.2, 1), "second": (1.8, 2), "third": (1.0, 3)}
    return {
        name: make_predictions(skill=skill, noise_seed=noise).part("test") for name, (skill, noise) in skills.items()
    }


def rows(predictions: Predictions) -> pd.DataFrame:
    return per_genre(predictions).merge(bootstrap_genres(predictions), on="genre")


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def table_of_columns(columns: int = 14) -> pd.DataFrame:
    """Return numbers of which the first tell genres apart best, the last not at all."""
    random = np.random.default_rng(0)
    genre = np.repeat(["blues", "jazz", "metal", "pop", "rock"], 40)
    place = np.repeat(np.arange(5), 40)
    numbers = {f"column {c}": place * (columns - 1 - c) / 4 + random.normal(size=200) for c in range(columns)}
    return pd.DataFrame({"genre": genre} | numbers)


def test_golden_bars_of_one_run(runs, check) -> None:
    check(genre_bars_figure(rows(runs["first"])), "bars")


def test_golden_bars_of_several_runs(runs, check) -> None:
    check(genre_bars_figure(pd.concat([rows(run).assign(run=name) for name, run in runs.items()])), "bars-runs")


def test_golden_radar(runs, check) -> None:
    check(radar_figure(pd.DataFrame({name: metrics(run) for name, run in runs.items()}).T[list(METRICS)]), "radar")


def test_golden_difference(runs, check) -> None:
    difference = confusion_difference(runs["second"], runs["first"])
    check(difference_figure(difference, ("second", "first")), "difference")


def test_golden_training_of_several_runs(history, check) -> None:
    check(runs_training_figure({"first": history, "second": history[history["fold"] == 0]}), "training-runs")


def test_golden_spectrogram(check) -> None:
    bins, frames = np.mgrid[:64, :90]
    features = -60 + 50 * np.exp(-(((bins - 20 - frames / 4) / 4) ** 2))
    frequencies = 60 * 1.08 ** np.arange(64)
    titles = ["a rising tone", "twice"]
    figure = spectrogram_figure(np.stack([features, features]), np.arange(90) / 43, frequencies, "Hz", titles, "dB")
    check(figure, "spectrogram")


def test_golden_distributions(check) -> None:
    check(distributions_figure(table_of_columns()), "distributions")


@pytest.mark.parametrize("numbers", ["rates", "counts"])
def test_golden_confusion_of_one_kind_of_number(runs, check, numbers) -> None:
    check(confusion_figure(confusion(runs["first"]), runs["first"].genres, numbers=numbers), f"confusion-{numbers}")


def test_a_confusion_cell_tells_what_was_asked_for() -> None:
    counts = np.array([[3, 1], [0, 4]])
    assert texts(confusion_figure(counts, ["rock", "jazz"], numbers="rates")) == ["75%", "25%", "100%"]
    assert texts(confusion_figure(counts, ["rock", "jazz"], numbers="counts")) == ["3", "1", "4"]
    many = confusion_figure(np.diag(np.arange(1, 17)), [f"g{i}" for i in range(16)], numbers="rates")
    assert texts(many) == ["100"] * 16


def test_bars_have_the_lengths_and_whiskers_of_the_table() -> None:
    table = pd.DataFrame({"genre": ["a", "b"], "clips": [3, 0]})
    for name in ("precision", "recall", "f1"):
        table[name], table[f"{name}_low"], table[f"{name}_high"] = [0.5, np.nan], [0.25, np.nan], [0.75, np.nan]
    axes = genre_bars_figure(table).axes[1]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.0]
    assert [segment.tolist() for segment in axes.collections[0].get_segments()] == [[[0.25, 0.0], [0.75, 0.0]]]
    assert [label.get_text() for label in genre_bars_figure(table).axes[0].get_yticklabels()] == ["a  (3)", "b  (0)"]


def test_bars_of_different_clips_name_no_number_and_differ_in_hatches(runs) -> None:
    fewer = Predictions(runs["first"].table.iloc[::2], runs["first"].info)
    figure = genre_bars_figure(pd.concat([rows(runs["first"]).assign(run="all"), rows(fewer).assign(run="half")]))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][:2] == ["blues", "classical"]
    assert len({patch.get_hatch() for patch in figure.axes[0].patches}) == 2


def test_too_many_runs_for_one_figure_are_refused(runs, history) -> None:
    with pytest.raises(RunError, match="bars of 5 runs cannot be told apart; draw 4 or fewer"):
        genre_bars_figure(pd.concat([rows(runs["first"]).assign(run=str(n)) for n in range(5)]))
    with pytest.raises(RunError, match=r"a radar takes up to 6 runs .* got 7 runs and 6 metrics"):
        radar_figure(pd.DataFrame(0.5, index=range(7), columns=list(METRICS)))
    with pytest.raises(RunError, match="curves of 1 to 4 runs fit side by side, not of 5"):
        runs_training_figure({str(n): history for n in range(5)})


def test_a_radar_of_missing_values_is_refused() -> None:
    with pytest.raises(RunError, match=r"3 or more metrics from 0 to 1; .*some of them missing"):
        radar_figure(pd.DataFrame([[0.5, np.nan, 0.5]], columns=["a", "b", "c"]))


def test_a_radar_goes_from_zero_to_one_however_near_its_runs_are() -> None:
    axes = radar_figure(pd.DataFrame([[0.64, 0.7, 0.78], [0.65, 0.7, 0.71]], columns=["a", "b", "c"])).axes[0]
    assert axes.get_ylim() == (0, 1)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.2", "0.4", "0.6", "0.8", "1.0"]
    assert len({line.get_marker() for line in axes.lines}) == len({line.get_linestyle() for line in axes.lines}) == 2


def test_legends_name_runs_that_begin_with_an_underscore(runs) -> None:
    radar = radar_figure(pd.DataFrame([[0.6, 0.7, 0.8], [0.5, 0.6, 0.7]], ["_old", "new"], ["a", "b", "c"]))
    bars = genre_bars_figure(
        pd.concat([rows(runs["first"]).assign(run="_old"), rows(runs["second"]).assign(run="new")])
    )
    for figure in (radar, bars):
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_old", "new"]
    assert [line.get_color() for line in radar.legends[0].get_lines()] == [
        line.get_color() for line in radar.axes[0].lines
    ]


@pytest.mark.parametrize("letters", [8, 19, 24, 40])
def test_legends_stay_within_figures_of_any_width(runs, letters) -> None:
    names = [f"{kind}/{'network-of-a-long-name-that-tells-its-kind'[: letters - 2]}" for kind in "abc"]
    halves = np.full((2, 2), 0.5)
    two = ConfusionDifference(("rock", "jazz"), np.array([10, 10]), halves, halves, np.zeros((2, 2), bool))
    wheel = pd.DataFrame(0.5, names, ["a", "b", "c"])
    for figure in (
        difference_figure(two, (names[0], names[1])),
        difference_figure(two, (names[0], names[1]), size=(5.3, 5.1)),
        radar_figure(wheel),
        radar_figure(wheel, size=(3.5, 4.2)),
        genre_bars_figure(pd.concat([rows(runs["first"]).assign(run=name) for name in names])),
    ):
        png_bytes(figure)
        extent = figure.legends[0].get_window_extent()
        assert extent.x0 >= 0
        assert extent.x1 <= figure.bbox.x1


def test_curves_of_a_head_beside_a_network_have_one_legend_and_whole_epochs(history) -> None:
    head = history[history["epoch"] == 0].assign(train_loss=np.nan)
    figure = runs_training_figure({"head": head, "network": history})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "validation"]
    assert figure.axes[2].get_xticks().tolist() == [0]
    alone = runs_training_figure({"head": head.assign(train_accuracy=np.nan)})
    assert [text.get_text() for text in alone.legends[0].get_texts()] == ["validation"]


def test_a_difference_is_blue_where_the_first_is_better_and_hatched_where_the_second_is() -> None:
    first, second = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0.7, 0.3], [0.2, 0.8]])
    beyond = np.array([[True, False], [False, False]])
    axes = difference_figure(
        ConfusionDifference(("rock", "jazz"), np.array([10, 10]), first, second, beyond), ("one", "two")
    ).axes[0]
    assert [text.get_text() for text in axes.texts] == ["+20", "\u221220", "+20", "\u221220"]
    assert [patch.get_xy() for patch in axes.patches if patch.get_hatch()] == [(-0.5, 0.5), (0.5, 0.5)]
    colours = [[to_hex(cell) for cell in row] for row in axes.images[0].get_array()]
    assert colours == [["#0072b2"] * 2, ["#d55e00"] * 2]
    assert len(axes.collections[0].get_offsets()) == 1


def test_a_loss_that_begins_far_above_all_others_does_not_press_them_flat(history) -> None:
    wild = history.assign(train_loss=history["train_loss"] + 400.0 * (history["epoch"] == 0))
    assert runs_training_figure({"tame": history, "wild": wild}).axes[0].get_ylim()[1] < 4
    assert runs_training_figure({"tame": history}).axes[0].get_ylim()[1] > history["train_loss"].max()


def test_frequencies_stand_where_their_bins_are() -> None:
    axes = spectrogram_figure(np.zeros((5, 3)), np.arange(3.0), np.array([250.0, 500, 1000, 2000, 4000]), "Hz").axes[0]
    assert list(axes.get_yticks()) == [4, 3, 2, 1, 0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["4 k", "2 k", "1 k", "500", "250"]
    assert axes.images[0].get_extent() == [-0.5, 2.5, -0.5, 4.5]


def test_rows_may_be_names_or_plain_bins() -> None:
    named = spectrogram_figure(np.zeros((3, 2)), np.arange(2.0), ["C", "D", "E"]).axes[0]
    assert [label.get_text() for label in named.get_yticklabels()] == ["C", "D", "E"]
    assert spectrogram_figure(np.zeros((3, 2)), np.arange(2.0)).axes[0].get_ylabel() == "bin"


def test_features_that_do_not_fit_their_axes_are_refused() -> None:
    with pytest.raises(GenrelabError, match="features of 3 bins and 2 frames cannot have 4 times"):
        spectrogram_figure(np.zeros((3, 2)), np.arange(4.0))
    with pytest.raises(GenrelabError, match="cannot have 2 times and 2 rows"):
        spectrogram_figure(np.zeros((3, 2)), np.arange(2.0), ["C", "D"])


def test_the_columns_that_tell_genres_apart_stand_first() -> None:
    table = table_of_columns().assign(flat=1.0)
    shares = telling_columns(table)
    assert list(shares.index[:3]) == ["column 0", "column 1", "column 2"]
    assert shares["column 0"] > 0.9
    assert shares["flat"] == 0
    titles = [axes.get_title(loc="left") for axes in distributions_figure(table).axes]
    assert len(titles) == 12
    assert titles[0].startswith("column 0  (9")


def test_a_box_is_the_middle_half() -> None:
    table = pd.DataFrame({"genre": ["a"] * 101 + ["b"], "x": [*range(101), np.nan]})
    axes = distributions_figure(table, ["x"]).axes[0]
    (box,) = axes.patches  # b has no value
    assert (box.get_x(), box.get_width()) == (25, 50)
    assert axes.collections[0].get_segments()[0].tolist() == [[5, 0], [95, 0]]


def test_a_table_without_what_is_drawn_is_refused() -> None:
    with pytest.raises(CorpusError, match="no column 'genre'; it has x"):
        distributions_figure(pd.DataFrame({"x": [1.0]}))
    with pytest.raises(CorpusError, match="no numbers in a column tempo, name"):
        distributions_figure(table_of_columns(), ["column 1", "tempo", "name"])
