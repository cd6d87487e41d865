"""``genrelab info``: what is installed, what it runs on, and what the bundle is worth."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelab.cli.options import BundleName
from genrelab.errors import GenrelabError, printable
from genrelab.files import cache_folder
from genrelab.recipes import recipe_files

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = """
    numpy soundfile soxr onnxruntime typer rich mutagen av torch lightning torchmetrics scipy scikit-learn pandas
    pyarrow safetensors onnx onnxscript pydantic matplotlib captum umap-learn optuna tensorboard wandb
    fastapi gradio ray
"""
EXTRAS = {"media": "av", "train": "torch", "track": "wandb", "serve": "fastapi", "cluster": "ray"}
NONE = "none"


class Form(StrEnum):
    """How the facts are written."""

    TEXT = "text"
    JSON = "json"


def info(
    bundle: BundleName = None,
    format_: Annotated[Form, typer.Option("--format", "-f", help="For people, or for programs.")] = Form.TEXT,
) -> None:
    """Print versions, devices, decoders, the cache, recipes, and what a bundle knows and how well."""
    facts = {
        "versions": _versions(),
        "devices": _devices(),
        "formats": _formats(),
        "cache": _cache(),
        "recipes": sorted(recipe_files()),
        "bundle": _bundle(bundle),
    }
    if format_ is Form.JSON:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _print(facts)


def _versions() -> dict[str, str]:
    """Return what is installed, read from its metadata: importing it all would take seconds."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from genrelab import __version__

    versions = {"genrelab": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES.split():
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _devices() -> list[str]:
    """Return what training and bundles can run on; without PyTorch that is the processors."""
    import os
    from importlib.util import find_spec

    from genrelab.audio.processors import processors

    devices = [f"cpu ({processors()} of {os.cpu_count()} processors)"]
    if find_spec("torch") is not None:
        import torch

        devices += [f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(torch.cuda.device_count())]
        devices += ["mps"] if torch.backends.mps.is_available() else []
    return devices


def _cache() -> str:
    try:
        return str(cache_folder())
    except GenrelabError as error:  # of a user without a home folder
        return str(error)


def _formats() -> dict[str, str]:
    """Return which sound files can be read, and by what."""
    import soundfile

    from genrelab.audio import media

    known = {*soundfile.available_formats(), *soundfile.available_subtypes()}
    readable = [name.lower() for name in ("WAV", "AU", "AIFF", "FLAC", "OGG", "OPUS", "MP3") if name in known]
    readable += ["mp2"] if "MPEG_LAYER_II" in known else []
    optional = "m4a aac wma webm mka ape wv mpc tta tak dsf ac3 eac3"
    return {
        f"libsndfile {soundfile.__libsndfile_version__}": " ".join(readable),
        "PyAV": optional if media.available() else f"not installed ({optional} need: pip install 'genrelab[media]')",
    }


def _bundle(path: Path | None) -> dict[str, Any]:
    from genrelab.bundles.session import find_bundle, open_bundle
    from genrelab.errors import BundleError

    try:
        path = find_bundle(path)
    except BundleError as error:
        if path is not None:
            raise
        return {"error": str(error)}
    _, metadata = open_bundle(path)
    return {"path": str(path), "bytes": path.stat().st_size, **json.loads(metadata.to_json())}


def _print(facts: "Mapping[str, Any]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from genrelab.bundles.prediction import as_utf8

    console = Console(highlight=False)

    def section(title: str, rows: "Mapping[str, str]") -> None:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows.items():
            # A bundle is anyone's: what its metadata hold is neither markup nor a command to the terminal.
            table.add_row(*(Text(printable(as_utf8(text))) for text in (f"  {name}", value)))
        console.print(Text(title, "bold"))
        console.print(table)

    versions = facts["versions"]
    missing = [extra for extra, package in EXTRAS.items() if package not in versions]
    section("versions", versions | {"not installed": ", ".join(f"genrelab[{extra}]" for extra in missing) or NONE})
    section("runs on", {"": ", ".join(facts["devices"])})
    section("reads", facts["formats"])
    section("keeps what can be made again in", {"": facts["cache"]})
    section("recipes", {"": " ".join(facts["recipes"]) or NONE})
    section("bundle", describe(facts["bundle"]))


def describe(bundle: "Mapping[str, Any]") -> dict[str, str]:
    """Return a bundle's metadata as named lines; no figure without its interval, protocol and number of clips."""
    if "error" in bundle:
        return {"": str(bundle["error"])}
    rate = bundle["sample_rate"]
    lines = {
        "name": str(bundle["name"]),
        "path": f"{bundle['path']} ({bundle['bytes'] / 2**20:.1f} MiB)",
        "genres": ", ".join(bundle["genres"]),
        **{f"vocabulary {name}": ", ".join(genres) for name, genres in bundle["vocabularies"].items()},
        **({"tags": ", ".join(bundle["tags"])} if bundle["tags"] else {}),
        "hears": f"windows of {bundle['window'] / rate:.3g} s at {rate} Hz",
        "unknown": _unknown(bundle),
        "licence": bundle["licence"] or "not stated",
        "made": f"{bundle['created'] or 'at an unknown time'} by genrelab {bundle['genrelab_version'] or '(unknown)'}",
    }
    metrics = dict(bundle["metrics"])
    if not metrics:
        return lines | {"measured": "not at all: its metadata hold no figures, so expect nothing of it"}
    told = ("corpus", "protocol", "folds", "clips", "heard")
    context = ", ".join(f"{key} {metrics[key]}" for key in told if key in metrics)
    lines["measured on"] = context or "not stated"
    for leak in metrics.get("leaks") or ():
        lines["LEAK"] = f"{lines['LEAK']}; {leak}" if "LEAK" in lines else str(leak)
    return lines | {key.replace("_", " "): _figure(value) for key, value in metrics.items() if isinstance(value, dict)}


def _unknown(bundle: "Mapping[str, Any]") -> str:
    below, above = bundle["unknown_below"], bundle["unknown_above"]
    reasons = ["silence"]
    reasons += [f"probability below {below:.1%}"] if below else []
    reasons += [f"strangeness above {above:.3g}"] if above is not None else []
    return ", ".join(reasons)


def _figure(figure: "Mapping[str, Any]") -> str:
    value = f"{figure['value']:.1%}" if isinstance(figure.get("value"), int | float) else "not stated"
    if isinstance(figure.get("low"), int | float) and isinstance(figure.get("high"), int | float):
        return f"{value} (95 % interval {figure['low']:.1%} to {figure['high']:.1%})"
    return f"{value} (no interval)"
