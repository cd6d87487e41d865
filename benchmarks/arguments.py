"""What the benchmarks share: their arguments, looked at before anything is timed; a wrong one is one line, status 2."""

import argparse
from collections.abc import Callable
from pathlib import Path


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose ``--help`` tells what the benchmark's docstring `doc` tells: what is compared with what."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_repeats(parser: argparse.ArgumentParser, default: int, told: str = "medians are printed") -> None:
    """Add ``--repeats``, at least 1."""
    told = f"alternating repeats; {told} (default {default})"
    parser.add_argument("--repeats", type=at_least(1), default=default, help=told)


def at_least(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number of at least `least`."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is no whole number of at least {least}")
        return value

    return number


def file(text: str) -> Path:
    """Return the path of a file that is there: the type of an argument."""
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text}: there is no such file")
    return Path(text)


def folder(text: str) -> Path:
    """Return the path of a folder that is there: the type of an argument."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no such folder")
    return Path(text)
