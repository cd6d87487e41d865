import json
from pathlib import Path

import pytest

from genrelab.audio.windows import window_starts
from genrelab.errors import RecipeError
from genrelab.networks.model import build_model
from genrelab.training.recipe import EnsembleRecipe, Recipe, load_any, load_recipe, quick, recipe_names


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


ENSEMBLES = [name for name in recipe_names() if isinstance(load_any(name), EnsembleRecipe)]


@pytest.mark.parametrize("name", [name for name in recipe_names() if name not in ("base", *ENSEMBLES)])
def test_every_recipe_of_the_package_builds_its_model(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about
    model = build_model(
        (recipe.frontend.kind, recipe.frontend.options),
        (recipe.network.kind, recipe.network.options),
        recipe.audio.sample_rate,
        recipe.window_samples,
        n_classes=10,
    )
    assert model.network.n_classes == 10


TABLE_OR_PICTURE = ("picture", "handcrafted", "joint")
OF_WHOLE_CLIPS = [
    name
    for name in recipe_names()
    if name not in ENSEMBLES
    and (load_recipe(name).frontend.kind in TABLE_OR_PICTURE or "picture" in str(load_recipe(name).frontend.options))
]


@pytest.mark.parametrize("samples", [661_794, 661_504])
@pytest.mark.parametrize("name", OF_WHOLE_CLIPS)
def test_a_clip_of_gtzan_is_one_picture_of_as_many_frames_as_kaggle_drew(name: str, samples: int) -> None:
    """Of 1 000 clips 640 and 295 have these lengths: 1293 frames, of which a dot shows now three and now four."""
    recipe = load_recipe(name)
    assert len(window_starts(samples, recipe.window_samples, hop=recipe.hop_samples)) == 1
    assert 1 + recipe.window_samples // 512 == 1293


@pytest.mark.parametrize("name", ENSEMBLES)
def test_every_ensemble_names_recipes_as_its_members(name: str) -> None:
    recipe = load_any(name)
    assert isinstance(recipe, EnsembleRecipe)
    assert recipe.about
    for member in recipe.ensemble.members:
        assert load_recipe(member).name in (str(member), f"published/{member}")
    with pytest.raises(RecipeError, match="is an ensemble"):
        load_recipe(name)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ({"kind": "pitch"}, r"augment\.kind: 'pitch' is not one of"),
        ({"kind": "gain", "db": 3}, r"augment\.gain\.db: unknown key"),
        ({"kind": "gain", "decibels": "loud"}, r"augment\.gain\.decibels"),
        ({"kind": "time-stretch", "rate": [0.0, 9.0]}, r"augment\.time-stretch\.rate"),
    ],
)
def test_an_augmentation_that_cannot_be_names_its_key(augment: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("fma-cnn", [f"augment=[{json.dumps(augment)}]"])


def test_a_recipe_holds_only_its_difference_from_its_base(tmp_path: Path) -> None:
    write(tmp_path, "base: fma-cnn\ntrain: {lr: 0.5}\n", "parent.yaml")
    recipe = load_recipe(write(tmp_path, "base: parent\nseed: 3\n"))
    assert (recipe.name, recipe.train.lr, recipe.seed) == ("mine", 0.5, 3)
    assert recipe.train.patience == load_recipe("published/fma-cnn").train.patience == 15


@pytest.mark.parametrize("base", ["parent", "parent.yaml", "../mine/parent.yaml"])
def test_a_base_is_looked_for_beside_the_recipe_first(base: str, tmp_path: Path, monkeypatch) -> None:
    for folder, lr in (("mine", 0.5), ("elsewhere", 0.1)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, f"base: fma-cnn\ntrain: {{lr: {lr}}}\n", "parent.yaml")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_recipe(write(tmp_path / "mine", f"base: {base}\n", "child.yaml")).train.lr == 0.5


def test_bases_that_lead_back_by_another_way_are_told_to(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", "base: ../mine.yaml\n", "far.yaml")
    with pytest.raises(RecipeError, match="its base leads back to itself"):
        load_recipe(write(tmp_path, "base: other/far.yaml\n", "mine.yaml"))


def test_another_kind_starts_without_the_options_of_the_first(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, "base: fma-cnn\nnetwork: {kind: rnn, units: 7}\n"))
    assert recipe.network.options["units"] == 7
    assert "filters" not in recipe.network.options


def test_an_override_reaches_a_nested_key_and_may_be_written_as_in_python() -> None:
    recipe = load_recipe("fma-cnn", ["train.lr=3e-4", "network.filters=[4, 8]", "train.patience=null"])
    assert recipe.train.lr == 3e-4
    assert recipe.network.options["filters"] == [4, 8]
    assert recipe.train.patience is None


def test_the_resolved_recipe_reads_back_as_itself(tmp_path: Path) -> None:
    recipe = load_recipe("gtzan-crnn-short")
    again = load_recipe(write(tmp_path, recipe.to_yaml()))
    assert again == recipe


@pytest.mark.parametrize(
    ("row", "crop"),
    [("gtzan-mfcc-cnn", "start"), ("gtzan-fusion-cnn", "start"), ("gtzan-cnn-lstm", "start"), ("gtzan-crnn", "centre")],
)
def test_a_row_hears_the_part_of_a_clip_that_its_source_does(row: str, crop: str) -> None:
    assert load_recipe(row).audio.crop == crop


@pytest.mark.parametrize(
    "row", ["fma-lstm", "fma-gru", "fma-lstm-small", "fma-cnn-lstm", "fma-cnn-gru", "fma-cnn-lstm-small"]
)
def test_a_rows_variant_for_short_clips_is_the_rows_network_on_its_features(row: str) -> None:
    short, published = load_recipe(f"short/{row}-short"), load_recipe(row)
    assert (short.network, short.frontend) == (published.network, published.frontend)
    assert short.audio.window == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: fma-cnn\ntrian: {}", r"trian: unknown key; the keys here are name, about, corpus"),
        (
            "base: fma-cnn\ntrain: {learning_rate: 1}",
            r"train.learning_rate: unknown key; the keys here are epochs, batch_size",
        ),
        ("base: fma-cnn\ntrain: {lr: fast}", r"train.lr: Input should be a valid number.*'fast'"),
        ("base: fma-cnn\nnetwork: cnn", r"network: Input should be keys with their values, \{key: value\}, not 'cnn'"),
        ("base: fma-cnn\naugment: mixup", r"augment: Input should be a list, \[one, another\], not 'mixup'"),
        ("base: fma-cnn\nnetwork: {filters: 8}", r"network.filters: Input should be a list, \[one, another\], not 8"),
        (
            "base: fma-cnn\ntrain: {optimizer: lion}",
            r"train.optimizer: Input should be 'adam', 'adamw' or 'sgd', not 'lion'",
        ),
        ("base: fma-cnn\nnetwork: {kind: resnet}", r"network.kind: 'resnet' is not one of cnn, rnn, cnn-rnn, crnn"),
        ("base: fma-cnn\nnetwork: {depth: 4}", r"network.depth: unknown key; the keys here are filters, dropout"),
        ("base: fma-cnn\nfrontend: {n_mels: many}", r"frontend.n_mels: Input should be a valid integer"),
        ("base: fma-cnn\nfrontend: {sample_rate: 8000}", r"frontend.sample_rate: unknown key"),
        ("base: fma-cnn\nprotocol: {name: lucky}", r"protocol.name: 'lucky' is not one of random, artist-folds"),
        ("base: fma-cnn\nprotocol: {test: 0.9}", r"protocol.test: Input should be less than 0.5, not 0.9"),
        ("base: mine", r"its base leads back to itself"),
        (
            "base: nobody",
            r"'nobody' is neither a .yaml file nor the name of a recipe; `genrelab info` lists those there are",
        ),
        (
            "base: image-cn-1.4",
            r"'image-cn-1.4' is neither .*; near it are image-cnn-1.4, .*; `genrelab info` lists those there are",
        ),
        ("base: spaces/default", r"near it are default; `genrelab info`"),
        ("- a list", r"a recipe is a mapping of keys to values, not list"),
        ("a: [1", r"not YAML: "),
        ("name: x\nfrontend: {kind: mel}\nnetwork: {kind: cnn}", r"corpus: missing; a recipe has to say it"),
    ],
)
def test_a_bad_recipe_is_one_sentence_that_names_the_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(write(tmp_path, text))
    assert "mine.yaml" in str(caught.value) or "is neither a .yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["seed", "protocol.seed"])
