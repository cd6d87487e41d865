"""Embeddings to maps one can look at, and to figures that a map cannot tell."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from genrelab.errors import RunError
from genrelab.evaluation.intervals import percentile_interval, resampled_means
from genrelab.evaluation.predictions import track_names
from genrelab.files import atomic_path

Float = NDArray[np.float32]
Floats = NDArray[np.float64]

PERPLEXITY, NEIGHBOURS = 30.0, 15  # the defaults of t-SNE and of UMAP, bounded by the number of clips
FEWEST = 8  # clips; below, a map would show nothing but its own method
VOTES = 5  # nearest neighbours that vote for a genre
DRAWS = 5  # of what is left out in place of an artist's own clips
TRUSTED = 4000  # clips up to which all distances are held at once
_METADATA_KEY = b"genrelab"
_ROWS = 1024  # similarities to all clips computed at a time


def unit(vectors: Float) -> Float:
    """Return vectors of length 1 (zeros stay zeros): their distances then follow from the angles between them.

    How long an embedding is says how loud or sure, not what it is like; all that follows here looks at angles alone.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0), np.float32)


def coordinates(vectors: Float, seed: int = 0) -> pd.DataFrame:
    """Lay clips out in the plane by t-SNE (van der Maaten and Hinton 2008) and UMAP (McInnes et al. 2018).

    Both start from the first two principal components, which keeps the large distances alike from map to map (Kobak
    and Linderman, Nature Biotechnology 39, 2021), and are deterministic.

    Parameters
    ----------
    vectors
        Shape (clips, size).
    seed
        For both methods.

    Returns
    -------
    pandas.DataFrame
        ``tsne_x, tsne_y, umap_x, umap_y``, a row a clip.

    Raises
    ------
    RunError
        There are fewer than 8 clips, or all of them lie in one point.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    clips = len(vectors)
    if clips < FEWEST:
        raise RunError(
            f"{clips} clips are too few for a map, which needs {FEWEST}; add parts (--train) or take more clips"
        )
    points = unit(vectors)
    if not np.ptp(points, axis=0).max() > 1e-7:
        raise RunError("all clips have the same embedding: this network has learned nothing that a map could show")
    start = PCA(2, svd_solver="full").fit_transform(points)
    start = np.asarray(start / (start[:, 0].std() or 1.0), np.float32)
    perplexity = min(PERPLEXITY, (clips - 1) / 3)
    tsne = TSNE(2, perplexity=perplexity, init=1e-4 * start, random_state=seed).fit_transform(points)
    # Numba, below UMAP, sets OpenMP's number of threads, which is PyTorch's, too; on the way out it is what it was.
    with threadpool_limits(None), warnings.catch_warnings():
        # It warns that a seed costs it its threads, which is what a seed is for.
        warnings.filterwarnings("ignore", message=".*n_jobs.*")
        import umap

        method = umap.UMAP(n_neighbors=min(NEIGHBOURS, clips - 1), init=10 * start, random_state=seed, n_jobs=1)
        laid = method.fit_transform(points)
    both = np.hstack([tsne, laid]).astype(np.float64)
    return pd.DataFrame(both, columns=pd.Index(["tsne_x", "tsne_y", "umap_x", "umap_y"]))


def merits(vectors: Float, table: pd.DataFrame, places: pd.DataFrame, seed: int = 0) -> dict[str, Any]:
    """Tell what the embedding itself, not its map, has to do with genre and with artist.

    Parameters
    ----------
    vectors, table
        See `genrelab.explain.embedding.Embedded`; the rows that the network has not learned from.
    places
        Their `coordinates`.
    seed
        For what is drawn.

    Returns
    -------
    dict
        ``clips``; ``judged``, those whose artist is known; ``chance``, the share of the commonest genre; each
        ``{"value", "low", "high"}``: ``knn`` (how often the vote of a clip's 5 nearest clips, its own track left out,
        is its genre), ``knn_other_artists`` (its artist left out too), ``knn_control`` (as many clips of the genre left
        out, but by others: leaving out clips makes the vote harder whoever they are by), ``artist_effect`` (control
        less other artists); ``silhouette_genre, silhouette_artist`` (Rousseeuw 1987, -1 to 1); ``trust_tsne,
        trust_umap`` (trustworthiness of each map, Venna and Kaski 2001, 0 to 1). None where it is not defined.
    """
    from sklearn.metrics import silhouette_score

    points = unit(vectors)
    artist, genre = table["artist"].to_numpy(dtype=str), table["genre"].to_numpy(dtype=str)
    known = artist != ""
    found: dict[str, Any] = {"clips": len(table), "judged": int(known.sum())}
    found["chance"] = float(table["genre"].value_counts(normalize=True).iloc[0])
    track = pd.factorize(track_names(table))[0].astype(np.int64)
    right = _votes(points, genre, artist, track, np.random.default_rng(seed))
    found["knn"] = _mean(right[:, 0], track)
    for name in ("knn_other_artists", "knn_control", "artist_effect"):
        found[name] = None
    shared = known & (pd.Series(artist).map(pd.Series(artist).value_counts()).to_numpy() > 1)
    if shared.any():
        found["knn_other_artists"] = _mean(right[known, 1], track[known])
        found["knn_control"] = _mean(right[known, 2], track[known])
        found["artist_effect"] = _mean(right[known, 2] - right[known, 1], track[known], fraction=False)
    for name, labels, rows in (("genre", genre, np.ones(len(table), bool)), ("artist", artist, shared)):
        number = len(set(labels[rows]))
        possible = 1 < number < rows.sum()
        found[f"silhouette_{name}"] = float(silhouette_score(points[rows], labels[rows])) if possible else None
    found |= {f"trust_{name}": _trust(points, places, name) for name in ("tsne", "umap")}
    return found


def write_map(table: pd.DataFrame, info: dict[str, Any], path: Path) -> None:
    """Write a map as Parquet, whole or not at all; `info`, which is JSON, travels in its metadata."""
    columns = pa.Table.from_pandas(table, preserve_index=False)
    columns = columns.replace_schema_metadata({_METADATA_KEY: json.dumps(info, sort_keys=True).encode()})
    with atomic_path(path) as temporary:
        pq.write_table(columns, temporary)


def read_map(path: Path, key: str) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """Return a map that `write_map` wrote and whose info has this ``key``; None for want of one."""
    if not path.is_file():
        return None
    try:
        columns = pq.read_table(path)
        info = json.loads((columns.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    except (pa.ArrowException, OSError, ValueError):
        return None  # what cannot be read is made anew
    return (columns.to_pandas(), info) if info.get("key") == key else None


def _votes(
    points: Float, genre: NDArray[np.str_], artist: NDArray[np.str_], track: NDArray[np.int64], rng: np.random.Generator
) -> Floats:
    """Return for each clip whether its neighbours name its genre: all, without its artist, without as many others."""
    names, code = np.unique(genre, return_inverse=True)
    right = np.zeros((len(points), 3))
    for first in range(0, len(points), _ROWS):
        likeness = points[first : first + _ROWS] @ points.T
        for row, alike in enumerate(likeness, first):
            alike[track == track[row]] = -np.inf
            right[row, 0] = _vote(alike, code, len(names)) == code[row]
            own = (artist == artist[row]) & (artist != "") & (track != track[row])
            if not own.any():  # nothing to leave out
                right[row, 1:] = right[row, 0]
                continue
            right[row, 1] = _vote(np.where(own, -np.inf, alike), code, len(names)) == code[row]
            others = np.flatnonzero((code == code[row]) & ~own & (track != track[row]))
            number = min(len(others), int((own & (code == code[row])).sum()))
            hits = 0
            for _ in range(DRAWS):
                left = alike.copy()
                left[rng.choice(others, number, replace=False)] = -np.inf
                hits += _vote(left, code, len(names)) == code[row]
            right[row, 2] = hits / DRAWS
    return right


def _vote(alike: Float, code: NDArray[np.int64], number: int) -> int:
    """Return the genre that most of the nearest clips have; of equals, that of the nearer ones."""
    count = min(VOTES, int(np.isfinite(alike).sum()))
    if count == 0:
        return -1
    nearest = np.argpartition(-alike, count - 1)[:count]
    nearest = nearest[np.argsort(-alike[nearest], kind="stable")]
    return int(np.bincount(code[nearest], 1 + 1e-3 * np.arange(count, 0, -1), number).argmax())


def _mean(values: Floats, track: NDArray[np.int64], fraction: bool = True) -> dict[str, float | None]:
    """Return a mean over clips and its 95 % bootstrap interval over tracks; see `percentile_interval`."""
    track = np.unique(track, return_inverse=True)[1].astype(np.int64)
    drawn = resampled_means(values, track, 1000, 0)[:, 0]
    low, high = percentile_interval(drawn, int(track.max()) + 1, 0.95, fraction=fraction)
    known = bool(np.isfinite(low))
    return {"value": float(values.mean()), "low": low if known else None, "high": high if known else None}


def _trust(points: Float, places: pd.DataFrame, name: str) -> float | None:
    from sklearn.manifold import trustworthiness

    if not 2 * VOTES < len(points) <= TRUSTED:
        return None
    return float(trustworthiness(points, places[[f"{name}_x", f"{name}_y"]].to_numpy(), n_neighbors=VOTES))
