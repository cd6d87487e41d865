"""Audit: what in a corpus or a split would make a result untrue.

Shared tracks and artists, the same sound under two names, unreadable files, genres with few clips. `gate` refuses a
split that leaks, unless told to go on; then the leaks stand in every report.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genrelab.audio.processors import processors
from genrelab.corpora.corpus import Corpus, listed
from genrelab.corpora.fingerprint import SAMPLE_RATE, Words, fingerprint, matches
from genrelab.corpora.protocols import ARTIST_COLUMNS, PARTS, Split, groups
from genrelab.errors import AudioError, LeakError

if TYPE_CHECKING:
    from genrelab.audio.store import ClipSource, SampleStore

__all__ = ["Audit", "audit", "fingerprint", "gate"]

HEARD_SECONDS = 120.0  # of each clip; a copy of a whole track shows long before


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    shared_tracks, shared_artists
        Columns ``fold``, ``track`` or ``artist``, ``parts`` (those it lies in, "train+test"): one row where parts
        share one.
    near_duplicates
        Columns ``clip_a``, ``clip_b``, ``similarity`` (share of equal fingerprint bits), ``offset`` (s by which the
        sound comes later in b), ``same_track`` and ``parts`` ("train+test" where the clips are parted in some fold,
        else "").
    unreadable
        The reason, by clip.
    class_counts
        Clips by genre (rows) and part (columns), in the first fold; with ``clips``, ``tracks`` and ``artists`` in all.
    leaks
        A sentence for each kind of leak; empty where the splits are sound.
    """

    shared_tracks: pd.DataFrame
    shared_artists: pd.DataFrame
    near_duplicates: pd.DataFrame
    unreadable: dict[str, str]
    class_counts: pd.DataFrame
    leaks: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing leaks between parts."""
        return not self.leaks


def audit(
    corpus: Corpus,
    splits: Sequence[Split],
    store: "SampleStore | None" = None,
    *,
    forbid_artists: bool,
    progress: bool = False,
) -> Audit:
    """Examine a corpus and its splits; of pictures and rows of columns, tracks and artists alone.

    Parameters
    ----------
    corpus
        The clips.
    splits
        Of this corpus, one a fold; empty to look at the corpus alone.
    store
        Its decoded sound; None: the files are decoded, at most two minutes of each clip.
    forbid_artists
        Whether an artist in two parts is a leak, as under ``artist-folds``; else it is only listed.
    progress
        Show a progress bar while listening.
    """
    prints, unreadable = _listen(corpus, store, progress) if corpus.holds == "sound" else ({}, {})
    tracks = _shared(corpus, splits, groups(corpus.clips, ["track"]), "track")
    artist_columns = [column for column in ARTIST_COLUMNS if column in corpus.clips]
    artists = _shared(corpus, splits, groups(corpus.clips, artist_columns), "artist")
    duplicates = _near_duplicates(corpus, splits, prints)
    leaks = []
    if len(tracks):
        leaks.append(_sentence(tracks, "track"))
    if forbid_artists and len(artists):
        leaks.append(_sentence(artists, "artist"))
    parted = duplicates[duplicates["parts"] != ""]
    if len(parted):
        pairs = [f"{a} = {b} ({parts})" for a, b, parts in parted[["clip_a", "clip_b", "parts"]].to_numpy()]
        leaks.append(
            f"{_count(len(parted), 'pair')} of clips in different parts have the same sound: {listed(pairs, 3)}"
        )
    return Audit(tracks, artists, duplicates, unreadable, _class_counts(corpus, splits), tuple(leaks))


def gate(found: Audit, allow_leaks: bool) -> list[str]:
    """Let a split pass, or refuse it.

    Parameters
    ----------
    found
        What the audit of the split found.
    allow_leaks
        Go on in spite of leaks.

    Returns
    -------
    list of str
        The sentences that must stand in every report of a run on this split; empty for a sound one.

    Raises
    ------
    LeakError
        There are leaks and they are not allowed.
    """
    if found.leaks and not allow_leaks:
        raise LeakError(
            f"the parts are not independent: {'; '.join(found.leaks)}. Remove copies (`genrelab corpus check` lists "
            "them), give clips that belong together the same 'track' or 'artist', choose another protocol, or go on "
            "with --allow-leaks, which every report will tell"
        )
    return list(found.leaks)


def artist_notes(found: Audit, protocol: str) -> list[str]:
    """Return a sentence on artists in several parts, where a split was given; of ``random`` everybody knows."""
    if protocol in ("random", "artist-folds") or found.shared_artists.empty:
        return []
    return [f"{_sentence(found.shared_artists, 'artist')}; the figures may be too good"]


def _listen(corpus: Corpus, store: "SampleStore | None", progress: bool) -> tuple[dict[str, Words], dict[str, str]]:
    """Return the fingerprint of each clip that can be read, and the reason for each that cannot."""
    from genrelab.audio.read import read, require_sound

    def hear(source: "ClipSource") -> tuple[str, Words | str]:
        clip = source.clip
        try:
            if store is not None:
                if clip not in store:
                    return clip, store.quarantine.get(clip, "it is not in the sample store; build the store again")
                count = min(store.samples(clip), int(HEARD_SECONDS * store.sample_rate))
                return clip, fingerprint(store.read(clip, 0, count), store.sample_rate)
            seconds = min(source.duration or HEARD_SECONDS, HEARD_SECONDS)
            samples = read(source.path, SAMPLE_RATE, source.start, seconds)
            require_sound(samples, SAMPLE_RATE, source.path)
        except AudioError as error:
            return clip, error.reason
        return clip, fingerprint(samples, SAMPLE_RATE)

    sources = corpus.sources
    prints: dict[str, Words] = {}
    unreadable: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=min(8, processors())) as pool:
        heard: Iterator[tuple[str, Words | str]] = pool.map(hear, sources)
        if progress:
            from rich.console import Console
            from rich.progress import track

            heard = iter(track(heard, "Listening", total=len(sources), transient=True, console=Console(stderr=True)))
        for clip, result in heard:
            if isinstance(result, str):
                unreadable[clip] = result
            else:
                prints[clip] = result
    return prints, unreadable


def _shared(corpus: Corpus, splits: Sequence[Split], group: "np.typing.NDArray[np.int64]", what: str) -> pd.DataFrame:
    first = pd.Series(group).drop_duplicates().index
    names = corpus.clips[what].where(corpus.clips[what] != "", corpus.clips["clip"]).to_numpy()[first]
    rows = []
    for split in splits:
        parts = split.parts.reindex(corpus.clips["clip"]).fillna("").to_numpy()
        inside = np.zeros((len(first), len(PARTS)), dtype=bool)
        for column, part in enumerate(PARTS):
            inside[group[parts == part], column] = True
        for number in np.flatnonzero(inside.sum(axis=1) > 1):
            there = "+".join(part for part, yes in zip(PARTS, inside[number], strict=True) if yes)
            rows.append((split.fold, names[number], there))
    return pd.DataFrame(rows, columns=["fold", what, "parts"])


def _near_duplicates(corpus: Corpus, splits: Sequence[Split], prints: dict[str, Words]) -> pd.DataFrame:
    names = list(prints)
    track = corpus.clips.set_index("clip")["track"].to_dict()
    parts = [split.parts.to_dict() for split in splits]
    rows = []
    for match in matches([prints[name] for name in names]):
        a, b = names[match.a], names[match.b]
        parted = {
            "+".join(sorted((fold[a], fold[b]), key=PARTS.index))
            for fold in parts
            if fold.get(a) and fold.get(b) and fold[a] != fold[b]
        }
        rows.append((a, b, match.similarity, match.offset, track[a] == track[b], ", ".join(sorted(parted))))
    columns = ["clip_a", "clip_b", "similarity", "offset", "same_track", "parts"]
    return pd.DataFrame(rows, columns=columns).sort_values("similarity", ascending=False, ignore_index=True)


def _class_counts(corpus: Corpus, splits: Sequence[Split]) -> pd.DataFrame:
    by_genre = corpus.clips.groupby("genre")
    counts = pd.DataFrame({"clips": by_genre.size(), "tracks": by_genre["track"].nunique()})
    known = corpus.clips[corpus.clips["artist"] != ""].groupby("genre")["artist"].nunique()
    counts["artists"] = known.reindex(counts.index).fillna(0).astype(int)
    if splits:
        part = splits[0].parts.reindex(corpus.clips["clip"]).to_numpy()
        table = pd.crosstab(corpus.clips["genre"].to_numpy(), part)
        for name in PARTS:
            counts[name] = table[name].reindex(counts.index).fillna(0).astype(int) if name in table else 0
    return counts.reindex(list(corpus.genres)).fillna(0).astype(int).rename_axis("genre")


def _sentence(shared: pd.DataFrame, what: str) -> str:
    names = list(dict.fromkeys(shared[what]))
    first = shared.drop_duplicates(what)
    examples = [f"{name} ({parts})" for name, parts in first[[what, "parts"]].to_numpy()]
    lie = "lies" if len(names) == 1 else "lie"
    return f"{_count(len(names), what)} {lie} in more than one part: {listed(examples, 3)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
