"""GTZAN, in whichever of its usual layouts it lies on the disk."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from genrelab.corpora import gtzan_facts as facts
from genrelab.corpora.corpus import Corpus, listed
from genrelab.errors import AudioError, CorpusError

CITATION = (
    "G. Tzanetakis and P. Cook: Musical genre classification of audio signals. "
    "IEEE Transactions on Speech and Audio Processing 10(5), 2002, doi:10.1109/TSA.2002.800560"
)
LICENCE = "unknown: commercial recordings, gathered for research"

_FILE = re.compile(r"(?P<genre>[a-z]+)[._](?P<number>\d{5})\.(au|wav|flac|ogg|mp3|aiff?)", re.IGNORECASE)
_LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}


def load(
    root: str | os.PathLike[str],
    index: str | os.PathLike[str] | None = None,
    lists: str | os.PathLike[str] | None = None,
    partial: bool = False,
) -> Corpus:
    """Return GTZAN.

    Beside the columns of every corpus its table has ``title``, ``published_list`` (the part of the fault-filtered
    partition, "" for a clip left out there) and ``fault`` (what is known to be wrong with a clip, "" for most). Clips
    that are known to repeat one another share their ``track``, so that no protocol tears them apart.

    Parameters
    ----------
    root
        The unpacked archive (``genres/blues/blues.00000.au``), the Kaggle copy
        (``genres_original/blues/blues.00000.wav``), a copy in flac or ogg, or the folder of the ten genres itself.
    index
        ``GTZANindex.txt`` (lines ``blues.00000.wav ::: artist ::: title``), which tells the artists; None: looked for
        beside the data. Without it no artist is known.
    lists
        A folder with ``train_filtered.txt``, ``valid_filtered.txt`` and ``test_filtered.txt``; None: looked for beside
        the data, else the partition that comes with the package.
    partial
        Accept a copy in which clips are missing or cannot be read; they then stand in the corpus' notes.

    Raises
    ------
    CorpusError
        There is no GTZAN at `root`; a clip is missing, unreadable or there twice; a list cannot be understood.
    """
    root = Path(root).expanduser().absolute()
    wanted = "there is no GTZAN here; it should hold genres/ (the archive's layout), genres_original/ (Kaggle's)"
    genres_folder = find_genres(root, ("genres", "genres_original", "Data/genres_original"), wanted)
    beside = [root, genres_folder, genres_folder.parent, root.parent]
    files = find_files(genres_folder)
    seconds, unreadable = _probe(files)
    notes = [f"{clip} is left out: {facts.UNREADABLE[clip]}" for clip in unreadable if clip in facts.UNREADABLE]
    every = facts.every_clip()
    faults = [
        f"{clip} cannot be read ({reason})" for clip, reason in unreadable.items() if clip not in facts.UNREADABLE
    ]
    # Copies that leave out a clip known to be unreadable are whole.
    if missing := [clip for clip in every if clip not in files and clip not in facts.UNREADABLE]:
        faults.append(f"{len(missing)} clips are missing: {listed(missing)}")
    if faults and not partial:
        raise CorpusError(
            f"{genres_folder}: {'; '.join(faults)}. Mend the copy, or accept it as it is (corpus.partial=true)"
        )
    clips = [clip for clip in every if clip in seconds]
    table = what_is_known(clips, index, lists, beside)
    table["path"] = [str(files[clip]) for clip in clips]
    table["seconds"] = [seconds[clip] for clip in clips]
    return Corpus("gtzan", table, CITATION, LICENCE, root=genres_folder, notes=(*notes, *faults))


def what_is_known(
    clips: Sequence[str],
    index: str | os.PathLike[str] | None = None,
    lists: str | os.PathLike[str] | None = None,
    beside: Sequence[Path] = (),
) -> pd.DataFrame:
    """Return what is known of GTZAN's clips, whatever form they are held in.

    Parameters
    ----------
    clips
        Names such as ``blues.00000``.
    index, lists
        As in `load`.
    beside
        Folders in which they are looked for where they are None.

    Returns
    -------
    pandas.DataFrame
        Columns ``clip``, ``genre``, ``track``, ``artist``, ``title``, ``published_list`` and ``fault``.

    Raises
    ------
    CorpusError
        A file that was named is missing or cannot be understood.
    """
    index_file = _find(index, beside, "GTZANindex.txt")
    known = _read_index(index_file) if index_file else {}
    parts = _published_parts(lists, beside)
    repeats = facts.repeats()
    return pd.DataFrame(
        {
            "clip": list(clips),
            "genre": [clip.split(".")[0] for clip in clips],
            "track": [repeats.get(clip, clip) for clip in clips],
            "artist": [known.get(clip, ("", ""))[0] for clip in clips],
            "title": [known.get(clip, ("", ""))[1] for clip in clips],
            "published_list": [parts.get(clip, "") for clip in clips],
            "fault": [_fault(clip, repeats) for clip in clips],
        }
    )


def find_genres(root: Path, inside: Sequence[str], wanted: str) -> Path:
    """Return the first of some folders in `root`, or itself, that has two of the genres'; `wanted` begins the error."""
    for folder in (*(root / name for name in inside), root):
        if sum((folder / genre).is_dir() for genre in facts.GENRES) >= 2:
            return folder
    raise CorpusError(f"{root}: {wanted} or the folders {', '.join(facts.GENRES)}")


