"""What a tuning tries, what it is judged by, and that no trial is lost or done twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import Trial, create_trial

from genrelab.cli.app import main
from genrelab.errors import RecipeError, RunError
from genrelab.evaluation.predictions import Predictions
from genrelab.locks import claimed
from genrelab.studies import journal as journals
from genrelab.studies.space import Dimension, read_space
from genrelab.studies.tuning import Plan, Tuning
from genrelab.training import run
from genrelab.training.recipe import load_recipe

SPACE = ("train.lr=log:1e-3:1e-1", "network.filters=scale:0.5,1,2", "train.batch_size=8,16")


@pytest.fixture
def base(tmp_path: Path, recipe) -> str:
    """Return a recipe's file that learns the tones in two epochs."""
    path = tmp_path / "tones.yaml"
    short = recipe.train.model_copy(update={"epochs": 2, "patience": None, "schedule": "none"})
    path.write_text(recipe.model_copy(update={"train": short}).to_yaml())
    return str(path)


def tuning(base: str, folder: Path, **changes: object) -> Tuning:
    options: dict[str, object] = {"space": SPACE, "trials": 3} | changes
    return Tuning(Plan(base, **options), folder, folder / "journal.log", "tones")  # type: ignore[arg-type]


def test_a_range_a_scale_and_choices_are_read(recipe):
    lr, filters, batch = read_space(SPACE, recipe)
    assert (lr.form, lr.values, lr.of_recipe) == ("log", (1e-3, 1e-1), 0.01)
    assert (filters.values, filters.value(0.5), filters.of_recipe) == ((0.5, 1.0, 2.0), [4, 8], 1.0)
    assert (batch.values, batch.extremes, batch.of_recipe) == ((8, 16), [8, 16], 8)


def test_lists_are_choices_by_their_json(recipe, tmp_path: Path):
    (tmp_path / "space.yaml").write_text("network.filters: [[8, 16], [4]]\ntrain.epochs: int:2:9\n")
    filters, epochs = read_space([str(tmp_path / "space.yaml")], recipe)
    assert filters.value("[4]") == [4]
    assert filters.of_recipe == "[8, 16]"
    assert (epochs.form, epochs.values) == ("int", (2, 9))


@pytest.mark.parametrize("given", ["[8, 16],[4]", "[[8,16],[4]]"])
def test_lists_are_choices_on_the_command_line_too(recipe, given: str):
    (filters,) = read_space([f"network.filters={given}"], recipe)
    assert filters.extremes == [[8, 16], [4]]


def test_the_default_space_holds_those_keys_that_the_recipe_has():
    keys = {name: {one.key for one in read_space([], load_recipe(name))} for name in ("tuned/mel-cnn", "fma-lstm")}
    assert {"train.lr", "train.weight_decay", "train.batch_size", "train.label_smoothing"} < keys["tuned/mel-cnn"]
    assert {"network.filters", "network.dropout", "network.dense_units"} < keys["tuned/mel-cnn"]
    assert "network.units" not in keys["tuned/mel-cnn"]
    assert "network.units" in keys["fma-lstm"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("network.dropuot=uniform:0:0.5", "network.dropuot: the recipe has no such key; there it has kind, filters"),
        ("train.lr=log:1e-2:1e-4", "no range"),
        ("train.lr=log:0:1e-2", "no range"),
        ("train.lr=uniform:0.1", "no range"),
        ("train.lr=uniform:nan:1", "no range"),
        ("train.lr=normal:0:1", "no range"),
        ("train.batch_size=16", "no range"),
        ("train.batch_size=16,16", "no range"),
        ("network.filters=[8", "no range"),
        ("train.schedule=scale:1,2", "no range"),
        ("seed=0,1", "nothing to tune"),
        ("corpus.path=a,b", "nothing to tune"),
        ("train.lr", "neither a .yaml file nor KEY=FORM"),
        ("gone.yaml", "no such file"),
    ],
)
def test_a_nonsensical_space_is_refused(recipe, given: str, words: str):
    with pytest.raises(RecipeError) as caught:
        read_space([given], recipe)
    assert words in str(caught.value)


