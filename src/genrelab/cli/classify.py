"""``genrelab classify``: sound files and folders to genres."""

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from genrelab.cli.formats import Format
from genrelab.cli.options import BundleName

if TYPE_CHECKING:
    from genrelab.bundles.classifier import Classifier
    from genrelab.bundles.prediction import Prediction
    from genrelab.cli.answered import Shape
    from genrelab.cli.writers import Timeline

_MOST_THREADS = 4  # for one file: of a dozen windows more make little


def classify(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Sound files, folders (and all below them), quoted patterns such as 'music/**/*.mp3', or - for a list "
            "on standard input, by lines or NUL-separated.",
            show_default=False,
        ),
    ],
    bundle: BundleName = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", "-f", help="How to write the result. [default: what the suffix of --output says, else table]"
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many genres a file. [default: all; three in the table]")
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Also tell the genre along each file, window by window.")
    ] = False,
    vocabulary: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Keep to some genres: gtzan to the ten of GTZAN, say; `genrelab info` lists them. [default: all that "
            "the bundle knows]",
            show_default=False,
        ),
    ] = None,
    tags: Annotated[bool, typer.Option("--tags", help="Also tell tags: voices, instruments, moods, sounds.")] = False,
    windows: Annotated[
        int | None, typer.Option(min=1, help="How many windows of a track to hear. [default: 12; short tracks whole]")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Files at a time, or threads for one. [default: one a processor]"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first file that fails.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the result to this file, whole or not at all.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Write to --output (jsonl or csv) as answers come; and go on there where the same command was "
            "interrupted: what is answered is passed over, what failed is tried again.",
        ),
    ] = False,
) -> None:
    """Tell the genre of sound files and folders.

    Two genres that are about as likely are shown as a blend of both; what is like no genre that the bundle knows, and
    silence, is unknown. What changes from one genre to another on its way, --timeline tells.

    The result goes to standard output, all else to standard error. A file that fails has a line that says why, and
    the batch goes on. The exit status is 0 if all went well, 1 if a file failed, 2 if the arguments or the bundle are
    wrong, 130 after Ctrl-C, 143 after SIGTERM and 129 after SIGHUP.
    """
    from genrelab.audio.processors import processors
    from genrelab.bundles.classifier import Classifier
    from genrelab.cli.answered import Shape, read_answers
    from genrelab.cli.streams import quiet_libraries, say, unbroken
    from genrelab.cli.tally import Tally
    from genrelab.cli.writers import writer
    from genrelab.errors import BundleError, GenrelabError, Terminated, printable

    format_ = _format_of(output) if format_ is None else format_
    if resume and (output is None or format_ not in (Format.JSONL, Format.CSV)):
        raise GenrelabError("--resume: goes on with --output FILE of --format jsonl or csv alone; give both")
    if output is None and sys.stdout is None:  # what Python makes of `>&-`
        raise GenrelabError("standard output is closed; leave it open, or name a file with --output")
    if "-" in paths and sys.stdin is None:
        raise GenrelabError("-: standard input is closed; pipe a list into it, or name files and folders")
    jobs = processors() if jobs is None else jobs
    alone = len(paths) == 1 and os.path.isfile(paths[0])  # noqa: PTH113 (Path raises where a name is too long)
    classifier = Classifier(bundle, threads=min(jobs, _MOST_THREADS) if alone else 1, vocabulary=vocabulary)
    if tags and not classifier.metadata.tags:
        raise BundleError(f"{classifier.path}: it knows no tags; leave --tags out, or choose another --bundle")
    shape = Shape(format_, classifier.genres, timeline, tags, top)
    answers = read_answers(output, shape) if output is not None and resume else None
    if answers:
        say(f"{printable(output)} answers {len(answers)} of the files already")
    try:
        with ExitStack() as stack:
            people = stack.enter_context(quiet_libraries())
            stream = stack.enter_context(_open(output, shape, answers))
            # Lines that stream over a terminal and a progress display on the same terminal would tear each other apart.
            mixed = output is None and format_ is not Format.TABLE and sys.stdout.isatty()
            tally = stack.enter_context(closing(Tally(people, progress=not mixed)))
            out = writer(format_, stream, classifier.genres, timeline, top, tags, begun=resume)
            stack.enter_context(closing(out))
            answered = None if answers is None else set(answers)
            results = stack.enter_context(closing(_results(classifier, paths, windows, top, timeline, jobs, answered)))
            stack.callback(tally.hide)  # before the table, which is printed when `out` is closed
            for prediction, spans in results:
                with unbroken():
                    out.add(prediction, spans)
                tally.add(prediction)
                if strict and tally.failed:
                    break
    except (KeyboardInterrupt, Terminated):
        if output is not None:
            unfinished = f"nothing was written to {printable(output)}; --resume, with jsonl or csv, keeps what was done"
            say(f"interrupted: {'the same command goes on from here' if resume else unfinished}")
        raise
    if tally.failed:
        raise typer.Exit(1)


def _format_of(output: Path | None) -> Format:
    """Return the format that a file's suffix names."""
    suffix = "" if output is None else output.suffix.lower().removeprefix(".")
    return Format(suffix) if suffix in set(Format) else Format.TABLE


def _results(
    classifier: "Classifier",
    names: Sequence[str],
    windows: int | None,
    top: int | None,
    timeline: bool,
    jobs: int,
    answered: set[str] | None,
) -> "Generator[tuple[Prediction, Timeline | None]]":
    from genrelab.bundles.parallel import in_order
    from genrelab.bundles.prediction import Prediction
    from genrelab.cli.answered import unanswered
    from genrelab.cli.paths import expand
    from genrelab.errors import AudioError

    def work(item: str | Prediction) -> "tuple[Prediction, Timeline | None]":
        prediction = item if isinstance(item, Prediction) else classifier.try_file(item, windows, top)
        if not timeline:
            return prediction, None
        if prediction.error is not None or prediction.path is None:
            return prediction, []
        try:
            return prediction, classifier.timeline(prediction.path, top)
        except AudioError as error:  # the file has changed, or its beginning alone is damaged
            return Prediction(prediction.path, seconds=prediction.seconds, error=error.reason), []

    items = expand(names)
    yield from in_order(work, items if answered is None else unanswered(items, answered), jobs)


@contextmanager
def _open(output: Path | None, shape: "Shape", answers: dict[str, str] | None) -> Iterator[TextIO]:
    """Yield standard output, a file that grows from the answers that it has, or one that appears whole."""
    from genrelab.cli.answered import growing
    from genrelab.files import atomic_path

    with ExitStack() as stack:
        if output is None:
            yield sys.stdout
        elif answers is not None:
            yield stack.enter_context(growing(output, shape, answers))
        else:
            temporary = stack.enter_context(atomic_path(output))
            yield stack.enter_context(temporary.open("w", encoding="utf-8", errors="replace", newline=""))
