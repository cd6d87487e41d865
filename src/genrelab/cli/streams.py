"""Standard output is data, standard error is for people: what keeps the two clean."""

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO

from genrelab.errors import GenrelabWarning, Terminated, printable

# What ends a program from outside: `kill`, and the terminal that goes (Windows has no SIGHUP).
_ENDING = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if name in signal.Signals.__members__]


def write_utf8(stream: TextIO) -> None:
    """Make a stream take every text: data are UTF-8 whatever the locale, and nothing in a file's name is an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="replace")


def say(text: str, style: str = "") -> None:
    """Print one line for people on standard error, behind the program's name."""
    from rich.console import Console
    from rich.text import Text

    # What others wrote (a bundle's metadata, a table) may stand in it, and shall give the terminal no orders. Line
    # breaks, which the reasons of some libraries have, and our own unbreakable spaces stay.
    text = "\n".join(printable(line) for line in text.replace("\u00a0", " ").split("\n"))
    # soft_wrap: a message is one line, which grep finds and terminals fold.
    Console(stderr=True, highlight=False).print(Text(f"genrelab: {text}", style=style), soft_wrap=True)


def hold_closed_streams() -> None:
    """Open nothing in place of closed standard streams (`2>&-`), whose numbers the next files opened would be given.

    What C libraries write to standard error would go into them: into the very file of answers.
    """
    while (nowhere := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(nowhere)


class _Expendable(io.FileIO):
    """A file whose words may be lost: what cannot be written to it is taken all the same."""

    def write(self, data: Any, /) -> int:
        with suppress(OSError):
            return super().write(data)
        return len(data)


def _expendable(number: int, encoding: str, errors: str | None) -> TextIO:
    file = io.BufferedWriter(_Expendable(number, "w", closefd=False))
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, line_buffering=True)


@contextmanager
def expendable_stderr() -> Iterator[None]:
    """Let no work fail for what it cannot tell: a terminal that has gone, a reader that has, a log on a full disk."""
    stream = sys.__stderr__
    if stream is None or stream is not sys.stderr:  # closed, or what a notebook or a test put there
        yield
        return
    stream.flush()
    sys.stderr = _expendable(stream.fileno(), stream.encoding, stream.errors)
    try:
        yield
    finally:
        sys.stderr = stream  # the other is left open: loggers may hold it to the end


@contextmanager
def spoken_warnings() -> Iterator[None]:
    """Say our own warnings as we say errors, each of them once."""
    said: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", GenrelabWarning)
        show_others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, GenrelabWarning):
                show_others(message, category, *where, **more)
            elif str(message) not in said:
                said.add(str(message))
                say(str(message), style="yellow")

        warnings.showwarning = show
        yield


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM or SIGHUP comes, so that what Ctrl-C cleans up is cleaned up then, too."""
    # Who ignores one (as nohup has it), or handles it in another way, shall go on doing so; and threads may set none.
    ours = [number for number in _ENDING if _in_main_thread() and signal.getsignal(number) is signal.SIG_DFL]
    heard: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if len(heard) == 1:  # `timeout` sends it twice: the second must not break into the cleaning up
            raise Terminated(number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    except OSError:
        if heard:  # as what is still to be told to a terminal that has gone
            raise Terminated(heard[0]) from None
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def resumable(how: str = "the same command goes on from here") -> Iterator[None]:
    """Say how to go on where Ctrl-C, SIGTERM or SIGHUP ends what is done inside."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        say(f"interrupted: {how}")
        raise


@contextmanager
def unbroken() -> Iterator[None]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back while something is written, and let them strike when that stands there."""
    if not _in_main_thread():
        yield  # Python hears no signals here
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
    strikes = {number: strike for number, strike in handlers.items() if callable(strike)}
    struck: list[tuple[int, FrameType | None]] = []
    try:
        for number in strikes:
            signal.signal(number, lambda number, frame: struck.append((number, frame)))
        yield
    finally:
        for number, strike in strikes.items():
            signal.signal(number, strike)
    if struck:
        strikes[signal.Signals(struck[0][0])](*struck[0])


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def close_quietly(stream: TextIO | None) -> None:
    """Flush a stream whose reader may have gone, as in ``genrelab classify music | head``, or that is none at all."""
    if stream is None:  # what Python makes of `>&-`
        return
    try:
        stream.flush()
    except BrokenPipeError:
        # The interpreter flushes once more on its way out, and would complain.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def quiet_libraries() -> Iterator[TextIO]:
    """Silence what C libraries write to standard error on their own, and yield a stream that still gets there.

    libmpg123 grumbles about many an mp3 without naming it; whether a file fails and why, its prediction says.
    """
    if sys.stderr is None:
        yield io.StringIO()  # which nobody reads
        return
    sys.stderr.flush()
    try:
        ours = sys.stderr.fileno() == 2
        real = os.dup(2)
    except (OSError, ValueError):  # there is no standard error, or it is no file but text in memory
        yield sys.stderr
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        with _expendable(real, "utf-8", "backslashreplace") as stream:
            yield stream if ours else sys.stderr  # it may have been turned elsewhere, as by redirect_stderr
    finally:
        os.dup2(real, 2)
        os.close(real)
