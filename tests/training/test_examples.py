"""Examples made once and kept, and what learns from them: trained, exported, classified, combined."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from scipy.special import softmax

from genrelab.audio.store import ClipSource, SampleStore
from genrelab.augment.tempo_and_pitch import TimeStretch
from genrelab.augment.waveform import Gain
from genrelab.bundles.classifier import Classifier
from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.errors import AudioError, CorpusError, RecipeError, RunError
from genrelab.evaluation import ensembles
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import read_summary
from genrelab.extractors import Extractor
from genrelab.networks.flat_cnn import FlatCnn
from genrelab.report.run import evaluate_run
from genrelab.training import run
from genrelab.training.ensemble import Ensemble, combine_runs
from genrelab.training.examples import ExampleSource, ExampleStore, given_sources, sound_sources
from genrelab.training.publish import export_run
from genrelab.training.recipe import Choice, EnsembleRecipe, Recipe, check_recipe

RATE = 8000


class Two(Extractor):
    """Stands for any extractor of two values."""

    size = 2


def sources(made: list[str], clips: int = 130) -> list[ExampleSource]:
    """Make clips of one to three examples, each noting in `made` that it was asked; every 50th cannot be made."""

    def source(number: int) -> ExampleSource:
        def make() -> np.ndarray:
            made.append(f"c{number}")
            if number % 50 == 49:
                raise AudioError("x.wav", "is silent")
            return number + np.arange(2 * (1 + number % 3), dtype=np.float32).reshape(-1, 2) / 10

        return ExampleSource(f"c{number}", str(number), make)

    return [source(number) for number in range(clips)]


def test_an_example_store_reads_like_a_store_of_samples(tmp_path: Path):
    store = ExampleStore.build(tmp_path, sources([]), Two(RATE), "two")
    assert len(store.clips) == 128
    assert store.quarantine == {"c49": "is silent", "c99": "is silent"}
    assert store.samples("c101") == 6
    np.testing.assert_allclose(store.read("c101"), [101, 101.1, 101.2, 101.3, 101.4, 101.5], rtol=1e-6)
    np.testing.assert_allclose(store.read("c101", 2, 2), [101.2, 101.3], rtol=1e-6)


def test_a_killed_build_goes_on_with_the_part_that_is_missing(tmp_path: Path):
    first: list[str] = []
    whole = ExampleStore.build(tmp_path / "a", sources(first), Two(RATE), "two", jobs=1)
    assert first == [f"c{number}" for number in range(130)]
    killed = tmp_path / "b" / whole.folder.name
    killed.mkdir(parents=True)
    for name in ("part-00000.npy", "part-00000.json", "part-00001.npy"):  # killed before part 1 was entered
        (killed / name).write_bytes((whole.folder / name).read_bytes())
    again: list[str] = []
    resumed = ExampleStore.build(tmp_path / "b", sources(again), Two(RATE), "two", jobs=1)
    assert again == [f"c{number}" for number in range(64, 130)]
    for clip in whole.clips:
        np.testing.assert_array_equal(resumed.read(clip), whole.read(clip))


@pytest.mark.parametrize(
    ("name", "left", "remade"),
    [
        ("examples.json", 100, 0),
        ("part-00001.npy", 300, 64),
        ("part-00001.npy", 0, 64),
        ("part-00001.npy", None, 64),
        ("part-00002.npy", None, 2),
    ],
)
def test_of_a_damaged_store_that_alone_is_made_anew_which_is_not_whole(
    name: str, left: int | None, remade: int, tmp_path: Path
):
    whole = ExampleStore.build(tmp_path, sources([]), Two(RATE), "two")
    told = {clip: whole.read(clip).tolist() for clip in whole.clips}
    content = (whole.folder / name).read_bytes()
    (whole.folder / name).unlink()
    if left is not None:
        (whole.folder / name).write_bytes(content[:left])
    again: list[str] = []
    mended = ExampleStore.build(tmp_path, sources(again), Two(RATE), "two", jobs=1)
    assert len(again) == remade
    assert {clip: mended.read(clip).tolist() for clip in mended.clips} == told


def test_a_damaged_index_of_a_part_is_no_part(tmp_path: Path):
    whole = ExampleStore.build(tmp_path, sources([]), Two(RATE), "two")
    (whole.folder / "examples.json").unlink()
    (whole.folder / "part-00001.json").write_text('{"c64": 2')
    again: list[str] = []
    ExampleStore.build(tmp_path, sources(again), Two(RATE), "two", jobs=1)
    assert again == [f"c{number}" for number in range(64, 128)]


def test_what_was_made_by_another_extractor_is_not_taken(tmp_path: Path):
    made: list[str] = []
    for made_by in ("two, version 1", "two, version 1", "two, version 2"):
        ExampleStore.build(tmp_path, sources(made, clips=3), Two(RATE), made_by)
    assert len(made) == 6


def test_a_corpus_of_which_no_clip_can_be_made_an_example_says_why(tmp_path: Path):
    def fail() -> np.ndarray:
        raise AudioError("x.png", "is not a PNG picture")

    with pytest.raises(CorpusError, match="is not a PNG picture"):
        ExampleStore.build(tmp_path, [ExampleSource("a", "", fail)], Two(RATE), "two")


def test_examples_may_be_kept_as_something_makes_them(tmp_path: Path):
    store = ExampleStore.build(tmp_path, sources([], clips=9), Two(RATE), "two")
    sums = store.mapped(["c4", "c8"], lambda examples: examples.sum(1, keepdims=True))
    assert sums.size == 1
    assert sums.clips == ["c4", "c8"]
    assert "c5" not in sums
    np.testing.assert_allclose(sums.read("c8"), [16.1, 16.5, 16.9], rtol=1e-6)
    assert store.samples("c8") == 6


class Loudest(Extractor):
    """The loudest sample of a window."""

    size = 1

    def of_window(self, samples: np.ndarray) -> np.ndarray:
        return np.abs(samples).max(keepdims=True)


@pytest.mark.parametrize(("rate", "windows"), [(2.0, 3), (1.0, 7), (0.5, 15)])
def test_a_view_of_a_clip_that_is_played_faster_has_fewer_windows_and_no_silent_ones(
    rate: float, windows: int, tmp_path: Path
):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE), RATE)
    store = SampleStore.build(tmp_path / "store", [ClipSource("a", tmp_path / "a.wav")], RATE, progress=None)
    stretch = TimeStretch(rate=(rate, rate), p=1.0)
    (source,) = sound_sources(store, Loudest(RATE), RATE, RATE // 2, [Gain(p=1.0), stretch])
    examples = source.make()
    assert len(examples) == windows
    assert (examples > 0.05).all()
    np.testing.assert_array_equal(source.make(), examples)
    assert " whole " in source.key  # unlike the key of what was made with silent windows


def of_noise(folder: Path, clips: str = "a", seed: int = 0) -> SampleStore:
    """Return a store of clips that are all the same noise."""
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / "noise.wav", np.random.default_rng(seed).uniform(-0.5, 0.5, 2 * RATE), RATE)
    sources = [ClipSource(clip, folder / "noise.wav") for clip in clips]
    return SampleStore.build(folder / "store", sources, RATE, progress=None)


@pytest.mark.parametrize(("window", "examples"), [(1.99, 1), (1.9, 2), (0.998, 2)])
def test_some_milliseconds_at_the_end_of_a_clip_are_no_example_of_their_own(
    window: float, examples: int, tmp_path: Path
):
    (source,) = sound_sources(of_noise(tmp_path), Loudest(RATE), round(window * RATE), round(window * RATE))
    assert len(source.make()) == examples


def test_a_key_changes_with_all_that_examples_of_sound_depend_on(tmp_path: Path):
    stores = [of_noise(tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    ways = [
        (stores[0], RATE, RATE),
        (stores[1], RATE, RATE),
        (stores[0], RATE // 2, RATE),
        (stores[0], RATE, RATE // 2),
        (stores[0], RATE, RATE, [Gain()]),
        (stores[0], RATE, RATE, [Gain(p=1.0)]),
        (stores[0], RATE, RATE, [Gain()], 1),
    ]
    keys = [source.key for store, *how in ways for source in sound_sources(store, Loudest(RATE), *how)]
    assert len(set(keys)) == len(ways)


def test_each_clip_and_view_is_augmented_in_its_own_way(tmp_path: Path):
    store = of_noise(tmp_path, "ab")
    loudness = [
        source.make()[0, 0]
        for view in (0, 1)
        for source in sound_sources(store, Loudest(RATE), RATE, RATE, [Gain(p=1.0)], view)
    ]
    assert len(set(loudness)) == 4


def rows_corpus() -> Corpus:
    """Return two clips with tables of one and of three pieces."""
    clips = pd.DataFrame({"clip": ["a", "b"], "path": ["t.csv", "t.csv"], "genre": ["x", "y"]})
    rows = {clip: {1: np.full((1, 57), 1.0, np.float32), 3: np.full((3, 57), 3.0, np.float32)} for clip in "ab"}
    return Corpus("tables", clips, holds="rows", rows=rows)


def test_a_front_end_gets_of_a_corpus_what_it_takes():
    joint = ("joint", {"parts": [{"kind": "handcrafted", "pieces": 3}, {"kind": "handcrafted", "pieces": 1}]})
    examples = [source.make() for source in given_sources(rows_corpus(), joint)]
    assert examples[0].shape == (1, 4 * 57)
    assert examples[0][0, [0, 170, 171, 227]].tolist() == [3, 3, 1, 1]


def test_a_key_changes_with_each_table_that_an_example_is_made_of():
    joint = ("joint", {"parts": [{"kind": "handcrafted", "pieces": 3}, {"kind": "handcrafted", "pieces": 1}]})
    keys = set()
    for changed in (None, 1, 3):
        corpus = rows_corpus()
        if changed:
            corpus.rows["a"][changed][0, 56] = 7
        keys.add(next(given_sources(corpus, joint)).key)
    assert len(keys) == 3


def test_a_key_changes_with_the_picture(tmp_path: Path):
    clips = pd.DataFrame({"clip": ["a", "b"], "path": str(tmp_path / "a.png"), "genre": ["x", "y"]})
    corpus = Corpus("pictures", clips, holds="pictures")
    keys = set()
    for content in (b"one", b"two"):
        (tmp_path / "a.png").write_bytes(content)
        keys.add(next(given_sources(corpus, ("picture", {}))).key)
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("extraction", "message"),
    [
        (("handcrafted", {"pieces": 10}), r"1 or 3 rows a clip .* takes handcrafted of 10 pieces"),
        (("picture", {}), "front end takes picture"),
    ],
)
def test_a_corpus_that_does_not_hold_what_the_front_end_takes_is_refused(extraction, message):
    with pytest.raises(RecipeError, match=message):
        list(given_sources(rows_corpus(), extraction))


def tones(table: Path, name: str, **changes: object) -> Recipe:
    tree: dict[str, object] = {
        "name": name,
        "corpus": {"kind": "table", "path": str(table)},
        "protocol": {"name": "artist-folds", "folds": 2, "validation": 0.25},
        "audio": {"sample_rate": RATE, "window": 1.0, "hop": 0.5},
        "network": {"kind": "rnn", "units": 8, "layers": 1, "dense_units": 8, "dropout": 0.0, "dense_dropout": 0.0},
        "train": {"epochs": 12, "crops_per_clip": 4, "batch_size": 8, "lr": 0.02},
    }
    return check_recipe(tree | changes, name)


@pytest.fixture(scope="module")
def runs(table: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Train one network on the 57 columns of two halves of a window, and one on MFCCs."""
    folder = tmp_path_factory.mktemp("examples")
    columns = {"kind": "handcrafted", "pieces": 2, "normalise": "band-standard"}
    noise = [{"kind": "feature-noise", "factor": 0.1, "p": 0.5}, {"kind": "mixup", "alpha": 0.2, "p": 0.5}]
    mfcc = {"kind": "mfcc", "n_fft": 256, "hop_length": 128, "n_mels": 32, "n_mfcc": 10, "normalise": "clip-standard"}
    recipes = [tones(table, "columns", frontend=columns, augment=noise), tones(table, "mfcc", frontend=mfcc)]
    for recipe in recipes:
        run.train(recipe, folder / recipe.name, run.Options(stores=folder / "stores"))
    return {recipe.name: folder / recipe.name for recipe in recipes}


