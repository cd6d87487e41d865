"""What there is to learn from.

A corpus is found by its name in `CORPORA`; each loader returns a `genrelab.corpora.corpus.Corpus`. The loaders wait
with their imports until they are called, so that naming a corpus costs nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrelab.errors import CorpusError

if TYPE_CHECKING:
    from genrelab.corpora.corpus import Corpus

__all__ = ["CORPORA", "load_corpus"]


def _gtzan(
    root: str | Path, index: str | Path | None = None, lists: str | Path | None = None, partial: bool = False
) -> Corpus:
    """GTZAN: 1 000 half-minute excerpts, ten genres, one hundred each."""
    from genrelab.corpora.gtzan import load

    return load(root, index, lists, partial)


def _folder(root: str | Path) -> Corpus:
    """Your own music: one folder a genre, within it a folder an artist where you like."""
    from genrelab.corpora.folder import load

    return load(root)


def _table(path: str | Path, columns: Mapping[str, str] | None = None, root: str | Path | None = None) -> Corpus:
    """Your own table: CSV, Parquet or JSON lines with a path and a genre a row."""
    from genrelab.corpora.table import load

    return load(path, columns, root)


def _toy(
    root: str | Path,
    clips: int = 200,
    seed: int = 0,
    artists: int = 5,
    sample_rate: int = 22050,
    progress: bool = True,
) -> Corpus:
    """Ten genres of invented music, synthesised where they are not there yet."""
    from genrelab.corpora.toy import load

    return load(root, clips, seed, artists, sample_rate, progress)


CORPORA: dict[str, Callable[..., Corpus]] = {"gtzan": _gtzan, "folder": _folder, "table": _table, "toy": _toy}


def load_corpus(kind: str, **options: Any) -> Corpus:
    """Return the corpus called `kind`, loaded with its options.

    Parameters
    ----------
    kind
        A key of `CORPORA`.
    options
        What its loader takes, e.g. ``root="music"``.

    Raises
    ------
    CorpusError
        There is no such corpus or no such option, an option is missing, or the loader met damage.
    """
    if kind not in CORPORA:
        raise CorpusError(f"there is no corpus {kind!r}; choose one of {', '.join(CORPORA)}")
    known = inspect.signature(CORPORA[kind]).parameters
    if unknown := [name for name in options if name not in known]:
        raise CorpusError(f"corpus {kind!r} has no option {unknown[0]!r}; it takes {', '.join(known)}")
    required = [name for name, option in known.items() if option.default is inspect.Parameter.empty]
    if missing := [name for name in required if name not in options]:
        raise CorpusError(f"corpus {kind!r} needs the option {missing[0]!r}")
    return CORPORA[kind](**options)
