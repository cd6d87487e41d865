"""``genrelab train``: a recipe to a run."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelab.cli.console import plain
from genrelab.cli.options import MaxClips, RecipeName, Stores, Threads, overriding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning.pytorch.loggers import Logger

TRACKERS = ("tensorboard", "wandb")


def train(
    recipe: RecipeName,
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
    set_: Annotated[list[str] | None, overriding("the recipe, e.g. train.lr=3e-4")] = None,
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
    max_clips: MaxClips = None,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Train though the split leaks; reports will say so.")
    ] = False,
    track: Annotated[
        list[str] | None, typer.Option(help="Also log to tensorboard or wandb (offline unless WANDB_API_KEY is set).")
    ] = None,
    stores: Stores = None,
    threads: Threads = None,
) -> None:
    """Train a recipe on every fold of its protocol, then evaluate it.

    The run folder holds the resolved recipe, the environment, history, weights, predictions, figures and report.html.
    Killed at any moment, a run goes on with --resume and ends as if nothing had happened.
    """
    import torch

    from genrelab.cli.console import progress_bars
    from genrelab.cli.overrides import recipe_overrides
    from genrelab.cli.streams import resumable
    from genrelab.training import run
    from genrelab.training.ensemble import combine_runs
    from genrelab.training.recipe import EnsembleRecipe, load_any
    from genrelab.training.recipe import quick as quickly

    resolved = load_any(recipe, recipe_overrides(data, set_, seed=seed, max_clips=max_clips))
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
    with resumable("the same command with --resume goes on from here"), progress_bars() as progress:
        whole = run.train_folds(resolved, folder, [] if prepare else only_fold or None, options, progress, loggers)
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
        folder.mkdir(parents=True, exist_ok=True)
        made: list[Any] = []
        if "tensorboard" in track:
            from lightning.pytorch.loggers import TensorBoardLogger

            made.append(TensorBoardLogger(folder, name="tensorboard", version=""))
        if "wandb" in track:
            from lightning.pytorch.loggers import WandbLogger

            offline = "WANDB_API_KEY" not in os.environ
            made.append(WandbLogger(name=f"{name}-{folder.name}", project="genrelab", save_dir=folder, offline=offline))
        return made

    return make
