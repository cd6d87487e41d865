"""Heads in runs: chosen within the training part, kept, exported, refused where there is nothing to learn."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from genrelab import load
from genrelab.errors import RecipeError, RunError
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.run_folder import read_summary
from genrelab.networks import NETWORKS
from genrelab.report.run import evaluate_run
from genrelab.training import run
from genrelab.training.feed import Clips
from genrelab.training.publish import export_run
from genrelab.training.recipe import check_recipe
from genrelab.training.solve import _clip_logits, _inner_folds, _weights, solve


def tones(table, kind, **changes):
    tree = {
        "name": kind,
        "corpus": {"kind": "table", "path": str(table)},
        "protocol": {"name": "artist-folds", "folds": 2, "validation": 0.25},
        "audio": {"sample_rate": 8000, "window": 0.5, "hop": 0.25},
        "frontend": {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 8, "normalise": "band-standard"},
        "network": {"kind": kind},
    }
    return check_recipe(tree | changes, "the tests' recipe")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.mark.parametrize("kind", ["logistic-regression", "svm", "neighbours"])
def test_a_head_is_trained_judged_exported_and_used(table, stores, tmp_path, kind):
    folder = tmp_path / "run"
    predictions = run.train(tones(table, kind), folder, run.Options(stores=stores))
    assert metrics(predictions.part("test"))["accuracy"] > 0.8
    assert evaluate_run(folder)["metrics"]["accuracy"]["value"] > 0.8
    assert (folder / "report.html").is_file()
    assert read_summary(folder)["minutes"] > 0
    assert export_run(folder, tmp_path / "head.onnx") < 1e-4
    clips = pd.read_csv(table)
    found = load(tmp_path / "head.onnx").classify_file(table.parent / clips["path"][0])
    assert found.genre == clips["genre"][0]


def test_a_head_learns_and_runs_are_read_without_the_seconds_that_lightning_takes(table, stores, tmp_path):
    (tmp_path / "head.yaml").write_text(tones(table, "neighbours").to_yaml())
    program = """
