"""``genrelab compare``: which of several runs is better, and whether by more than noise."""

from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.console import plain


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more finished run folders.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write a page, e.g. compare.html.")] = None,
) -> None:
    """Rank runs by accuracy and compare the best with each other one on the clips both were tested on."""
    from rich.console import Console
    from rich.table import Table

    from genrelab.evaluation.intervals import Interval
    from genrelab.report.run import compare_runs
    from genrelab.report.words import difference_words, p_value, percent, points, span

    console = Console(highlight=False)
    ranking = compare_runs(runs, output)
    for warning in ranking.warnings:
        console.print(f"[yellow]warning:[/] {plain(warning)}")
    protocols = ", ".join(dict.fromkeys(ranking.table["protocol"]))
    clips = " to ".join(str(number) for number in sorted({ranking.table["clips"].min(), ranking.table["clips"].max()}))
    title = plain(f"{protocols}, {clips} test clips")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for heading in ("run", "accuracy", "95 %\ninterval", "macro\nF1", "best\nminus this", "which is", "p"):
        table.add_column(heading, justify="left" if heading in ("run", "which is") else "right", overflow="fold")
    against = {pair.name_b: (pair, p) for pair, p in zip(ranking.against_best, ranking.holm_p, strict=True)}
    for row in ranking.table.to_dict("records"):
        interval = Interval(row["accuracy_low"], row["accuracy_high"])
        cells = [plain(row["run"]), percent(row["accuracy"]), span(interval, digits=1), f"{row['macro_f1']:.3f}"]
        if row["run"] in against:
            pair, p = against[row["run"]]
            cells += [points(pair.accuracy_difference), difference_words(pair, p), p_value(p)]
        else:
            cells += ["best", "", ""]
        table.add_row(*cells)
    console.print(table)
    if output is not None:
        console.print(f"[bold]{plain(output)}[/] shows it all.", highlight=False)
