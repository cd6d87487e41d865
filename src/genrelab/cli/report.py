"""``genrelab report``: a study as one page, and as PDF."""

from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.console import plain


def report(
    study: Annotated[
        Path, typer.Argument(help="A folder with runs, ablations, explanations …, or a .yaml file that lists them.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("report.html"),
    pdf: Annotated[bool, typer.Option("--pdf", help="Also print it, to the same name with .pdf.")] = False,
    browser: Annotated[
        str | None, typer.Option(help="The Chromium that prints. [default: $GENRELAB_BROWSER, or the one installed]")
    ] = None,
) -> None:
    """Join runs, ablations, explanations and maps into one page of which every number is traceable to its run."""
    from rich.console import Console

    from genrelab.report.pdf import find_browser, print_pdf
    from genrelab.report.study_words import summary
    from genrelab.studies.study import report as write

    made = write(study, output)
    console = Console(highlight=False, soft_wrap=True)
    for sentence in summary(made):
        console.print(plain(sentence.replace("\u00a0", " ")))
    console.print(f"[bold]{plain(output)}[/] tells it all.")
    if pdf:
        printed = output.with_suffix(".pdf")
        print_pdf(output, printed, find_browser(browser))
        console.print(f"[bold]{plain(printed)}[/] is the same to print.")
