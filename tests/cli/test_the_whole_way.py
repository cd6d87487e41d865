"""From sound files to a trained, evaluated, compared, exported and used classifier, verb by verb, as a person would."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from genrelab.cli.app import main
from genrelab.training.run import load_run_recipe

RECIPE = """
about: three genres of tones
corpus: {{kind: folder, root: {music}}}
protocol: {{name: artist-folds, folds: 2, validation: 0.25}}
audio: {{sample_rate: 8000, window: 1.0, hop: 0.5}}
frontend: {{kind: mel, n_fft: 256, hop_length: 128, n_mels: 32, normalise: band-standard}}
network: {{kind: cnn, filters: [8, 16], dropout: 0.0, dense_units: 16}}
train: {{epochs: 6, crops_per_clip: 16, batch_size: 8, lr: 0.01, schedule: one-cycle}}
"""

pytestmark = pytest.mark.xdist_group("the whole way")  # its run is trained once


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genres, four artists a genre, two songs an artist."""
    root = tmp_path_factory.mktemp("music")
    time = np.arange(int(1.5 * 8000)) / 8000
    for code, (genre, pitch) in enumerate({"whistle": 1800, "drone": 220, "hiss": 0}.items()):
        for number in range(8):
            rng = np.random.default_rng((code, number))
            tone = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time) if pitch else 0.0
            folder = root / genre / f"{genre} artist {number // 2}"
            folder.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / f"{genre} song {number}.flac", tone + 0.05 * rng.standard_normal(len(time)), 8000)
    return root


