"""Recipes: YAML files that name a base and hold only their difference from it.

A recipe says everything that a run depends on: corpus, protocol, audio, front end, network, training, seed. It is
read by the pydantic models below, so that an unknown key or a wrong type is an error that names the key and the
choices.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from genrelab.augment import AUGMENTATIONS, Augmentation
from genrelab.corpora import CORPORA
from genrelab.corpora.protocols import LARGEST_SEED, PROTOCOLS
from genrelab.errors import RecipeError
from genrelab.evaluation.ensembles import Rule
from genrelab.frontends import FRONTENDS
from genrelab.networks import NETWORKS
from genrelab.networks.network import GIVEN
from genrelab.parts import check_part, explain
from genrelab.recipes import recipe_files
from genrelab.recipes.tree import read_tree
from genrelab.training.device import Precision


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def to_yaml(self) -> str:
        """Return all that it says, every default spelled out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


class Choice(BaseModel):
    """A part found by its name, with the options that this part takes."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


class Audio(_Section):
    """What of a clip the network hears at once."""

    sample_rate: PositiveInt = 22050
    window: float = Field(default=3.0, gt=0, le=600)  # seconds; while training, cut at random places
    hop: PositiveFloat | None = None  # seconds between the windows of a whole clip; None: half a window
    # Where training cuts its window. From start or centre, a whole clip is judged by that one window, too;
    # a bundle hears all of a file, and says that it was measured otherwise.
    crop: Literal["random", "start", "centre"] = "random"

    @model_validator(mode="after")
    def _covered(self) -> Self:
        """Refuse windows between which something is never heard."""
        if self.crop == "random" and self.hop is not None and self.hop > self.window:
            raise ValueError(
                f"hop is {self.hop:g} s and window {self.window:g} s, so that whole clips would be judged without what "
                "lies between the windows; set audio.hop, too"
            )
        return self


class Protocol(_Section):
    """How the corpus is split (see genrelab.corpora.protocols)."""

    name: str = "random"
    folds: PositiveInt = 1
    validation: float = Field(default=0.15, gt=0, lt=0.5)
    test: float = Field(default=0.15, gt=0, lt=0.5)
    group_by: tuple[str, ...] = ("track", "artist", "artist_id")
    column: str | None = None
    seed: int | None = Field(default=None, ge=0, le=LARGEST_SEED)  # of the split alone; None: the recipe's


class Train(_Section):
    """How the network learns."""

    epochs: PositiveInt = 100
    batch_size: PositiveInt = 32
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: PositiveFloat = 1e-4
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["none", "plateau", "one-cycle", "cosine"] = "none"
    plateau_patience: PositiveInt = 5  # epochs without gain that are borne; the next lowers the rate (Keras: the last)
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    monitor: Literal["validation_accuracy", "validation_loss"] = "validation_accuracy"
    patience: PositiveInt | None = None  # epochs without improvement before training stops; None: never
    validate_every: PositiveInt = 1  # epochs; after the last one in any case
    keep: Literal["best", "last"] = "best"  # the weights of the best validated epoch by `monitor`, or of the last one
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: bool = False
    crops_per_clip: PositiveInt = 1  # random crops drawn from each clip in an epoch
    views: int = Field(default=0, ge=0)  # augmented versions of each clip that a head learns from, made once and kept
    precise_batch_norm: bool = False  # see genrelab.training.batchnorm
    gradient_clip: PositiveFloat | None = None
    precision: Precision = "32"  # a CPU without bfloat16 takes 32 in any case
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: PositiveInt = 1

    @property
    def larger_is_better(self) -> bool:
        """Whether what `monitor` names is to rise."""
        return self.monitor == "validation_accuracy"

    @field_validator("precision", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """Take YAML's number 32 for the name it is."""
        return str(value) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _watched(self) -> Self:
        """Refuse to watch what is seldom measured."""
        if self.validate_every > 1 and (self.schedule == "plateau" or self.patience is not None):
            watcher = "schedule: plateau" if self.schedule == "plateau" else "patience"
            raise ValueError(
                f"validate_every is {self.validate_every}, and {watcher} needs every epoch's validation; set it to 1"
            )
        return self


class Start(_Section):
    """Weights that a part of the network takes over and keeps: of a run on the same split, or of a backbone."""

    run: Path | None = None  # fold by fold, so that no part of ours was seen by theirs
    backbone: Literal["listener"] | None = None  # the one that comes with the package
    part: str  # of the network, e.g. "image"; it takes the weights of that run's network

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.run is None) == (self.backbone is None):
            raise ValueError("start.run and start.backbone: name one of them")
        return self


