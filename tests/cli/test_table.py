"""Tables for people: as wide as their cells, or folded where the terminal is narrower."""

import io
from itertools import repeat

import pytest
from rich.cells import cell_len
from rich.console import Console

from genrelab.cli.table import Column, Table


def printed(table: Table, width: int, **terminal: object) -> list[str]:
    stream = io.StringIO()
    table.print(Console(file=stream, width=width, highlight=False, **terminal))  # type: ignore[arg-type]
    return stream.getvalue().splitlines()


@pytest.fixture
def table() -> Table:
    table = Table(Column("file", folds=True), Column("genre"), Column("length", right=True))
    table.rows.append(((("a 音楽 name of several words.mp3", ""),), (("rock", "bold"),), (("0:03", ""),)))
    table.rows.append(((("b.mp3", "red"),), (("unknown", "yellow"), (" (jazz?)", "dim")), (("1:00:00", ""),)))
    return table


def test_columns_are_as_wide_as_their_widest_cells(table: Table):
    assert printed(table, 80) == [
        "file                              genre             length",
        "a 音楽 name of several words.mp3  rock                0:03",
        "b.mp3                             unknown (jazz?)  1:00:00",
    ]


def test_a_narrow_terminal_folds_names_and_keeps_all_of_them(table: Table):
    assert printed(table, 43) == [
        "file               genre             length",
        "a 音楽 name of     rock                0:03",
        "several words.mp3" + " " * 26,
        "b.mp3              unknown (jazz?)  1:00:00",
    ]


def test_what_is_one_long_word_is_folded_too(table: Table):
    table.rows.append(((("x" * 40, ""),), (("pop", ""),), (("0:01", ""),)))
    lines = printed(table, 44)
    assert max(map(cell_len, lines)) == 44
    assert "".join(line.split()[0] for line in lines if line.startswith("x")) == "x" * 40


def test_cells_keep_their_styles(table: Table):
    assert "\x1b[33munknown\x1b[0m\x1b[2m (jazz?)\x1b[0m" in printed(table, 80, force_terminal=True)[2]


def test_every_one_of_many_rows_is_printed(table: Table):
    table.rows = list(repeat(table.rows[0], 1234))
    assert len(printed(table, 80)) == 1235
