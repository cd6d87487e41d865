"""GTZAN 2.0's feature tables: 57 columns a clip, or a row for each 3 or 10 seconds of it."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genrelab.corpora import gtzan
from genrelab.corpora import gtzan_facts as facts
from genrelab.corpora.corpus import Corpus, listed
from genrelab.errors import CorpusError, one_line
from genrelab.extractors.handcrafted import COLUMNS

CITATION = f"{gtzan.CITATION}; its columns: A. Olteanu: GTZAN Dataset, Kaggle, 2020"
_ROW = re.compile(r"^(?P<clip>[a-z]+\.\d{5})(?:\.(?P<piece>\d+))?\.[a-z0-9]+$")


Rows = dict[str, NDArray[np.float32]]


def load(
    path: str | os.PathLike[str],
    pieces_path: str | os.PathLike[str] | None = None,
    index: str | os.PathLike[str] | None = None,
    lists: str | os.PathLike[str] | None = None,
) -> Corpus:
    """Return the clips of one or two feature tables, each as its rows of 57 columns.

    A piece that is missing, as the tenth of some clips is, is filled with the mean of the clip's others. Clips that are
    unreadable in the usual copies are left out, as the published systems leave them out.

    Parameters
    ----------
    path
        ``features_30_sec.csv``, ``features_3_sec.csv`` or a table like them: ``filename`` (``blues.00000.wav``, or
        ``blues.00000.3.wav`` for a piece) and the 57 columns, in any order.
    pieces_path
        Another such table with another number of pieces, for systems that look at both.
    index, lists
        As for GTZAN itself (see `genrelab.corpora.gtzan.load`); None: looked for beside the table.

    Raises
    ------
    CorpusError
        A file is missing or no such table, a value is not a number, or no clip is in both tables.
    """
    path = Path(path).expanduser().absolute()
    rows = read_rows([path] if pieces_path is None else [path, Path(pieces_path)])
    notes = [f"{clip} is left out: {why}" for clip, why in facts.UNREADABLE.items() if clip in rows]
    rows = {clip: rows[clip] for clip in sorted(rows) if clip not in facts.UNREADABLE}
    clips = gtzan.what_is_known(list(rows), index, lists, [path.parent])
    clips["path"] = str(path)
    return Corpus("gtzan-tables", clips, CITATION, gtzan.LICENCE, notes=tuple(notes), holds="rows", rows=rows)


def read_rows(paths: Sequence[Path]) -> dict[str, dict[int, NDArray[np.float32]]]:
    """Read feature tables.

    Parameters
    ----------
    paths
        The CSV files.

    Returns
    -------
    dict
        By clip and number of pieces: (pieces, 57), for the clips that are in all tables.

    Raises
    ------
    CorpusError
        As `load` does.
    """
    tables = [read_table(path) for path in paths]
    shared = set.intersection(*(set(rows) for _, rows in tables))
    if not shared:
        raise CorpusError(f"no clip is in both {' and '.join(str(path) for path in paths)}; they are of other corpora")
    return {clip: {pieces: rows[clip] for pieces, rows in tables} for clip in shared}


def read_table(path: Path) -> tuple[int, Rows]:
    """Return the number of pieces a clip has in a table, and the rows (pieces, 57) of each clip; see `load`."""
    table = _read(path)
    names = table["filename"].astype(str).str.extract(_ROW.pattern)
    if (wrong := names["clip"].isna()).any():
        row = int(np.flatnonzero(wrong)[0])
        raise CorpusError(
            f"{path}: row {row + 2}: {table['filename'].iloc[row]!r} is not a name such as blues.00000.wav"
        )
    piece = pd.to_numeric(names["piece"]).fillna(0).to_numpy(np.int64)
    if (twice := names.assign(piece=piece).duplicated(["clip", "piece"])).any():
        raise CorpusError(f"{path}: {table['filename'][twice].iloc[0]} is here twice; remove one of its rows")
    pieces = int(piece.max()) + 1
    values = table[list(COLUMNS)].to_numpy(np.float32)
    places = names.groupby("clip").indices
    return pieces, {str(clip): _complete(values[at], piece[at], pieces) for clip, at in places.items()}


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise CorpusError(f"{path}: there is no such table") from None
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise CorpusError(f"{path}: cannot be read as a CSV table ({one_line(error)})") from None
    if missing := [name for name in ("filename", *COLUMNS) if name not in table]:
        raise CorpusError(f"{path}: is no table of the 57 columns; it has no column {listed(missing)}")
    numbers = table[list(COLUMNS)].apply(pd.to_numeric, errors="coerce")
    if (bad := ~np.isfinite(numbers.to_numpy(float))).any():
        row, column = (int(place[0]) for place in np.nonzero(bad))
        raise CorpusError(f"{path}: row {row + 2}, column {COLUMNS[column]}: is not a number; mend or remove the row")
    return table.assign(**{name: numbers[name] for name in COLUMNS})


def _complete(values: NDArray[np.float32], piece: NDArray[np.int64], pieces: int) -> NDArray[np.float32]:
    """Return (pieces, 57): rows in the pieces' order, the mean of all where one is missing."""
    whole = np.repeat(values.mean(axis=0, keepdims=True), pieces, axis=0)
    whole[piece] = values
    return whole
