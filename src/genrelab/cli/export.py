"""``genrelab export``: a run to one file."""

from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.console import plain
from genrelab.cli.options import FinishedRun


def export(
    run: FinishedRun,
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write, e.g. mine.onnx.")],
    fold: Annotated[
        int | None,
        typer.Option(help="Export the network of one fold alone. [default: the mean of all folds' networks]"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The bundle's name. [default: the recipe's]")] = None,
    licence: Annotated[str, typer.Option(help="The terms of the weights, e.g. MIT.")] = "",
) -> None:
    """Write a run as a bundle: one .onnx file, waveform in, logits and embedding out, usable without PyTorch.

    Of a run on frozen networks, a name that ends in .safetensors takes its heads alone.

    Its probabilities are calibrated by a temperature that is fitted on the validation part, and its metadata says how
    well it does, on which protocol and how many clips.
    """
    from rich.console import Console

    from genrelab.training.publish import export_run

    deviation = export_run(run, output, fold=fold, name=name, licence=licence)
    size = output.stat().st_size / 2**20
    agreement = f", agrees with PyTorch to {deviation:.0e}" if output.suffix == ".onnx" else ""
    Console().print(f"{plain(output)}: {size:.1f} MiB{agreement}", highlight=False, soft_wrap=True)