def test_a_range_that_the_recipe_does_not_take_is_refused_before_the_first_trial(base: str, tmp_path: Path, capsys):
    command = ["tune", base, "--space", "network.dropout=uniform:0:0.5", "-o", str(tmp_path / "out")]
    assert main([*command, "--space", "train.label_smoothing=uniform:0:1.5"]) == 2
    assert "label_smoothing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_verb_tunes_writes_the_best_recipe_and_goes_on(base: str, tmp_path: Path, capsys):
    out = tmp_path / "out"
    command = ["tune", base, "-o", str(out), "--set", "audio.hop=0.5"]
    command += [word for one in SPACE for word in ("--space", one)]
    assert main([*command, "--trials", "2"]) == 0
    assert "is the best: validation_accuracy" in capsys.readouterr().out
    first = (out / "trial-0001" / "fold-0" / "last.safetensors").stat().st_mtime_ns
    assert main([*command, "--trials", "3"]) == 0
    assert (out / "trial-0001" / "fold-0" / "last.safetensors").stat().st_mtime_ns == first
    table = pd.read_csv(out / "trials.csv")
    assert list(table["number"]) == [0, 1, 2]
    assert set(table["state"]) == {"complete"}
    assert list(table.loc[0, ["train.lr", "network.filters", "train.batch_size"]]) == [0.01, 1.0, 8]  # as the recipe is
    facts = json.loads((out / "tuning.json").read_text())
    assert (facts["asked_space"], facts["seed"], facts["pruner"]) == (list(SPACE), 0, "median")
    best = facts["best"]
    assert best["value"] == table["value"].max()
    tree = yaml.safe_load((out / "best.yaml").read_text())
    assert list(tree) == ["base", "about", "audio", "train", "network"]
    loaded = load_recipe(out / "best.yaml")
    assert loaded.train.lr == pytest.approx(best["train.lr"])
    assert loaded.audio.hop == 0.5
    assert loaded.network.options["filters"] == [max(1, round(best["network.filters"] * one)) for one in (8, 16)]
    assert (out / "tuning.png").read_bytes()[:4] == b"\x89PNG"


def test_the_best_recipe_moves_with_its_base_and_is_trained_on_the_same_data(base: str, tmp_path: Path, capsys):
    tree = yaml.safe_load(Path(base).read_text())
    corpus = tree.pop("corpus")  # of the command line alone
    project = tmp_path / "a project"
    project.mkdir()
    (project / "mine.yaml").write_text(yaml.safe_dump({"base": "small"} | tree))
    data, out = str(corpus["path"]), project / "tuning"
    command = ["tune", str(project / "mine.yaml"), "--data", data, "--space", SPACE[0], "--trials", "1"]
    assert main([*command, "-o", str(out)]) == 0
    assert f"genrelab train '{out / 'best.yaml'}' --data {data} trains" in capsys.readouterr().out
    moved = project.rename(tmp_path / "moved")
    assert load_recipe(moved / "tuning" / "best.yaml").train.epochs == 2


def test_what_is_tried_follows_from_the_seed_the_trial_and_the_key(base: str, tmp_path: Path):
    space = ["train.lr=uniform:0.001:0.1", "train.label_smoothing=uniform:0.001:0.1"]

    def tried(folder: str, seed: int) -> list[float]:
        (tmp_path / folder).mkdir()
        tuned = tuning(base, tmp_path / folder, space=space, seed=seed)
        trials = [tuned.study.ask() for _ in range(2)]
        return [value for trial in trials for value in tuned._choose(trial).values()]

    first, again, other = tried("a", 0), tried("b", 0), tried("c", 1)
    assert first == again
    assert len({*first, *other}) == 8


def test_the_test_part_is_never_predicted(base: str, tmp_path: Path):
    tuned = tuning(base, tmp_path / "out", trials=1, folds=2, overrides=["train.monitor=validation_loss"])
    tuned.work(run.Options())
    predictions = Predictions.read(tmp_path / "out" / "trial-0000" / "predictions.parquet")
    assert set(predictions.table["split"]) == {"validation"}
    histories = [pd.read_csv(tmp_path / "out" / "trial-0000" / f"fold-{fold}" / "history.csv") for fold in (0, 1)]
    assert tuned.table()["value"][0] == pytest.approx(np.mean([one["validation_loss"].min() for one in histories]))


def test_an_epoch_that_is_not_validated_takes_its_time_too(base: str, tmp_path: Path):
    tuned = tuning(base, tmp_path / "out", trials=1, overrides=["train.validate_every=2"])
    tuned.work(run.Options())
    assert 0 < tuned.table()["minutes"][0] < 10