class Recipe(_Section):
    """Everything a run depends on."""

    name: str
    about: str = ""
    corpus: Choice
    max_clips: PositiveInt | None = None  # use no more than so many clips, drawn evenly from the genres
    protocol: Protocol = Protocol()
    audio: Audio = Audio()
    frontend: Choice
    augment: tuple[Choice, ...] = ()  # done to training crops, one after another (see genrelab.augment)
    network: Choice
    start: Start | None = None
    train: Train = Train()
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)

    @property
    def split_seed(self) -> int:
        """Which of the possible divisions of the corpus, and of its parts if `max_clips` takes one."""
        return self.seed if self.protocol.seed is None else self.protocol.seed

    @property
    def window_samples(self) -> int:
        """Length of the network's window in samples."""
        return round(self.audio.window * self.audio.sample_rate)

    @property
    def hop_samples(self) -> int:
        """Distance between the windows of a whole clip in samples."""
        hop = self.audio.hop if self.audio.hop is not None else self.audio.window / 2
        return max(1, round(hop * self.audio.sample_rate))


class Members(_Section):
    """What an ensemble is made of (see genrelab.evaluation.ensembles)."""

    rule: Rule
    members: tuple[Path, ...] = Field(min_length=2)  # finished runs on the same corpus and split


class EnsembleRecipe(_Section):
    """Runs combined to one; nothing is trained."""

    name: str
    about: str = ""
    ensemble: Members


def quick(recipe: Recipe) -> Recipe:
    """Return what shows in a minute whether `recipe` runs at all: a few clips, one epoch, two folds at most."""
    update = {
        "name": f"{recipe.name} (quick)",
        "max_clips": min(recipe.max_clips or 80, 80),
        "protocol": recipe.protocol.model_copy(update={"folds": min(recipe.protocol.folds, 2)}),
        "train": recipe.train.model_copy(update={"epochs": 1}),
    }
    return recipe.model_copy(update=update)


def recipe_names() -> list[str]:
    """Return the names of the recipes in the package, as ``train`` takes them."""
    return sorted(recipe_files())


def load_recipe(name: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, merge it over its bases, apply overrides and check the whole.

    Parameters
    ----------
    name, overrides
        As for `genrelab.recipes.tree.read_tree`.

    Raises
    ------
    RecipeError
        The file is missing or is not YAML; a key is unknown; a value has the wrong type; parts do not fit together; it
        is an ensemble.
    """
    tree, path = read_tree(str(name), overrides)
    if "ensemble" in tree:  # before its keys are checked: an override is meant for something else
        raise RecipeError(
            f"{name}: is an ensemble, which is not trained but made of finished runs; `genrelab train {name}` makes it "
            "of those that its ensemble.members names"
        )
    return check_recipe(tree, str(path))


def load_any(name: str | Path, overrides: Sequence[str] = ()) -> Recipe | EnsembleRecipe:
    """Read a recipe that may be an ensemble's; see `load_recipe`."""
    tree, path = read_tree(str(name), overrides)
    if "ensemble" not in tree:
        return check_recipe(tree, str(path))
    try:
        return EnsembleRecipe.model_validate(tree)
    except ValidationError as error:
        raise RecipeError(f"{path}: {explain(error, EnsembleRecipe)}") from None


def check_recipe(tree: Mapping[str, Any], where: str) -> Recipe:
    """Turn a tree of plain values into a recipe; `where` begins the message of an error."""
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        raise RecipeError(f"{where}: {explain(error, Recipe)}") from None
    if recipe.protocol.name not in PROTOCOLS:
        raise RecipeError(f"{where}: protocol.name: {recipe.protocol.name!r} is not one of {', '.join(PROTOCOLS)}")
    parts: list[tuple[str, Choice, Mapping[str, Callable[..., Any]], Collection[str]]] = [
        ("corpus", recipe.corpus, CORPORA, ()),
        ("frontend", recipe.frontend, FRONTENDS, ("sample_rate",)),
        ("network", recipe.network, NETWORKS, GIVEN),
    ]
    checked: dict[str, Any] = {
        key: _checked(f"{where}: {key}", choice, registry, own) for key, choice, registry, own in parts
    }
    checked["augment"] = tuple(_check_augmentation(where, choice, recipe.audio) for choice in recipe.augment)
    return recipe.model_copy(update=checked)


def _checked(where: str, choice: Choice, registry: Mapping[str, Callable[..., Any]], own: Collection[str]) -> Choice:
    options = check_part(where, choice.kind, choice.options, registry, own)
    return Choice.model_validate({"kind": choice.kind} | options)


def _check_augmentation(where: str, choice: Choice, audio: Audio) -> Choice:
    """Check an augmentation's options by making it: only then it looks at their ranges."""
    if choice.kind not in AUGMENTATIONS:
        raise RecipeError(f"{where}: augment.kind: {choice.kind!r} is not one of {', '.join(AUGMENTATIONS)}")
    checked = _checked(f"{where}: augment.{choice.kind}", choice, AUGMENTATIONS, ("sample_rate",))
    try:
        build_augmentation(checked, audio)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None
    return checked


def build_augmentation(choice: Choice, audio: Audio) -> Augmentation[Any]:
    """Return the augmentation that a recipe's section describes."""
    kind: Callable[..., Augmentation[Any]] = AUGMENTATIONS[choice.kind]
    takes_rate = "sample_rate" in inspect.signature(kind).parameters
    return kind(**choice.options, **({"sample_rate": audio.sample_rate} if takes_rate else {}))
