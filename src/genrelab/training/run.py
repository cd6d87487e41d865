"""A recipe to a run: a folder that holds everything about it and can be gone on with at any time."""

import hashlib
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
import yaml
from rich.progress import Progress

from genrelab import __version__
from genrelab.audio.store import SampleStore
from genrelab.corpora import load_corpus
from genrelab.corpora.audit import artist_notes, audit, gate
from genrelab.corpora.corpus import Corpus
from genrelab.corpora.protocols import Split, make_splits, split_notes
from genrelab.errors import RunError
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import recipe_file
from genrelab.files import is_unused, remove_leftovers, require_folder, write_json, write_text
from genrelab.locks import reserved
from genrelab.networks.model import GenreModel
from genrelab.training.device import choose_device, cpu_has_bfloat16
from genrelab.training.feed import Store
from genrelab.training.fold import Fold, is_finished, read_fold_facts, recipe_model, require_frames, train_fold
from genrelab.training.processes import Processes, together
from genrelab.training.recipe import Recipe, check_recipe
from genrelab.training.start import require_same_splits
from genrelab.training.stores import open_store, open_views, view_augmentations
from genrelab.training.weights import load_weights

if TYPE_CHECKING:
    from lightning import Callback
    from lightning.pytorch.loggers import Logger

PACKAGES = (
    "torch",
    "lightning",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "soundfile",
    "soxr",
    "onnx",
    "onnxruntime",
)


@dataclass(frozen=True)
class Options:
    """What a person says beside the recipe.

    Parameters
    ----------
    resume
        Go on with a run that was interrupted.
    allow_leaks
        Train though the audit found leaks; they are then named in every report.
    stores
        Folder of the decoded corpora; None for the user's cache.
    jobs
        Threads that decode; None for one a core.
    parts
        Which parts of a split are judged in the end. What only chooses among recipes leaves the test part alone.
    """

    resume: bool = False
    allow_leaks: bool = False
    stores: Path | None = None
    jobs: int | None = None
    parts: tuple[str, ...] = ("validation", "test")


def train(
    recipe: Recipe,
    folder: Path,
    options: Options = Options(),
    progress: Progress | None = None,
    loggers: "Callable[[Path], Sequence[Logger | Callback]]" = lambda folder: (),
) -> Predictions:
    """Train a recipe on every fold of its protocol; see `train_folds`.

    Returns
    -------
    Predictions
        The table that was written as ``predictions.parquet``: the validation and test clips of all folds.
    """
    train_folds(recipe, folder, None, options, progress, loggers)
    return Predictions.read(folder / "predictions.parquet")


def train_folds(
    recipe: Recipe,
    folder: Path,
    folds: Sequence[int] | None,
    options: Options = Options(),
    progress: Progress | None = None,
    loggers: "Callable[[Path], Sequence[Logger | Callback]]" = lambda folder: (),
) -> bool:
    """Train some folds of a recipe's protocol, perhaps beside other programs that train the others in the same folder.

    Parameters
    ----------
    recipe
        What to train.
    folder
        The run folder. It must not exist yet, or `options.resume` be set and it hold a run of the same recipe.
    folds
        Their numbers; none at all decodes the corpus, checks the split and begins the folder. None is all of them.
    options
        What a person says beside the recipe.
    progress
        Where to draw progress; None for silence.
    loggers
        Makes the Lightning loggers and callbacks of a fold from its folder.

    Returns
    -------
    bool
        Whether the run is whole and this process wrote what it ends with: its predictions and its summary. Whoever
        finishes the last fold does.

    Raises
    ------
    RecipeError, CorpusError, LeakError, RunError
        Each with one sentence that says what to do.
    """
    with together() as processes, ExitStack() as held:
        if processes.first:
            _reserve(held, folder, range(recipe.protocol.folds) if folds is None else folds)
        return _train_folds(recipe, folder, folds, options, processes, progress if processes.first else None, loggers)


