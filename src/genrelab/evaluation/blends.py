"""Music that is of no single genre as a blend of those that a model knows: shares, and where they come from."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from genrelab.errors import RunError
from genrelab.evaluation.intervals import percentile_interval, resampled_means
from genrelab.evaluation.predictions import PREFIX, Predictions

Floats = npt.NDArray[np.float64]
_SUM_TOLERANCE = 0.01  # `classify` rounds each probability to six digits


@dataclass(frozen=True)
class Blend:
    """Some clips and the probabilities that a model gives them.

    Parameters
    ----------
    name
        What they are, e.g. ``"reggae"`` or the name of a file of predictions.
    genres
        The genres that the model knows.
    clips
        ``clip, track, artist`` a row; of classified files ``artist`` is the folder they lie in.
    probabilities
        Shape (clips, genres).
    own
        The genre that they are, if it is one that the model knows.
    failed
        Files that were left out because they could not be classified.
    """

    name: str
    genres: tuple[str, ...]
    clips: pd.DataFrame
    probabilities: Floats
    own: str | None = None
    failed: int = 0


def of_genre(predictions: Predictions, genre: str) -> Blend:
    """Return the clips of one of the genres that a model knows.

    Raises
    ------
    RunError
        There are none.
    """
    rows = np.flatnonzero(np.asarray(predictions.table["genre"] == genre))
    if not len(rows):
        raise RunError(f"the predictions hold no clips of {genre}; choose another genre, or a file of predictions")
    clips = predictions.table.loc[rows, ["clip", "artist"]].reset_index(drop=True)
    clips["artist"] = clips["artist"].astype("string").fillna("")
    clips.insert(1, "track", predictions.tracks[rows])
    return Blend(genre, predictions.genres, clips, predictions.probabilities[rows], genre)


def read_classified(path: Path, genres: Sequence[str]) -> Blend:
    """Read what ``genrelab classify`` wrote as CSV, JSON or JSON lines; a timeline's spans are averaged by file.

    Parameters
    ----------
    path
        The file.
    genres
        What the run knows; the file must hold a probability for each of them and for no other.

    Raises
    ------
    RunError
        It is none of these formats, of other genres, or holds only the first few genres of each file.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # spreadsheets put a byte order mark in front
        rows = _records(text) if text.lstrip()[:1] in ("[", "{") else _csv_rows(text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise RunError(
            f"{path}: not what `genrelab classify --format csv` (or json, jsonl) writes ({what}); write it anew"
        ) from error
    heard = [(name, given) for name, given in rows if given]
    if not heard:
        raise RunError(f"{path}: holds no classified file")
    if odd := sorted({genre for _, given in heard for genre in given} - set(genres)):
        raise RunError(
            f"{path}: speaks of genres that the run does not know ({', '.join(odd)}); classify with a bundle of this "
            "run (`genrelab export`), or with --vocabulary"
        )
    table = pd.DataFrame([given for _, given in heard], columns=list(genres), dtype=float)
    if not (np.abs(table.sum(axis=1) - 1) <= _SUM_TOLERANCE).all():
        raise RunError(f"{path}: the genres of a file do not add up to 1; classify again without --top")
    by_file = table.fillna(0.0).groupby([name for name, _ in heard], sort=False).mean()
    names = [str(name) for name in by_file.index]
    clips = pd.DataFrame({"clip": names, "track": range(len(names)), "artist": _folders(names)})
    failed = len({name for name, given in rows if not given} - set(names))
    return Blend(path.stem, tuple(genres), clips, by_file.to_numpy(), failed=failed)


def shares(blend: Blend, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return the mean blend, the largest share first: ``genre, share, low, high``, with 95 % intervals over tracks.

    The column ``lead`` is how surely each is larger than the next one: the share of resamples in which it is (NaN for
    the last). A clip's own genre takes its place among the others.
    """
    tracks = blend.clips["track"].to_numpy(dtype=np.int64)
    tracks = np.unique(tracks, return_inverse=True)[1].astype(np.int64)
    drawn = resampled_means(blend.probabilities, tracks, resamples, seed)
    mean, number = blend.probabilities.mean(axis=0), int(tracks.max()) + 1
    order = np.argsort(-mean, kind="stable")
    intervals = [percentile_interval(drawn[:, code], number, 0.95, fraction=False) for code in order]
    lead = [float((drawn[:, a] > drawn[:, b]).mean()) for a, b in pairwise(order)]
    return pd.DataFrame(
        {
            "genre": [blend.genres[code] for code in order],
            "share": mean[order],
            "low": [interval.low for interval in intervals],
            "high": [interval.high for interval in intervals],
            "lead": [*(lead if number > 1 else [np.nan] * len(lead)), np.nan],
        }
    )


def within(probabilities: Floats) -> float:
    """Return how much of the blend's variety lies within single clips, from 0 to 1 (NaN where there is none).

    The entropy of the mean of some distributions is the mean of their entropies and how far they differ from each
    other (the Jensen-Shannon divergence; Lin, IEEE Trans. Information Theory 37, 1991). The first as a share of the
    whole tells a set of blended clips (near 1) from a mixture of clips that are each sure of another genre (near 0).
    """
    whole = _entropy(probabilities.mean(axis=0))
    return float(_entropy(probabilities).mean() / whole) if whole > 0 else float("nan")


def groups(blend: Blend) -> pd.DataFrame:
    """Return the mean blend of each artist (or folder), most clips first: ``artist, clips, p_<genre>…``."""
    table = pd.DataFrame(blend.probabilities, columns=pd.Index([PREFIX + genre for genre in blend.genres]))
    by_artist = table.groupby(blend.clips["artist"].to_numpy(dtype=str))
    means = by_artist.mean()
    means.insert(0, "clips", by_artist.size())
    means = means.rename_axis("artist").reset_index()
    return means.sort_values(["clips", "artist"], ascending=[False, True], ignore_index=True)


def corners(blend: Blend) -> tuple[str, str]:
    """Return the two genres that the blend lies between: the largest shares but its own."""
    mean = pd.Series(blend.probabilities.mean(axis=0), index=list(blend.genres)).drop(blend.own or [])
    first, second = mean.sort_values(ascending=False, kind="stable").index[:2]
    return str(first), str(second)


def _entropy(probabilities: Floats) -> Floats:
    """Return entropies in nats along the last axis."""
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    return np.asarray(-(probabilities * logs).sum(axis=-1))


def _records(text: str) -> list[tuple[str, dict[str, float]]]:
    """Return path and probabilities (none where it failed) of each object of a JSON array, or of JSON lines."""
    # Not by `splitlines`: names may hold characters at which it would part them, such as U+2028.
    objects = json.loads(text) if text.lstrip()[0] == "[" else [json.loads(x) for x in text.split("\n") if x.strip()]
    return [(str(one["path"]), {str(g["genre"]): float(g["probability"]) for g in one["genres"]}) for one in objects]


def _csv_rows(text: str) -> list[tuple[str, dict[str, float]]]:
    """Return path and probabilities (none where it failed) of each row of a CSV file; genres follow ``error``."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    path, first = header.index("path"), header.index("error") + 1
    found: list[tuple[str, dict[str, float]]] = []
    for row in reader:
        cells: dict[str, Any] = dict(zip(header[first:], row[first:], strict=True))
        found.append((row[path], {genre: float(value) for genre, value in cells.items() if value}))
    return found


def _folders(names: Sequence[str]) -> list[str]:
    """Return each file's folder where there are several: of most collections, it tells the artist or the album."""
    folders = [str(PurePath(name).parent) for name in names]
    return [PurePath(folder).name or folder for folder in folders] if len(set(folders)) > 1 else [""] * len(names)
