"""FMA, the Free Music Archive's clips of half a minute: fma_small, fma_medium and fma_large with their metadata."""

import csv
import os
import re
from pathlib import Path

import pandas as pd

from genrelab.corpora.corpus import Corpus, listed
from genrelab.errors import CorpusError, one_line

CITATION = (
    "M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson: FMA: A dataset for music analysis. "
    "ISMIR 2017, arXiv:1612.01840"
)
LICENCE = (
    "each track under the licence that its artist chose (column licence), mostly Creative Commons; metadata CC BY 4.0"
)

# A subset holds those before it.
SUBSETS = ("small", "medium", "large")

# Seconds of sound in clips that were cut beyond the true end of their track, because the archive had its length wrong.
# From the wiki of github.com/mdeff/fma ("Excerpts shorter than 30s") and its issue 8. All are in the medium subset;
# for the large one we know no such list. The 27.4 s of 108924, which stands there too, are music enough.
DAMAGED = {
    **dict.fromkeys(("001486", "005574", "065753", "080391", "098558", "098559", "098560", "098571"), 0.0),
    **dict.fromkeys(("099134", "105247", "108925", "126981", "127336", "133297", "143992"), 0.0),
    **{"098565": 1.6, "098566": 6.2, "098567": 0.5, "098568": 6.6, "098569": 1.5},
}

_FILE = re.compile(r"(?P<clip>\d{6})\.(mp3|flac|ogg|opus|wav)", re.IGNORECASE)
_COLUMNS = {
    ("track", "genre_top"): "genre",
    ("artist", "name"): "artist",
    ("artist", "id"): "artist_id",
    ("set", "split"): "split",
    ("set", "subset"): "subset",
    ("album", "title"): "album",
    ("track", "title"): "title",
    ("track", "license"): "licence",
}


def load(
    root: str | os.PathLike[str],
    metadata: str | os.PathLike[str] | None = None,
    subset: str = "small",
    partial: bool = False,
) -> Corpus:
    """Return a subset of FMA.

    A clip is called by its track's number of six digits, its genre is the root genre (``genre_top``). Beside the
    columns of every corpus its table has ``artist_id``, ``split`` (training, validation, test: the official one),
    ``subset`` (the smallest that the clip is in), ``album``, ``title`` and ``licence``. Tracks without a root genre,
    all of them in the large subset, and clips known to hold little or no sound are left out, and noted. No file is
    opened: what cannot be decoded is found when a store is built of it.

    Parameters
    ----------
    root
        The folder that holds ``fma_small/`` (or medium, large), or that folder itself, with files like
        ``000/000002.mp3``. Copies in flac, ogg, opus or wav do as well. A larger folder serves a smaller subset.
    metadata
        ``tracks.csv`` or the folder that holds it; None: looked for in ``fma_metadata/`` beside the clips.
    subset
        ``small`` (8 000 clips, 8 genres of 1 000), ``medium`` (25 000, 16 genres) or ``large`` (106 574, of which
        about half have a root genre).
    partial
        Accept a copy in which clips are missing; how many then stands in the corpus' notes.

    Raises
    ------
    CorpusError
        There is no FMA at `root`, no metadata, or one that cannot be understood; a clip is missing or there twice.
    """
    if subset not in SUBSETS:
        raise CorpusError(f"there is no FMA subset {subset!r}; choose one of {', '.join(SUBSETS)}")
    root = Path(root).expanduser().absolute()
    folder = _find_clips(root, subset)
    table = _read_tracks(_find_tracks(metadata, [root, folder, folder.parent]))
    table = table[table["subset"].isin(SUBSETS[: SUBSETS.index(subset) + 1])]
    notes = []
    if without := int((table["genre"] == "").sum()):
        notes.append(f"left out of the {subset} subset for want of a root genre: {without} tracks")
        table = table[table["genre"] != ""]
    damaged = table["clip"].isin(DAMAGED)
    if damaged.any():
        names = listed(sorted(table.loc[damaged, "clip"]), len(DAMAGED))
        notes.append(f"left out for holding 0 to 6.6 s of sound (FMA's wiki): {names}")
        table = table[~damaged]
    files = _find_files(folder)
    there = table["clip"].isin(set(files))
    if missing := list(table.loc[~there, "clip"]):
        fault = f"{len(missing)} of {len(table)} clips are missing: {listed(missing)}"
        if not partial:
            raise CorpusError(f"{folder}: {fault}. Mend the copy, or accept it as it is (corpus.partial=true)")
        notes.append(fault)
    table = table[there].reset_index(drop=True)
    table.insert(1, "path", [files[clip] for clip in table["clip"]])
    return Corpus(f"fma-{subset}", table, CITATION, LICENCE, root=folder, notes=tuple(notes))