def test_a_seed_that_nothing_takes_is_refused(key: str) -> None:
    with pytest.raises(RecipeError, match=f"{key}: Input should be less than or equal to 4294967295, not 4294967296"):
        load_recipe("base", [f"{key}={2**32}"])


def test_an_ensemble_where_something_is_trained_is_told_whatever_is_overridden() -> None:
    with pytest.raises(RecipeError, match="is an ensemble, which is not trained but made of finished runs"):
        load_recipe("tuned/ensemble", ["seed=0"])


def test_a_missing_recipe_file_is_named() -> None:
    with pytest.raises(RecipeError, match=r"nowhere/mine\.yaml: no such recipe file"):
        load_recipe("nowhere/mine.yaml")


def test_an_override_without_a_value_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"--set 'train.lr': write KEY=VALUE"):
        load_recipe("fma-cnn", ["train.lr"])


def test_a_window_too_short_for_the_pooling_names_the_key_to_change() -> None:
    recipe = load_recipe("gtzan-crnn", ["audio.window=0.5", "audio.hop=0.5", "network.pad=0"])
    with pytest.raises(RecipeError, match=r"network\.pools"):
        build_model(
            (recipe.frontend.kind, recipe.frontend.options),
            (recipe.network.kind, recipe.network.options),
            recipe.audio.sample_rate,
            recipe.window_samples,
            n_classes=10,
        )


def test_windows_between_which_something_is_never_heard_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"hop is 30 s and window 2 s.*set audio\.hop"):
        load_recipe("fma-cnn", ["audio.window=2"])
    assert load_recipe("fma-cnn", ["audio.window=2", "audio.crop=start"]).audio.hop == 30


def test_quick_keeps_the_recipe_but_for_its_size(recipe: Recipe) -> None:
    small = quick(recipe)
    assert small.train.epochs == 1
    assert small.protocol.folds == 2
    assert small.max_clips == 80
    assert small.network == recipe.network


def test_a_name_that_two_recipes_have_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"one/crnn": Path("one/crnn.yaml"), "two/crnn": Path("two/crnn.yaml")}
    monkeypatch.setattr("genrelab.recipes.tree.recipe_files", lambda: files)
    with pytest.raises(RecipeError, match=r"'crnn' is ambiguous: .*; there are one/crnn, two/crnn$"):
        load_any("crnn")
