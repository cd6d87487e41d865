"""What there is to learn from.

A corpus is found by its name in `CORPORA`; each loader returns a `genrelab.corpora.corpus.Corpus`. The loaders wait
with their imports until they are called, so that naming a corpus costs nothing.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

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


def _gtzan_pictures(
    root: str | Path,
    index: str | Path | None = None,
    lists: str | Path | None = None,
    partial: bool = False,
    table: str | Path | None = None,
    pieces_table: str | Path | None = None,
) -> Corpus:
    """GTZAN 2.0's mel-spectrogram pictures: 999 of them, a picture a clip."""
    from genrelab.corpora.pictures import load

    return load(root, index, lists, partial, [path for path in (table, pieces_table) if path is not None])


def _gtzan_tables(
    path: str | Path,
    pieces_path: str | Path | None = None,
    index: str | Path | None = None,
    lists: str | Path | None = None,
) -> Corpus:
    """GTZAN 2.0's feature tables: 57 columns a clip, or for each 3 or 10 seconds of it."""
    from genrelab.corpora.gtzan_tables import load

    return load(path, pieces_path, index, lists)


def _fma(root: str | Path, metadata: str | Path | None = None, subset: str = "small", partial: bool = False) -> Corpus:
    """FMA: 8 000 to 106 574 half-minute clips of the Free Music Archive, 8 to 16 genres, with an official split."""
    from genrelab.corpora.fma import load

    return load(root, metadata, subset, partial)


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


def _not_music(
    root: str | Path, clips: int = 600, seed: int = 0, sample_rate: int = 22050, progress: bool = True
) -> Corpus:
    """Sounds that are no music, ten kinds, synthesised where they are not there yet; speech needs espeak-ng."""
    from genrelab.corpora.not_music import load

    return load(root, clips, seed, sample_rate, progress)


CORPORA: dict[str, Callable[..., Corpus]] = {
    "gtzan": _gtzan,
    "gtzan-pictures": _gtzan_pictures,
    "gtzan-tables": _gtzan_tables,
    "fma": _fma,
    "folder": _folder,
    "table": _table,
    "toy": _toy,
    "not-music": _not_music,
}


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
        There is no such corpus or no such option, an option is missing or of another type than its loader takes, or
        the loader met damage.
    """
    if kind not in CORPORA:
        raise CorpusError(f"there is no corpus {kind!r}; choose one of {', '.join(CORPORA)}")
    known = inspect.signature(CORPORA[kind]).parameters
    if unknown := [name for name in options if name not in known]:
        raise CorpusError(f"corpus {kind!r} has no option {unknown[0]!r}; it takes {', '.join(known)}")
    required = [name for name, option in known.items() if option.default is inspect.Parameter.empty]
    if missing := [name for name in required if name not in options]:
        raise CorpusError(f"corpus {kind!r} needs the option {missing[0]!r}")
    types = get_type_hints(CORPORA[kind], localns={"Corpus": object})  # a corpus brings pandas, and is not asked for
    for name, value in options.items():
        expected = types.get(name, Any)
        if not _fits(value, expected):
            raise CorpusError(f"corpus {kind!r}: the option {name!r} must be {_in_words(expected)}, not {value!r}")
    corpus = CORPORA[kind](**options)
    notes = tuple(_spellings(corpus.genres))
    return replace(corpus, notes=corpus.notes + notes) if notes else corpus


def _spellings(genres: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for genres whose names differ by capitals, spaces or hyphens alone: Hip-Hop, hip hop."""
    spelled: dict[str, list[str]] = {}
    for genre in genres:
        spelled.setdefault("".join(filter(str.isalnum, genre.casefold())) or genre, []).append(genre)
    for names in spelled.values():
        if len(names) > 1:
            yield f"{' and '.join(map(repr, names))} count as {len(names)} genres; give them one name if they are one"


def _fits(value: object, expected: Any) -> bool:
    """Return whether a value is of a type; the types are those that the loaders above name."""
    arguments = get_args(expected)
    if get_origin(expected) in (Union, UnionType):
        return any(_fits(value, choice) for choice in arguments)
    if get_origin(expected) is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(part, argument) for pair in value.items() for part, argument in zip(pair, arguments, strict=True)
        )
    if expected is Path:
        return isinstance(value, os.PathLike)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return expected is Any or isinstance(value, expected)


def _in_words(expected: Any) -> str:
    words = {Path: "a path", str: "text", bool: "true or false", int: "a whole number"}
    choices = get_args(expected) if get_origin(expected) in (Union, UnionType) else (expected,)
    return " or ".join(
        "a mapping of text to text" if get_origin(choice) is Mapping else words.get(choice, str(choice))
        for choice in choices
        if choice is not NoneType
    )
