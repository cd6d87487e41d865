"""Protocols: which clips are learned from and which are tested on.

Clips are grouped before anything is cut, so that no two parts share a track, nor an artist where the protocol forbids
it.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from genrelab.corpora.corpus import Corpus, as_text, listed
from genrelab.errors import CorpusError

PROTOCOLS = ("random", "artist-folds", "gtzan-filtered", "gtzan-train-validation", "fma-official", "column")
PARTS = ("train", "validation", "test")
ARTIST_COLUMNS = ("artist", "artist_id")
LARGEST_SEED = 2**32 - 1  # scikit-learn takes no larger one
_ALIASES = {"training": "train", "valid": "validation", "val": "validation", "dev": "validation", "testing": "test"}
_LEFT_OUT = {"", "none", "nan", "unused"}


@dataclass(frozen=True)
class Split:
    """One way to divide a corpus.

    Parameters
    ----------
    protocol
        The name of the protocol, which stands beside every figure measured on this split.
    fold, folds
        Which fold this is, from 0, and of how many.
    parts
        "train", "validation", "test" or "" (left out), by clip.
    """

    protocol: str
    fold: int
    folds: int
    parts: "pd.Series[str]"

    def clips(self, part: str) -> list[str]:
        """Return the clips of one part, in the corpus' order."""
        return [str(clip) for clip in self.parts.index[self.parts == part]]


