"""``genrelab reproduce``: the published systems, row by row."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.options import Folds, OwnStores, Processes, Protocols, Seeds, SharedThreads, overriding

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

QUICK_CLIPS = 40


def reproduce(
    rows: Annotated[
        list[str] | None,
        typer.Argument(help="Recipes, e.g. fma-cnn gtzan-m5 (see `genrelab info`), or files of yours."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every published row; hours.")] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="One epoch on a few synthesised clips, export, classify: does it work?"),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Sound to learn from, as for `genrelab train`. [default: synthesised music]"),
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="GTZAN 2.0's pictures, for the image rows.")] = None,
    table: Annotated[Path | None, typer.Option(help="Its features_30_sec.csv, for the rows of columns.")] = None,
    pieces_table: Annotated[Path | None, typer.Option(help="Its features_3_sec.csv (or 10).")] = None,
    protocol: Protocols = None,
    folds: Folds = 3,
    seeds: Seeds = 3,
    short: Annotated[
        bool, typer.Option("--short", help="Take the rows' variants for clips of 2 to 3 seconds.")
    ] = False,
    set_: Annotated[list[str] | None, overriding("every recipe, e.g. max_clips=100")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the runs.")] = Path("reproduced"),
    jobs: Processes = 1,
    stores: OwnStores = None,
    threads: SharedThreads = None,
) -> None:
    """Train published rows with several protocols and seeds, and print what came of it.

    What is trained already is left as it is, so that the same command goes on after an interruption; several of them
    may work on one OUTPUT at the same time. The table is written to OUTPUT/reproduced.csv.
    """
    import torch
    from rich.console import Console

    from genrelab.cli.console import progress_bars
    from genrelab.cli.overrides import corpus_section
    from genrelab.cli.streams import resumable
    from genrelab.corpora import load_corpus
    from genrelab.errors import GenrelabWarning, RecipeError
    from genrelab.files import write_csv
    from genrelab.report.run import evaluate_run
    from genrelab.studies.reproduce import Data, Plan, prove, published_rows, summarise, waves
    from genrelab.studies.reproduce import reproduce as train
    from genrelab.training.run import Options

    if bool(rows) == all_:
        raise RecipeError("name the rows to reproduce, or give --all")
    if threads is not None:
        torch.set_num_threads(threads)
    names = list(rows or published_rows())
    waves(names)  # a row that there is not is told before anything is made
    if quick:
        toy = {"root": str(output / "toy"), "clips": QUICK_CLIPS}
        sound = Path(load_corpus("toy", **toy).clips["path"].iloc[0])
        sections = Data({"kind": "toy", **toy})
        plan = Plan(names, sections, ["random"], 1, [0], ["train.epochs=1", *(set_ or [])], short=True)
    else:
        if not any((data, pictures, table, pieces_table)) and not any(one.startswith("corpus.") for one in set_ or []):
            warnings.warn(
                "no --data: the rows learn from synthesised music (the toy corpus); figures say nothing of real music",
                GenrelabWarning,
                stacklevel=2,
            )
        sections = Data(corpus_section(data), pictures, table, pieces_table)
        plan = Plan(names, sections, protocol or ["random", "artist-folds"], folds, range(seeds), set_ or [], short)
    console = Console(highlight=False)
    with resumable(), progress_bars() as progress:
        options = Options(stores=stores or output / "stores")
        done = train(plan, output, options, jobs, progress, progress.console.print)
        for row, name, seed, folder in done:
            if quick:
                progress.console.print(
                    f"{row}: trained, exported; of a toy song its bundle says {prove(folder, sound)}"
                )
            elif not (folder / "report.html").is_file():
                evaluate_run(folder)
                progress.console.print(f"{row}, {name}, seed {seed}: {folder / 'report.html'}")
    summary = summarise(done)
    write_csv(output / "reproduced.csv", summary)
    _print(summary, console)
    console.print(f"{output / 'reproduced.csv'} holds this table.", soft_wrap=True)


def _print(summary: "pd.DataFrame", console: "Console") -> None:
    """Print the table in a width that terminals have; the file holds the rest."""
    from rich.table import Table

    from genrelab.evaluation.intervals import Interval
    from genrelab.report import words

    drawn = Table(box=None, pad_edge=False)
    drawn.add_column("row", no_wrap=True)
    drawn.add_column("protocol")
    for column in ("seeds", "clips", "accuracy (95 %)", "macro F1"):
        drawn.add_column(column, justify="right")
    for line in summary.to_dict("records"):
        span = words.span(Interval(line["low"], line["high"]), digits=1)  # a dash where there are too few tracks
        accuracy = f"{line['accuracy']:.1%} ({span})"
        figures = (str(line["seeds"]), str(line["clips"]), accuracy, f"{line['macro_f1']:.3f}")
        drawn.add_row(line["row"], line["protocol"], *figures)
    console.print(drawn)