def _train_folds(
    recipe: Recipe,
    folder: Path,
    folds: Sequence[int] | None,
    options: Options,
    processes: Processes,
    progress: Progress | None,
    loggers: "Callable[[Path], Sequence[Logger | Callback]]",
) -> bool:
    if folds is None or folds:  # what only prepares may do so beside no GPU
        choose_device(recipe.train.device, processes.devices(recipe.train.devices))
    if processes.first:
        check_folder(folder, recipe.to_yaml(), options.resume, folds)
    corpus, store, views = _open(recipe, options, processes, progress)
    splits = recipe_splits(recipe, corpus)
    if folds and max(folds) >= len(splits):
        raise RunError(
            f"{folder}: there is no fold {max(folds)}; the recipe's protocol has folds 0 to {len(splits) - 1}"
        )
    sound = store if isinstance(store, SampleStore) else None
    found = audit(corpus, splits, sound, forbid_artists=recipe.protocol.name == "artist-folds")
    leaks = gate(found, options.allow_leaks)
    if recipe.start is not None:
        require_same_splits(recipe.start, splits_digest(corpus, splits))
    places = [folder / f"fold-{split.fold}" for split in splits]
    surroundings = folder / "environment.json"
    if processes.first:
        _claim(folder, recipe, corpus, splits)
        if not (all(map(is_finished, places)) and surroundings.is_file()):  # else it is of those who trained
            write_json(surroundings, environment())
    for split, place in zip(splits, places, strict=True):
        if folds is None or split.fold in folds:
            one = Fold(recipe, corpus, store, split, place, options.parts, views)
            train_fold(one, processes, progress, loggers(place))
    if not processes.first or not all(map(is_finished, places)):
        return False
    tables = [pd.read_parquet(place / "predictions.parquet") for place in places]
    predictions = Predictions(pd.concat(tables, ignore_index=True), info=_info(recipe, corpus, leaks))
    predictions.write(folder / "predictions.parquet")
    by, protocol = recipe.protocol.group_by, recipe.protocol.name
    notes = [*corpus.notes, *split_notes(corpus, protocol, by), *artist_notes(found, protocol)]
    write_json(folder / "run.json", _summary(recipe, corpus, folder, len(tables), leaks, notes, store))
    return True


def _open(
    recipe: Recipe, options: Options, processes: Processes, progress: Progress | None
) -> tuple[Corpus, Store, list[Store]]:
    """Return the clips that a recipe learns from, without bad ones, their samples or examples, and augmented views."""
    corpus = load_corpus(recipe.corpus.kind, **recipe.corpus.options)
    if recipe.max_clips is not None:
        corpus = corpus.subset(recipe.max_clips, recipe.split_seed)
    # What cannot be built shall fail before hours of decoding.
    model = recipe_model(recipe, len(corpus.genres))
    view_augmentations(recipe, corpus)
    require_frames(recipe, model)
    making = options.stores, options.jobs, progress
    if processes.first:
        opened = open_store(recipe, corpus, *making)
    processes.agreed()
    store, readable = opened if processes.first else open_store(recipe, corpus, *making)
    return readable, store, open_views(recipe, corpus, *making)


def recipe_splits(recipe: Recipe, corpus: Corpus) -> list[Split]:
    """Split a corpus as a recipe's protocol says."""
    protocol = recipe.protocol
    return make_splits(
        corpus,
        protocol.name,
        folds=protocol.folds,
        seed=recipe.split_seed,
        validation=protocol.validation,
        test=protocol.test,
        group_by=protocol.group_by,
        column=protocol.column,
    )


