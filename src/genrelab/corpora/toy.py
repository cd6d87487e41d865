"""The toy corpus: ten genres of invented music that anyone can synthesise, play and share."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from genrelab.corpora.corpus import Corpus
from genrelab.corpora.made import Row, claim, read_table, synthesise, write_clip
from genrelab.corpora.toy_music import make_artist, render
from genrelab.corpora.toy_styles import STYLES
from genrelab.errors import CorpusError

VERSION = 1  # of the music: raise it whenever the same seed would sound different
GENRES = tuple(sorted(STYLES))
CITATION = "genrelab's toy corpus, synthesised"
LICENCE = "CC0: nobody played it"

_FIRST = ("Copper", "Velvet", "Paper", "Northern", "Salt", "Glass", "Quiet", "Iron", "Amber", "Lunar")
_SECOND = ("Lanterns", "Tides", "Foxes", "Engine", "Orchard", "Parade", "Signal", "Brothers", "Harbour", "Society")


def load(
    root: str | os.PathLike[str],
    clips: int = 200,
    seed: int = 0,
    artists: int = 5,
    sample_rate: int = 22050,
    progress: bool = True,
) -> Corpus:
    """Return the toy corpus, after synthesising what of it is not there yet.

    Every clip depends on the seed and its own number alone: a smaller corpus is the beginning of a larger one, and an
    interrupted synthesis goes on where it stopped. The files appear whole or not at all, the table ``clips.csv`` last.

    Parameters
    ----------
    root
        Where the sound files (``audio/<genre>/<clip>.flac``) and ``clips.csv`` lie or shall lie.
    clips
        How many; genres and artists take turns.
    seed
        Which music.
    artists
        A genre, 2 to 10. Each has its own sound, which says nothing of the genre.
    sample_rate
        In Hz.
    progress
        Show a progress bar while synthesising.

    Raises
    ------
    CorpusError
        The folder holds something else, or toy music made with other settings; too few or too many clips or artists.
    """
    root = Path(root).expanduser().absolute()
    if clips < 2 * len(GENRES) or not 2 <= artists <= len(_FIRST) or sample_rate < 8000 or seed < 0:
        raise CorpusError(
            f"toy: {clips} clips, {artists} artists a genre, {sample_rate} Hz, seed {seed}: it takes at least "
            f"{2 * len(GENRES)} clips, 2 to {len(_FIRST)} artists a genre, 8000 Hz and a seed that is not negative"
        )
    settings = {"version": VERSION, "seed": seed, "artists": artists, "sample_rate": sample_rate}
    claim(root, "toy", "toy music", settings)
    known = read_table(root / "clips.csv")
    if len(known) < clips or not all((root / path).is_file() for path in known["path"][:clips]):
        known = _synthesise(root, clips, seed, artists, sample_rate, progress)
    table = known[:clips].copy()
    table["path"] = [str(root / path) for path in table["path"]]
    return Corpus("toy", table, CITATION, LICENCE, genres=GENRES, root=root)


def artist_name(genre: int, artist: int) -> str:
    """Return the name of an artist, none of whom exists; all are different."""
    return f"{_FIRST[artist]} {_SECOND[(genre + artist) % len(_SECOND)]}"


def _synthesise(root: Path, clips: int, seed: int, artists: int, sample_rate: int, progress: bool) -> pd.DataFrame:
    # An artist is drawn once and then only read.
    everyone = {
        (genre, artist): make_artist(genre, artist, seed, sample_rate) for genre in GENRES for artist in range(artists)
    }

    def make(number: int) -> Row:
        genre = GENRES[number % len(GENRES)]
        nth = number // len(GENRES)
        artist = nth % artists
        path = Path("audio", genre, f"{genre}.{nth:04d}.flac")
        rng = np.random.default_rng([seed, number, VERSION])
        seconds = write_clip(root / path, sample_rate, lambda: render(everyone[genre, artist], nth // artists, rng)[0])
        clip = f"{genre}.{nth:04d}"
        name = artist_name(number % len(GENRES), artist)
        return {
            "clip": clip,
            "path": path.as_posix(),
            "seconds": seconds,
            "genre": genre,
            "track": clip,
            "artist": name,
        }

    return synthesise(root, make, range(clips), progress)
