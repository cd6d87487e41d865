"""What an ablation trains, what it tells, and that nothing stops it from ending."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from genrelab.cli.app import main
from genrelab.errors import GenrelabError, RecipeError
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.locks import claimed
from genrelab.networks.model import count_parameters
from genrelab.report.ablation import findings
from genrelab.studies.ablation import RESAMPLES, Plan, load_study, plan_jobs, resolve, study_names, tabulate
from genrelab.studies.jobs import Job, train_all
from genrelab.studies.pooling import pool
from genrelab.training import run
from genrelab.training.fold import recipe_model
from genrelab.training.recipe import recipe_names

SEEDS = (0, 1, 2)


def study_file(folder: Path, **changes: object) -> Path:
    """Write a study of the tones corpus: two sizes of the network and another front end."""
    tree: dict[str, object] = {
        "base": str(folder / "tones.yaml"),
        "common": {"train": {"epochs": 2}},
        "baseline": "small",
        "variants": {
            "small": None,
            "large": {"network": {"filters": [16, 16]}},
            "mfcc": {"frontend": {"kind": "mfcc", "n_fft": 256, "hop_length": 128, "n_mels": 32}},
        },
    }
    path = folder / "sizes.yaml"
    path.write_text(
        yaml.safe_dump({key: value for key, value in (tree | changes).items() if value is not None}, sort_keys=False)
    )
    return path


@pytest.fixture
def tones(tmp_path: Path, recipe) -> Path:
    """Return a study file beside its base."""
    (tmp_path / "tones.yaml").write_text(recipe.to_yaml())
    return study_file(tmp_path)


def test_the_four_studies_of_project_a_come_along_and_are_no_recipes():
    assert study_names() == ["architecture", "augmentation", "heads", "hyperparameters", "representation"]
    assert not [name for name in recipe_names() if name.startswith("ablations")]


@pytest.mark.parametrize("name", study_names())
def test_every_variant_of_a_study_can_be_built_and_differs_from_all_others(name: str):
    plan = Plan(load_study(name))
    recipes = [resolve(plan, variant, "artist-folds", 1) for variant in plan.study.variants]
    own = [one.model_dump_json(exclude={"name", "about"}) for one in recipes]
    assert len(set(own)) == len(own)
    for one in recipes:
        recipe_model(one, 10)
        assert (one.protocol.name, one.protocol.folds, one.seed) == ("artist-folds", 3, 1)


def test_architectures_are_of_about_one_size():
    plan = Plan(load_study("architecture"))
    sizes = [count_parameters(recipe_model(resolve(plan, one, "random", 0), 10)) for one in plan.study.variants]
    assert max(sizes) < 1.1 * min(sizes)


def test_what_is_said_of_all_variants_does_not_undo_their_differences():
    plan = Plan(load_study("hyperparameters"), overrides=["train.lr=1.0e-4", "train.epochs=3"], last=["train.epochs=1"])
    lr = {variant: resolve(plan, variant, "random", 0).train.lr for variant in ("base", "lr 8e-3")}
    assert lr == {"base": 1e-4, "lr 8e-3": 8e-3}
    assert resolve(plan, "base", "random", 0).train.epochs == 1


def test_a_study_starts_from_the_recipe_one_names():
    study = load_study("augmentation", base="demo/cnn")
    assert resolve(Plan(study), "noise", "random", 0).audio.window == 3.0


def test_a_base_beside_the_study_s_file_is_found(tones: Path):
    study_file(tones.parent, base="tones.yaml")
    assert resolve(Plan(load_study(str(tones))), "large", "random", 0).network.options["filters"] == [16, 16]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"baseline": "medium"}, "'medium' is not one of small, large, mfcc"),
        ({"variants": {"small": None}}, "variants: "),
        ({"varients": {}}, "varients: "),
        ({"variants": {"small": None, "../large": None}}, "'../large'"),
        ({"base": None}, "base: "),
    ],
)
def test_a_study_that_says_something_odd_is_refused(tones: Path, changes: dict[str, object], words: str):
    study_file(tones.parent, **changes)
    with pytest.raises(RecipeError, match="^" + str(tones)) as caught:
        load_study(str(tones))
    assert words in str(caught.value)


def test_an_unknown_study_is_told_the_choices(capsys):
    assert main(["ablate", "learning"]) == 2
    said = capsys.readouterr().err
    assert "'learning'" in said
    assert "architecture, augmentation, heads, hyperparameters, representation" in " ".join(said.split())


def test_a_variant_that_cannot_be_built_is_refused_before_anything_is_trained(tones: Path, tmp_path: Path, capsys):
    study_file(tmp_path, variants={"small": None, "deep": {"network": {"filters": [8] * 9}}})
    assert main(["ablate", str(tones), "-o", str(tmp_path / "out")]) == 2
    assert "network.filters" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("recipe.yaml"))


@pytest.fixture
def made(tmp_path: Path, make_predictions):
    """Return a maker of a trained study: variants' skills to a plan and its runs, made without training."""

    def make(skills: dict[str, float], noise: dict[str, int], seeds: tuple[int, ...] = SEEDS):
        tree = {"base": "small", "baseline": next(iter(skills)), "variants": dict.fromkeys(skills)}
        (tmp_path / "skills.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
        plan = Plan(load_study(str(tmp_path / "skills.yaml")), protocols=["random"], seeds=seeds)
        jobs = plan_jobs(plan, tmp_path / "out")
        for (variant, _, seed), job in jobs.items():
            predictions = make_predictions(
                skill=skills[variant], noise_seed=10 * seed + noise[variant], info={"protocol": "random", "seed": seed}
            )
            predictions.write(job.folder / "predictions.parquet")
            (job.folder / "recipe.yaml").write_text(job.recipe.to_yaml())
            summary = {"name": variant, "corpus": "gtzan", "protocol": "random", "folds": 5, "seed": seed}
            summary |= {"parameters": 7, "minutes": 1.5}
            (job.folder / "run.json").write_text(json.dumps(summary))
        return plan, jobs

    return make


def test_a_large_difference_is_larger_than_the_noise_and_a_small_one_is_not(made):
    plan, jobs = made({"base": 1.5, "same": 1.5, "worse": 0.5}, {"base": 1, "same": 2, "worse": 3})
    table = tabulate(plan, jobs).set_index("variant")
    assert list(table.index) == ["base", "same", "worse"]
    assert table["larger"].to_dict() == {"base": False, "same": False, "worse": True}
    assert table.loc["worse", "difference_high"] < 0
    assert table.loc["worse", "p"] == pytest.approx(2e-4)  # nothing as extreme in 9999 turns; twice, after Holm
    assert table.loc["same", "p"] > 0.05
    assert np.isnan(table.loc["base", "difference"])


def test_a_difference_is_that_of_the_accuracies_over_all_seeds(made):
    plan, jobs = made({"base": 1.5, "other": 1.2}, {"base": 1, "other": 2})
    table = tabulate(plan, jobs).set_index("variant")

    def accuracy(variant: str, seed: int) -> float:
        folder = jobs[variant, "random", seed].folder
        return metrics(Predictions.read(folder / "predictions.parquet").part("test"))["accuracy"]

    by_seed = [accuracy("other", seed) - accuracy("base", seed) for seed in SEEDS]
    assert table.loc["other", "difference"] == pytest.approx(np.mean(by_seed))
    assert table.loc["other", "difference_spread"] == pytest.approx(np.std(by_seed, ddof=1))
    assert table.loc["other", "difference"] == pytest.approx(
        table.loc["other", "accuracy"] - table.loc["base", "accuracy"]
    )


def test_with_one_seed_the_clips_decide_and_that_is_said(made):
    plan, jobs = made({"base": 1.5, "worse": 0.3}, {"base": 1, "worse": 2}, seeds=(0,))
    table = tabulate(plan, jobs)
    assert table.set_index("variant")["larger"].to_dict() == {"base": False, "worse": True}
    assert any("rests on one seed" in sentence for sentence in findings(table, "base")["random"])


def test_pooled_seeds_keep_their_tracks(make_predictions):
    tests = [make_predictions(noise_seed=seed).part("test") for seed in SEEDS]
    pooled = pool(tests)
    assert len(pooled) == 3 * len(tests[0])
    assert pooled.tracks.max() == tests[0].tracks.max()
    nameless = [Predictions(test.table.assign(track=""), test.info) for test in tests]
    assert pool(nameless).tracks.max() + 1 == tests[0].table["clip"].nunique()


def test_the_verb_trains_writes_and_goes_on(tones: Path, tmp_path: Path, capsys):
    out = tmp_path / "out"
    command = ["ablate", str(tones), "--folds", "2", "--seeds", "1", "--protocol", "artist-folds", "-o", str(out)]
    assert main(command) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "small is right on" in said
    assert "rests on one seed" in said
    table = pd.read_csv(out / "table.csv")
    assert list(table["variant"]) == ["small", "large", "mfcc"]
    assert (out / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    page = (out / "ablation.html").read_text()
    assert ">within<" in page
    assert f"those of differences from {RESAMPLES}" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    info = json.loads((out / "study.json").read_text())
    assert (info["kind"], info["seeds"], len(info["runs"])) == ("ablation", [0], 3)
    assert (info["asked"], info["recipe"]) == (command[1], None)
    assert (out / info["runs"][1]["folder"] / "predictions.parquet").is_file()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("run.json")}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("run.json")} == before
    capsys.readouterr()
    assert main([*command, "--set", "train.lr=0.5"]) == 2
    assert "run of another recipe" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_that_another_process_trains_is_not_trained_twice(recipe, wait_for, tmp_path: Path):
    """This process holds the lock of the first run: the other one trains the second, then waits for the first."""
    jobs = [Job(recipe.model_copy(update={"seed": seed}), tmp_path / "runs" / str(seed)) for seed in (0, 1)]
    (tmp_path / "tones.yaml").write_text(recipe.to_yaml())
    with claimed(tmp_path / "runs" / ".locks" / "0") as mine:
        assert mine
        with claimed(tmp_path / "runs" / ".locks" / "0") as again:
            assert not again
        other = _train_elsewhere(tmp_path)
        wait_for(jobs[1].folder / "run.json", other)
        assert not jobs[0].folder.exists()
    assert other.wait(timeout=300) == 0
    assert jobs[0].done


