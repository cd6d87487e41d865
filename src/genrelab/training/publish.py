"""A finished run to a bundle: calibrated on its validation parts, described by its test parts."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from genrelab import __version__
from genrelab.backbones.teacher import can_be_whole, save_heads, write_bundle
from genrelab.bundles.export import export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.errors import BundleError
from genrelab.evaluation.calibration import apply_temperature, fit_temperature, unknown_threshold
from genrelab.evaluation.intervals import Interval, bootstrap
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import read_summary
from genrelab.training.ensemble import load_ensembles, read_ensemble
from genrelab.training.recipe import Recipe
from genrelab.training.run import load_models, load_run_recipe

HEADS = ".safetensors"
REPORTED = ("accuracy", "balanced_accuracy", "macro_f1")


def export_run(folder: Path, path: Path, fold: int | None = None, name: str | None = None, licence: str = "") -> float:
    """Write the networks of a run as a bundle.

    Parameters
    ----------
    folder
        A finished run.
    path
        The ``.onnx`` file to write; of a run on frozen networks a ``.safetensors`` file takes its heads alone.
    fold
        The fold whose network to take; None takes the mean of all folds' logits.
    name
        What the bundle calls itself; None for the recipe's name.
    licence
        The terms of the weights.

    Returns
    -------
    float
        The deviation of the bundle from PyTorch (see `export_bundle`).

    Raises
    ------
    RunError
        The run is not finished, or has no such fold.
    BundleError
        The bundle deviates from PyTorch.
    """
    ensemble, summary = read_ensemble(folder), read_summary(folder, fold)
    folds = range(summary["folds"]) if fold is None else [fold]
    models: Sequence[nn.Module]
    if ensemble is not None:
        models, recipe, extractor = load_ensembles(ensemble, folds)
        written: dict[str, Any] = {"name": ensemble.name, "rule": ensemble.ensemble.rule, "members": summary["members"]}
    else:
        recipe = load_run_recipe(folder)
        models = trained = load_models(folder, len(summary["genres"]), folds)
        kind, options = trained[0].frontend.extraction or ("", {})
        extractor = {"kind": kind, **options} if kind else {}
        # A corpus' options are places on the machine that trained, nobody else's business.
        written = recipe.model_dump(mode="json") | {"corpus": {"kind": recipe.corpus.kind, "name": summary["corpus"]}}
        if recipe.start is not None and recipe.start.run is not None:
            written["start"]["run"] = recipe.start.run.name
    metadata = replace(describe(folder, recipe, len(folds) > 1, licence), extractor=extractor, recipe=written)
    if name:
        metadata = replace(metadata, name=name)
    if ensemble is None and can_be_whole(metadata):
        if path.suffix == HEADS:
            save_heads(trained, metadata, path)
            return 0.0
        # Layers that hardly vary in training make one graph deviate where the networks round: then heads alone,
        # which take what the fetched networks say.
        with suppress(BundleError):
            return write_bundle(trained, metadata, path)
    return export_bundle(models, metadata, path)


def describe(folder: Path, recipe: Recipe, averaged: bool, licence: str = "") -> Metadata:
    """Return what a bundle of a run says about itself: calibrated on its validation parts, measured on its test parts.

    Parameters
    ----------
    folder
        A finished run.
    recipe
        Its recipe, or that of its members.
    averaged
        Whether the bundle averages several folds' networks, which were measured one by one.
    licence
        The terms of the weights.
    """
    summary, predictions = read_summary(folder), Predictions.read(folder / "predictions.parquet")
    validation, test = predictions.part("validation"), predictions.part("test")
    temperature = fit_temperature(validation)
    corpus = f"{summary['corpus']}, {summary['licence'] or 'licence not stated'}"
    values, intervals = metrics(test), bootstrap(test)
    return Metadata(
        name=summary["name"],
        genres=tuple(summary["genres"]),
        sample_rate=recipe.audio.sample_rate,
        window=recipe.window_samples,
        hop=recipe.hop_samples,
        temperature=temperature,
        unknown_below=unknown_threshold(apply_temperature(validation, temperature)),
        metrics={
            "protocol": summary["protocol"],
            "corpus": summary["corpus"],
            "folds": summary["folds"],
            "seed": summary["seed"],
            "clips": len(test.table),
            "leaks": summary["leaks"],
            "measured": "single folds' networks" if averaged else "this network",
            **_heard(recipe),
        }
        | {key: {"value": values[key], **_bounds(intervals[key])} for key in REPORTED},
        licence=f"{licence or 'not stated'}; trained on {corpus}",
        genrelab_version=__version__,
    )


def _heard(recipe: Recipe) -> dict[str, str]:
    """Return what of a clip was judged where it was not all of it; a classifier hears a whole file in any case."""
    if recipe.audio.crop == "random":
        return {}
    place = {"start": "first", "centre": "middle"}[recipe.audio.crop]
    return {"heard": f"the {place} {recipe.audio.window:g} s of each alone"}


def _bounds(interval: Interval) -> dict[str, float | None]:
    """Return an interval for JSON, which knows no NaN: a single track has no bounds."""
    return {key: value if math.isfinite(value) else None for key, value in interval._asdict().items()}
