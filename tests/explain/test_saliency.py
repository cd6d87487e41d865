"""Maps as arithmetic: laid over one another, cut off, moved, compared."""

import numpy as np
import pytest

from genrelab.explain.saliency import Saliency, most, moved, nearest, overlay, similarity, soften


def a_map(values: np.ndarray, frequencies: np.ndarray | None = None) -> Saliency:
    return Saliency("occlusion", "low", values.astype(np.float32), frequencies, np.arange(values.shape[1]) * 0.1)


def test_the_most_salient_share_is_exactly_that_large() -> None:
    values = np.array([[1.0, 4.0], [3.0, 2.0]])
    assert most(values, 0.5).tolist() == [[False, True], [True, False]]
    assert most(np.zeros((4, 5)), 0.25).sum() == 5  # also where all are equal


def test_what_speaks_against_a_genre_is_never_kept() -> None:
    assert a_map(np.array([[1.0, -1.0, -2.0, 0.0]])).top(0.75).tolist() == [[True, False, False, False]]


def test_a_moved_mask_keeps_size_and_shape() -> None:
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:6] = True
    elsewhere = moved(mask, np.random.default_rng(1))
    assert not np.array_equal(elsewhere, mask)
    assert any(np.array_equal(np.roll(elsewhere, by, (0, 1)), mask) for by in np.ndindex(6, 8))


def test_windows_are_averaged_where_they_overlap_and_cut_where_the_clip_ends() -> None:
    maps = np.stack([np.full((1, 4), 1.0), np.full((1, 4), 3.0)]).astype(np.float32)
    values, times = overlay(maps, np.array([0.0, 0.2]), 0.1, 0.5)
    assert values.tolist() == [[1, 1, 2, 2, 3]]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_edges_are_soft_and_stay_between_0_and_1() -> None:
    mask = np.zeros((64, 50), bool)
    mask[20:40, 10:30] = True
    soft = soften(mask, 0.02)
    assert soft[30, 20] == pytest.approx(1, abs=1e-3)
    assert 0.3 < soft[20, 20] < 0.8
    assert soft[0, 0] == 0


def test_similarity_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 5, 6))
    from scipy.stats import spearmanr

    assert similarity(a_map(one), a_map(other)) == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic)
    assert similarity(a_map(one), a_map(one**3)) == pytest.approx(1)
    assert similarity(a_map(one), a_map(-one)) == pytest.approx(-1)
    assert similarity(a_map(one), a_map(np.zeros((5, 6)))) == 0


def test_a_map_of_times_is_compared_by_times() -> None:
    values = np.array([[1.0, 5.0, 2.0], [1.0, 7.0, 3.0]])
    over_time = a_map(np.array([[0.1, 0.9, 0.2]]))
    assert similarity(a_map(values, np.array([100.0, 200.0])), over_time) == pytest.approx(1)


def test_nearest_takes_the_closest_of_rising_numbers() -> None:
    assert nearest(np.array([0.0, 10.0, 20.0]), np.array([-5.0, 4.0, 6.0, 15.1, 99.0])).tolist() == [0, 0, 1, 2, 2]
    assert nearest(np.array([7.0]), np.array([1.0, 9.0])).tolist() == [0, 0]
