"""``genrelab corpus fetch``: bring a published corpus to this machine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from genrelab.corpora.sources import Source


def fetch(
    name: Annotated[
        str, typer.Argument(help="gtzan, gtzan-pictures, fma-small, fma-medium, fma-large or fma-metadata.")
    ],
    to: Annotated[Path, typer.Option(help="The folder to unpack it into.")] = Path("music"),
    source: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE", help="Take the archive from there: http(s)://, file:// or a file that you have."
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FOLDER", envvar="GENRELAB_MIRROR", help="Where all these archives lie under their usual names."
        ),
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Do not ask: you know the terms, and accept them.")
    ] = False,
    keep_archive: Annotated[
        bool, typer.Option("--keep-archive", help="Leave the archive beside what it held.")
    ] = False,
) -> None:
    """Download a published corpus, check it and unpack it.

    Says first what it is, how large, and under what terms. Broken off, the same command goes on where it was. The
    archive's checksum is compared with the published one before anything is unpacked.
    """
    import shlex

    from rich.console import Console

    from genrelab.corpora.sources import SOURCES
    from genrelab.errors import CorpusError

    if name not in SOURCES:
        raise CorpusError(f"{name!r} cannot be fetched; choose one of {', '.join(SOURCES)}")
    wanted = SOURCES[name]
    console = Console(stderr=True, highlight=False, markup=False)
    if (to / wanted.folder).exists():
        console.print(f"{to / wanted.folder} is there already; to fetch it anew, remove it first.", soft_wrap=True)
    else:
        place = source or (f"{mirror.rstrip('/')}/{wanted.archive}" if mirror else wanted.url)
        if not place:
            raise CorpusError(
                f"{name} cannot be downloaded without signing in; get the archive from {wanted.page} "
                "and give it with --source FILE"
            )
        _accept(console, wanted, place, accept_licence)
        with _alone(to / wanted.archive, console):
            _bring(wanted, place, to, keep_archive, console)
    for command in wanted.then:
        typer.echo(f"next: {command.format(root=shlex.quote(str(to)))}")


def _accept(console: "Console", wanted: "Source", place: str, accepted: bool) -> None:
    import sys

    from genrelab.errors import CorpusError

    for title, text in (
        ("what", wanted.about),
        ("from", place),
        ("size", f"{wanted.size / 1e9:.1f} GB" if wanted.size else "not published"),
        ("licence", wanted.licence),
        ("terms", wanted.terms),
        ("page", wanted.page),
    ):
        console.print(f"{title + ':':9}{text}", soft_wrap=True)
    if accepted:
        return
    if not sys.stdin.isatty():
        raise CorpusError("nobody is there to accept these terms; give --accept-licence if you do")
    console.print("Fetch it under these terms? [y/N] ", end="")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Exit(1)


def _bring(wanted: "Source", place: str, to: Path, keep_archive: bool, console: "Console") -> None:
    """Download the archive unless it is here, check it, unpack it, and remove it if it was downloaded."""
    from genrelab.corpora.fetch import verify
    from genrelab.corpora.unpack import Limits, unpack
    from genrelab.errors import CorpusError

    if (to / wanted.folder).exists():  # another process brought it while this one waited
        console.print(f"{to / wanted.folder} is ready", soft_wrap=True)
        return
    archive, downloaded = _archive(wanted, place, to, console)
    fate = "it is removed; fetch it anew" if downloaded else "remove it, or give another with --source"
    if not wanted.checksum:
        console.print(
            "nobody publishes a checksum of this archive: whether it is the right one cannot be told", soft_wrap=True
        )
    else:
        with _bar(console, "check") as progress:
            right = verify(archive, wanted.checksum, progress)
        if not right:
            if downloaded:
                archive.unlink()
            raise CorpusError(f"{archive}: is not the published archive ({wanted.checksum}): {fate}")
    try:
        with _bar(console, "unpack") as progress:
            folder = unpack(archive, to, wanted.folder, Limits(total=wanted.largest), progress)
    except CorpusError as error:
        if wanted.checksum:
            raise
        if downloaded:  # a page that asks to sign in, say; it would be taken for the archive for ever
            archive.unlink()
        raise CorpusError(f"{error}: {fate}") from None
    if downloaded and not keep_archive:
        archive.unlink()
    console.print(f"{folder} is ready", soft_wrap=True)


def _archive(wanted: "Source", place: str, to: Path, console: "Console") -> tuple[Path, bool]:
    """Return where the archive lies, and whether it was downloaded to there just now."""
    from genrelab.cli.streams import resumable
    from genrelab.corpora.fetch import download
    from genrelab.errors import CorpusError

    local = _local(place)
    archive = local or to / wanted.archive
    if archive.is_file():
        if not local:
            console.print(f"{archive} is here already: it is taken, and left here", soft_wrap=True)
        return archive, False
    if local:
        raise CorpusError(f"{archive}: there is no such file")
    say = partial(console.print, soft_wrap=True)
    with resumable(), _bar(console, "download") as progress:
        download(place, archive, largest=wanted.largest, progress=progress, report=say)
    return archive, True


@contextmanager
def _alone(archive: Path, console: "Console") -> Iterator[None]:
    """Wait until no other process fetches this archive to this place: two would write to one file."""
    from genrelab.locks import reserved

    with ExitStack() as held:
        if not held.enter_context(reserved(archive)):
            console.print("another process is fetching it: waiting", soft_wrap=True)
            held.enter_context(reserved(archive, wait=True))
        yield


def _local(place: str) -> Path | None:
    """Return the file that a place on this machine means, None for an address on the net."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    if place.lower().startswith("file:"):
        return Path(url2pathname(urlsplit(place).path))
    return None if "://" in place else Path(place).expanduser()


@contextmanager
def _bar(console: "Console", title: str) -> Iterator[Callable[[int, int], None]]:
    """Draw how many bytes are done, and yield what is to be told."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description:9}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)
