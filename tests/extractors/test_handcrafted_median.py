"""The running median of 31 values against scipy's, bit for bit."""

import numpy as np
import pytest
from scipy.ndimage import median_filter

from genrelab.extractors.median import running_median


def expected(values, axis):
    return median_filter(values, size=(31, 1) if axis == 0 else (1, 31), mode="reflect")


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(1, 5), (15, 16), (16, 15), (17, 31), (32, 33), (100, 129), (129, 300), (431, 1025)])
def test_it_equals_scipys_at_every_size(shape, axis):
    values = np.random.default_rng(0).exponential(size=shape).astype(np.float32)
    assert np.array_equal(running_median(values, axis), expected(values, axis))


@pytest.mark.parametrize("axis", [0, 1])
def test_it_equals_scipys_where_values_repeat(axis):
    values = np.random.default_rng(1).integers(0, 3, size=(90, 90)).astype(np.float32)
    assert np.array_equal(running_median(values, axis), expected(values, axis))


def test_it_keeps_many_decades_apart():
    values = (10.0 ** np.random.default_rng(2).uniform(-40, 30, size=(70, 40))).astype(np.float32)
    assert np.array_equal(running_median(values, 0), expected(values, 0))


def test_two_values_are_mirrored_over_and_over():
    values = np.array([[0.0], [1.0]], np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values[:, 0], 15, mode="symmetric"), 31)
    assert running_median(values, 0)[:, 0].tolist() == np.median(windows, axis=1).tolist() == [1.0, 0.0]


def test_what_it_is_given_is_left_alone():
    values = np.random.default_rng(3).exponential(size=(40, 40)).astype(np.float32)
    before = values.copy()
    running_median(values, 1)
    assert np.array_equal(values, before)