def test_a_hopeless_trial_is_pruned(base: str, tmp_path: Path, monkeypatch):
    """Every trial whose first epochs are no better than all before it is given up."""
    from optuna.pruners import PercentilePruner

    tuned = tuning(base, tmp_path / "out", trials=4, space=["train.lr=log:1e-6:1e-5"])
    tuned.study.pruner = PercentilePruner(0.1, n_startup_trials=1)
    monkeypatch.setattr("genrelab.studies.tuning._Watch._value", lambda self, trainer: 1.0 / (1 + self._trial.number))
    tuned.work(run.Options())
    table = tuned.table()
    assert list(table["state"]) == ["complete", "pruned", "pruned", "pruned"]
    assert list(table["epochs"][1:]) == [0, 0, 0]
    assert tuned.write().number == 0


def test_hyperband_gives_up_trials_of_its_brackets(base: str, tmp_path: Path, monkeypatch):
    tuned = tuning(base, tmp_path / "out", trials=8, pruner="hyperband", space=["train.lr=log:1e-6:1e-5"])
    monkeypatch.setattr("genrelab.studies.tuning._Watch._value", lambda self, trainer: 1.0 / (1 + self._trial.number))
    tuned.work(run.Options())
    states = tuned.table()["state"]
    assert len(states) == 8
    assert set(states) == {"complete", "pruned"}


def test_importances_name_the_key_that_matters(base: str, tmp_path: Path):
    tuned = tuning(base, tmp_path / "out")
    assert tuned.importances() == {}
    rng = np.random.default_rng(0)
    ranges = {"train.lr": FloatDistribution(1e-3, 1e-1, log=True), "train.batch_size": CategoricalDistribution([8, 16])}
    for _ in range(24):
        chosen = {"train.lr": 10 ** rng.uniform(-3, -1), "train.batch_size": int(rng.choice([8, 16]))}
        value = -abs(np.log10(chosen["train.lr"]) + 2)
        tuned.study.add_trial(create_trial(params=chosen, distributions=ranges, value=value))
    found = tuned.importances()
    assert found["train.lr"] > 0.9
    assert sum(found.values()) == pytest.approx(1)


def test_a_trial_that_diverges_is_told_and_the_others_go_on(base: str, tmp_path: Path):
    tuned = tuning(base, tmp_path / "out", space=["train.lr=0.01,1.0e+30"], trials=4)
    tuned.work(run.Options())
    table = tuned.table()
    assert set(table["state"]) == {"complete", "fail"}
    assert table.loc[table["state"] == "fail", "reason"].str.contains("loss became").all()
    assert tuned.write().params == {"train.lr": 0.01}