def load_run_recipe(folder: Path) -> Recipe:
    """Read the resolved recipe of a run.

    Raises
    ------
    RunError
        `folder` is not a run.
    """
    path = recipe_file(folder)
    try:
        return check_recipe(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise RunError(f"{path}: not YAML; the run is damaged, train it again") from None


def load_models(folder: Path, genres: int, folds: Sequence[int]) -> list[GenreModel]:
    """Return the best models of some folds of a run, in evaluation mode on the CPU."""
    recipe = load_run_recipe(folder)
    models = []
    for fold in folds:
        model = recipe_model(recipe, genres)
        load_weights(model, folder / f"fold-{fold}" / "best.safetensors")
        models.append(model.eval())
    return models


def environment() -> dict[str, Any]:
    """Return what a result may depend on beside the recipe: versions, machine, threads."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "genrelab": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "bfloat16": cpu_has_bfloat16(),
        "packages": versions,
    }


def splits_digest(corpus: Corpus, splits: Sequence[Split]) -> str:
    """Return what ``splits.sha256`` of a run holds: a hash of its genres and of each fold's parts, clip by clip."""
    parts = [(split.fold, sorted(split.parts.items())) for split in splits]
    return hashlib.sha256(repr((corpus.genres, parts)).encode()).hexdigest() + "\n"


def _reserve(held: ExitStack, folder: Path, folds: Iterable[int]) -> None:
    """Keep other processes from training the same folds in the same folder until `held` closes."""
    for fold in sorted(set(folds)):
        if not held.enter_context(reserved(folder / f"fold-{fold}")):
            raise RunError(
                f"{folder}: another process is training fold {fold} of this run; "
                "wait for it, or choose another --output"
            )


def check_folder(folder: Path, recipe: str, resume: bool, folds: Sequence[int] | None = None) -> None:
    """Refuse a folder that holds anything but an interrupted run of just this recipe that shall go on.

    Parameters
    ----------
    folder
        The run folder, there or not.
    recipe
        The resolved recipe as YAML.
    resume
        Whether a run there shall go on.
    folds
        Those that shall be trained; the others' folders may be in others' hands. None is all of them.

    Raises
    ------
    RunError
        The folder is taken.
    OSError
        Nothing can be written there.
    """
    require_folder(folder)
    path = folder / "recipe.yaml"
    if resume:
        for place in [folder] if folds is None else [folder / f"fold-{fold}" for fold in folds]:
            remove_leftovers(place)
    if path.is_file():
        if not resume:
            raise RunError(f"{folder}: already holds a run; add --resume to go on with it, or choose another --output")
        if path.read_text(encoding="utf-8") != recipe:
            raise RunError(f"{folder}: holds a run of another recipe (see its recipe.yaml); choose another --output")
    elif not is_unused(folder):
        raise RunError(f"{folder}: is not empty and holds no run; choose another --output")


def _claim(folder: Path, recipe: Recipe, corpus: Corpus, splits: list[Split]) -> None:
    """Begin the run folder, or see that the corpus and its splits are those that the run began with."""
    digest = splits_digest(corpus, splits)
    mark = folder / "splits.sha256"
    if mark.is_file() and mark.read_text() != digest:
        raise RunError(f"{folder}: the corpus or its split has changed since this run began; choose another --output")
    write_text(folder / "recipe.yaml", recipe.to_yaml())  # first: it is what makes the folder a run
    write_text(mark, digest)


def _info(recipe: Recipe, corpus: Corpus, leaks: list[str]) -> dict[str, Any]:
    protocol = recipe.protocol.model_dump(mode="json")
    return {
        "name": recipe.name,
        "corpus": corpus.name,
        "protocol": protocol["name"],
        "folds": protocol["folds"],
        "seed": recipe.seed,
        "leaks": leaks,
    }


def _summary(
    recipe: Recipe, corpus: Corpus, folder: Path, folds: int, leaks: list[str], notes: list[str], store: Store
) -> dict[str, Any]:
    places = [folder / f"fold-{fold}" for fold in range(folds)]
    facts = [read_fold_facts(place) for place in places]
    finished = max((place / "fold.json").stat().st_mtime for place in places)
    return _info(recipe, corpus, leaks) | {
        "folds": folds,
        "genres": list(corpus.genres),
        "clips": len(corpus.clips),
        "parameters": facts[0]["parameters"],
        "minutes": sum(float(str(fact["minutes"])) for fact in facts),
        "peak_memory_mb": max(float(str(fact["peak_memory_mb"])) for fact in facts),
        "device": facts[0]["device"],
        "left_out": store.quarantine,
        "notes": notes,
        "licence": corpus.licence,
        "citation": corpus.citation,
        "created": datetime.fromtimestamp(finished, UTC).isoformat(timespec="seconds"),
    }
