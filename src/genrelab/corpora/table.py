"""A table of clips: CSV, Parquet or JSON lines."""

import json
import os
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from genrelab.corpora.corpus import Corpus, listed
from genrelab.errors import CorpusError, one_line


def load(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    root: str | os.PathLike[str] | None = None,
) -> Corpus:
    """Return the corpus that a table describes.

    Parameters
    ----------
    path
        A ``.csv`` (with commas, or semicolons as Excel writes it in much of Europe), ``.tsv``, ``.parquet``,
        ``.jsonl`` or ``.ndjson`` file. It needs the column ``genre`` and one of ``path`` and ``clip``; ``start`` and
        ``seconds`` (s) cut a clip out of its file; ``track`` and ``artist`` say which clips must stay together. All
        other columns are kept.
    columns
        Our names for columns that are called otherwise in the table: ``{"genre": "label"}``.
    root
        What relative paths are relative to; None: the table's own folder.

    Raises
    ------
    CorpusError
        The table is missing or unreadable, a column is missing, a number is none, a clip occurs twice, a file is
        missing.
    """
    path = Path(path).expanduser().absolute()
    base = Path(root).expanduser().absolute() if root is not None else path.parent
    table = _rename(path, _read(path), columns or {})
    if "genre" not in table or not {"path", "clip"} & set(table.columns):
        raise CorpusError(
            f"{path}: the table needs a column 'genre' and one of 'path' and 'clip'; it has "
            f"{', '.join(table.columns)}. Name others with columns, e.g. {{genre: label, path: file}}"
        )
    for name in ("start", "seconds"):
        if name in table:
            table[name] = _numbers(path, table, name)
    relative = table["path" if "path" in table else "clip"].astype(object).fillna("").astype(str)
    if (relative == "").any():
        raise CorpusError(f"{path}: {_row(path, relative[relative == ''].index[0])} names no sound file")
    files = [_place(base, name) for name in relative]
    table["path"] = pd.Series([os.path.normpath(file) for file in files], index=table.index, dtype=object)
    if missing := [row for row, file in enumerate(files) if not file.is_file()]:
        names = listed([f"{relative[row]} ({_row(path, row)})" for row in missing], 3)
        raise CorpusError(
            f"{path}: sound files that are not there: {names}. Paths are taken from {base}; set root to change it"
        )
    if "clip" not in table:
        table["clip"] = _clip_names(relative, table)
    return Corpus(name=path.parent.name if path.stem == "clips" else path.stem, clips=table, root=base)


def _place(base: Path, name: str) -> Path:
    """Return where a file lies, whichever system wrote its name: with backslashes, or accents taken apart."""
    # os.path leaves alone what names nobody's home: ~ begins many a title.
    names = [os.path.expanduser(name)]  # noqa: PTH111
    names += [name.replace("\\", "/"), *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))]
    places = [base / one for one in names]
    return next((place for place in places if place.is_file()), places[0])


def _read(path: Path) -> pd.DataFrame:
    # Text stays text: a genre called "None" or an artist called "1975" is not a number and not missing.
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        ".csv": lambda: _read_text(path, _separator(path)),
        ".tsv": lambda: _read_text(path, "\t"),
        ".parquet": lambda: pd.read_parquet(path),
        ".jsonl": lambda: _read_json_lines(path),
        ".ndjson": lambda: _read_json_lines(path),
    }
    if path.suffix.lower() not in readers:
        raise CorpusError(f"{path}: a table of clips ends in {', '.join(readers)}")
    try:
        return readers[path.suffix.lower()]()
    except (OSError, ValueError) as error:  # pandas' and pyarrow's errors of parsing are ValueErrors
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else one_line(error)
        if isinstance(error, UnicodeDecodeError):
            reason = "it is not UTF-8; save it as that (in Excel: CSV UTF-8)"
        raise CorpusError(f"{path}: the table cannot be read: {reason}") from None


def _separator(path: Path) -> str:
    """Return what parts the fields of a CSV's header: Excel writes semicolons wherever commas part decimals."""
    with path.open(encoding="utf-8") as file:
        header = file.readline()
    return next((separator for separator in ",;\t" if separator in header), ",")


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator)
    if isinstance(table.index, pd.RangeIndex):
        return table
    # The first row has more fields than the header: pandas takes those in front for row names, and shifts all columns.
    fields = table.reset_index(allow_duplicates=True).astype(object).fillna("")
    too_many = (fields.iloc[:, len(table.columns) :] != "").any(axis=1)
    if too_many.any():
        raise ValueError(
            f"{_row(path, int(too_many.argmax()))} has {fields.shape[1]} fields and the header {len(table.columns)}; "
            "give every row as many as the header, and quote a field that holds a separator"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.ParserWarning)  # rows end in a separator: nothing is lost
        return pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, index_col=False)


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number} is not JSON ({error.msg})") from None
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not an object")
            rows.append(row)
    return pd.DataFrame(rows)


def _rename(path: Path, table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    for ours, theirs in columns.items():
        if theirs not in table:
            raise CorpusError(
                f"{path}: there is no column {theirs!r} to be used as {ours!r}; there are {', '.join(table.columns)}"
            )
    # A column of ours that another one stands in for makes way.
    table = table.drop(columns=[ours for ours, theirs in columns.items() if ours in table and ours != theirs])
    return table.rename(columns={theirs: ours for ours, theirs in columns.items()})


def _numbers(path: Path, table: pd.DataFrame, name: str) -> pd.Series:
    text = table[name].replace("", None)
    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    if (bad := text.notna() & (numbers.isna() | (numbers.abs() == np.inf))).any():
        row = bad[bad].index[0]
        raise CorpusError(f"{path}: {_row(path, row)}: {name} is {text[row]!r}, which is no number of seconds")
    return numbers


def _row(path: Path, row: int) -> str:
    """Name a row as an editor shows it: a CSV has its header in line 1."""
    return f"line {row + 2}" if path.suffix.lower() in {".csv", ".tsv"} else f"row {row + 1}"


def _clip_names(relative: pd.Series, table: pd.DataFrame) -> list[str]:
    shared = relative.duplicated(keep=False)
    if "start" not in table:
        return list(relative)
    return [
        f"{name}@{start:g}" if is_shared else name
        for name, start, is_shared in zip(relative, table["start"].fillna(0.0), shared, strict=True)
    ]
