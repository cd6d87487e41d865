"""``genrelab explain``: why a network says what it says."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from genrelab.cli.explain_confusions import confusions
from genrelab.cli.explain_embedding import embedding
from genrelab.cli.options import FinishedRun

DEFAULT = "file"


class ExplainGroup(TyperGroup):
    """Takes a first word that is none of its verbs for a run: ``explain RUN FILE`` means ``explain file RUN FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the verb in front where there is none."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


class Method(StrEnum):
    """How to explain a clip."""

    GRADCAM = "gradcam"
    OCCLUSION = "occlusion"
    BOTH = "both"


class Fill(StrEnum):
    """What occlusion puts in the place of what it hides."""

    MEDIAN = "median"
    MEAN = "mean"
    SILENCE = "silence"


app = typer.Typer(cls=ExplainGroup, no_args_is_help=True, rich_markup_mode=None, add_completion=False)
Filling = Annotated[
    Fill, typer.Option(help="What it puts in their place: silence finds steady sounds too, but is an event of its own.")
]
Keep = Annotated[float, typer.Option(min=0.01, max=0.99, help="The share of the places in time and frequency to keep.")]


@app.command(DEFAULT)
def file(
    run: FinishedRun,
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    genre: Annotated[str | None, typer.Option(help="Ask about this genre. [default: the one it names]")] = None,
    method: Annotated[
        Method | None, typer.Option(help="How. [default: both, or occlusion where Grad-CAM cannot be]")
    ] = None,
    fold: Annotated[
        int | None, typer.Option(min=0, help="Whose network. [default: the fold tested on a clip of this name, or 0]")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="The convolution for Grad-CAM. [default: the last]")] = None,
    patch: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="ROWS FRAMES", help="What occlusion hides at a time. [default: an eighth, 1/4 s]"),
    ] = None,
    fill: Filling = Fill.MEDIAN,
    keep: Keep = 0.25,
    start: Annotated[float, typer.Option(min=0, help="Where in the file to begin, in seconds.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How much of it to explain.")] = 30.0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="[default: explanations/FILE's name, with -2 for a namesake or another run]"
        ),
    ] = None,
) -> None:
    """Show what in a sound file speaks for its genre, and write it as a sound: `genrelab explain RUN FILE`.

    Writes index.html, a page that plays; explanation.png and .svg; kept.wav, what the decision rests on, and
    left-out.wav, the rest; explanation.json, the numbers.
    """
    import warnings

    from rich.console import Console
    from rich.markup import escape

    from genrelab.cli.console import progress_bars
    from genrelab.errors import printable
    from genrelab.explain.explanation import METHODS, Ways, explain
    from genrelab.explain.folder import default_folder, write_explanation
    from genrelab.explain.subject import load_subject
    from genrelab.files import require_folder
    from genrelab.report.words import percent

    methods = None if method is None else METHODS if method is Method.BOTH else (method.value,)
    subject = load_subject(run, sound, fold)
    folder = output or default_folder(subject, sound)
    require_folder(folder)
    ways = Ways(genre, methods, layer, patch, fill.value, keep, start, seconds)
    with warnings.catch_warnings(), progress_bars() as progress:
        warnings.filterwarnings("ignore", module="captum")
        task = progress.add_task("Hiding part by part", visible=False)

        def advance(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of, visible=True)

        made = explain(subject, sound, ways, advance)
    facts = write_explanation(made, folder)
    console = Console(highlight=False, soft_wrap=True)
    tested = "which was tested on the clip of this name" if subject.tested else "which may have learned from it"
    best = sorted(made.probabilities.items(), key=lambda item: -item[1])[:3]
    said = ", ".join(f"{name} {percent(value, 0)}" for name, value in best)
    console.print(escape(f"{printable(sound.name)}: {said} (fold {subject.fold}, {tested})"))
    for name, found in facts["methods"].items():
        console.print(f"[bold]{name}[/]: {escape(found['words'])}")
    for name, reason in made.refused.items():
        console.print(f"[yellow]{name} left out:[/] {escape(printable(reason))}")
    heard = facts["listening"]
    hidden, randomly = (percent(heard[key]["hidden"], 0) for key in ("probability", "probability_random"))
    console.print(
        escape(f"{made.genre} with the kept part hidden: {hidden}; with random parts of its size hidden: {randomly}")
    )
    console.print(f"[bold]{escape(printable(folder / 'index.html'))}[/] shows and plays it.")


@app.command()
def sanity(
    run: FinishedRun,
    clips: Annotated[int, typer.Option(min=2, help="How many test clips, drawn at random.")] = 20,
    method: Annotated[Method | None, typer.Option(help="Test this method alone. [default: all that can be]")] = None,
    fill: Filling = Fill.MEDIAN,
    keep: Keep = 0.25,
    seed: Annotated[int, typer.Option(min=0, help="Draws clips, random parts and random weights.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write clip by clip, e.g. sanity.csv.")
    ] = None,
) -> None:
    """Test whether a run's explanations explain it.

    Hiding what a map calls salient has to cost the genre more than hiding random parts of the same size, and the map
    of a network with random weights has to be another one (Adebayo et al. 2018). Takes minutes.
    """
    from contextlib import nullcontext

    from rich.console import Console
    from rich.table import Table

    from genrelab.cli.console import progress_bars
    from genrelab.explain import sanity as tests
    from genrelab.explain.explanation import METHODS
    from genrelab.files import atomic_path

    methods = None if method is None else METHODS if method is Method.BOTH else [method.value]
    # The file is opened before the minutes that it takes to fill it: a place that cannot be written is refused at once.
    with atomic_path(output) if output else nullcontext() as temporary, progress_bars() as progress:
        task = progress.add_task("Clips", visible=False)

        def advance(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of, visible=True)

        found = tests.sanity(run, clips, seed, keep, methods, fill.value, advance)
        if temporary is not None:
            found.to_csv(temporary, index=False)
    summary = tests.summarise(found)
    drawn = Table(title=f"{found['clip'].nunique()} test clips", title_justify="left", title_style="bold", box=None)
    drawn.add_column("mean over clips")
    for name in summary["method"].unique():
        drawn.add_column(f"{name} (95 % interval)", justify="right")
    for measure, label in tests.MEASURES.items():
        rows = summary[summary["measure"] == measure]
        if len(rows):
            drawn.add_row(label, *(f"{r.value:.3f} ({r.low:.3f} to {r.high:.3f})" for r in rows.itertuples()))
    Console(highlight=False).print(drawn)


app.command("confusions")(confusions)
app.command("embedding")(embedding)