def make_splits(
    corpus: Corpus,
    protocol: str,
    *,
    folds: int = 1,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.15,
    group_by: Sequence[str] = ("track", "artist", "artist_id"),
    column: str | None = None,
) -> list[Split]:
    """Divide a corpus by a named protocol; the same arguments give the same splits.

    Parameters
    ----------
    corpus
        What to divide.
    protocol
        ``random``: stratified by genre; clips of one track stay together, artists do not. ``artist-folds``: clips that
        share a value in any column of `group_by`, directly or through others, stay together as well.
        ``gtzan-filtered``: the fault-filtered partition of Kereliuk, Sturm and Larsen (2015).
        ``gtzan-train-validation``: the same without its test list, which stays unseen: tested is the published
        validation list; a fraction `validation` of the published train list, a tenth at most, drawn by `seed`, is taken
        for validation, and clips of one track or known artist stay together. ``fma-official``: the split that comes
        with FMA, 80/10/10 by genre, no artist in two parts (arXiv:1612.01840). ``column``: as a column of the table
        says.
    folds
        1: one split with `validation` and `test` as fractions. k: k splits in which every clip is tested once; `test`
        does not matter, and `validation` is the fraction of all clips that is taken from the rest.
    seed
        Which of the possible divisions, from 0.
    validation, test
        Fractions of the corpus.
    group_by
        Columns of the groups of ``artist-folds``. Those that the corpus does not have are passed over.
    column
        The column for ``column``; its values are train, validation (or valid, val, dev), test, and "" or none.

    Returns
    -------
    list of Split
        One a fold.

    Raises
    ------
    CorpusError
        The protocol does not fit the corpus: no artist is known, a genre has too few groups to be trained on in every
        fold, a list does not match the clips. A test part without some genre is allowed: grouped folds of a genre with
        fewer artists than folds cannot do otherwise.
    """
    if protocol not in PROTOCOLS:
        raise CorpusError(f"there is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    if seed < 0 or (folds > 1 and seed > LARGEST_SEED):
        raise CorpusError(f"seed is {seed}; it must be a whole number from 0 to {LARGEST_SEED}")
    for name, fraction in (("validation", validation), ("test", test)):
        if not 0 < fraction < 0.5:
            raise CorpusError(f"{name} is {fraction}; it must be a fraction of the corpus between 0 and 0.5")
    given: dict[str, Callable[[], pd.Series[str]]] = {
        "gtzan-filtered": lambda: _gtzan_filtered(corpus),
        "gtzan-train-validation": lambda: _gtzan_train_validation(corpus, seed, validation),
        "fma-official": lambda: _fma_official(corpus),
        "column": lambda: _from_column(corpus, column),
    }
    if protocol not in given:
        columns = _group_columns(corpus, group_by) if protocol == "artist-folds" else ["track"]
        splits = _divide(corpus, protocol, groups(corpus.clips, columns), folds, seed, validation, test)
    elif folds == 1:
        splits = [Split(protocol, 0, 1, given[protocol]())]
    else:
        raise CorpusError(f"protocol {protocol!r} is one given split; it has no {folds} folds")
    for split in splits:
        _check_genres(corpus, split)
    return splits


def split_notes(corpus: Corpus, protocol: str, group_by: Sequence[str]) -> list[str]:
    """Return sentences that a reader of a report should know of how a corpus was divided; see `make_splits`."""
    if protocol != "artist-folds" or not set(ARTIST_COLUMNS) & set(group_by):
        return []
    unknown = int(_unknown_artist(corpus, group_by).sum())
    if not unknown:
        return []
    each = "it" if unknown == 1 else "each"
    return [
        f"the artist of {unknown} of {len(corpus)} clips is unknown; {each} counts as one of its own, so that an "
        "artist may be on both sides"
    ]


def groups(clips: pd.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return a number for each group of clips that are tied together by equal values in some columns.

    Ties carry on: if a shares its track with b and b its artist with c, all three are one group. "" and NaN tie
    nothing. Values that differ by capital letters alone are equal: GTZAN's index has Rage Against The Machine, and
    Rage Against the Machine.

    Parameters
    ----------
    clips
        A table with these columns.
    columns
        Names of columns.

    Returns
    -------
    array of int, (len(clips),)
        Group numbers from 0, in the order of their first clips.
    """
    n = len(clips)
    rows: list[npt.NDArray[np.int64]] = []
    values: list[npt.NDArray[np.int64]] = []
    n_nodes = n
    for column in columns:
        text = as_text(clips[column]).str.casefold().str.normalize("NFC")
        codes, uniques = pd.factorize(text.where(text != ""))
        tied = np.flatnonzero(codes >= 0)
        rows.append(tied)
        values.append(codes[tied].astype(np.int64) + n_nodes)  # every value is a node beside the clips
        n_nodes += len(uniques)
    row = np.concatenate([np.empty(0, np.int64), *rows])
    value = np.concatenate([np.empty(0, np.int64), *values])
    graph = coo_matrix((np.ones(len(row), np.int8), (row, value)), shape=(n_nodes, n_nodes))
    labels = connected_components(graph, directed=False)[1][:n]
    return np.asarray(pd.factorize(labels)[0], dtype=np.int64)


def _divide(
    corpus: Corpus,
    protocol: str,
    group: npt.NDArray[np.int64],
    folds: int,
    seed: int,
    validation: float,
    test: float,
) -> list[Split]:
    clips = corpus.clips
    if folds < 1:
        raise CorpusError(f"{folds} folds cannot be made; ask for 1 or more")
    genre = _genre_codes(corpus)
    rng = np.random.default_rng(seed)
    if folds == 1:
        dealt = _deal(group, genre, (1 - validation - test, validation, test), rng)
        return [Split(protocol, 0, 1, _named(clips, np.asarray(PARTS, dtype=object)[dealt]))]
    _check_groups(corpus, genre, group, folds)
    tests = _fold_numbers(group, genre, folds, seed)
    splits = []
    for fold in range(folds):
        rest = np.flatnonzero(tests != fold)
        share = validation * len(clips) / len(rest)
        dealt = _deal(group[rest], genre[rest], (1 - share, share), rng)
        parts = np.full(len(clips), "test", dtype=object)
        parts[rest] = np.asarray(PARTS[:2], dtype=object)[dealt]
        splits.append(Split(protocol, fold, folds, _named(clips, parts)))
    return splits


def _genre_codes(corpus: Corpus) -> npt.NDArray[np.int64]:
    return np.asarray(pd.Categorical(corpus.clips["genre"], categories=list(corpus.genres)).codes, dtype=np.int64)


def _fold_numbers(
    group: npt.NDArray[np.int64], genre: npt.NDArray[np.int64], folds: int, seed: int
) -> npt.NDArray[np.int64]:
    tests = np.zeros(len(group), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of a genre with fewer clips than folds, which `make_splits` allows.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for fold, (_, test) in enumerate(splitter.split(np.zeros((len(group), 1)), genre, group)):
            tests[test] = fold
    return tests


def _deal(
    group: npt.NDArray[np.int64],
    genre: npt.NDArray[np.int64],
    fractions: Sequence[float],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Deal whole groups to parts so that each genre is divided as nearly by the fractions as its groups allow.

    Greedy, the largest groups first: each goes where it brings the counts of its genres nearest to their targets. In a
    small corpus that leaves a small part empty: it then gets the smallest group of the largest part, though never one
    that is all this part has of a genre.
    """
    numbers, group = np.unique(group, return_inverse=True)
    counts = np.zeros((len(numbers), int(genre.max()) + 1))
    np.add.at(counts, (group, genre), 1.0)
    total = counts.sum(axis=0)
    target = np.outer(fractions, total)
    weight = 1.0 / np.maximum(total, 1.0) ** 2  # a clip of a small genre weighs more
    have = np.zeros_like(target)
    order = rng.permutation(len(numbers))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    part = np.empty(len(numbers), dtype=np.int64)
    for number in order:
        count = counts[number]
        # How much the squared distance from the target grows: (have + count - target)² - (have - target)².
        growth = ((2.0 * (have - target) + count) * count * weight).sum(axis=1)
        part[number] = int(np.argmin(growth))
        have[part[number]] += count
    for empty in np.flatnonzero(have.sum(axis=1) == 0):
        largest = int(np.argmax(have.sum(axis=1)))
        spare = (have[largest] > counts) | (counts == 0)
        movable = [number for number in order[::-1] if part[number] == largest and spare[number].all()]
        if movable:  # else the split is refused
            part[movable[0]] = empty
            have[largest] -= counts[movable[0]]
            have[empty] += counts[movable[0]]
    return np.asarray(part[group], dtype=np.int64)


def _group_columns(corpus: Corpus, group_by: Sequence[str]) -> list[str]:
    known = [column for column in group_by if column in corpus.clips]
    if unknown := [column for column in group_by if column not in corpus.clips and column != "artist_id"]:
        raise CorpusError(
            f"{corpus.name}: there is no column {unknown[0]!r} to group by; there are {', '.join(corpus.clips.columns)}"
        )
    unknown_artist = _unknown_artist(corpus, group_by)
    if unknown_artist.all() and any(column in ARTIST_COLUMNS for column in known):
        where = "give the table a column 'artist', or the genres' folders a folder an artist"
        if corpus.name in ("gtzan", "gtzan-pictures", "gtzan-tables"):
            where = "give the file GTZANindex.txt of B. L. Sturm's page (arXiv:1306.1461), --set corpus.index=FILE"
        raise CorpusError(
            f"{corpus.name}: artist-folds needs to know the artists, and none is known; {where}, or choose another "
            "protocol (--protocol random where the command has that, else --set protocol.name=random)"
        )
    return known if "track" in known else ["track", *known]


def _unknown_artist(corpus: Corpus, group_by: Sequence[str]) -> "pd.Series[bool]":
    """Say of each clip whether no column of `group_by` that names artists says anything."""
    columns = [column for column in ARTIST_COLUMNS if column in group_by and column in corpus.clips]
    return (corpus.clips[columns].apply(as_text) == "").all(axis=1)


def _check_groups(corpus: Corpus, genre: npt.NDArray[np.int64], group: npt.NDArray[np.int64], folds: int) -> None:
    """Refuse what would leave a genre untrained in some fold before the folds are made."""
    for code, name in enumerate(corpus.genres):
        n = len(np.unique(group[genre == code]))
        if n == 1:
            raise CorpusError(
                f"{corpus.name}: all clips of genre {name!r} belong to one group (track or artist), so that it cannot "
                "be both trained and tested. Leave the genre out, or choose another protocol"
            )
    if len(np.unique(group)) < folds:
        raise CorpusError(f"{corpus.name}: {len(np.unique(group))} groups cannot make {folds} folds; ask for fewer")
    if (most := int(np.bincount(genre).max())) < folds:
        raise CorpusError(
            f"{corpus.name}: no genre has the {folds} clips that {folds} folds need; ask for {most} or fewer"
        )


def _gtzan_filtered(corpus: Corpus, needed: Sequence[str] = PARTS) -> "pd.Series[str]":
    from genrelab.corpora.gtzan_facts import published_parts

    # A corpus that brings the whole partition is believed; the package's own serves any table with GTZAN's clip names.
    if "published_list" in corpus.clips and set(needed) <= set(_parts(corpus, "published_list")):
        return _from_column(corpus, "published_list", needed)
    published = published_parts()
    parts = _named(corpus.clips, np.asarray([published.get(clip, "") for clip in corpus.clips["clip"]], dtype=object))
    return _require_parts(corpus, parts, "the published fault-filtered list", needed)


def _gtzan_train_validation(corpus: Corpus, seed: int, validation: float) -> "pd.Series[str]":
    lists = _gtzan_filtered(corpus, ("train", "validation")).to_numpy()
    train = np.flatnonzero(lists == "train")
    columns = [column for column in ("track", *ARTIST_COLUMNS) if column in corpus.clips]
    group, genre = groups(corpus.clips, columns), _genre_codes(corpus)
    aside = min(validation, 0.1)
    dealt = _deal(group[train], genre[train], (1 - aside, aside), np.random.default_rng(seed))
    parts = np.where(lists == "validation", "test", "").astype(object)
    parts[train] = np.asarray(PARTS[:2], dtype=object)[dealt]
    return _named(corpus.clips, parts)


def _fma_official(corpus: Corpus) -> "pd.Series[str]":
    if "split" not in corpus.clips:
        raise CorpusError(
            f"{corpus.name}: protocol 'fma-official' is FMA's own split, and this corpus has no column 'split'"
        )
    return _from_column(corpus, "split")


def _from_column(corpus: Corpus, column: str | None, needed: Sequence[str] = PARTS) -> "pd.Series[str]":
    if column is None or column not in corpus.clips:
        raise CorpusError(
            f"{corpus.name}: protocol 'column' needs the name of a column that holds the parts; {column!r} is not one "
            f"of {', '.join(corpus.clips.columns)}"
        )
    values = _parts(corpus, column)
    if (wrong := ~values.isin([*PARTS, ""])).any():
        found = sorted(set(corpus.clips[column][wrong].astype(str)))
        raise CorpusError(
            f"{corpus.name}: column {column!r} says {listed(found)}; a part is train, validation, test or empty"
        )
    parts = _named(corpus.clips, values.to_numpy(dtype=object))
    return _require_parts(corpus, parts, f"column {column!r}", needed)


def _parts(corpus: Corpus, column: str) -> "pd.Series[str]":
    names = as_text(corpus.clips[column]).str.lower()
    return names.map(lambda name: "" if name in _LEFT_OUT else _ALIASES.get(name, name))


def _require_parts(
    corpus: Corpus, parts: "pd.Series[str]", what: str, needed: Sequence[str] = PARTS
) -> "pd.Series[str]":
    if missing := [part for part in needed if not (parts == part).any()]:
        raise CorpusError(f"{corpus.name}: no clip of this corpus is in the {' or '.join(missing)} part of {what}")
    return parts


def _named(clips: pd.DataFrame, parts: npt.NDArray[np.object_]) -> "pd.Series[str]":
    return pd.Series(parts, index=pd.Index(clips["clip"], name="clip"), name="part", dtype=object)


def _check_genres(corpus: Corpus, split: Split) -> None:
    genre = corpus.clips.set_index("clip")["genre"]
    for part in PARTS:
        if not (split.parts == part).any():
            raise CorpusError(
                f"{corpus.name}: fold {split.fold} of {split.protocol} leaves the {part} part empty; "
                "ask for fewer folds, larger fractions, or more clips"
            )
    trained = set(genre[split.parts[split.parts == "train"].index])
    if lacking := [name for name in corpus.genres if name not in trained]:
        raise CorpusError(
            f"{corpus.name}: fold {split.fold} of {split.protocol} trains on no clip of {listed(lacking)}; "
            "there are too few artists or tracks. Leave the genre out, ask for other folds, or choose another protocol"
        )