@pytest.mark.slow
def test_a_killed_study_ends_as_an_undisturbed_one(recipe, wait_for, tmp_path: Path):
    """Kill one of two processes amid its run, and the other takes it over; what comes of it is the same."""
    (tmp_path / "tones.yaml").write_text(recipe.to_yaml())
    first, second = _train_elsewhere(tmp_path), _train_elsewhere(tmp_path)
    wait_for(tmp_path / "runs" / "0" / "fold-0" / "history.csv", first)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    assert second.wait(timeout=300) == 0
    assert _train_elsewhere(tmp_path, "alone").wait(timeout=300) == 0
    for seed in (0, 1):
        got, expected = (
            pd.read_parquet(tmp_path / runs / str(seed) / "predictions.parquet") for runs in ("runs", "alone")
        )
        pd.testing.assert_frame_equal(got, expected, check_exact=True)


def _train_elsewhere(folder: Path, runs: str = "runs") -> "subprocess.Popen[bytes]":
    """Train two seeds in another process."""
    script = f"""
import torch
from pathlib import Path
from genrelab.studies.jobs import Job, train_all
from genrelab.training import run
from genrelab.training.recipe import load_recipe
torch.set_num_threads(1)
folder = Path({str(folder)!r})
jobs = [Job(load_recipe(folder / "tones.yaml", [f"seed={{seed}}"]), folder / {runs!r} / str(seed)) for seed in (0, 1)]
train_all(jobs, folder / {runs!r}, run.Options(stores=folder / "stores"))
"""
    return subprocess.Popen([sys.executable, "-c", script])


def test_an_error_in_one_process_is_told_once_and_clearly(recipe, tmp_path: Path):
    bad = recipe.model_copy(update={"seed": 1, "corpus": recipe.corpus.model_copy(update={"path": "gone.csv"})})
    with pytest.raises(GenrelabError, match=r"gone\.csv"):
        train_all([Job(bad, tmp_path / "runs" / "1")], tmp_path / "runs", run.Options(), processes=2)
