import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from genrelab.cli.app import main
from genrelab.errors import CorpusError, LeakError, RecipeError, RunError
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.training import run
from genrelab.training.checkpoints import SafetensorsIO
from genrelab.training.device import choose_device
from genrelab.training.feed import Clips
from genrelab.training.history import DivergedError, kept_epoch
from genrelab.training.recipe import Recipe, check_recipe
from genrelab.training.task import GenreTask


@pytest.fixture(scope="module")
def finished(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the tests' recipe once."""
    folder = tmp_path_factory.mktemp("runs") / "tones"
    run.train(tones(table), folder, run.Options(stores=folder.parent / "stores"))
    return folder


def tones(table: Path, **changes: object) -> Recipe:
    tree: dict[str, object] = {
        "name": "tones",
        "corpus": {"kind": "table", "path": str(table)},
        "protocol": {"name": "artist-folds", "folds": 2, "validation": 0.25},
        "audio": {"sample_rate": 8000, "window": 1.0, "hop": 0.25},
        "frontend": {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 32, "normalise": "band-standard"},
        "network": {"kind": "cnn", "filters": [8, 16], "dropout": 0.0, "dense_units": 16},
        "train": {"epochs": 5, "crops_per_clip": 16, "batch_size": 8, "lr": 0.01},
    }
    return check_recipe(tree | changes, "the tests' recipe")


def test_three_genres_of_tones_are_learned_across_artists(finished: Path) -> None:
    predictions = Predictions.read(finished / "predictions.parquet")
    test = predictions.part("test")
    assert len(test.table) == 24  # every clip is tested once
    assert test.genres == ("high", "low", "noise")
    assert np.allclose(test.probabilities.sum(1), 1)
    assert metrics(test)["accuracy"] > 0.9
    assert predictions.info["protocol"] == "artist-folds"


def test_an_epoch_tells_the_rate_that_its_last_batch_was_learned_at(table: Path, tmp_path: Path) -> None:
    options = {"epochs": 4, "batch_size": 64, "lr": 0.01, "schedule": "one-cycle"}  # one batch an epoch
    folder = tmp_path / "run"
    run.train_folds(tones(table, train=options), folder, [0], run.Options(stores=tmp_path / "stores"))
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=4)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert pd.read_csv(folder / "fold-0" / "history.csv")["learning_rate"].tolist() == pytest.approx(rates)


def test_a_run_folder_tells_everything_about_itself(finished: Path) -> None:
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    fold = {"best.safetensors", "last.safetensors", "history.csv", "timing.csv", "fold.json", "predictions.parquet"}
    assert files == {"recipe.yaml", "splits.sha256", "environment.json", "run.json", "predictions.parquet"} | {
        f"fold-{k}/{name}" for k in range(2) for name in fold
    }
    summary = json.loads((finished / "run.json").read_text())
    assert summary["parameters"] == 8 * 9 + 8 + 2 * 8 + 16 * 8 * 9 + 16 + 2 * 16 + 16 * 16 + 16 + 16 * 3 + 3
    assert summary["clips"] == 24
    assert summary["leaks"] == []
    assert summary["minutes"] > 0
    assert summary["peak_memory_mb"] > 50
    history = pd.read_csv(finished / "fold-0" / "history.csv")
    assert list(history["epoch"]) == list(range(5))
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    assert run.load_run_recipe(finished).train.epochs == 5


def test_the_same_seed_gives_the_same_predictions_bit_for_bit(finished: Path, table: Path, tmp_path: Path) -> None:
    again = run.train(tones(table), tmp_path / "again", run.Options(stores=finished.parent / "stores"))
    pd.testing.assert_frame_equal(
        again.table, Predictions.read(finished / "predictions.parquet").table, check_exact=True
    )


def test_another_seed_begins_with_other_weights(finished: Path, table: Path, tmp_path: Path) -> None:
    options = run.Options(stores=finished.parent / "stores")
    other = {"name": "column", "column": "part"}
    clips = pd.read_csv(table)
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips["part"] = ["train", "train", "validation", "test"] * 6
    clips.to_csv(tmp_path / "parts.csv", index=False)
    corpus = {"kind": "table", "path": str(tmp_path / "parts.csv")}
    same_split = {"corpus": corpus, "protocol": other, "train": {"epochs": 1}}
    first = run.train(tones(table, **same_split), tmp_path / "0", options).table
    second = run.train(tones(table, **same_split, seed=1), tmp_path / "1", options).table
    assert list(first["clip"]) == list(second["clip"])
    assert not first.equals(second)


