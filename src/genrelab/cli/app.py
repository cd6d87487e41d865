"""The command line's entrance: a table of verbs, each in a module that is imported when it is called."""

import errno
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from genrelab import __version__
from genrelab.audio.processors import has_quota, processors
from genrelab.cli.streams import (
    close_quietly,
    expendable_stderr,
    hold_closed_streams,
    say,
    spoken_warnings,
    terminable,
    write_utf8,
)
from genrelab.errors import GenrelabError, printable


class Verb(NamedTuple):
    """A verb: where its function (or its Typer of further verbs) lies, and what it does, in a line."""

    module: str
    attribute: str
    summary: str


VERBS = {
    "demo": Verb("genrelab.cli.demo", "demo", "The whole way once, on music that it makes itself."),
    "corpus": Verb("genrelab.cli.corpus", "app", "List, describe, check and build collections of labelled music."),
    "train": Verb("genrelab.cli.train", "train", "Train a recipe on every fold of its protocol, and judge it."),
    "reproduce": Verb("genrelab.cli.reproduce", "reproduce", "The published systems, row by row, seed by seed."),
    "ablate": Verb("genrelab.cli.ablate", "ablate", "Change one thing of a recipe at a time: what does it do?"),
    "tune": Verb("genrelab.cli.tune", "tune", "Try values of a recipe's keys, and write the best as a recipe."),
    "evaluate": Verb("genrelab.cli.evaluate", "evaluate", "Make a run's metrics, figures and report anew."),
    "compare": Verb("genrelab.cli.compare", "compare", "Compare runs, with intervals and tests."),
    "robustness": Verb("genrelab.cli.robustness", "robustness", "What a run still knows of spoilt sound."),
    "report": Verb("genrelab.cli.report", "report", "A study as one page, and as PDF."),
    "slurm": Verb("genrelab.cli.slurm", "slurm", "Recipes to jobs on a SLURM cluster."),
    "explain": Verb("genrelab.cli.explain", "app", "Why a network says what it says, to see and to hear."),
    "export": Verb("genrelab.cli.export", "export", "Write a run as a bundle: one .onnx file, no PyTorch needed."),
    "backbone": Verb("genrelab.cli.backbone", "app", "Bring networks that others trained, to learn from."),
    "classify": Verb("genrelab.cli.classify", "classify", "Tell the genre of sound files and folders."),
    "info": Verb("genrelab.cli.info", "info", "Print versions, devices, recipes, the default bundle."),
}

# Which extra brings a module; what is in none of them is a fault of ours and gets a traceback.
EXTRAS = {
    "media": "av",
    "track": "tensorboard wandb",
    "train": "torch lightning torchmetrics scipy sklearn pandas pyarrow safetensors onnx onnxscript pydantic yaml "
    "matplotlib jinja2 captum umap optuna google_crc32c",
}
# No room on the disk, none left of one's share of it (clusters'), a file larger than the disk holds (4 GiB on FAT).
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_EXTRA_OF = {module: extra for extra, modules in EXTRAS.items() for module in modules.split()}

_NOWHERE = "the folder that you are in was removed; cd to another one"
_NO_SCRATCH = "no folder for temporary files can be written to; name one with TMPDIR=FOLDER"

INTERRUPTED = 130  # what shells give for a program that Ctrl-C ended


def application(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line, of which only the verb that `arguments` call is more than a name and a summary.

    ``genrelab --help`` thus answers at once, whatever the verbs import.
    """
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,  # rich's Markdown alone would double the time of --help
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Tell what genre a piece of music is, and train, compare and trust such classifiers.",
    )
    app.callback()(_options)
    called = next((word for word in (*arguments, *_words_to_complete()) if word in VERBS), None)
    for name, verb in VERBS.items():
        if name != called:
            app.command(name, help=verb.summary)(_uncalled)
            continue
        if name != "classify":  # the others write to the working folder, or load PyTorch, which dies without one
            _require_working_folder()
        function = getattr(import_module(verb.module), verb.attribute)
        if isinstance(function, typer.Typer):
            app.add_typer(function, name=name, help=verb.summary)
        else:
            app.command(name, help=_prose(function))(function)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        The words after ``genrelab``; None takes them from the process.

    Returns
    -------
    int
        The exit status: 0, 1 if some files failed, 2 for a mistake in the arguments, recipe, table or bundle, or a
        place that cannot be written (in one line, without traceback), 130 after Ctrl-C, 143 after SIGTERM and 129 after
        SIGHUP.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    hold_closed_streams()
    write_utf8(sys.stdout)
    _share_processors()
    with expendable_stderr():
        status = _status_of(arguments)
    close_quietly(sys.stdout)
    return status


def _status_of(arguments: Sequence[str]) -> int:
    """Run the command line and say what went wrong."""
    status = 0
    try:
        with terminable(), spoken_warnings():
            application(arguments)(args=arguments, prog_name="genrelab")
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except GenrelabError as error:
        say(str(error), style="red")
        status = 2
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in _EXTRA_OF:
            raise
        say(f"this verb needs {module}: pip install 'genrelab[{_EXTRA_OF[module]}]'", style="red")
        status = 2
    except OSError as error:  # a place that cannot be written, a full disk; what names no file is a fault of ours
        if _is_nowhere():
            say(_NOWHERE, style="red")
        elif error.filename is None and error.errno not in _NO_ROOM:
            if not _has_no_scratch():
                raise
            say(_NO_SCRATCH, style="red")
        else:
            say(f"{printable(error.filename or 'disk')}: {error.strerror or error}", style="red")
        status = 2
    except MemoryError:
        say("there is too little memory; end other programs, raise this one's limit, or give fewer --jobs", style="red")
        status = 2
    except KeyboardInterrupt:
        status = INTERRUPTED
    return status


def _require_working_folder() -> None:
    if _is_nowhere():
        raise GenrelabError(_NOWHERE)


def _is_nowhere() -> bool:
    """Return whether the working folder was removed."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _has_no_scratch() -> bool:
    """Return whether there is nowhere to write temporary files, as in a container without /tmp and home."""
    import tempfile

    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return True
    return False


def _share_processors() -> None:
    """Let threads of PyTorch that wait for each other go to sleep soon, unless the environment says how they wait.

    OpenMP's spin for as long as a whole slice of the scheduler's, and so keep the very core on which the one that they
    wait for could run: with one other program busy, a small network trained twenty times more slowly. It is read when
    PyTorch is loaded, and by the processes that we start. So is the number of threads: OpenMP begins one for each
    processor that it sees, however little of their time a container's quota lends.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    if has_quota():
        os.environ.setdefault("OMP_NUM_THREADS", str(processors()))


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=lambda wanted: _version(wanted)),
    ] = False,
) -> None:
    """Take the options that stand before any verb."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genrelab {__version__}")
        raise typer.Exit


def _words_to_complete() -> list[str]:
    """Return what a shell that asks for completions has on its line; it comes in the environment."""
    return f"{os.environ.get('COMP_WORDS', '')} {os.environ.get('_TYPER_COMPLETE_ARGS', '')}".split()


def _uncalled() -> None:
    """Stand in for a verb that is only listed."""
    raise AssertionError("a verb that was not called ran")


def _prose(function: Callable[..., object]) -> str:
    """Return a docstring without its numpy sections: the options speak for themselves."""
    lines = (function.__doc__ or "").splitlines()
    rules = [number for number, line in enumerate(lines) if line.strip() and not line.strip().strip("-")]
    return "\n".join(lines[: rules[0] - 1] if rules else lines)