def test_a_trial_that_an_earlier_version_let_end_without_a_number_is_told_and_the_others_go_on(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(self: object, trial: object, *rest: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("genrelab.studies.tuning._told", killed)
        patch.setattr("genrelab.studies.tuning.kept_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            tuning(base, tmp_path / "out", trials=2).work(run.Options())
    history = tmp_path / "out" / "trial-0000" / "fold-0" / "history.csv"
    history.write_text(history.read_text().splitlines()[0] + "\n0,3.3,0.1,nan,0.1,1e+17\n")
    tuned = tuning(base, tmp_path / "out", trials=2)
    tuned.work(run.Options())
    table = tuned.table()
    assert list(table["state"]) == ["fail", "complete"]
    assert "the validation loss became nan in epoch 0" in table["reason"][0]


def test_where_no_trial_is_completed_the_reason_is_told(base: str, tmp_path: Path, capsys):
    command = ["tune", base, "--space", "train.lr=1.0e+30,2.0e+30", "--trials", "2", "-o", str(tmp_path / "out")]
    assert main(command) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "not one trial was completed (2 fail)" in said
    assert "loss became" in said


def test_where_no_trial_is_begun_it_says_so(base: str, tmp_path: Path, capsys):
    command = ["tune", base, "--space", SPACE[0], "--seconds", "0", "-o", str(tmp_path / "out")]
    assert main(command) == 2
    assert "was completed (none begun); give it more --trials or --seconds" in " ".join(capsys.readouterr().err.split())


def test_a_journal_of_another_space_or_recipe_is_refused(base: str, tmp_path: Path):
    tuning(base, tmp_path / "out")
    with pytest.raises(RunError, match=r"journal\.log: holds a tuning 'tones' with another space;"):
        tuning(base, tmp_path / "out", space=SPACE[:1])
    with pytest.raises(RunError, match="with another recipe;"):
        tuning(base, tmp_path / "out", overrides=["train.epochs=3"])


def test_a_file_that_is_no_journal_is_refused(base: str, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "journal.log").write_text("clip,genre\n")
    with pytest.raises(RunError, match="is no journal of a tuning"):
        tuning(base, tmp_path / "out")


def test_a_journal_that_another_process_does_not_let_go_of_is_named(base: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(journals, "PATIENCE", 0.1)
    path = tmp_path / "out" / "journal.log"
    with (
        claimed(journals.locks_folder(path) / "journal"),
        pytest.raises(RunError, match=r"journal\.log: another process has locked it"),
    ):
        tuning(base, tmp_path / "out")


def test_half_a_line_of_a_killed_process_is_cut_off(base: str, tmp_path: Path):
    tuning(base, tmp_path / "out")
    path = tmp_path / "out" / "journal.log"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"worker')
    tuning(base, tmp_path / "out")
    assert path.read_bytes().startswith(whole)
    assert [json.loads(line)["op_code"] for line in path.read_text().splitlines()]


def test_a_trial_of_a_dead_process_is_gone_on_with(base: str, tmp_path: Path):
    """Its number and what it had chosen stay; one that is still held is left alone."""
    tuned = tuning(base, tmp_path / "out", trials=3)
    dead, held = tuned.study.ask(), tuned.study.ask()
    chosen = dead.suggest_float("train.lr", 1e-3, 1e-1, log=True)
    with claimed(tuned._locks / str(held.number)):
        tuned.work(run.Options())
    table = tuned.table().set_index("number")
    assert table["state"].to_dict() == {0: "complete", 1: "running", 2: "complete"}
    assert table.loc[0, "train.lr"] == chosen
    tuned.work(run.Options())
    assert set(tuned.table()["state"]) == {"complete"}
    assert len(tuned.table()) == 3


def test_a_trial_that_died_while_it_chose_goes_on_to_choose_the_same(base: str, tmp_path: Path, monkeypatch):
    undisturbed = tuning(base, tmp_path / "undisturbed")
    undisturbed.work(run.Options())
    suggest = Dimension.suggest

    def die(self: Dimension, trial: Trial):
        if trial.number == 1 and self.key == "network.filters":
            raise KeyboardInterrupt
        return suggest(self, trial)

    monkeypatch.setattr(Dimension, "suggest", die)
    with pytest.raises(KeyboardInterrupt):
        tuning(base, tmp_path / "died").work(run.Options())
    monkeypatch.undo()
    died = tuning(base, tmp_path / "died")
    died.work(run.Options())
    got, expected = (one.table().drop(columns="minutes") for one in (died, undisturbed))
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


@pytest.mark.slow
def test_a_tuning_killed_at_random_moments_ends_as_an_undisturbed_one(base: str, wait_for, tmp_path: Path):
    rng = random.Random(0)
    for trial in range(4):
        process = _tune_elsewhere(base, tmp_path / "killed")
        wait_for(tmp_path / "killed" / f"trial-{trial:04}" / "fold-0" / "history.csv", process)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        assert process.wait() == -signal.SIGKILL
    for name in ("killed", "undisturbed"):
        assert _tune_elsewhere(base, tmp_path / name).wait(timeout=300) == 0
    expected, got = (tuning(base, tmp_path / name, trials=6).table() for name in ("undisturbed", "killed"))
    pd.testing.assert_frame_equal(got.drop(columns="minutes"), expected.drop(columns="minutes"), check_exact=True)


@pytest.mark.slow
def test_two_processes_share_the_trials_out(base: str, tmp_path: Path):
    both = [_tune_elsewhere(base, tmp_path / "out") for _ in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    table = tuning(base, tmp_path / "out", trials=6).table()
    assert list(table["number"]) == list(range(6))
    assert set(table["state"]) <= {"complete", "pruned"}
    assert len(list((tmp_path / "out").glob("trial-*"))) == 6


def _tune_elsewhere(base: str, folder: Path) -> "subprocess.Popen[bytes]":
    script = f"""
import torch
from pathlib import Path
from genrelab.studies.tuning import Plan, Tuning
from genrelab.training.run import Options
torch.set_num_threads(1)
folder = Path({str(folder)!r})
tuning = Tuning(Plan({base!r}, space={SPACE!r}, trials=6), folder, folder / "journal.log", "tones")
tuning.work(Options(stores=folder / "stores"))
"""
    return subprocess.Popen([sys.executable, "-c", script], env=os.environ | {"OMP_NUM_THREADS": "1"})