def test_the_best_weights_are_loaded_with_their_statistics(finished: Path) -> None:
    for fold, model in enumerate(run.load_models(finished, 3, [0, 1])):
        saved = load_file(finished / f"fold-{fold}" / "best.safetensors")
        state = model.state_dict()
        assert set(saved) == set(state)
        assert all(torch.equal(saved[name], state[name]) for name in saved)
        assert not torch.equal(saved["frontend.normaliser.deviation"], torch.ones(32, 1))


def test_a_corpus_that_changed_since_a_run_began_is_refused(table: Path, tmp_path: Path) -> None:
    clips = pd.read_csv(table)
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips.to_csv(tmp_path / "clips.csv", index=False)
    recipe = tones(table, corpus={"kind": "table", "path": str(tmp_path / "clips.csv")}, train={"epochs": 1})
    run.train(recipe, tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    clips.iloc[1:].to_csv(tmp_path / "clips.csv", index=False)
    with pytest.raises(RunError, match="the corpus or its split has changed since this run began"):
        run.train(recipe, tmp_path / "run", run.Options(stores=tmp_path / "stores", resume=True))


def test_artists_that_are_not_known_are_told_in_the_summary(finished: Path, table: Path, tmp_path: Path) -> None:
    assert json.loads((finished / "run.json").read_text())["notes"] == []
    clips = pd.read_csv(table)
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips.loc[0, "artist"] = ""
    clips.to_csv(tmp_path / "clips.csv", index=False)
    recipe = tones(table, corpus={"kind": "table", "path": str(tmp_path / "clips.csv")}, train={"epochs": 1})
    run.train(recipe, tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    (note,) = json.loads((tmp_path / "run" / "run.json").read_text())["notes"]
    assert note.startswith("the artist of 1 of 24 clips is unknown; it counts as one of its own")


def test_artists_in_several_parts_of_a_column_are_told_in_the_summary(table: Path, tmp_path: Path) -> None:
    clips = pd.read_csv(table).assign(part=["train", "train", "validation", "test"] * 6)
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips.to_csv(tmp_path / "clips.csv", index=False)
    corpus = {"kind": "table", "path": str(tmp_path / "clips.csv")}
    recipe = tones(table, corpus=corpus, protocol={"name": "column", "column": "part"}, train={"epochs": 1})
    run.train(recipe, tmp_path / "run", run.Options(stores=tmp_path / "stores", allow_leaks=True))
    (note,) = json.loads((tmp_path / "run" / "run.json").read_text())["notes"]
    assert "artists lie in more than one part: " in note


def test_a_refused_start_leaves_no_folder(table: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        run.train(tones(table, max_clips=2), tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    assert not (tmp_path / "run").exists()


def test_a_fold_whose_predictions_were_lost_makes_them_again(finished: Path, table: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "fold-0" / "predictions.parquet").unlink()
    again = run.train(tones(table), tmp_path / "run", run.Options(stores=finished.parent / "stores", resume=True))
    pd.testing.assert_frame_equal(again.table, Predictions.read(finished / "predictions.parquet").table)


@pytest.mark.parametrize("name", ["predictions.parquet", "fold.json"])
def test_a_fold_whose_last_files_are_damaged_makes_them_again(
    name: str, finished: Path, table: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "fold-0" / name).write_bytes((finished / "fold-0" / name).read_bytes()[:60])
    again = run.train(tones(table), tmp_path / "run", run.Options(stores=finished.parent / "stores", resume=True))
    pd.testing.assert_frame_equal(again.table, Predictions.read(finished / "predictions.parquet").table)


def test_a_loss_that_runs_away_is_told_with_what_to_do(table: Path, tmp_path: Path) -> None:
    wild = tones(table, train={"epochs": 3, "lr": 1e30, "optimizer": "sgd"})
    with pytest.raises(RunError, match=r"the (validation )?loss became (nan|inf) in epoch \d; lower train\.lr"):
        run.train(wild, tmp_path / "run", run.Options(stores=tmp_path / "stores"))


def test_a_validation_loss_that_is_no_number_ends_training_before_its_weights_are_kept(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = GenreTask.validation_step

    def spoilt(self: GenreTask, batch: Clips, batch_index: int) -> None:
        judged(self, batch, batch_index)
        if self.current_epoch == 1:  # of all the clips, one
            self.validation_loss.update(torch.nan)

    monkeypatch.setattr(GenreTask, "validation_step", spoilt)
    recipe = tones(table, train={"monitor": "validation_loss", "patience": None})
    with pytest.raises(DivergedError, match=r"fold-0: the validation loss became inf in epoch 1; lower train\.lr"):
        run.train(recipe, tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    fold = tmp_path / "run" / "fold-0"
    assert kept_epoch(fold, recipe.train)["epoch"] == 0
    assert (fold / "best.safetensors").stat().st_mtime_ns < (fold / "last.safetensors").stat().st_mtime_ns
    assert not (fold / "fold.json").exists()


def test_a_run_that_an_earlier_version_ended_with_such_a_loss_is_not_gone_on_with(
    finished: Path, table: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    history = tmp_path / "run" / "fold-1" / "history.csv"
    rows = pd.read_csv(history)
    rows.loc[len(rows) - 1, "validation_loss"] = np.nan
    rows.to_csv(history, index=False, na_rep="nan")
    options = run.Options(resume=True, stores=tmp_path / "stores")
    with pytest.raises(DivergedError, match="fold-1: the validation loss became nan in epoch"):
        run.train(tones(table), tmp_path / "run", options)


def test_a_run_is_not_overwritten(finished: Path, table: Path) -> None:
    with pytest.raises(RunError, match="already holds a run; add --resume"):
        run.train(tones(table), finished)
    with pytest.raises(RunError, match="holds a run of another recipe"):
        run.train(tones(table, seed=9), finished, run.Options(resume=True))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")
def test_a_place_that_cannot_be_written_is_refused_before_the_corpus_is_looked_at(table, monkeypatch) -> None:
    monkeypatch.setattr(run, "load_corpus", lambda *_, **__: pytest.fail("has begun to work"))
    with pytest.raises(OSError) as caught:
        run.train(tones(table), Path("/proc/run"))
    assert caught.value.filename == "/proc/run"


def test_a_folder_of_other_things_is_left_alone(table: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty and holds no run"):
        run.train(tones(table), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_leaking_split_is_refused_unless_allowed_and_then_reported(table: Path, tmp_path: Path) -> None:
    clips = pd.read_csv(table)
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips["track"] = clips["clip"].replace({"high1": "high0"})
    clips["part"] = ["train", "test", "validation", "train"] * 6
    clips.to_csv(tmp_path / "leaking.csv", index=False)
    leaking = tones(
        table,
        corpus={"kind": "table", "path": str(tmp_path / "leaking.csv")},
        protocol={"name": "column", "column": "part"},
        train={"epochs": 1, "batch_size": 8},
    )
    with pytest.raises(LeakError, match="track"):
        run.train(leaking, tmp_path / "refused", run.Options(stores=tmp_path / "stores"))
    allowed = run.train(leaking, tmp_path / "allowed", run.Options(stores=tmp_path / "stores", allow_leaks=True))
    assert "track" in allowed.info["leaks"][0]


def test_max_clips_trains_on_no_more(table: Path, tmp_path: Path) -> None:
    few = run.train(
        tones(table, max_clips=12, train={"epochs": 1}), tmp_path / "few", run.Options(stores=tmp_path / "s")
    )
    assert len(few.part("test").table) == 12


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(RunError, match=r"train\.device: cuda was asked for, and this machine has only cpu"):
        choose_device("cuda")
    assert choose_device("auto") == "cpu"


def test_a_window_too_short_for_the_network_is_refused_before_training(table: Path, tmp_path: Path) -> None:
    short = tones(table, audio={"sample_rate": 8000, "window": 0.02})
    with pytest.raises(RecipeError, match=r"network\.filters"):
        run.train(short, tmp_path / "run", run.Options(stores=tmp_path / "stores"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augment": [{"kind": "random-frames", "part": 0.02}]}, "leaves 1 of 63 frames, too few for network 'cnn'"),
        ({"augment": [{"kind": "random-frames"}], "network": {"kind": "flat-cnn"}}, "leaves 32 of 63 frames"),
    ],
)
def test_frames_too_few_for_the_network_are_refused_before_training(table, tmp_path, changes, message) -> None:
    with pytest.raises(RecipeError, match=f"augment.random-frames: {message}"):
        run.train(tones(table, **changes), tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_processes_train_together(table: Path, tmp_path: Path) -> None:
    together = tones(table, train={"epochs": 4, "batch_size": 8, "lr": 0.01, "device": "cpu", "devices": 2})
    predictions = run.train(together, tmp_path / "two", run.Options(stores=tmp_path / "stores"))
    assert metrics(predictions.part("test"))["accuracy"] > 0.6


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_moments_ends_like_an_undisturbed_one(table: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("kill_training.py")
    done = subprocess.run(
        [sys.executable, str(script), str(table), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 kills" in done.stdout


def test_precise_batch_norm_is_taken_before_each_validation(finished: Path, table: Path, tmp_path: Path) -> None:
    options = {"epochs": 1, "batch_size": 8, "lr": 0.01}
    stores = run.Options(stores=finished.parent / "stores")
    run.train(tones(table, train=options), tmp_path / "running", stores)
    run.train(tones(table, train=options | {"precise_batch_norm": True}), tmp_path / "precise", stores)
    running, precise = (pd.read_csv(tmp_path / name / "fold-0" / "history.csv") for name in ("running", "precise"))
    assert running["train_loss"][0] == precise["train_loss"][0]
    assert running["validation_loss"][0] != precise["validation_loss"][0]


@pytest.mark.filterwarnings("ignore:train.precision")
@pytest.mark.parametrize("network", [None, {"kind": "rnn", "cell": "lstm", "units": 16}])
def test_mixed_precision_learns_the_same_genres(table: Path, tmp_path: Path, network: dict[str, object] | None) -> None:
    mixed = {"epochs": 5, "crops_per_clip": 16, "batch_size": 8, "lr": 0.01, "precision": "bf16-mixed"}
    recipe = tones(table, train=mixed, **({"network": network} if network else {}))
    predictions = run.train(recipe, tmp_path / "mixed", run.Options(stores=tmp_path / "stores"))
    assert metrics(predictions.part("test"))["accuracy"] > 0.6
    assert "bf16" in (tmp_path / "mixed" / "recipe.yaml").read_text()


def test_seldom_validated_runs_validate_after_the_last_epoch_and_keep_its_weights(table: Path, tmp_path: Path) -> None:
    learning = {"epochs": 5, "validate_every": 2, "keep": "last", "lr": 0.01, "precise_batch_norm": True}
    run.train(tones(table, train=learning), tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    fold = tmp_path / "run" / "fold-0"
    history = pd.read_csv(fold / "history.csv")
    assert list(history["validation_loss"].notna()) == [False, True, False, True, True]
    assert history["train_loss"].notna().all()
    assert json.loads((fold / "fold.json").read_text())["minutes"] > 0
    kept, last = load_file(fold / "best.safetensors"), SafetensorsIO().load_checkpoint(fold / "last.safetensors")
    assert all(torch.equal(kept[name], last["state_dict"][f"model.{name}"]) for name in kept)


@pytest.mark.parametrize("watcher", [{"schedule": "plateau"}, {"patience": 3}])
def test_what_watches_every_epoch_needs_it_validated(table: Path, watcher: dict[str, object]) -> None:
    with pytest.raises(
        RecipeError, match=r": train: validate_every is 2, and .* needs every epoch's validation; set it to 1$"
    ):
        tones(table, train={"validate_every": 2} | watcher)


def test_sigterm_on_the_command_line_ends_training_with_its_own_status(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tones.yaml").write_text(tones(table).to_yaml())
    command = ["train", str(tmp_path / "tones.yaml"), "-o", str(tmp_path / "run"), "--stores", str(tmp_path / "stores")]
    with monkeypatch.context() as patched:
        patched.setattr(GenreTask, "on_validation_epoch_start", lambda _: signal.raise_signal(signal.SIGTERM))
        assert main(command) == 143
    assert "interrupted: the same command with --resume goes on from here" in "".join(capsys.readouterr())
    assert main([*command, "--resume"]) == 0
