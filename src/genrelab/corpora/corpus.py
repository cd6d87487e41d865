"""A corpus: a table of clips with what is known about each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genrelab.errors import CorpusError, printable

if TYPE_CHECKING:
    from genrelab.audio.store import ClipSource

COLUMNS = ("clip", "path", "start", "seconds", "genre", "track", "artist")


@dataclass(frozen=True)
class Corpus:
    """Clips to learn from, and where they come from.

    Parameters
    ----------
    name
        A short name, which stands beside every figure measured on this corpus.
    clips
        One row a clip: ``clip`` (unique), ``path`` (absolute), ``start`` and ``seconds`` (the part of the file that is
        the clip; ``seconds`` is NaN where it goes on to the end), ``genre``, ``track`` (clips cut from one recording
        share it), ``artist`` ("" where it is not known), then any further columns: splits made by others, groups,
        notes. Missing ``start``, ``seconds``, ``track`` and ``artist`` columns are filled in, and so is a track that is
        "": excerpts of one file are one.
    citation, licence
        Whom to cite and what one may do with the sound.
    genres
        The genres in the order in which networks and tables hold them. Empty: the sorted genres of `clips`.
    root
        The folder that the clips lie in, where there is one.
    notes
        Sentences that a reader of a report should know: clips left out and why.
    holds
        What lies at each ``path``: ``"sound"``, ``"pictures"`` (see `genrelab.corpora.pictures`) or ``"rows"`` of
        numbers (see `rows`). Only sound has `sources`.
    rows
        Columns that come with each clip, by clip and number of pieces, (pieces, columns); empty where there are none.

    Raises
    ------
    CorpusError
        A column is missing, a clip has no genre or occurs twice, or there are fewer than two genres.
    """

    name: str
    clips: pd.DataFrame
    citation: str = ""
    licence: str = ""
    genres: tuple[str, ...] = ()
    root: Path | None = None
    notes: tuple[str, ...] = field(default=())
    holds: str = "sound"
    rows: Mapping[str, Mapping[int, NDArray[np.float32]]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        clips = _checked(self.name, self.clips)
        object.__setattr__(self, "clips", clips)
        present = set(clips["genre"])
        object.__setattr__(self, "genres", tuple(self.genres) or tuple(sorted(present)))
        if unknown := sorted(present - set(self.genres)):
            raise CorpusError(f"{self.name}: clips of genres that the corpus does not name: {', '.join(unknown)}")
        if len(present) < 2:
            raise CorpusError(
                f"{self.name}: every clip is {present.pop()!r}; a classifier needs at least two genres to choose from"
            )

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def sources(self) -> list[ClipSource]:
        """Where the sound of each clip lies, in the order of the table: what `SampleStore.build` takes.

        Raises
        ------
        CorpusError
            The corpus holds no sound.
        """
        if self.holds != "sound":
            raise CorpusError(
                f"{self.name} holds {self.holds}, no sound that could be decoded; `genrelab train` takes it as it is"
            )
        from genrelab.audio.store import ClipSource  # here, so that a table can be read without the audio libraries

        rows = self.clips[["clip", "path", "start", "seconds"]].itertuples(index=False)
        return [
            ClipSource(str(clip), Path(str(path)), float(start), None if np.isnan(seconds) else float(seconds))
            for clip, path, start, seconds in rows
        ]

    def select(self, keep: Callable[[pd.DataFrame], pd.Series[bool]] | pd.Series[bool]) -> Corpus:
        """Return the corpus of the clips for which `keep` is true, with the same genres."""
        mask = keep(self.clips) if callable(keep) else keep
        return replace(self, clips=self.clips[mask].reset_index(drop=True))

    def subset(self, max_clips: int, seed: int = 0) -> Corpus:
        """Return a smaller corpus for quick runs: genres as balanced as they come, as many artists as possible.

        Parameters
        ----------
        max_clips
            The number of clips to keep; a corpus that is not larger is returned as it is.
        seed
            Which clips: the same seed keeps the same clips.

        Raises
        ------
        CorpusError
            `max_clips` is less than one clip a genre.
        """
        if max_clips >= len(self.clips):
            return self
        if max_clips < self.clips["genre"].nunique():
            raise CorpusError(
                f"{self.name}: {max_clips} clips cannot hold {self.clips['genre'].nunique()} genres; ask for more clips"
            )
        order = np.random.default_rng(seed).permutation(len(self.clips))
        table = self.clips.iloc[order][["genre", "artist", "track"]].copy()
        # Unknown artists count as one each, as they do when a corpus is split.
        table["artist"] = table["artist"].where(table["artist"] != "", table["track"])
        table["nth_of_artist"] = table.groupby(["genre", "artist"]).cumcount()
        # All first clips of artists come before any second one; then the genres take turns.
        table = table.sort_values("nth_of_artist", kind="stable")
        table["turn"] = table.groupby("genre").cumcount()
        kept = table.sort_values("turn", kind="stable").index[:max_clips]
        return replace(self, clips=self.clips.loc[sorted(kept)].reset_index(drop=True))


def _checked(name: str, clips: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with every column of `COLUMNS` in front and of the right type."""
    for column in ("clip", "path", "genre"):
        if column not in clips:
            raise CorpusError(
                f"{name}: the table of clips has no column {column!r}; it has: {', '.join(clips.columns)}"
            )
    if clips.empty:
        raise CorpusError(f"{name}: there are no clips")
    clips = clips.reset_index(drop=True)
    for column, default in (("start", 0.0), ("seconds", np.nan), ("track", ""), ("artist", "")):
        if column not in clips:
            clips[column] = default
    # Any bytes but 0 may stand in a path, which pandas' strings do not hold.
    clips["path"] = clips["path"].astype(object)
    for column in ("clip", "genre", "track", "artist"):
        clips[column] = as_text(clips[column])
    # macOS takes accents apart in the names of files, and others do not: a genre is one, however it came here. Files
    # whose names differ by that alone are two.
    for column in ("genre", "track", "artist"):
        clips[column] = clips[column].str.normalize("NFC")
    for column in ("start", "seconds"):
        clips[column] = clips[column].astype(float)
    clips["start"] = clips["start"].fillna(0.0)
    clips["track"] = _tracks(clips)
    _refuse(name, clips, clips["clip"] == "", "has no clip name")
    _refuse(name, clips, clips["path"].isna() | (clips["path"] == ""), "has no path")
    _refuse(name, clips, clips["genre"] == "", "has no genre")
    _refuse(name, clips, clips["clip"].duplicated(), "occurs twice; clip names must be unique")
    _refuse(name, clips, clips["start"] < 0, "starts before its file does")
    _refuse(name, clips, clips["seconds"] <= 0, "has no length")
    others = [column for column in clips.columns if column not in COLUMNS]
    return clips[[*COLUMNS, *others]]


def _tracks(clips: pd.DataFrame) -> pd.Series[str]:
    """Return each clip's track; where none is named, excerpts of one file are one track, whatever they are called."""
    named = clips["track"].where(clips["track"] != "")
    file = clips["path"].map(printable)
    of_file = named.groupby(file).transform("first")  # the table may name it in some rows alone
    return named.fillna(of_file).fillna(clips["clip"].where(~clips["path"].duplicated(keep=False), file))


def _refuse(name: str, clips: pd.DataFrame, bad: pd.Series[bool], what: str) -> None:
    if bad.any():
        rows = clips.index[bad]
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise CorpusError(f"{name}: clip {clips.at[rows[0], 'clip']!r} (row {rows[0] + 1}) {what}{more}")


def as_text(column: pd.Series) -> pd.Series[str]:
    """Return a column of any type as text without white space around it, "" where nothing is known."""
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


def listed(names: Sequence[object], limit: int = 5) -> str:
    """Return ``a, b, c and 4 more``, for sentences that name offenders."""
    shown = ", ".join(str(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
