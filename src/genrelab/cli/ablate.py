"""``genrelab ablate``: what each part of a recipe is worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.options import (
    Data,
    Folds,
    MaxClips,
    OwnStores,
    Processes,
    Protocols,
    Seeds,
    SharedThreads,
    overriding,
)

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

QUICK_CLIPS = 40


def ablate(
    study: Annotated[
        str, typer.Argument(help="representation, architecture, augmentation, hyperparameters, heads, or a file.")
    ],
    data: Data = None,
    recipe: Annotated[str | None, typer.Option(help="Start from this recipe instead of the study's own.")] = None,
    protocol: Protocols = None,
    folds: Folds = 3,
    seeds: Seeds = 3,
    set_: Annotated[list[str] | None, overriding("all variants")] = None,
    max_clips: MaxClips = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One epoch on a few clips, one seed, one fold: does it run?")
    ] = False,
    jobs: Processes = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The study's folder. [default: ablations/STUDY]")
    ] = None,
    stores: OwnStores = None,
    threads: SharedThreads = None,
) -> None:
    """Train variants of a recipe that differ in one thing, and tell which differences are larger than the noise.

    What is trained already is left as it is, so that the same command goes on after an interruption; several of them
    may work on one OUTPUT at the same time. OUTPUT/ablation.html shows what came of it.
    """
    import torch
    from rich.console import Console

    from genrelab.cli.console import progress_bars
    from genrelab.cli.overrides import corpus_overrides, corpus_section, recipe_overrides
    from genrelab.cli.streams import resumable
    from genrelab.studies.ablation import Plan, load_study, plan_jobs, write_study
    from genrelab.studies.jobs import train_all
    from genrelab.training.run import Options

    read = load_study(study, recipe)
    folder = output or Path("ablations") / read.name
    section = corpus_section(data)
    protocols, last = protocol or ["random", "artist-folds"], []
    if quick:
        section = section or {"kind": "toy", "root": str(folder / "toy"), "clips": QUICK_CLIPS}
        protocols, folds, seeds, max_clips = [protocols[0]], 1, 1, min(max_clips or 80, 80)
        last = ["train.epochs=1"]
    overrides = [*corpus_overrides(section), *recipe_overrides(None, set_, max_clips=max_clips)]
    if threads is not None:
        torch.set_num_threads(threads)
    plan = Plan(read, protocols, folds, range(seeds), overrides, last, study, recipe)
    planned = plan_jobs(plan, folder)
    console = Console(highlight=False)
    with resumable(), progress_bars() as progress:
        options = Options(stores=stores or folder / "stores")
        train_all(list(planned.values()), folder, options, jobs, progress, progress.console.print)
    _print(write_study(plan, planned, folder), read.baseline, console)
    console.print(f"{folder / 'ablation.html'} shows it, {folder / 'table.csv'} holds it.", soft_wrap=True)


def _print(table: "pd.DataFrame", baseline: str, console: "Console") -> None:
    """Print the table in a width that terminals have, and what it says."""
    from rich.table import Table

    from genrelab.evaluation.intervals import Interval
    from genrelab.report import words
    from genrelab.report.ablation import findings

    for protocol, sentences in findings(table, baseline).items():
        drawn = Table(box=None, pad_edge=False, title=protocol, title_justify="left", title_style="bold")
        drawn.add_column("variant", no_wrap=True)
        for column in ("accuracy (95 %)", "macro F1", "difference", "p", "parameters", "minutes"):
            drawn.add_column(column, justify="right")
        for line in table[table["protocol"] == protocol].to_dict("records"):
            span = words.span(Interval(line["low"], line["high"]), digits=1)
            own = line["variant"] == baseline
            drawn.add_row(
                line["variant"],
                f"{line['accuracy']:.1%} ({span})",
                f"{line['macro_f1']:.3f}",
                "" if own else words.points(line["difference"]),
                "" if own else f"{line['p']:.3f}",
                str(line["parameters"]),
                f"{line['minutes']:.1f}",
            )
        console.print(drawn)
        for sentence in sentences:
            console.print(sentence)
        console.print()
