"""The predictions table: what a model said of every clip, and what is true. All judging starts from it."""

import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genrelab.errors import RunError
from genrelab.files import atomic_path

COLUMNS = ("clip", "track", "artist", "split", "fold", "genre")
PREFIX = "p_"  # a probability's column is named for its genre: p_blues
_METADATA_KEY = b"genrelab"
# A softmax in float32 strays from one by about 1e-7; a table of logits or of percentages strays by far more.
_SUM_TOLERANCE = 1e-3


class Predictions:
    """A checked predictions table, one row a clip (and split and fold).

    Parameters
    ----------
    table
        Columns ``clip, track, artist, split, fold, genre``, then one ``p_<genre>`` for each genre: probabilities that
        sum to 1 in every row. An empty ``track`` means that the clip is a track of its own.
    info
        Where the table comes from: ``protocol, corpus, seed, leaks`` and whatever else is JSON. None takes
        ``table.attrs``.

    Raises
    ------
    RunError
        A column is missing, the table is empty, a genre has no column, a probability is no probability, or a clip
        stands twice in the same split and fold.
    """

    def __init__(self, table: pd.DataFrame, info: dict[str, Any] | None = None) -> None:
        self.info: dict[str, Any] = dict(table.attrs if info is None else info)  # type: ignore[arg-type]
        self.table = table.reset_index(drop=True)
        self.genres: tuple[str, ...] = tuple(
            str(column).removeprefix(PREFIX) for column in table.columns if str(column).startswith(PREFIX)
        )
        self._check()

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return f"Predictions({len(self)} rows, {len(self.genres)} genres, {self.info})"

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Probabilities, shape (rows, genres), in the order of `genres`."""
        return self.table[[PREFIX + genre for genre in self.genres]].to_numpy(dtype=np.float64)

    @cached_property
    def true(self) -> npt.NDArray[np.int64]:
        """The true genre of each row as an index into `genres`, shape (rows,)."""
        return pd.Index(self.genres).get_indexer(pd.Index(self.table["genre"])).astype(np.int64)

    @cached_property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable genre of each row as an index into `genres`, shape (rows,); the first one of equals."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @cached_property
    def confidence(self) -> npt.NDArray[np.float64]:
        """The probability of the most probable genre, shape (rows,)."""
        return np.asarray(self.probabilities.max(axis=1))

    @cached_property
    def tracks(self) -> npt.NDArray[np.int64]:
        """The track of each row as a number from 0 up without gaps, shape (rows,): the unit that is drawn anew."""
        return pd.factorize(track_names(self.table))[0].astype(np.int64)

    @property
    def n_tracks(self) -> int:
        """How many tracks the rows are of."""
        return int(self.tracks.max()) + 1

    def by_clip(self, genres: Sequence[str] | None = None) -> pd.DataFrame:
        """Return a row a clip, named by it, with the mean probabilities of all folds in the order of `genres`."""
        by_clip = self.table.groupby("clip", sort=False)
        kept = by_clip[["track", "artist", "split", "fold", "genre"]].first()
        return pd.concat([kept, by_clip[[PREFIX + genre for genre in genres or self.genres]].mean()], axis=1)

    def part(self, split: str) -> "Predictions":
        """Return the rows of one split, e.g. ``"test"``.

        Raises
        ------
        RunError
            The table has no such rows.
        """
        rows = self.table[self.table["split"] == split]
        if rows.empty:
            there = ", ".join(sorted({str(value) for value in self.table["split"]}))
            raise RunError(f"the predictions hold no rows of the part {split!r}; choose among: {there}")
        return Predictions(rows, self.info)

    def with_probabilities(self, probabilities: npt.NDArray[np.float64]) -> "Predictions":
        """Return the same rows with other probabilities, shape (rows, genres)."""
        columns = [PREFIX + genre for genre in self.genres]
        values = pd.DataFrame(probabilities, columns=pd.Index(columns))
        return Predictions(pd.concat([self.table.drop(columns=columns), values], axis=1), self.info)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a Parquet file, whole or not at all; `info` travels in its metadata."""
        table = pa.Table.from_pandas(self.table, preserve_index=False)
        info = json.dumps(self.info, ensure_ascii=False, sort_keys=True).encode()
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), _METADATA_KEY: info})
        with atomic_path(path) as temporary:
            pq.write_table(table, temporary)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Predictions":
        """Read a table that `write` wrote, or any Parquet file with these columns.

        Raises
        ------
        RunError
            The file is missing, is not Parquet, or is not a predictions table.
        """
        if not Path(path).is_file():
            raise RunError(f"{path}: no such file; `genrelab train` writes it at the end of a run")
        try:
            table = pq.read_table(path)
            info = json.loads((table.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
            return cls(table.to_pandas(), info)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise RunError(f"{path}: not a Parquet file of predictions ({error}); train the run again") from error
        except RunError as error:
            raise RunError(f"{path}: {error}") from error

    def _check(self) -> None:
        missing = [column for column in COLUMNS if column not in self.table.columns]
        if missing:
            raise RunError(f"the predictions lack the column(s) {', '.join(missing)}; needed: {', '.join(COLUMNS)}")
        if len(self.genres) < 2:
            raise RunError(f"the predictions need two or more probability columns named {PREFIX}<genre>")
        if self.table.empty:
            raise RunError("the predictions hold no rows; was anything evaluated?")
        if (self.true < 0).any():
            genre = self.table["genre"].iloc[int(np.argmax(self.true < 0))]
            raise RunError(f"the genre {genre!r} has no column {PREFIX}{genre} in the predictions")
        values = self.probabilities
        wrong = ~np.isfinite(values).all(axis=1) | (values < 0).any(axis=1)
        wrong |= np.abs(values.sum(axis=1) - 1) > _SUM_TOLERANCE
        if wrong.any():
            clip = self.table["clip"].iloc[int(np.argmax(wrong))]
            raise RunError(
                f"{int(wrong.sum())} row(s) of the predictions hold no probabilities that sum to 1, first the clip "
                f"{clip!r}; write softmax outputs, not logits"
            )
        twice = self.table.duplicated(["clip", "split", "fold"])
        if twice.any():
            clip = self.table["clip"].iloc[int(np.argmax(twice.to_numpy()))]
            raise RunError(f"the clip {clip!r} stands twice in the same split and fold of the predictions")


def track_names(table: pd.DataFrame) -> "pd.Series[str]":
    """Return what the track of each row of a table with ``clip`` and ``track`` is called; "" is one of its own."""
    track = table["track"].astype("string").fillna("")
    # A clip's name may equal some track's name; the prefixes keep the two apart.
    return ("track " + track).where(track != "", "clip " + table["clip"].astype("string"))