import sys
sys.modules["lightning"] = sys.modules["torchmetrics"] = None  # what makes an import fail
import genrelab.explain.subject, genrelab.studies.robustness
from genrelab.cli.app import main
sys.exit(main(sys.argv[1:]))
"""
    arguments = ["train", "head.yaml", "--output", "run", "--stores", str(stores)]
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, (tmp_path / "run" / "report.html").is_file()) == (0, True), done.stderr


def test_the_setting_kept_is_the_one_that_did_best_in_the_inner_folds(table, stores, tmp_path):
    recipe = tones(table, "neighbours", network={"kind": "neighbours", "k": [1, 3]})
    run.train(recipe, tmp_path / "run", run.Options(stores=stores))
    for fold, model in enumerate(run.load_models(tmp_path / "run", 3, [0, 1])):
        choices = pd.read_csv(tmp_path / "run" / f"fold-{fold}" / "choices.csv")
        assert list(choices["k"]) == [1, 3]
        best = choices.loc[choices["log_loss"].idxmin()]
        assert len(model.network.output.layer.nearest) == best["k"]
        assert float(model.network.output.sharpness) == pytest.approx(1 / best["temperature"], rel=1e-5)
        history = pd.read_csv(tmp_path / "run" / f"fold-{fold}" / "history.csv")
        assert history["validation_loss"].tolist() == pytest.approx([best["log_loss"]])


def test_a_clip_counts_as_much_as_another_and_where_asked_a_genre_too():
    owner, codes = np.array([0, 0, 1, 2]), np.array([0, 0, 2, 2])  # windows of three clips, the genre of each window
    assert _weights(owner, codes, class_weights=False).tolist() == [0.5, 0.5, 1, 1]
    assert _weights(owner, codes, class_weights=True).tolist() == pytest.approx([0.75] * 4)


def test_inner_folds_follow_from_the_seed_and_share_no_group():
    genres, group = np.repeat(np.arange(12) % 3, 2), np.repeat(np.arange(12), 2)
    first, again, other = (_inner_folds(genres, group, seed) for seed in (0, 0, 1))
    assert sorted(np.concatenate([ask for _, ask in first])) == list(range(24))
    assert not any(set(group[learn]) & set(group[ask]) for learn, ask in first)
    asked = [[ask.tolist() for _, ask in folds] for folds in (first, again, other)]
    assert asked[0] == asked[1] != asked[2]


def test_a_clip_is_judged_by_the_mean_of_its_windows():
    head = Bare().network
    head.lesson(np.eye(4)[:3], np.arange(3), np.ones(3))(k=1)
    said = _clip_logits(head, np.eye(4)[[0, 1, 2]], np.array([0, 0, 1]), 2)
    yes, no = np.log(4 / 3), np.log(1 / 3)
    assert said == pytest.approx(np.array([[(yes + no) / 2, (yes + no) / 2, no], [no, no, yes]]), abs=1e-6)


class Bare(nn.Module):
    """A head of one setting on features as they are."""

    def __init__(self):
        super().__init__()
        self.frontend = nn.Identity()
        self.network = NETWORKS["neighbours"](input_shape=(1, 4, 1), n_classes=3, k=(1,))


@pytest.mark.parametrize("batch", [3, 24])
def test_settings_are_judged_by_artists_that_were_not_learned_from(tmp_path, batch):
    """Each artist's two clips are the same sound, whose genre is drawn: who learns from one knows the other."""
    random = np.random.default_rng(0)
    sounds = torch.from_numpy(np.repeat(random.standard_normal((12, 4)), 4, axis=0)).float()  # two windows a clip
    genres = torch.from_numpy(np.repeat(random.integers(0, 3, 12), 2))
    clips = pd.DataFrame({"track": [f"t{n}" for n in range(24)], "artist": [f"a{n // 2}" for n in range(24)]})
    places = [slice(first, first + batch) for first in range(0, 24, batch)]
    view = [
        Clips(sounds[2 * one.start : 2 * one.stop], torch.arange(batch).repeat_interleave(2), genres[one])
        for one in places
    ]
    model = Bare()
    solve(model, [view], clips, ("artist",), class_weights=False, seed=0, folder=tmp_path)
    assert pd.read_csv(tmp_path / "choices.csv")["accuracy"].item() < 0.6
    assert pd.read_csv(tmp_path / "history.csv")["train_accuracy"].item() == 1.0


@pytest.mark.parametrize(("views", "votes"), [(1, 6), (2, 3)])
def test_settings_are_judged_by_the_clips_as_they_are(tmp_path, views, votes):
    """Sounds tell their genre, and augmented ones nothing; each clip votes with those of its windows that are alike."""
    genres = torch.arange(12).remainder(3).repeat_interleave(2)
    clips = pd.DataFrame({"track": [f"t{n}" for n in range(24)], "artist": [f"a{n // 2}" for n in range(24)]})
    sounds = [torch.eye(4)[genres], torch.eye(4)[[3] * 24]]
    view = [[Clips(one, torch.arange(24), genres)] for one in sounds[:views]]
    solve(Bare(), view, clips, ("artist",), class_weights=False, seed=0, folder=tmp_path)
    found = pd.read_csv(tmp_path / "choices.csv").iloc[0]
    # Of 8 clips of a genre 6 are learned from in each of four folds; a third of a vote is everyone's.
    assert found["log_loss"] == pytest.approx(np.log((votes + 1) / (votes + 1 / 3)), rel=1e-4)
    assert (found["accuracy"], found["temperature"]) == (1.0, 1.0)


def test_the_largest_seed_is_no_too_large_one(table, stores, tmp_path):
    predictions = run.train(tones(table, "neighbours", seed=2**32 - 1), tmp_path / "run", run.Options(stores=stores))
    assert len(predictions.part("test")) == 24