@pytest.fixture(scope="module")
def run(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train once by the verb, with every tracker on."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "tones.yaml").write_text(RECIPE.format(music=music))
    track = ["--track", "tensorboard"]
    arguments = [
        "train",
        str(folder / "tones.yaml"),
        "-o",
        str(folder / "run"),
        "--stores",
        str(folder / "stores"),
        *track,
    ]
    assert main(arguments) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def bundle(run: Path) -> Path:
    """Export that run by the verb."""
    path = run.parent / "tones.onnx"
    assert main(["export", str(run), "-o", str(path)]) == 0
    return path


def test_training_ends_with_a_report(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "artist-folds" in page
    assert 'src="http' not in page
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["clips"] == 24
    assert metrics["metrics"]["accuracy"]["value"] > 0.8
    assert (run / "figures" / "confusion.png").stat().st_size > 1000
    assert list((run / "fold-0" / "tensorboard").glob("events.*"))


def test_an_interrupted_export_or_evaluation_can_simply_be_repeated(run: Path, bundle: Path) -> None:
    before = (run / "metrics.json").read_bytes()
    assert main(["evaluate", str(run)]) == 0
    assert (run / "metrics.json").read_bytes() == before


def test_the_bundle_says_what_the_run_did(
    run: Path, bundle: Path, music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_parquet(run / "predictions.parquet")
    assert main(["classify", str(music), "--bundle", str(bundle), "--format", "jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 24
    assert set(lines[0]) == {"path", "genre", "probability", "unknown", "genres", "seconds", "error", "blend"}
    right = [line["genre"] == Path(line["path"]).parts[-3] for line in lines]
    assert np.mean(right) > 0.8
    assert set(table["genre"]) == {"whistle", "drone", "hiss"}


def test_one_fold_can_be_exported_alone(run: Path, bundle: Path) -> None:
    alone = run.parent / "fold-1.onnx"
    assert main(["export", str(run), "-o", str(alone), "--fold", "1"]) == 0
    assert alone.stat().st_size < bundle.stat().st_size


def test_a_fold_that_is_not_there_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "-o", "x.onnx", "--fold", "7"]) == 2
    assert "has no fold 7; its folds are 0 to 1" in " ".join(capsys.readouterr().err.split())


def test_two_runs_are_compared_on_a_page(run: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = run.parent / "random"
    arguments = ["train", str(run.parent / "tones.yaml"), "-o", str(other), "--stores", str(run.parent / "stores")]
    assert main([*arguments, "--set", "protocol.name=random", "--set", "train.epochs=2"]) == 0
    capsys.readouterr()
    assert main(["compare", str(run), str(other), "-o", str(run.parent / "compare.html")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "warning" in out
    assert "artist-folds" in out
    assert (run.parent / "compare.html").read_text().startswith("<!doctype html>")


def test_quick_trains_in_no_time(run: Path, music: Path) -> None:
    quick = run.parent / "quick"
    arguments = ["train", str(run.parent / "tones.yaml"), "-o", str(quick), "--stores", str(run.parent / "stores")]
    assert main([*arguments, "--quick", "--seed", "3"]) == 0
    assert len(pd.read_csv(quick / "fold-0" / "history.csv")) == 1
    assert json.loads((quick / "run.json").read_text())["seed"] == 3


def test_a_run_s_own_folder_needs_no_quotes(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["train", str(run.parent / "tones.yaml"), "--stores", str(run.parent / "stores"), "--prepare"]
    assert main([*arguments, "--quick"]) == 0
    assert main([*arguments, "--set", "name=tuned/two words & more"]) == 0
    names = sorted(folder.name for folder in (tmp_path / "runs").iterdir())
    assert names == ["tones-quick-artist-folds-0", "tuned-two-words-more-artist-folds-0"]


def test_a_folder_of_genres_needs_no_recipe_of_its_own(music: Path, tmp_path: Path) -> None:
    small = ["--set", "audio.window=1.0", "--set", "network.filters=[4, 4]", "--set", "protocol.folds=2"]
    arguments = ["train", "base", "--data", str(music), "-o", str(tmp_path / "run"), "--stores", str(tmp_path / "s")]
    assert main([*arguments, *small, "--quick"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nothing"], "recipe 'nothing' is neither a .yaml file nor the name of a recipe"),
        (["train", "base", "--set", "train.lr=-1"], "train.lr: Input should be greater than 0, not -1"),
        (["train", "base", "--data", "nowhere"], "--data nowhere: there is no such table"),
        (["train", "base", "--track", "papyrus"], "--track papyrus: not one of tensorboard, wandb"),
        (["train", "base", "--set", "train.device=cuda", "-o", "{tmp}/run"], "cuda was asked for"),
        (["evaluate", "{tmp}"], "not a run (it has no recipe.yaml)"),
        (["export", "{tmp}", "-o", "x.onnx"], "not a run (it has no recipe.yaml)"),
        (["train", "base", "--set", "audio.window=.inf"], "audio.window: Input should be"),
        (["train", "base", "--set", "train.precision=8"], "train.precision: Input should be '32', '16-mixed'"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_status_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word.format(tmp=tmp_path) for word in arguments]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_weights_and_biases_logs_offline(run: Path, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    out = run.parent / "wandb"
    arguments = ["train", str(run.parent / "tones.yaml"), "-o", str(out), "--stores", str(run.parent / "stores")]
    assert main([*arguments, "--quick", "--track", "wandb"]) == 0
    for fold in range(2):
        assert len(list(out.glob(f"fold-{fold}/wandb/offline-run-*/*.wandb"))) == 1


def test_a_bundle_tells_no_place_of_the_machine_that_made_it(bundle: Path, music: Path) -> None:
    assert str(music).encode() not in bundle.read_bytes()


def test_a_folder_with_a_name_that_yaml_would_misread_is_found(music: Path, tmp_path: Path) -> None:
    odd = tmp_path / "My: Rock #1"
    odd.symlink_to(music)
    small = ["--set", "audio.window=1.0", "--set", "network.filters=[4, 4]", "--set", "train.precision=32", "--quick"]
    assert (
        main(["train", "base", "--data", str(odd), "-o", str(tmp_path / "run"), "--stores", str(tmp_path), *small]) == 0
    )
    assert load_run_recipe(tmp_path / "run").corpus.options["root"] == str(odd)


def test_a_bundle_has_its_suffix_or_is_not_written(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "-o", str(run.parent / "model.v1.2")]) == 2
    assert "a bundle's name ends in .onnx" in " ".join(capsys.readouterr().err.split())
