"""From a run folder to its files; the verbs `evaluate` and `compare`."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from genrelab.cli.compare import compare
from genrelab.cli.evaluate import evaluate
from genrelab.errors import RunError
from genrelab.evaluation.intervals import bootstrap
from genrelab.evaluation.metrics import LABELS, metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.report.run import compare_runs, evaluate_run


def call(verb, *arguments: object):
    app = typer.Typer()
    app.command()(verb)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "160"})


def result_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_evaluation_writes_metrics_figures_and_page(evaluated) -> None:
    result = result_of(evaluated)
    names = {str(path.relative_to(evaluated)) for path in evaluated.rglob("*")}
    assert {"metrics.json", "report.html", "figures/confusion.png", "figures/training.svg"} <= names
    assert list(result["metrics"]) == list(LABELS)
    assert (result["protocol"], result["part"], result["clips"], result["tracks"]) == ("artist-folds", "test", 120, 60)


def test_the_numbers_are_those_of_the_evaluation_room(evaluated) -> None:
    result = result_of(evaluated)
    test = Predictions.read(evaluated / "predictions.parquet").part("test")
    assert {name: figure["value"] for name, figure in result["metrics"].items()} == pytest.approx(metrics(test))
    accuracy = result["metrics"]["accuracy"]
    assert (accuracy["low"], accuracy["high"]) == bootstrap(test)["accuracy"]
    assert sum(map(sum, result["confusion"])) == 120


def test_evaluating_again_gives_the_same_bytes_and_returns_what_it_writes(evaluated) -> None:
    first = {path: path.read_bytes() for path in evaluated.rglob("*") if path.is_file()}
    assert evaluate_run(evaluated) == result_of(evaluated)
    assert {path: path.read_bytes() for path in evaluated.rglob("*") if path.is_file()} == first


def test_another_part_leaves_the_test_figures_alone(make_run, undrawn) -> None:
    folder = make_run()
    (folder / "metrics.json").write_text("of the test part")
    before = (folder / "metrics.json").read_bytes()
    assert evaluate_run(folder, "validation")["part"] == "validation"
    assert (folder / "metrics.json").read_bytes() == before
    assert (folder / "report-validation.html").is_file()
    assert (folder / "figures-validation" / "roc.svg").is_file()


def test_a_genre_without_test_clips_is_null_in_json(make_run) -> None:
    folder = make_run(genres=("rock", "jazz", "never"), clips=30)
    predictions = Predictions.read(folder / "predictions.parquet")
    table = predictions.table[predictions.table["genre"] != "never"]
    Predictions(table, predictions.info).write(folder / "predictions.parquet")
    evaluate_run(folder)
    genres = result_of(folder)["per_genre"]
    assert genres[2]["genre"] == "never"
    assert genres[2]["roc_auc"] is None
    assert genres[2]["recall_low"] is None


def test_runs_are_compared_where_a_genre_was_neither_tested_nor_called(make_run, tmp_path: Path) -> None:
    folders = []
    for name in ("one", "other"):
        folder = make_run(name, genres=("rock", "jazz", "never"), clips=30)
        predictions = Predictions.read(folder / "predictions.parquet")
        table = predictions.table[predictions.table["genre"] != "never"].copy()
        table["p_rock"], table["p_never"] = table["p_rock"] + table["p_never"], 0.0
        Predictions(table, predictions.info).write(folder / "predictions.parquet")
        folders.append(folder)
    compare_runs(folders, tmp_path / "page.html")
    row = (tmp_path / "page.html").read_text().partition("<tr><th>never</th>")[2].partition("</tr>")[0]
    assert row.count("<td>\u2013") == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("predictions.parquet", "predictions.parquet: no such file; .+"),
        ("run.json", "this run is not finished; .+ --resume"),
        ("recipe.yaml", "not a run .it has no recipe.yaml.; .+"),
        ("environment.json", "environment.json: no such file; .+ --resume"),
    ],
)
def test_a_missing_file_is_named(make_run, name, message) -> None:
    folder = make_run()
    (folder / name).unlink()
    with pytest.raises(RunError, match=message):
        evaluate_run(folder)
    assert not (folder / "metrics.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", "{", r"run\.json: not JSON"),
        ("run.json", "[]", r"run\.json: holds no JSON object"),
        ("run.json", '{"name": "x"}', r"run\.json: lacks the key\(s\) corpus, protocol, folds, seed"),
        ("environment.json", "", r"environment\.json: not JSON"),
        ("fold-0/history.csv", "", r"fold-0/history\.csv: not a CSV table"),
    ],
)
def test_a_damaged_file_is_named(make_run, name, content, message) -> None:
    folder = make_run()
    (folder / name).write_text(content)
    with pytest.raises(RunError, match=message):
        evaluate_run(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(RunError, match="nothing: no such folder"):
        evaluate_run(tmp_path / "nothing")


def test_a_run_that_learned_nothing_by_itself_has_no_training_curve(make_run, undrawn) -> None:
    folder = make_run()
    for fold in (0, 1):
        shutil.rmtree(folder / f"fold-{fold}")
    evaluate_run(folder)
    assert not (folder / "figures" / "training.png").exists()


def test_a_run_without_validation_clips_has_no_calibration(make_run, undrawn) -> None:
    folder = make_run()
    test = Predictions.read(folder / "predictions.parquet").part("test")
    test.write(folder / "predictions.parquet")
    assert evaluate_run(folder)["calibration"] is None


def test_time_is_told_in_shares(make_run, undrawn) -> None:
    folder = make_run()
    for fold in (0, 1):
        timing = pd.DataFrame({"epoch": [0, 1], "data": 1.0, "forward": 3.0, "backward": 6.0})
        timing.to_csv(folder / f"fold-{fold}" / "timing.csv", index=False)
    evaluate_run(folder)
    assert "60 went into backward, 30 went into forward, 10 went into data" in (folder / "report.html").read_text()


def test_runs_of_one_name_are_told_apart_by_their_folders(make_run) -> None:
    one, two = make_run("a/cnn"), make_run("b/cnn", noise_seed=2)
    assert set(compare_runs([one, two]).table["run"]) == {"a/cnn", "b/cnn"}


def test_a_name_that_is_another_runs_path_is_no_clash(make_run, monkeypatch) -> None:
    far, near = make_run("b/cnn"), make_run("cnn", noise_seed=2)
    monkeypatch.chdir(near.parent)
    assert set(compare_runs([far, Path("cnn")]).table["run"]) == {"b/cnn", f"{near.parent.name}/cnn"}


def test_the_same_run_twice_is_no_comparison(make_run) -> None:
    folder = make_run()
    for again in (folder, folder / ".." / folder.name):
        with pytest.raises(RunError, match="named twice"):
            compare_runs([folder, again])


def test_a_run_that_has_not_ended_is_not_compared(make_run) -> None:
    ended, running = make_run("ended"), make_run("running", noise_seed=2)
    (running / "run.json").unlink()
    with pytest.raises(RunError, match="running: this run is not finished"):
        compare_runs([ended, running])


def test_the_verb_evaluate_prints_every_metric_under_its_protocol(make_run) -> None:
    folder = make_run(leaks=("3 tracks cross",))
    result = call(evaluate, folder)
    assert result.exit_code == 0, result.output
    assert "fma-cnn on gtzan: artist-folds, 2 folds, seed 0, 120 test clips" in result.output
    assert all(label in result.output for label in LABELS.values())
    assert "leak allowed: 3 tracks cross" in result.output
    assert f"{folder}{os.sep}report.html" in result.output.replace("\n", "")


def test_the_verb_compare_prints_the_ranking_and_writes_the_page(make_run, tmp_path) -> None:
    good, bad = make_run("good", skill=2.5), make_run("bad", skill=0.3, info={"protocol": "random"})
    result = call(compare, bad, good, "-o", tmp_path / "compare.html")
    assert result.exit_code == 0, result.output
    assert result.output.index("good") < result.output.index("bad ")
    assert "larger than the noise" in result.output
    assert "warning: The protocol differs" in result.output
    assert (tmp_path / "compare.html").is_file()


def test_the_verbs_print_paths_as_they_are_not_as_markup(make_run, tmp_path) -> None:
    one, two = make_run("x[/b]/run"), make_run("y[red]/run", noise_seed=2)
    result = call(evaluate, one)
    assert result.exit_code == 0, result.output
    assert f"x[/b]{os.sep}run{os.sep}report.html" in result.output.replace("\n", "")
    result = call(compare, one, two, "-o", tmp_path / "[/b].html")
    assert result.exit_code == 0, result.output
    assert "[/b].html shows it all" in result.output.replace("\n", "")