def test_the_same_seed_gives_the_same_predictions(table, stores, tmp_path):
    recipe = tones(table, "logistic-regression")
    first, again = (run.train(recipe, tmp_path / name, run.Options(stores=stores)).table for name in "ab")
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_the_test_part_is_not_looked_at(table, stores, tmp_path):
    """Other genres on the test clips change nothing of what was learned."""
    clips = pd.read_csv(table)
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips["part"] = np.tile(["train", "train", "validation", "test"], 6)
    turned = clips.copy()
    test = turned["part"] == "test"
    turned.loc[test, "genre"] = np.roll(turned.loc[test, "genre"], 1)
    said = []
    for name, table_of_one in (("a", clips), ("b", turned)):
        table_of_one.to_csv(tmp_path / f"{name}.csv", index=False)
        corpus = {"kind": "table", "path": str(tmp_path / f"{name}.csv")}
        recipe = tones(table, "svm", corpus=corpus, protocol={"name": "column", "column": "part"})
        said.append(run.train(recipe, tmp_path / name, run.Options(stores=stores)).part("test").probabilities)
    assert np.array_equal(*said)


def test_one_artist_is_too_few_to_choose_by(table, stores, tmp_path):
    clips = pd.read_csv(table)
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips["artist"] = "one"
    clips["track"] = clips["clip"]
    clips["part"] = np.tile(["train", "train", "validation", "test"], 6)
    clips.to_csv(tmp_path / "clips.csv", index=False)
    corpus = {"kind": "table", "path": str(tmp_path / "clips.csv")}
    recipe = tones(table, "svm", corpus=corpus, protocol={"name": "column", "column": "part"})
    with pytest.raises(RunError, match="too few to choose by; a head needs two genres, two artists"):
        run.train(recipe, tmp_path / "run", run.Options(stores=stores))
    assert not (tmp_path / "run" / "fold-0" / "best.safetensors").exists()


def described(table, **changes):
    """Return a recipe whose examples are kept: columns of half seconds of tones."""
    frontend = {"kind": "handcrafted", "normalise": "band-standard"}
    return tones(table, "logistic-regression", frontend=frontend, audio={"sample_rate": 8000, "window": 1.0}, **changes)


NOISE = {"kind": "noise", "p": 1.0}


def test_views_are_made_once_and_learned_from(table, stores, tmp_path):
    changes = {"augment": [NOISE], "train": {"views": 2}}
    first = run.train(described(table, **changes), tmp_path / "a", run.Options(stores=stores)).part("test")
    made = sorted(path.parent.name for path in stores.rglob("examples.json"))
    again = run.train(described(table, **changes), tmp_path / "b", run.Options(stores=stores)).part("test")
    assert sorted(path.parent.name for path in stores.rglob("examples.json")) == made
    assert np.array_equal(first.probabilities, again.probabilities)
    assert metrics(first)["accuracy"] > 0.8


def test_views_that_change_nothing_teach_nothing(table, stores, tmp_path):
    def said(name, **changes):
        return run.train(described(table, **changes), tmp_path / name, run.Options(stores=stores)).part("test")

    without = said("without").probabilities
    unchanged = {"augment": [NOISE | {"p": 0.0}], "train": {"views": 2}}
    assert said("unchanged", **unchanged).probabilities == pytest.approx(without, abs=1e-4)
    changed = {"augment": [NOISE], "train": {"views": 2}}
    assert said("changed", **changed).probabilities != pytest.approx(without, abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": {"views": 1}}, "train.views: augment needs augmentations of sound"),
        ({"train": {"views": 1}, "augment": [NOISE, {"kind": "mixup"}]}, "and no other, to make views with"),
        ({"train": {"views": 1}, "augment": [NOISE], "network": {"kind": "mlp"}}, "train.views: is for heads"),
        ({"augment": [NOISE]}, "augment: a head learns from its clips once, as they are; leave augment out"),
        ({"augment": [{"kind": "mixup"}]}, "augment: a head learns from its clips once"),
        (
            {"augment": [{"kind": "mixup"}, NOISE], "network": {"kind": "mlp"}},
            "augment.noise: changes sound, and the front end 'handcrafted' learns from examples",
        ),
    ],
)
def test_augmentation_that_cannot_be_is_refused(table, stores, tmp_path, changes, message):
    with pytest.raises(RecipeError, match=message):
        run.train(described(table, **changes), tmp_path / "run", run.Options(stores=stores))
    assert not (tmp_path / "run").exists()
