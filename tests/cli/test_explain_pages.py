"""`genrelab explain embedding` and `explain confusions` from run folders to files, and their mistakes in a sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer import Typer
from typer.testing import CliRunner

from genrelab.cli.explain_confusions import confusions
from genrelab.cli.explain_embedding import embedding
from genrelab.errors import RunError
from genrelab.evaluation.predictions import COLUMNS, PREFIX, Predictions
from genrelab.explain import maps


@pytest.fixture
def call():
    """Return a call of the two verbs; errors come through as they are."""
    app = Typer()
    app.command()(confusions)
    app.command()(embedding)

    def run(*words: object) -> str:
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).output

    return run


@pytest.fixture
def quick_maps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lay clips out by their first coordinates, since UMAP takes half a minute to be compiled; count the calls."""
    calls: list[int] = []

    def coordinates(vectors: np.ndarray, seed: int = 0) -> pd.DataFrame:
        calls.append(len(vectors))
        return pd.DataFrame(vectors[:, [0, 1, 2, 3]], columns=["tsne_x", "tsne_y", "umap_x", "umap_y"])

    monkeypatch.setattr(maps, "coordinates", coordinates)
    return calls


def test_confusions_of_a_run_are_a_page_tables_figures_and_json(tones_run: Path, tmp_path: Path, call) -> None:
    said = call("confusions", tones_run, "-o", tmp_path)
    assert "confusions.html shows it all" in said
    found = json.loads((tmp_path / "confusions.json").read_text())
    assert found["clips"] == 24
    assert np.allclose(np.sum(found["mean_probabilities"], axis=1), 1)
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == 6
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} >= {"soft", "overlap"}
    page = (tmp_path / "confusions.html").read_text()
    assert "loads nothing from elsewhere" not in page  # the sound is linked
    mistaken = pd.read_csv(tmp_path / "mistaken.csv")
    assert ('class="play"' in page) == bool(len(mistaken))  # the corpus is at hand, so that what is told can be heard


def test_confusions_need_the_predictions_alone(tones_run: Path, tmp_path: Path, call) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("run.json", "environment.json", "predictions.parquet"):
        shutil.copy(tones_run / name, run)
    (run / "recipe.yaml").write_text("name: both\nensemble:\n  rule: mean\n  members: [/nowhere/a, /nowhere/b]\n")
    call("confusions", run)
    assert "the corpus is not at hand" in (run / "confusions" / "confusions.html").read_text()


def test_a_pair_is_looked_at_alone(tones_run: Path, tmp_path: Path, call) -> None:
    call("confusions", tones_run, "--pair", "high,low", "-o", tmp_path)
    pairs = pd.read_csv(tmp_path / "pairs.csv")
    assert {*zip(pairs["true"], pairs["called"], strict=True)} == {("high", "low"), ("low", "high")}
    assert (tmp_path / "figures" / "triangle.png").is_file()


def test_a_genre_and_a_file_are_shown_as_blends(tones_run: Path, tmp_path: Path, call) -> None:
    said = call("confusions", tones_run, "--as-blend", "noise", "-o", tmp_path / "genre")
    assert "Noise lies between" in said
    assert len(pd.read_csv(tmp_path / "genre" / "blend.csv")) == 3
    table = tmp_path / "hum.csv"
    table.write_text("path,genre,probability,unknown,seconds,error,high,low,noise\na.wav,low,.6,false,1,,.3,.6,.1\n")
    said = call("confusions", tones_run, "--as-blend", table, "-o", tmp_path / "file")
    assert "hum lies between low (60\u00a0%, 95 % interval \u2013) and high (30\u00a0%, 95 % interval \u2013)." in said
    assert (tmp_path / "file" / "figures" / "blend_bars.png").is_file()


