"""Embeddings of a finished run and of a bundle, and every way in which a run cannot be embedded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genrelab.bundles.classifier import Classifier
from genrelab.corpora import load_corpus
from genrelab.errors import CorpusError, RunError
from genrelab.explain.embedding import bundle_key, embed_bundle, embed_run, run_key


@pytest.fixture
def stores(tones_run: Path) -> Path:
    return tones_run.parent / "stores"


@pytest.fixture
def copied(tones_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tones_run, tmp_path / "run"))


def test_what_is_embedded_is_what_the_run_predicted(tones_run: Path, stores: Path) -> None:
    found = embed_run(tones_run, 1, stores=stores)
    run = pd.read_parquet(tones_run / "predictions.parquet")
    run = run[run["fold"] == 1].set_index(["split", "clip"])
    own = found.table.set_index(["split", "clip"])
    assert set(own.index) == set(run.index)
    columns = [column for column in run if column.startswith("p_")]
    assert np.abs(own[columns] - run.loc[own.index, columns]).to_numpy().max() < 1e-9
    assert (own["predicted"] == own[columns].idxmax(axis=1).str.removeprefix("p_")).all()


def test_an_embedding_is_what_the_last_layer_makes_logits_of(tones_run: Path, stores: Path) -> None:
    from genrelab.training.run import load_models

    found = embed_run(tones_run, 0, stores=stores)
    last = load_models(tones_run, 3, [0])[0].network.output
    weights, bias = (value.detach().numpy() for value in (last.weight, last.bias))
    logits = found.vectors @ weights.T + bias
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(probabilities, found.table[["p_high", "p_low", "p_noise"]], atol=1e-5)


def test_the_training_part_comes_only_when_asked_for(tones_run: Path, stores: Path) -> None:
    assert set(embed_run(tones_run, 0, stores=stores).table["split"]) == {"test", "validation"}
    everything = embed_run(tones_run, 0, ("test", "validation", "train"), stores).table
    assert len(everything) == 24
    assert everything["clip"].is_unique


def test_a_key_follows_fold_parts_and_weights(copied: Path) -> None:
    key = run_key(copied, 0, ("test",))
    assert key == run_key(copied, 0, ("test",))
    assert len({key, run_key(copied, 1, ("test",)), run_key(copied, 0, ("test", "train"))}) == 3
    shutil.copy(copied / "fold-1" / "best.safetensors", copied / "fold-0" / "best.safetensors")
    assert run_key(copied, 0, ("test",)) != key


def test_what_cannot_be_embedded_is_told_in_a_sentence(copied: Path, stores: Path) -> None:
    with pytest.raises(RunError, match="has no fold 2; its folds are 0 to 1"):
        embed_run(copied, 2, stores=stores)
    summary = json.loads((copied / "run.json").read_text())
    (copied / "run.json").write_text(json.dumps(summary | {"genres": ["high", "low", "polka"]}))
    with pytest.raises(
        RunError, match="trained on the genres high, low, polka, but its corpus now has high, low, noise"
    ):
        embed_run(copied, 0, stores=stores)
    (copied / "run.json").unlink()
    with pytest.raises(RunError, match="not finished"):
        embed_run(copied, 0, stores=stores)


def test_an_ensemble_names_its_members(copied: Path) -> None:
    (copied / "recipe.yaml").write_text("name: both\nensemble:\n  rule: mean\n  members: [one, two]\n")
    with pytest.raises(RunError, match=r"no embedding of its own; take a member: .*one, .*two"):
        run_key(copied, 0, ("test",))


@pytest.fixture
def moved(copied: Path, table: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return a run whose corpus lies where a test may change it, and the corpus's table."""
    corpus = Path(shutil.copytree(table.parent, tmp_path / "corpus")) / table.name
    recipe = copied / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(table), str(corpus)))
    return copied, corpus


def test_clips_whose_files_are_gone_are_named(moved: tuple[Path, Path], tmp_path: Path) -> None:
    run, corpus = moved
    (corpus.parent / "low3.wav").unlink()
    with pytest.raises(CorpusError, match=r"sound files that are not there: low3\.wav"):
        embed_run(run, 0, stores=tmp_path / "stores")


def test_a_corpus_that_has_changed_is_refused(moved: tuple[Path, Path], tmp_path: Path) -> None:
    run, corpus = moved
    corpus.write_text("".join(corpus.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(RunError, match="its corpus has changed since"):
        embed_run(run, 0, stores=tmp_path / "stores")


def test_a_bundle_embeds_a_corpus_of_genres_it_does_not_know(tiny_bundle: Path, table: Path) -> None:
    classifier, corpus = Classifier(tiny_bundle), load_corpus("table", path=table)
    found = embed_bundle(classifier, corpus, jobs=2)
    assert list(found.table["clip"]) == list(corpus.clips["clip"])
    assert [column for column in found.table if column.startswith("p_")] == ["p_bass", "p_voice", "p_whistle"]
    assert found.vectors.shape == (24, 2)
    assert found.notes == [
        "The bundle does not know the genres high, low, noise: it can only say which of its own genres they are like."
    ]
    clip = found.table.index[found.table["clip"] == "low0"][0]
    said = classifier.classify_file(corpus.clips.set_index("clip").loc["low0", "path"])
    assert found.table.loc[clip, "predicted"] == said.genre


def test_a_bundle_is_as_sure_of_a_clip_as_where_it_classifies_it(
    make_bundle: Callable[..., Path], table: Path, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "growing.onnx", hop=2205, temperature=3.0, growth=4.0)
    classifier, corpus = Classifier(bundle), load_corpus("table", path=table)
    found = embed_bundle(classifier, corpus).table.set_index("clip")
    said = classifier.classify_file(corpus.clips.set_index("clip").loc["low0", "path"])
    assert said.seconds is not None
    assert said.seconds > 1  # more than a window
    for genre, probability in said.genres:
        assert found.loc["low0", f"p_{genre}"] == pytest.approx(probability, abs=1e-5)


def test_a_bundle_goes_on_after_a_bad_clip_and_stops_where_there_is_no_other(
    tiny_bundle: Path, moved: tuple[Path, Path], make_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    corpus = load_corpus("table", path=moved[1])
    key = bundle_key(tiny_bundle, corpus)
    (moved[1].parent / "low3.wav").write_bytes(b"text")
    assert bundle_key(tiny_bundle, corpus) != key
    found = embed_bundle(Classifier(tiny_bundle), corpus)
    assert len(found.table) == 23
    assert "1 clips could not be read" in found.notes[0]
    for path in corpus.clips["path"]:
        Path(path).write_bytes(b"text")
    with pytest.raises(RunError, match="none of its 24 clips can be read"):
        embed_bundle(Classifier(tiny_bundle), corpus)
