"""What a person names (files, folders, patterns, a list on standard input) to sound files, one at a time."""

import codecs
import glob
import os
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from genrelab.audio.read import EXTENSIONS
from genrelab.audio.walk import sound_files
from genrelab.bundles.prediction import Prediction


def expand(names: Iterable[str], stdin: BinaryIO | None = None) -> Iterator[str | Prediction]:
    """Yield the sound files that are meant by names; for a name that means none, a prediction whose `error` says so.

    A file named outright is taken whatever it is called. A folder stands for the sound files in it and below. A pattern
    (``'music/**/*.mp3'``, quoted to keep it from the shell) stands for the sound files that match, and ``-`` for a list
    on standard input, one file or folder a line, or NUL-separated as ``find -print0`` writes it.

    Parameters
    ----------
    names
        What the person named.
    stdin
        Where ``-`` reads; None for standard input.
    """
    for name in names:
        if name == "-":
            for listed in _split(sys.stdin.buffer if stdin is None else stdin):
                yield from _files(listed)
        elif not os.path.lexists(name) and glob.has_magic(name):
            yield from _matches(name)
        else:
            yield from _files(name)


def _files(name: str) -> Iterator[str | Prediction]:
    if not name:  # of a shell's variable that is not set, say; pathlib takes it for the working folder
        yield Prediction(name, error="an empty name")
        return
    if not os.path.isdir(name):  # noqa: PTH112 (a name may be no valid path at all)
        yield name
        return
    empty = True
    for path in sound_files(name):
        empty = False
        yield os.fspath(path)
    if empty:
        yield Prediction(name, error="a folder without sound files")


def _matches(pattern: str) -> Iterator[str | Prediction]:
    empty = True
    # `**` reaches what is in the folders that it matches; any other pattern that matches a folder means what is in it.
    whole_folders = "**" not in pattern
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 (pathlib changes what was typed)
        if os.path.isdir(match):  # noqa: PTH112
            found = _files(match) if whole_folders else iter(())
        else:
            found = iter((match,)) if os.path.splitext(match)[1].lower() in EXTENSIONS else iter(())  # noqa: PTH122
        for path in found:
            empty = False
            yield path
    if empty:
        yield Prediction(pattern, error="no such file, and no sound file matches it as a pattern")


def _split(stream: BinaryIO) -> Iterator[str]:
    """Yield the entries of a list as they arrive; a NUL where it begins says that NULs separate them, else lines do."""
    rest, separator = b"", b""
    # Unbuffered: a thread that still waits here when the program ends would hold the buffer's lock, which Python needs.
    stream = getattr(stream, "raw", stream)
    while chunk := stream.read(1 << 16):  # what is there, without waiting for a full block
        rest += chunk
        if not separator:
            separator = next((byte for byte in (b"\0", b"\n") if byte in rest), b"")
            rest = rest.removeprefix(codecs.BOM_UTF8) if separator == b"\n" else rest  # some editors begin lists so
        if separator:
            *entries, rest = rest.split(separator)
            yield from _names(entries)
    yield from _names([rest if separator else rest.removeprefix(codecs.BOM_UTF8)])


def _names(entries: Iterable[bytes]) -> Iterator[str]:
    for entry in entries:
        if name := entry.removesuffix(b"\r"):
            yield os.fsdecode(name)