def test_mistakes_about_confusions_are_one_sentence(tones_run: Path, tmp_path: Path, call) -> None:
    with pytest.raises(RunError, match=r"--as-blend polka: neither a genre of this run .high, low, noise. nor a file"):
        call("confusions", tones_run, "--as-blend", "polka", "-o", tmp_path)
    with pytest.raises(RunError, match="--pair high: give two"):
        call("confusions", tones_run, "--pair", "high", "-o", tmp_path)
    with pytest.raises(RunError, match="no rows of the part 'train'"):
        call("confusions", tones_run, "--part", "train", "-o", tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.fixture
def renamed(tones_run: Path, tmp_path: Path):
    """Return a maker of copies of a run whose genres have other names; those that get none are left out."""

    def rename(names: dict[str, str]) -> Path:
        folder = tmp_path / "renamed"
        shutil.copytree(tones_run, folder, ignore=shutil.ignore_patterns("fold-*"))
        whole = Predictions.read(folder / "predictions.parquet")
        rows = whole.table["genre"].isin(list(names))
        values = whole.probabilities[rows][:, [genre in names for genre in whole.genres]]
        table = whole.table.loc[rows, list(COLUMNS)].reset_index(drop=True).replace({"genre": names})
        for genre, column in zip(filter(names.get, whole.genres), values.T / values.sum(axis=1), strict=True):
            table[PREFIX + names[genre]] = column
        Predictions(table, whole.info).write(folder / "predictions.parquet")
        return folder

    return rename


def test_a_run_of_two_genres_has_none_that_lies_between_others(renamed, tmp_path: Path, call) -> None:
    run = renamed({"high": "high", "low": "low"})
    call("confusions", run, "--pair", "high,low", "-o", tmp_path / "pair")
    with pytest.raises(RunError, match=r"--as-blend high: .* this run knows one other; look at the two with --pair"):
        call("confusions", run, "--as-blend", "high", "-o", tmp_path / "blend")
    assert not (tmp_path / "blend").exists()


def test_a_genre_in_brackets_keeps_its_name(renamed, tmp_path: Path, call) -> None:
    said = call("confusions", renamed({"high": "[/high]", "low": "[low]", "noise": "noise"}), "-o", tmp_path / "out")
    pairs = json.loads((tmp_path / "out" / "confusions.json").read_text())["pairs"]
    assert pairs[0]["clips"] > 0
    assert pairs[0]["true"] in said
    assert pairs[0]["called"] in said


def test_a_map_is_made_once_and_read_again(tones_run: Path, tmp_path: Path, call, quick_maps: list[int]) -> None:
    words = ("embedding", tones_run, "-o", tmp_path, "--stores", tones_run.parent / "stores")
    said = call(*words)
    assert "of 12 clips have their genre's name" in said
    first = (tmp_path / "embedding.html").read_bytes()
    call(*words)
    assert len(quick_maps) == 1
    assert (tmp_path / "embedding.html").read_bytes() == first
    call(*words, "--train")
    assert quick_maps[1:] == [24]
    table = pd.read_parquet(tmp_path / "embedding.parquet")
    assert {"clip", "genre", "artist", "split", "tsne_x", "tsne_y", "umap_x", "umap_y"} <= set(table)
    assert (tmp_path / "figures" / "by_artist.svg").is_file()
    facts = json.loads((tmp_path / "embedding.json").read_text())
    assert facts["merits"]["clips"] == 12
    assert (facts["parts"], facts["map_seed"]) == (["test", "train", "validation"], 0)


def test_with_audio_the_page_holds_the_sound(tones_run: Path, tmp_path: Path, call, quick_maps: list[int]) -> None:
    call("embedding", tones_run, "-o", tmp_path, "--stores", tones_run.parent / "stores", "--with-audio")
    page = (tmp_path / "embedding.html").read_text()
    assert page.count("data:audio/mpeg;base64,") == len(pd.read_parquet(tmp_path / "embedding.parquet"))


def test_several_runs_get_a_folder_each(tones_run: Path, tmp_path: Path, call, quick_maps: list[int]) -> None:
    other = Path(shutil.copytree(tones_run, tmp_path / "again" / tones_run.name))
    call("embedding", tones_run, other, "-o", tmp_path / "out", "--stores", tones_run.parent / "stores")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{tones_run.parent.name}-tones", "again-tones"}
    with pytest.raises(RunError, match="named twice"):
        call("embedding", tones_run, tones_run, "-o", tmp_path / "out")


def test_a_bundle_maps_a_corpus(
    tiny_bundle: Path, table: Path, tmp_path: Path, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def coordinates(vectors: np.ndarray, seed: int = 0) -> pd.DataFrame:
        return pd.DataFrame(np.hstack([vectors, vectors]), columns=["tsne_x", "tsne_y", "umap_x", "umap_y"])

    monkeypatch.setattr(maps, "coordinates", coordinates)
    call("embedding", "--bundle", tiny_bundle, "--data", table, "-o", tmp_path)
    page = (tmp_path / "embedding.html").read_text()
    assert "24 clips by one bundle, in one space for all" in page
    assert "does not know the genres high, low, noise" in page


@pytest.mark.parametrize(
    "words", [(), ("--bundle", "x.onnx"), ("--data", "x"), ("run", "--bundle", "x", "--data", "y")]
)
def test_either_runs_or_a_bundle_with_data(words: tuple[str, ...], call) -> None:
    with pytest.raises(RunError, match="name one run or several, or give --bundle with --data"):
        call("embedding", *words)
