"""Where corpora can be had: addresses, sizes, checksums and terms.

Sources
-------
.. [1] FMA: README of github.com/mdeff/fma, which publishes the addresses and SHA-1 sums.
.. [2] GTZAN: the SHA-256 by which torchaudio (datasets/gtzan.py) and TensorFlow Datasets know ``genres.tar.gz``. The
   host that published it (opihi.cs.uvic.ca) is gone; the address is that of a copy.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """An archive that can be fetched.

    Parameters
    ----------
    about
        What it is, in a line.
    archive
        The archive's file name.
    url
        Where it lies; "" where it cannot be had without signing in, or nowhere that we know of.
    page
        Where people read about it, or get it by hand.
    size
        Bytes of the archive, as nearly as is published; 0: not known. It is shown; what counts is the checksum.
    checksum
        ``algorithm:hexadecimal digits``, as its publisher or others name it; "": nobody does.
    licence, terms
        What one may do with it.
    folder
        What it unpacks to.
    largest
        The most bytes that are taken, of the archive and of what it unpacks to.
    then
        The commands to give next, with ``{root}`` for the folder it was unpacked into.
    """

    about: str
    archive: str
    url: str
    page: str
    size: int
    checksum: str
    licence: str
    terms: str
    folder: str
    largest: int
    then: tuple[str, ...]


_GIB = 1 << 30
_FMA = "https://github.com/mdeff/fma"
_FMA_TERMS = (
    "The collectors hold no rights in the sound; they pass each track on under the licence that its artist chose, and "
    "mean the collection for research. Cite arXiv:1612.01840."
)
_GTZAN_TERMS = (
    "Commercial recordings, gathered in 2000 and 2001 without their owners' permission. Research has always used it; "
    "whether you may is for you to judge, and nothing of it may be passed on. Cite doi:10.1109/TSA.2002.800560."
)


def _fma(subset: str, clips: str, size: int, sha1: str, largest: int) -> Source:
    return Source(
        about=f"FMA {subset}: {clips}",
        archive=f"fma_{subset}.zip",
        url=f"https://os.unil.cloud.switch.ch/fma/fma_{subset}.zip",
        page=_FMA,
        size=size,
        checksum=f"sha1:{sha1}",
        licence="each track's own, mostly Creative Commons",
        terms=_FMA_TERMS,
        folder=f"fma_{subset}",
        largest=largest,
        then=(
            "genrelab corpus fetch fma-metadata --to {root}",
            f"genrelab corpus describe fma --root {{root}} -o subset={subset}",
        ),
    )


SOURCES = {
    "gtzan": Source(
        about="GTZAN: 1 000 excerpts of 30 s, ten genres, 22 050 Hz wav",
        archive="genres.tar.gz",
        url="https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",
        page="http://marsyas.info/downloads/datasets.html",
        size=1_225_571_541,
        checksum="sha256:24347e0223d2ba798e0a558c4c172d9d4a19c00bb7963fe055d183dadb4ef2c6",
        licence="unknown",
        terms=_GTZAN_TERMS,
        folder="genres",
        largest=4 * _GIB,
        then=("genrelab corpus describe gtzan --root {root}",),
    ),
    "gtzan-pictures": Source(
        about="GTZAN as Kaggle has it: the clips as wav, and a picture of the mel spectrogram of each",
        archive="gtzan-dataset-music-genre-classification.zip",
        url="",
        page="https://www.kaggle.com/datasets/andradaolteanu/gtzan-dataset-music-genre-classification",
        size=0,
        checksum="",
        licence="unknown",
        terms=_GTZAN_TERMS,
        folder="Data",
        largest=4 * _GIB,
        then=(
            "genrelab corpus describe gtzan-pictures --root {root}",
            "genrelab corpus describe gtzan --root {root}",
        ),
    ),
    "fma-small": _fma(
        "small", "8 000 clips of 30 s, 8 genres", 7_679_594_875, "ade154f733639d52e35e32f5593efe5be76c6d70", 16 * _GIB
    ),
    "fma-medium": _fma(
        "medium", "25 000 clips of 30 s, 16 genres", 22 * _GIB, "c67b69ea232021025fca9231fc1c7c1a063ab50b", 48 * _GIB
    ),
    "fma-large": _fma(
        "large",
        "106 574 clips of 30 s, 161 genres",
        100_306_112_191,
        "497109f4dd721066b5ce5e5f250ec604dc78939e",
        200 * _GIB,
    ),
    "fma-metadata": Source(
        about="FMA's tables: genres, artists, titles, licences and the official split",
        archive="fma_metadata.zip",
        url="https://os.unil.cloud.switch.ch/fma/fma_metadata.zip",
        page=_FMA,
        size=358_412_441,
        checksum="sha1:f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
        licence="CC BY 4.0",
        terms="Cite arXiv:1612.01840.",
        folder="fma_metadata",
        largest=8 * _GIB,
        then=("genrelab corpus describe fma --root {root}",),
    ),
}
