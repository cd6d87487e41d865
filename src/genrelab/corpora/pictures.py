"""GTZAN 2.0's pictures: a coloured mel spectrogram of each clip, as the Kaggle copy of GTZAN holds them."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrelab.corpora import gtzan
from genrelab.corpora import gtzan_facts as facts
from genrelab.corpora.corpus import Corpus, listed
from genrelab.corpora.gtzan_tables import read_rows
from genrelab.errors import AudioError, CorpusError, one_line
from genrelab.extractors.picture import HEIGHT, WIDTH

CITATION = f"{gtzan.CITATION}; its pictures: A. Olteanu: GTZAN Dataset, Kaggle, 2020"
MODE = "RGBA"

_FILE = re.compile(r"(?P<genre>[a-z]+)[._]?(?P<number>\d{5})\.png", re.IGNORECASE)


def load(
    root: str | os.PathLike[str],
    index: str | os.PathLike[str] | None = None,
    lists: str | os.PathLike[str] | None = None,
    partial: bool = False,
    tables: Sequence[str | os.PathLike[str]] = (),
) -> Corpus:
    """Return the pictures, a clip each, under GTZAN's own clip names, with the columns of `genrelab.corpora.gtzan`.

    The pictures are not opened here: one that cannot be read is found when it is.

    Parameters
    ----------
    root
        The unpacked copy (``images_original/blues/blues00000.png``), or the folder of the ten genres itself.
    index, lists
        As for GTZAN itself (see `genrelab.corpora.gtzan.load`); None: looked for beside the pictures.
    partial
        Accept a copy in which pictures are missing; they then stand in the corpus' notes.
    tables
        Feature tables (see `genrelab.corpora.gtzan_tables`) whose rows come with the pictures, for systems that look at
        both; clips that lack either are left out.

    Raises
    ------
    CorpusError
        There are no pictures at `root`; one is missing or there twice; a list cannot be understood.
    """
    root = Path(root).expanduser().absolute()
    wanted = "there are no pictures of GTZAN here; it should hold images_original/"
    folder = gtzan.find_genres(root, ("images_original", "Data/images_original"), wanted)
    files = gtzan.find_files(folder, _FILE)
    every = facts.every_clip()
    notes = []
    # The usual copy was drawn without the clip that could not be read.
    if missing := [clip for clip in every if clip not in files and clip not in facts.UNREADABLE]:
        notes.append(f"{len(missing)} pictures are missing: {listed(missing)}")
        if not partial:
            raise CorpusError(f"{folder}: {notes[0]}. Mend the copy, or accept it as it is (corpus.partial=true)")
    rows = read_rows([Path(path).expanduser() for path in tables]) if tables else {}
    clips = [clip for clip in every if clip in files and (clip in rows or not tables)]
    table = gtzan.what_is_known(clips, index, lists, [root, folder, folder.parent, root.parent])
    table["path"] = [str(files[clip]) for clip in clips]
    return Corpus(
        *("gtzan-pictures", table, CITATION, gtzan.LICENCE),
        root=folder,
        notes=tuple(notes),
        holds="pictures",
        rows=rows,
    )


def read_picture(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Return a picture as the extractor ``picture`` draws them.

    Parameters
    ----------
    path
        A PNG file of 432 x 288 dots in red, green, blue and opacity.

    Returns
    -------
    ndarray
        Values from 0 to 255, row by row from the top: (288 * 432 * 4,).

    Raises
    ------
    AudioError
        It is no such picture, or damaged. The clip is unusable, as one whose sound does not decode; others go on.
    """
    from PIL import Image, UnidentifiedImageError  # here, so that naming a corpus costs nothing

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if (picture.size, picture.mode) != ((WIDTH, HEIGHT), MODE):
                width, height = picture.size
                raise AudioError(
                    path, f"is a picture of {width} x {height} in {picture.mode}, not {WIDTH} x {HEIGHT} in {MODE}"
                )
            dots = np.asarray(picture, dtype=np.float32)
    except FileNotFoundError:
        raise AudioError(path, "there is no such file") from None
    except UnidentifiedImageError:
        raise AudioError(path, "is not a PNG picture") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # damage raises any of them
        raise AudioError(path, f"the picture is damaged ({one_line(error)})") from None
    return dots.reshape(-1)
