"""``genrelab robustness``: what a run still knows of spoilt sound."""

from pathlib import Path
from typing import Annotated

import typer


def robustness(
    run: Annotated[Path, typer.Argument(help="A finished run folder; its sound must be where it was.")],
    condition: Annotated[
        list[str] | None,
        # By name, for what does it takes long to import.
        typer.Option(
            help="What to do to the clips, repeatable: 'mp3, 64 kbit/s', '12 dB quieter', '6 dB louder, clipped', "
            "'12 dB louder, clipped', 'nothing above 4 kHz', 'a semitone higher', 'a semitone lower', '5 % faster', "
            "'5 % slower', '8 kHz sample rate', 'stereo, one channel silent'. [default: everything]"
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Clips at a time. [default: one a processor]")
    ] = None,
) -> None:
    """Spoil a run's test clips as the world does, and see what its networks still know.

    Each clip is asked of the fold that never saw it, by the bundle that `genrelab export` makes of it. The table is
    written to RUN/robustness.csv, where the rows of what is not asked this time stay as they are.
    """
    from rich.console import Console
    from rich.table import Table

    from genrelab.cli.console import progress_bars
    from genrelab.errors import printable
    from genrelab.evaluation.intervals import Interval
    from genrelab.evaluation.predictions import Predictions
    from genrelab.evaluation.run_folder import read_summary
    from genrelab.files import require_folder, write_csv
    from genrelab.report.words import percent, points, span
    from genrelab.studies.robustness import CONDITIONS, UNCHANGED, with_earlier
    from genrelab.studies.robustness import robustness as measure

    read_summary(run)
    require_folder(run)
    with progress_bars() as progress:
        task = progress.add_task("Listening", total=len(Predictions.read(run / "predictions.parquet").part("test")))
        found = measure(run, condition or tuple(CONDITIONS), jobs, lambda: progress.advance(task))
    path = run / "robustness.csv"
    whole = with_earlier(found, path)
    write_csv(path, whole)
    drawn = Table(box=None, pad_edge=False)
    for heading in ("", "accuracy", "fall", "95 % interval"):
        drawn.add_column(heading, justify="right" if heading else "left")
    for row in found.to_dict("records"):
        fall, interval = points(row["fall"]), span(Interval(row["low"], row["high"]), digits=1)
        unchanged = row["condition"] == UNCHANGED
        drawn.add_row(row["condition"], percent(row["accuracy"]), *(("", "") if unchanged else (fall, interval)))
    console = Console(highlight=False)
    console.print(drawn)
    spoilt = found[found["condition"] != UNCHANGED]["fall"]
    if len(spoilt):
        console.print(f"On average {points(spoilt.mean())}, at worst {points(spoilt.max())} less than unspoilt.")
    more = ", and the rows of what was asked before" if len(whole) > len(found) else ""
    console.print(f"{printable(path)} holds this table{more}.", soft_wrap=True)