def _find_clips(root: Path, subset: str) -> Path:
    enough = [f"fma_{name}" for name in SUBSETS[SUBSETS.index(subset) :]]
    for folder in (*(root / name for name in enough), root):
        if any(folder.glob("[0-9][0-9][0-9]/")):
            return folder
    raise CorpusError(
        f"{root}: there is no FMA here; it should hold {' or '.join(enough)}, or folders 000, 001, ... of clips"
    )


def _find_files(folder: Path) -> dict[str, str]:
    files: dict[str, str] = {}
    for inner in sorted(folder.glob("[0-9][0-9][0-9]/")):
        for entry in sorted(os.scandir(inner), key=lambda entry: entry.name):
            match = _FILE.fullmatch(entry.name)
            if match is None:
                continue
            if match["clip"] in files:
                raise CorpusError(f"{entry.path}: {match['clip']} is here twice; remove one of them")
            files[match["clip"]] = entry.path
    return files


def _find_tracks(metadata: str | os.PathLike[str] | None, beside: list[Path]) -> Path:
    given = None if metadata is None else Path(metadata).expanduser().absolute()
    folders = beside if given is None else [given]
    for folder in folders:
        for path in (folder / "tracks.csv", folder / "fma_metadata" / "tracks.csv"):
            if path.is_file():
                return path
    if given is not None and given.is_file():
        return given
    raise CorpusError(
        f"{folders[0]}: FMA's tracks.csv is not there; give metadata: the folder fma_metadata, "
        "which `genrelab corpus fetch fma-metadata` brings"
    )


def _read_tracks(path: Path) -> pd.DataFrame:
    """Read the few columns that are needed out of the 53 of ``tracks.csv``.

    Two lines name a column, a third the index. pandas would read them all before it could choose from two-line names.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            first, second, third = (next(csv.reader(file), []) for _ in range(3))
        places = {names: place for place, names in enumerate(zip(first, second, strict=False))}
        lacking = [" ".join(names) for names in _COLUMNS if names not in places]
        if lacking or third[:1] != ["track_id"]:
            what = f"there is no column {listed(lacking)}" if lacking else "its third line does not begin with track_id"
            raise CorpusError(
                f"{path}: is not FMA's tracks.csv: {what}; fetch it anew: genrelab corpus fetch fma-metadata"
            )
        wanted = {0: "clip"} | {places[names]: ours for names, ours in _COLUMNS.items()}
        table = pd.read_csv(
            path, header=None, skiprows=3, usecols=list(wanted), dtype=str, keep_default_na=False, encoding="utf-8"
        )
    except (OSError, ValueError, csv.Error) as error:  # pandas' errors of parsing are ValueErrors
        raise CorpusError(f"{path}: the table cannot be read: {one_line(error)}") from None
    table = table.rename(columns=wanted)[list(wanted.values())]
    if not (numbers := table["clip"].str.fullmatch(r"\d{1,6}")).all():
        raise CorpusError(f"{path}: {table.loc[~numbers, 'clip'].iloc[0]!r} is no track's number")
    table["clip"] = table["clip"].str.zfill(6)
    return table