@pytest.fixture(scope="module")
def hybrid(table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """Return a recipe that starts from a small network of pictures, and a folder for its runs."""
    folder = tmp_path_factory.mktemp("hybrid")
    picture = {"kind": "picture", "frame": False, "channels": "luminance", "shrink": 6}
    options = {"filters": [4], "kernels": [4], "pools": [4], "dense_units": 8, "dropout": 0.5, "l2": 1.0}
    train = {"epochs": 2, "batch_size": 8}
    network = {"kind": "flat-cnn"} | options
    run.train(
        tones(table, "image", frontend=picture, network=network, train=train),
        folder / "image",
        run.Options(stores=folder / "stores"),
    )
    return tones(
        table,
        "hybrid",
        frontend={"kind": "joint", "parts": [picture, {"kind": "handcrafted", "normalise": "band-minmax"}]},
        network={"kind": "hybrid", "image_shape": [1, 36, 55], "image": options},
        train=train | {"epochs": 5, "lr": 0.01},
        start={"run": str(folder / "image"), "part": "image"},
    ), folder


def test_a_frozen_part_is_asked_once_and_the_fold_comes_out_the_same(hybrid, monkeypatch):
    recipe, folder = hybrid
    asked: list[int] = []
    embed = FlatCnn.embed
    monkeypatch.setattr(FlatCnn, "embed", lambda self, features: asked.append(len(features)) or embed(self, features))
    said, counts = [], []
    for name, augment in (("once", ()), ("always", (Choice(kind="mixup", p=0.0),))):
        run.train(recipe.model_copy(update={"augment": augment}), folder / name, run.Options(stores=folder / "stores"))
        said.append(Predictions.read(folder / name / "predictions.parquet").probabilities)
        counts.append(sum(asked))
        asked.clear()
    assert counts[0] < counts[1] / 2
    np.testing.assert_allclose(said[0], said[1], atol=1e-4)
    histories = [pd.read_csv(folder / name / "fold-0" / "history.csv") for name in ("once", "always")]
    pd.testing.assert_frame_equal(*histories, rtol=1e-3)
    monkeypatch.undo()
    assert export_run(folder / "once", folder / "once.onnx", fold=0) < 1e-4


def test_a_network_learns_from_examples(runs):
    assert metrics(Predictions.read(runs["columns"] / "predictions.parquet").part("test"))["accuracy"] > 0.8


def test_the_bundle_makes_the_same_examples_from_a_file_as_training_did(runs, table, tmp_path):
    assert export_run(runs["columns"], tmp_path / "columns.onnx", fold=0) < 1e-4
    classifier = Classifier(tmp_path / "columns.onnx")
    assert classifier.metadata.extractor == {"kind": "handcrafted", "pieces": 2}
    trained = Predictions.read(runs["columns"] / "predictions.parquet").part("test").table
    trained = trained[trained["fold"] == 0].set_index("clip")
    for clip in trained.index[:4]:
        path = table.parent / f"{clip}.wav"
        logits = classifier.logits(run_samples(path))
        expected = np.log(trained.loc[clip, [f"p_{genre}" for genre in classifier.genres]].to_numpy(float))
        np.testing.assert_allclose(logits - logits.mean(), expected - expected.mean(), atol=2e-3)
        assert classifier.classify_file(path).genre == classifier.genres[expected.argmax()]


def run_samples(path: Path) -> np.ndarray:
    """Return a clip as the store holds it: in 16 bits."""
    from genrelab.audio.read import read

    return (np.rint(read(path) * 32768) / 32768).astype(np.float32)


@pytest.mark.parametrize("rule", ["mean", "product", "vote", "stack"])
def test_the_network_of_an_ensemble_combines_as_its_table_does(rule):
    probabilities = np.random.default_rng(0).dirichlet([0.3] * 4, size=(3, 50))
    stack = (np.random.default_rng(1).normal(size=(4, 12)), np.arange(4.0))
    combined = {
        "mean": ensembles.mean,
        "product": ensembles.product,
        "vote": ensembles.vote,
        "stack": lambda p: softmax(ensembles.features(p) @ stack[0].T + stack[1], axis=1),
    }[rule](probabilities)
    network = Ensemble([], rule, None, stack if rule == "stack" else None)
    logits = network.combine(torch.from_numpy(np.log(probabilities)).float().clamp(min=np.log(ensembles.SMALLEST)))
    np.testing.assert_allclose(torch.softmax(logits, 1).numpy(), combined, atol=1e-5)


def test_an_ensemble_is_a_run_that_evaluates_exports_and_classifies(runs, table, tmp_path):
    members = [runs["columns"], runs["mfcc"]]
    recipe = EnsembleRecipe.model_validate({"name": "both", "ensemble": {"rule": "stack", "members": members}})
    made = tmp_path / "both"
    predictions = combine_runs(recipe, made)
    tables = [Predictions.read(member / "predictions.parquet") for member in members]
    np.testing.assert_array_equal(predictions.probabilities, ensembles.combine(tables, "stack").probabilities)
    assert read_summary(made)["members"] == ["columns", "mfcc"]
    assert evaluate_run(made)["metrics"]["accuracy"]["value"] > 0.8
    assert export_run(made, tmp_path / "both.onnx", fold=0) < 1e-4
    classifier = Classifier(tmp_path / "both.onnx")
    assert [part["kind"] for part in classifier.metadata.extractor["parts"]] == ["handcrafted", "samples"]
    told = [classifier.classify_file(table.parent / f"{genre}1.wav").genre for genre in ("high", "low", "noise")]
    assert told == ["high", "low", "noise"]


def test_an_ensemble_that_chooses_goes_by_validation_fold_by_fold(runs, tmp_path):
    members = [runs["columns"], runs["mfcc"]]
    recipe = EnsembleRecipe.model_validate({"name": "one", "ensemble": {"rule": "choose", "members": members}})
    predictions = combine_runs(recipe, tmp_path / "one")
    chosen = read_summary(tmp_path / "one")["chosen"]
    histories = [pd.read_csv(member / "fold-0" / "history.csv") for member in members]
    kept = [history["validation_accuracy"].idxmax() for history in histories]  # the epoch whose weights were kept
    losses = [history["validation_loss"][epoch] for history, epoch in zip(histories, kept, strict=True)]
    place = int(np.argmin(losses))
    assert chosen["0"] == ["columns", "mfcc"][place]
    said = Predictions.read(members[place] / "predictions.parquet").table.set_index(["clip", "split", "fold"])
    again = predictions.table.set_index(["clip", "split", "fold"])
    of_fold = again.index.get_level_values("fold") == 0
    columns = [f"p_{genre}" for genre in predictions.genres]
    np.testing.assert_array_equal(again.loc[of_fold, columns], said.loc[again.index[of_fold], columns])
    assert export_run(tmp_path / "one", tmp_path / "one.onnx", fold=0) < 1e-4
    combined = {"name": "two", "ensemble": {"rule": "choose", "members": [tmp_path / "one", members[0]]}}
    with pytest.raises(RunError, match="an ensemble; the rule 'choose' takes members that were trained"):
        combine_runs(EnsembleRecipe.model_validate(combined), tmp_path / "two")


def test_members_of_an_ensemble_must_share_their_splits(runs, table, tmp_path):
    other = tones(table, "other", frontend={"kind": "mfcc", "n_mfcc": 8}, seed=1, train={"epochs": 1})
    run.train(other, tmp_path / "other", run.Options(stores=tmp_path / "stores"))
    members = [runs["columns"], tmp_path / "other"]
    recipe = EnsembleRecipe.model_validate({"name": "both", "ensemble": {"rule": "mean", "members": members}})
    with pytest.raises(RunError, match="other folds"):
        combine_runs(recipe, tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_members_of_other_seeds_fit_together_on_one_split(runs, table, tmp_path):
    recipe = tones(table, "other", frontend={"kind": "mfcc", "n_mfcc": 8}, seed=1, train={"epochs": 1})
    fixed = recipe.protocol.model_copy(update={"seed": run.load_run_recipe(runs["mfcc"]).seed})
    other = recipe.model_copy(update={"protocol": fixed})
    run.train(other, tmp_path / "other", run.Options(stores=tmp_path / "stores"))
    members = [runs["mfcc"], tmp_path / "other"]
    ensemble = EnsembleRecipe.model_validate({"name": "both", "ensemble": {"rule": "mean", "members": members}})
    combined = combine_runs(ensemble, tmp_path / "both")
    tables = [Predictions.read(member / "predictions.parquet") for member in members]
    assert not np.array_equal(tables[0].probabilities, tables[1].probabilities)
    np.testing.assert_array_equal(combined.probabilities, ensembles.combine(tables, "mean").probabilities)


def test_sound_is_needed_by_a_front_end_that_takes_sound(table, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "load_corpus", lambda kind, **options: rows_corpus())
    recipe = tones(table, "wrong", frontend={"kind": "mfcc", "n_mfcc": 8})
    with pytest.raises(RecipeError, match="tables holds rows, and the front end 'mfcc' takes sound"):
        run.train(recipe, tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    assert load_corpus  # the real one is untouched
