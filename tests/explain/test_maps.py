"""Figures of merit on embeddings made by hand; the maps themselves only where one has the time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from genrelab.errors import RunError
from genrelab.explain.maps import coordinates, merits, read_map, unit, write_map


def table(genres: str, artists: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"clip": [f"clip {n}" for n in range(len(genres))], "track": "", "artist": artists, "genre": list(genres)}
    )


def around(centres: np.ndarray, each: int, spread: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (np.repeat(centres, each, axis=0) + spread * rng.normal(size=(each * len(centres), 6))).astype(np.float32)


@pytest.fixture
def nowhere() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(24, 4)), columns=["tsne_x", "tsne_y", "umap_x", "umap_y"])


def test_vectors_have_length_one_and_zeros_stay_zeros() -> None:
    assert unit(np.array([[3, 4], [0, 0]], np.float32)).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]


def test_genres_apart_are_found_by_their_neighbours(nowhere) -> None:
    points = around(np.eye(6)[:2], 12, 0.05)
    found = merits(points, table("a" * 12 + "b" * 12, [f"artist {n}" for n in range(24)]), nowhere)
    # As of any accuracy: that no clip of 24 is wrong does not say that none ever would be (Clopper and Pearson 1934).
    assert found["knn"] == {"value": 1.0, "low": pytest.approx(0.025 ** (1 / 24)), "high": 1.0}
    assert found["chance"] == 0.5
    assert found["silhouette_genre"] > 0.8
    assert found["artist_effect"] is None  # nobody has two clips
    assert found["silhouette_artist"] is None


def test_an_embedding_that_knows_artists_alone_fails_once_the_artist_is_left_out(nowhere) -> None:
    # Four artists, two a genre, each in a corner of its own, next to an artist of the other genre.
    centres = np.eye(6)[:4].copy()
    centres[2] += 0.6 * centres[0]
    centres[3] += 0.6 * centres[1]
    points = around(centres, 6, 0.01)
    artists = [f"artist {n // 6}" for n in range(24)]
    found = merits(points, table("a" * 12 + "b" * 12, artists), nowhere)
    assert found["knn"]["value"] == 1.0
    assert found["knn_other_artists"]["value"] == 0.0
    assert found["knn_control"]["value"] == 1.0  # five clips of the genre's other artist left out: none of them near
    assert found["artist_effect"] == {"value": 1.0, "low": 1.0, "high": 1.0}  # a difference, which has no such bound
    assert found["silhouette_artist"] > found["silhouette_genre"]


def test_unknown_artists_are_not_taken_for_one(nowhere) -> None:
    points = around(np.eye(6)[:2], 12, 0.05)
    found = merits(points, table("a" * 12 + "b" * 12, ["", "x"] * 12), nowhere)
    assert found["judged"] == 12
    assert found["knn_other_artists"]["value"] == 1.0  # those without an artist still stand as neighbours


def test_a_map_is_read_again_only_for_the_same_key(tmp_path: Path, nowhere) -> None:
    path = tmp_path / "embedding.parquet"
    assert read_map(path, "k") is None
    write_map(nowhere, {"key": "k", "notes": ["n"]}, path)
    again, info = read_map(path, "k") or pytest.fail("not read")
    pd.testing.assert_frame_equal(again, nowhere)
    assert info["notes"] == ["n"]
    assert read_map(path, "other") is None
    path.write_bytes(b"torn")
    assert read_map(path, "k") is None


def test_too_few_clips_and_a_network_that_learned_nothing_are_refused() -> None:
    with pytest.raises(RunError, match="7 clips are too few for a map"):
        coordinates(np.eye(7, dtype=np.float32))
    with pytest.raises(RunError, match="same embedding"):
        coordinates(np.ones((9, 3), np.float32))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # numba's and umap's own
@pytest.mark.parametrize("clips", [8, 60])
def test_maps_keep_clusters_together_and_are_the_same_each_time(clips: int) -> None:
    points = around(np.eye(6)[:2], clips // 2, 0.05)
    threads = torch.get_num_threads()
    first, again = coordinates(points, 3), coordinates(points, 3)
    assert torch.get_num_threads() == threads
    pd.testing.assert_frame_equal(first, again)
    assert np.isfinite(first.to_numpy()).all()
    if clips == 60:
        for method in ("tsne", "umap"):
            places = first[[f"{method}_x", f"{method}_y"]].to_numpy()
            centres = places[:30].mean(axis=0), places[30:].mean(axis=0)
            own = np.linalg.norm(places[:30] - centres[0], axis=1)
            other = np.linalg.norm(places[:30] - centres[1], axis=1)
            assert (own < other).all()
