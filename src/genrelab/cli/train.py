"""``genrelab train``: a recipe to a run."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelab.cli.console import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lightning.pytorch.loggers import Logger

TRACKERS = ("tensorboard", "wandb")


def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe file, or the name of one that comes along (see `genrelab info`).")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Your own data: a table (.csv, .tsv, .parquet, .jsonl) or a folder with one subfolder a genre; or the "
            "folder that GTZAN or FMA was unpacked into."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The run folder. [default: runs/NAME-PROTOCOL-SEED]")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the recipe, e.g. train.lr=3e-4."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The recipe's seed.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    only_fold: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Train this fold alone; whoever finishes the last one joins them. Repeatable."),
    ] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Decode, check the split, begin the run; no more.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A few clips, one epoch: does it run?")] = False,
    max_clips: Annotated[int | None, typer.Option(min=2, help="Use no more than so many clips.")] = None,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Train though the split leaks; reports will say so.")
    ] = False,
    track: Annotated[
        list[str] | None, typer.Option(help="Also log to tensorboard or wandb (offline unless WANDB_API_KEY is set).")
    ] = None,
    stores: Annotated[Path | None, typer.Option(help="Folder of decoded audio. [default: the user's cache]")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of PyTorch on the CPU. [default: one a core]")
    ] = None,
) -> None:
    """Train a recipe on every fold of its protocol, then evaluate it.

    The run folder holds the resolved recipe, the environment, history, weights, predictions, figures and report.html.
    Killed at any moment, a run goes on with --resume and ends as if nothing had happened.
    """
    import torch

    from genrelab.cli.console import progress_bars
    from genrelab.errors import Terminated
    from genrelab.training import run
    from genrelab.training.ensemble import combine_runs
    from genrelab.training.recipe import EnsembleRecipe, load_any
    from genrelab.training.recipe import quick as quickly

    overrides = [*corpus_overrides(corpus_section(data) if data else {}), *(set_ or [])]
    overrides += [f"seed={seed}"] if seed is not None else []
    overrides += [f"max_clips={max_clips}"] if max_clips is not None else []
    resolved = load_any(recipe, overrides)
    if isinstance(resolved, EnsembleRecipe):
        folder = output or Path("runs") / _folder_name(resolved.name)
        combine_runs(resolved, folder, resume)
        _show(folder)
        return
    if quick:
        resolved = quickly(resolved)
    if threads is not None:
        torch.set_num_threads(threads)
    name = _folder_name(resolved.name)
    folder = output or Path("runs") / f"{name}-{resolved.protocol.name}-{resolved.seed}"
    options = run.Options(resume=resume, allow_leaks=allow_leaks, stores=stores)
    loggers = _loggers(track or [], name)
    with progress_bars() as progress:
        try:
            whole = run.train_folds(resolved, folder, [] if prepare else only_fold or None, options, progress, loggers)
        except (KeyboardInterrupt, Terminated):
            progress.console.print("interrupted: the same command with --resume goes on from here")
            raise
    if whole:
        _show(folder)
    elif prepare or only_fold:
        typer.echo(f"{folder}: other folds are still to be trained before there is anything to judge", err=True)


def _folder_name(recipe: str) -> str:
    """Return a recipe's name without what a shell wants quoted: letters, digits, dots and hyphens."""
    return re.sub(r"[^\w.-]+", "-", recipe).strip("-")


def _show(folder: Path) -> None:
    """Judge a finished run and print how well it did."""
    from rich.console import Console

    from genrelab.cli.evaluate import print_metrics
    from genrelab.report.run import evaluate_run

    print_metrics(evaluate_run(folder))
    Console().print(f"[bold]{plain(folder / 'report.html')}[/] shows it all.", highlight=False)


def corpus_section(data: Path) -> dict[str, Any]:
    """Return a recipe's corpus section for what lies at `data`: a published corpus, or one's own."""
    from genrelab.errors import RecipeError

    place = str(data.absolute())
    if data.is_dir():
        return {**_folder_of(data.absolute()), "root": place}
    if data.is_file():
        with data.open("rb") as file:
            columns = file.readline(10_000)
        # GTZAN 2.0's feature tables; any other table says what its clips are.
        return {"kind": "gtzan-tables" if b"chroma_stft_mean" in columns else "table", "path": place}
    raise RecipeError(f"--data {data}: there is no such table (.csv, .tsv, .parquet, .jsonl) or folder")


def _folder_of(data: Path) -> dict[str, Any]:
    """Return the kind of a folder's corpus. Published ones are known by their folders' names, as they are unpacked."""
    from genrelab.corpora.gtzan_facts import GENRES

    if (data / "images_original").is_dir():
        return {"kind": "gtzan-pictures"}
    if any((data / name).is_dir() for name in ("genres", "genres_original")):
        return {"kind": "gtzan"}
    if (data / "Data" / "images_original").is_dir():
        return {"kind": "gtzan-pictures"}
    for subset in ("small", "medium", "large"):
        # Its own folders, 000 to 155, would pass for genres.
        if data.name == f"fma_{subset}" or (data / f"fma_{subset}").is_dir():
            return {"kind": "fma", "subset": subset}
    # What genres/ holds, under whatever name: its artists, repeats and lists are known.
    clips = min(len(list((data / genre).glob(f"{genre}.[0-9][0-9][0-9][0-9][0-9].*"))) for genre in GENRES)
    if not clips:
        return {"kind": "folder"}
    # Where much is missing a part of it is meant, and its notes say so; where little is, the copy is damaged.
    return {"kind": "gtzan"} if clips > 90 else {"kind": "gtzan", "partial": True}


def corpus_overrides(section: "Mapping[str, object]") -> list[str]:
    """Return a corpus section as overrides, ``key=value``."""
    import json

    # YAML reads JSON, and mistakes nothing in it for its own.
    return [f"corpus.{key}={json.dumps(value)}" for key, value in section.items()]


def _loggers(track: list[str], name: str) -> "Callable[[Path], Sequence[Logger]]":
    """Return what makes the loggers that were asked for, for each fold's folder."""
    import os
    from importlib.util import find_spec

    from genrelab.errors import RecipeError

    for tracker in track:
        if tracker not in TRACKERS:
            raise RecipeError(f"--track {tracker}: not one of {', '.join(TRACKERS)}")
        if find_spec(tracker) is None:
            raise RecipeError(f"--track {tracker}: is not installed; pip install 'genrelab[track]'")

    def make(folder: Path) -> "list[Logger]":
        from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

        folder.mkdir(parents=True, exist_ok=True)
        made: list[Any] = []
        if "tensorboard" in track:
            made.append(TensorBoardLogger(folder, name="tensorboard", version=""))
        if "wandb" in track:
            offline = "WANDB_API_KEY" not in os.environ
            made.append(WandbLogger(name=f"{name}-{folder.name}", project="genrelab", save_dir=folder, offline=offline))
        return made

    return make