def find_files(folder: Path, name: re.Pattern[str] = _FILE) -> dict[str, Path]:
    """Return GTZAN's files below the genres' folders, by clip.

    Parameters
    ----------
    folder
        Holds a folder a genre.
    name
        Matches the files' names, with the groups ``genre`` and ``number``.

    Raises
    ------
    CorpusError
        A clip is there twice.
    """
    files: dict[str, Path] = {}
    for genre in facts.GENRES:
        for path in sorted((folder / genre).glob("*")):
            match = name.fullmatch(path.name)
            if match is None or match["genre"].lower() != genre:
                continue
            clip = facts.name(genre, int(match["number"]))
            if clip in files:
                raise CorpusError(f"{path}: {clip} is here twice, also as {files[clip].name}; remove one of them")
            files[clip] = path
    return files


def _probe(files: dict[str, Path]) -> tuple[dict[str, float], dict[str, str]]:
    """Return the seconds of each clip that has a sound file's header, and the reason for each that has none."""
    from genrelab.audio.read import probe

    seconds: dict[str, float] = {}
    unreadable: dict[str, str] = {}
    for clip, path in files.items():
        try:
            seconds[clip] = probe(path).seconds
        except AudioError as error:
            unreadable[clip] = error.reason
    return seconds, unreadable


def _find(given: str | os.PathLike[str] | None, beside: Sequence[Path], name: str) -> Path | None:
    if given is None:
        return next((folder / name for folder in beside if (folder / name).is_file()), None)
    path = Path(given).expanduser()
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise CorpusError(f"{path}: there is no such file; it should be {name}")
    return path


def _read_index(path: Path) -> dict[str, tuple[str, str]]:
    known = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        fields = [part.strip() for part in line.split(":::")]
        if len(fields) != 3:
            raise CorpusError(f"{path}: line {number} is not 'clip.wav ::: artist ::: title': {line!r}")
        known[Path(fields[0]).stem] = (fields[1], fields[2])
    return known


def _published_parts(lists: str | os.PathLike[str] | None, beside: Sequence[Path]) -> dict[str, str]:
    files = {part: _find(lists, beside, name) for part, name in _LISTS.items()}
    parts: dict[str, str] = {}
    for part, file in files.items():
        if file is None:
            return facts.published_parts()
        for line in file.read_text(encoding="utf-8-sig").splitlines():
            if (clip := Path(line.strip()).stem) and parts.setdefault(clip, part) != part:
                raise CorpusError(f"{file}: {clip} stands in the {parts[clip]} list as well")
    return parts


def _fault(clip: str, repeats: dict[str, str]) -> str:
    if clip in repeats:
        return f"repeats {repeats[clip]}"
    return facts.DISTORTED.get(clip) or facts.UNREADABLE.get(clip, "")
