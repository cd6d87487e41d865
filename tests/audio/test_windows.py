import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelab.audio.windows import clip_starts, cut, window_starts


def test_windows_lie_side_by_side_without_a_hop():
    assert window_starts(9, 3).tolist() == [0, 3, 6]


def test_the_last_window_is_flush_with_the_end_of_the_clip():
    assert window_starts(10, 4, hop=3).tolist() == [0, 3, 6]
    assert window_starts(11, 4, hop=3).tolist() == [0, 3, 6, 7]


@pytest.mark.parametrize("how", [{}, {"hop": 2}, {"count": 5}])
@pytest.mark.parametrize("n_samples", [0, 1, 4])
def test_a_clip_no_longer_than_the_window_gives_one_window(n_samples, how):
    assert window_starts(n_samples, 4, **how).tolist() == [0]


def test_a_count_of_windows_lies_in_the_middles_of_equal_parts():
    assert window_starts(100, 10, count=1).tolist() == [45]
    assert window_starts(100, 10, count=2).tolist() == [20, 70]
    assert window_starts(100, 10, count=10).tolist() == list(range(0, 100, 10))


def test_a_clip_that_does_not_hold_so_many_windows_gives_fewer():
    assert window_starts(35, 10, count=8).tolist() == [1, 12, 24]


@given(n=st.integers(0, 5000), window=st.integers(1, 800), hop=st.integers(1, 800))
def test_with_a_hop_no_sample_is_left_out(n, window, hop):
    starts = window_starts(n, window, hop=min(hop, window))
    covered = np.zeros(n, bool)
    for start in starts:
        covered[start : start + window] = True
    assert covered.all()
    assert (np.diff(starts) > 0).all()
    assert starts[-1] == max(0, n - window)


def test_a_clip_is_not_judged_twice_for_some_milliseconds_more():
    rate, gtzan = 22050, 661_794  # samples of most clips of GTZAN: 30.013 s
    assert clip_starts(gtzan, 30 * rate, 15 * rate).tolist() == [0]
    assert clip_starts(gtzan, 10 * rate).tolist() == [0, 10 * rate, 20 * rate]
    assert clip_starts(330, 300, 150).tolist() == [0, 30]
    assert clip_starts(304, 300).tolist() == [0, 4]
    assert clip_starts(303, 300).tolist() == clip_starts(299, 300).tolist() == [0]


@given(n=st.integers(0, 100_000), window=st.integers(1, 8000), count=st.integers(1, 64))
def test_with_a_count_windows_are_inside_the_clip_and_do_not_overlap(n, window, count):
    starts = window_starts(n, window, count=count)
    assert len(starts) == min(count, max(1, n // window))
    assert starts[0] >= 0
    assert starts[-1] <= max(0, n - window)
    assert (np.diff(starts) >= window - 1).all()  # rounding may cost a sample


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"window": 4, "hop": 0}, "hop must be at least 1, got 0"),
        ({"window": 4, "count": -1}, "count must be at least 1, got -1"),
        ({"window": 4, "hop": 2, "count": 3}, "give hop or count, not both"),
    ],
)
def test_impossible_windows_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        window_starts(100, **arguments)


def test_cut_copies_the_windows():
    samples = np.arange(10, dtype=np.float32)
    windows = cut(samples, np.array([0, 3, 6]), 4)
    assert windows.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert windows.dtype == np.float32
    windows[:] = -1
    assert samples.tolist() == list(range(10))


def test_a_clip_shorter_than_the_window_is_padded():
    assert cut(np.array([1, 2], np.float32), np.array([0]), 4).tolist() == [[1, 2, 0, 0]]
    assert cut(np.zeros(0, np.float32), np.array([0]), 2).tolist() == [[0, 0]]


def test_a_window_before_the_clip_is_refused():
    with pytest.raises(ValueError, match="cannot start before the clip, got -1"):
        cut(np.ones(4, np.float32), np.array([-1]), 2)
