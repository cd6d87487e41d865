"""``genrelab tune``: better values for a recipe's keys."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.options import Data, MaxClips, OwnStores, RecipeName, Threads, overriding


class Pruner(StrEnum):
    """How hopeless trials are found."""

    median = "median"
    hyperband = "hyperband"
    none = "none"


def tune(
    recipe: RecipeName,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|KEY=FORM",
            help="A .yaml file, or e.g. train.lr=log:1e-4:1e-2, network.units=int:16:128, train.batch_size=16,32. "
            "[default: lr, weight decay, dropout, batch size, label smoothing, width: those that the recipe has]",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="How many in all, of all processes.")] = 20,
    data: Data = None,
    set_: Annotated[list[str] | None, overriding("all trials")] = None,
    max_clips: MaxClips = None,
    folds: Annotated[int, typer.Option(min=1, help="How many of the protocol's folds a trial trains.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the choices; the recipe has its own.")] = 0,
    pruner: Annotated[Pruner, typer.Option(help="How hopeless trials are found and stopped.")] = Pruner.median,
    seconds: Annotated[float | None, typer.Option(min=0, help="Begin no trial later than that.")] = None,
    study: Annotated[str | None, typer.Option(help="The study's name in its journal. [default: the recipe's]")] = None,
    journal: Annotated[Path | None, typer.Option(help="The journal. [default: OUTPUT/journal.log]")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[default: tuning/STUDY]")] = None,
    stores: OwnStores = None,
    threads: Threads = None,
) -> None:
    """Try values of a recipe's keys, judged by validation alone, and write the best ones as a recipe.

    The same command goes on after an interruption; started several times, also on machines that share the disk, it
    shares the trials out. OUTPUT/best.yaml is the best recipe, OUTPUT/tuning.png shows all trials.
    """
    import shlex

    import torch
    from rich.console import Console
    from rich.markup import escape

    from genrelab.cli.console import progress_bars
    from genrelab.cli.overrides import recipe_overrides
    from genrelab.cli.streams import resumable
    from genrelab.studies.tuning import Plan, Tuning
    from genrelab.training.run import Options

    if threads is not None:
        torch.set_num_threads(threads)
    name = study or (Path(recipe).stem if recipe.endswith((".yaml", ".yml")) else recipe).replace("/", "-")
    folder = output or Path("tuning") / name
    plan = Plan(
        recipe,
        recipe_overrides(data, None),
        recipe_overrides(None, set_, max_clips=max_clips),
        space or [],
        trials,
        folds,
        seed,
        pruner.value,
        seconds,
    )
    tuning = Tuning(plan, folder, journal or folder / "journal.log", name)
    with resumable(), progress_bars() as progress:

        def say(line: str) -> None:
            for task in progress.task_ids:  # of dozens of trials, the bar of the present one is enough
                progress.update(task, visible=False)
            progress.console.print(line, soft_wrap=True)

        tuning.work(Options(stores=stores or folder / "stores"), progress, say)
    best = tuning.write()
    console = Console(highlight=False)
    objective = tuning.recipe.train.monitor
    console.print(f"Trial {best.number} is the best: {objective} {best.value:.4f}.")
    for key, value in best.params.items():
        console.print(f"  {key}: {value:.4g}" if isinstance(value, float) else f"  {key}: {value}")
    for key, share in tuning.importances().items():
        console.print(f"  {share:.0%} of the differences come from {key}")
    running = int((tuning.table()["state"] == "running").sum())
    if running:
        console.print(f"{running} trials are still running in other processes; they write all this anew.")
    command = ["genrelab", "train", str(folder / "best.yaml"), *(["--data", str(data)] if data else [])]
    console.print(
        f"{escape(shlex.join(command))} trains the best recipe. The best of many trials flatters its figure; "
        "only the test part of a run says how good it is.",
        soft_wrap=True,
    )
