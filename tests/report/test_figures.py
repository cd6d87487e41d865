"""Figures look as they did when somebody last looked at them, and leave no trace in matplotlib.

The golden pictures are small on purpose: they notice a missing panel, a wrong colour or a moved axis, no letter.
To renew them after a wanted change: ``GENRELAB_GOLDEN=write python -m pytest tests/report/test_figures.py``, then look.
"""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from genrelab.errors import GenrelabWarning
from genrelab.evaluation.calibration import expected_calibration_error, reliability
from genrelab.evaluation.metrics import confusion
from genrelab.report import style
from genrelab.report.confusion import confusion_figure
from genrelab.report.curves import precision_recall_figure, reliability_figure, roc_figure, training_figure
from genrelab.report.save import png_bytes, save, svg_text

GOLDEN = Path(__file__).parent / "golden"
DPI = 24


def test_golden_confusion(make_predictions, check) -> None:
    predictions = make_predictions().part("test")
    check(confusion_figure(confusion(predictions), predictions.genres), "confusion")


def test_golden_confusion_of_thirty_genres(make_predictions, check) -> None:
    names = tuple(f"genre {i}" for i in range(30))
    predictions = make_predictions(clips=600, genres=names).part("test")
    check(confusion_figure(confusion(predictions), names), "confusion-30")


def test_golden_training(history, check) -> None:
    check(training_figure(history), "training")


def test_golden_roc(make_predictions, check) -> None:
    check(roc_figure(make_predictions().part("test")), "roc")


def test_golden_precision_recall(make_predictions, check) -> None:
    check(precision_recall_figure(make_predictions().part("test")), "precision-recall")


def test_golden_reliability(make_predictions, check) -> None:
    table = reliability(make_predictions().part("test"))
    check(reliability_figure(table, expected_calibration_error(table)), "reliability")


def test_the_golden_check_notices_another_figure(make_predictions, check) -> None:
    predictions = make_predictions(skill=0.1).part("test")
    if os.environ.get("GENRELAB_GOLDEN") != "write":
        with pytest.raises(AssertionError):
            check(confusion_figure(confusion(predictions), predictions.genres), "confusion")


def test_golden_pictures_are_small() -> None:
    assert all(path.stat().st_size < 20_000 for path in GOLDEN.glob("*.png"))


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_each_cell_tells_rate_and_count() -> None:
    figure = confusion_figure(np.array([[3, 1], [0, 0]]), ["rock", "jazz"])
    assert texts(figure) == {"75%", "3", "25%", "1"}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["rock  (4)", "jazz  (0)"]


def test_with_many_genres_a_cell_tells_the_count_alone() -> None:
    figure = confusion_figure(np.diag(np.arange(1, 17)), [f"g{i}" for i in range(16)])
    assert texts(figure) == {str(i) for i in range(1, 17)}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_roc_legend_puts_the_best_genre_first_and_leaves_out_absent_ones(make_predictions) -> None:
    part = make_predictions(clips=200, genres=("a", "b", "c", "d")).part("test")
    without = type(part)(part.table[part.table["genre"] != "c"], part.info)
    for draw in (roc_figure, precision_recall_figure):
        labels = legend(draw(without))
        assert sorted(label.split()[1] for label in labels) == ["a", "b", "d"]
        areas = [float(label.split()[0]) for label in labels]
        assert areas == sorted(areas, reverse=True)


def test_thirty_genres_all_have_their_own_line(make_predictions) -> None:
    part = make_predictions(clips=300, genres=tuple(f"g{i}" for i in range(30))).part("test")
    lines = [line for line in roc_figure(part).axes[0].lines if not line.get_label().startswith("_")]
    assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}) == 30


def test_a_history_of_one_epoch_is_a_dot(history) -> None:
    figure = training_figure(history[(history["epoch"] == 0) & (history["fold"] == 0)])
    assert {line.get_marker() for line in figure.axes[0].lines} == {"o"}


def test_a_history_without_learning_rates_has_two_panels(history) -> None:
    assert len(training_figure(history.drop(columns="learning_rate")).axes) == 2
    assert len(training_figure(history.assign(learning_rate=float("nan"))).axes) == 2


def test_the_mean_over_folds_ends_where_fewer_than_half_still_train(history) -> None:
    mean = training_figure(history).axes[0].lines[3]  # after the three folds of the training part
    assert mean.get_xdata()[-1] == 29


