"""One folder a genre: ``<root>/<genre>/<track>`` or ``<root>/<genre>/<artist>/<track>``."""

import os
from itertools import takewhile
from pathlib import Path

import pandas as pd

from genrelab.audio.walk import sound_files
from genrelab.corpora.corpus import Corpus, listed
from genrelab.errors import CorpusError, printable


def load(root: str | os.PathLike[str]) -> Corpus:
    """Return the corpus of the sound files below a folder.

    The first folder below `root` is the genre. Where a file lies one folder deeper, that folder is its artist, and
    deeper ones (albums) do not matter; a file directly in its genre's folder has no known artist. Hidden files and
    folders, and files whose suffix is not that of a sound file, are skipped.

    Parameters
    ----------
    root
        The folder that holds the genres' folders.

    Raises
    ------
    CorpusError
        The folder is missing, holds no sound file, or holds one genre only.
    """
    root = Path(root).expanduser().absolute()
    if not root.is_dir():
        raise CorpusError(f"{root}: there is no such folder; it should hold one folder a genre")
    genres = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    rows = []
    paths: list[str] = []
    notes = []
    if loose := [printable(path.name) for path in takewhile(lambda path: path.parent == root, sound_files(root))]:
        notes.append(f"left out, since they lie in no genre's folder: {listed(loose)}")
    for genre in genres:
        files = list(sound_files(genre))
        if not files:
            notes.append(f"the folder {genre.name!r} holds no sound file; there is no such genre")
        for path in files:
            inside = path.relative_to(genre).parts
            # Names go into tables and reports, which cannot hold every byte that a file name can; the path stays as
            # it is.
            clip = printable(path.relative_to(root).as_posix())
            rows.append((clip, printable(genre.name), printable(inside[0]) if len(inside) > 1 else ""))
            paths.append(str(path))
    if not rows:
        lost = [printable(path.name) for path in sound_files(root)]
        hint = f"{listed(lost)} lie in no genre's folder" if lost else "it holds no sound file"
        raise CorpusError(
            f"{root}: {hint}; put the files of each genre into a folder of its own: {root}/<genre>/<file>"
        )
    if len({genre for _, genre, _ in rows}) == 1:
        raise CorpusError(_one_genre(root, Path(paths[0]).relative_to(root).parts[0]))
    return Corpus(
        name=root.name,
        clips=pd.DataFrame(rows, columns=["clip", "genre", "artist"]).assign(path=pd.Series(paths, dtype=object)),
        licence="that of your files",
        root=root,
        notes=tuple(notes),
    )


def _one_genre(root: Path, only: str) -> str:
    """Return what is wrong where all lies in one folder: there is one genre, or the genres lie a folder deeper."""
    said = (
        f"{printable(root)}: all its sound files lie in the folder {only!r}, and a classifier needs at least two genres"
    )
    others = [str(root / only)] if sum(path.is_dir() for path in (root / only).iterdir()) > 1 else []
    others += [str(root / "clips.csv")] if (root / "clips.csv").is_file() else []
    return said + (f"; if the genres lie deeper, give {' or '.join(map(printable, others))}" if others else "")
