"""``genrelab evaluate``: judge a finished run."""

from typing import Any

from genrelab.cli.console import plain
from genrelab.cli.options import FinishedRun, Part


def evaluate(
    run: FinishedRun,
    part: Part = "test",
) -> None:
    """Compute every metric of a run with its interval, and write metrics.json, figures and report.html."""
    from rich.console import Console

    from genrelab.report.run import evaluate_run

    print_metrics(evaluate_run(run, part))
    suffix = "" if part == "test" else f"-{part}"
    page = plain(run / f"report{suffix}.html")
    Console().print(f"[bold]{page}[/] shows it all.", highlight=False)


def print_metrics(result: dict[str, Any]) -> None:
    """Print what `evaluate_run` returned as a table whose title says how it was measured."""
    from rich.console import Console
    from rich.table import Table

    from genrelab.evaluation.metrics import LABELS
    from genrelab.report.words import protocol_line

    console = Console(highlight=False)
    title = f"{result['name']} on {result['corpus']}: {protocol_line(result)}, {result['clips']} {result['part']} clips"
    table = Table(title=plain(title), title_justify="left", title_style="bold")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, figure in result["metrics"].items():
        value = "–" if figure["value"] is None else f"{figure['value']:.3f}"  # noqa: RUF001 (a dash is meant)
        interval = "" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
        table.add_row(LABELS[name], value, interval)
    console.print(table)
    for leak in result["leaks"]:
        console.print(f"[yellow]leak allowed:[/] {plain(leak)}")