def test_powers_of_ten_are_written_without_formulas(history) -> None:
    history = history.assign(learning_rate=np.geomspace(2e-3, 3e-6, len(history)))
    axes = training_figure(history).axes[2]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert {"10⁻⁵", "10⁻⁴", "10⁻³"} <= set(labels)
    axes.set_ylim(2e-4, 8e-4)
    axes.minorticks_on()
    assert "3\u00d710⁻⁴" in [label.get_text() for label in axes.get_yticklabels(which="minor")]


def test_reliability_of_empty_bins_draws(make_predictions) -> None:
    table = pd.DataFrame({"low": [0.0, 0.5], "high": [0.5, 1.0], "clips": [0, 4]})
    figure = reliability_figure(table.assign(confidence=[np.nan, 0.9], accuracy=[np.nan, 0.5]), 0.4)
    assert "ECE 0.400" in texts(figure)


def test_saving_writes_both_kinds_and_the_same_bytes_again(tmp_path, history) -> None:
    first = [path.read_bytes() for path in save(training_figure(history), tmp_path / "a", "training")]
    second = [path.read_bytes() for path in save(training_figure(history), tmp_path / "b", "training")]
    assert first == second
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["training.png", "training.svg"]
    assert first[0].startswith(b"\x89PNG")


def test_a_figure_is_laid_out_once_so_that_its_order_of_saving_does_not_matter(history) -> None:
    one, other = training_figure(history), training_figure(history)
    assert (png_bytes(one), svg_text(one)) == (svg_text(other), png_bytes(other))[::-1]


def test_a_figure_that_is_laid_out_is_not_laid_out_for_the_next_kind(history, monkeypatch) -> None:
    passes = []
    draw = Figure.draw_without_rendering
    monkeypatch.setattr(Figure, "draw_without_rendering", lambda figure: passes.append(1) or draw(figure))
    figure = training_figure(history)
    png_bytes(figure)
    once = len(passes)
    svg_text(figure)
    assert len(passes) == once > 0


def test_an_svg_holds_no_date_and_asks_for_nothing(history) -> None:
    text = svg_text(training_figure(history))
    assert "<dc:date>" not in text
    assert "<image" not in text
    assert "@import" not in text


def test_drawing_leaves_matplotlib_as_it_was_and_knows_no_pyplot() -> None:
    code = (
        "import sys, matplotlib as mpl, numpy as np\n"
        "from genrelab.report.confusion import confusion_figure\n"
        "from genrelab.report.save import png_bytes\n"
        "mpl.rcParams['font.size'] = 31\n"
        "png_bytes(confusion_figure(np.eye(2), ['a', 'b']))\n"
        "assert mpl.rcParams['font.size'] == 31\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_persons_own_settings_do_not_show_through(history) -> None:
    plain = png_bytes(training_figure(history), dpi=DPI)
    with mpl.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        assert png_bytes(training_figure(history), dpi=DPI) == plain


@pytest.mark.parametrize(
    "genres", [("Progressive Psychedelic Space Rock and Krautrock", "rock", "pop"), ("WWWWWWWWWWWWWWW", "MMMMMMM")]
)
def test_a_confusion_matrix_of_long_names_lies_within_its_figure(genres: tuple[str, ...]) -> None:
    figure = confusion_figure(np.ones((len(genres), len(genres)), int), genres)
    png_bytes(figure)
    box = figure.get_tightbbox()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= figure.get_figwidth()
    assert box.y1 <= figure.get_figheight()


def test_letters_that_the_font_lacks_are_told_in_one_sentence() -> None:
    figure = confusion_figure(np.ones((2, 2), int), ("\U000f1234", "rock"))  # of private use: no font has it
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        svg_text(figure)
    assert [one.category for one in told] == [GenrelabWarning]
    assert "figures show boxes in their place" in str(told[0].message)


def test_letters_that_the_font_lacks_are_drawn_in_one_that_is_here(monkeypatch) -> None:
    monkeypatch.setattr(style, "OTHER_FONTS", ("None such", "STIXNonUnicode"))  # the second comes with matplotlib
    monkeypatch.setattr(style, "other_fonts", style.other_fonts.__wrapped__)
    figure = confusion_figure(np.ones((2, 2), int), ("\ue000", "rock"))  # of private use, and of that font
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg_text(figure)
