"""What extractors are given of a window, and several of them in a row."""

import numpy as np
import pytest

from genrelab.extractors import EXTRACTORS, Extractor


class Heard(Extractor):
    """Keeps what it is given."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        return samples


@pytest.mark.parametrize(
    ("window", "heard"),
    [
        ([1, 0, 2, 3, 0, 0], [1, 0, 2, 3]),  # zeros at the end padded it
        ([1, 0, 2, 3], [1, 0, 2, 3]),
        ([1, 0, 0, 0, 0, 0], [1, 0, 0]),  # but a tenth of a second is left in any case
        ([0, 0, 0, 0, 0, 0], [0, 0, 0]),
    ],
)
def test_the_zeros_that_padded_a_window_are_not_heard(window, heard):
    assert Heard(30).of_window(np.array(window, np.float32)).tolist() == heard


@pytest.mark.parametrize(("samples", "example"), [([1, 2, 3, 4], [1, 2, 3]), ([1, 2], [1, 2, 0])])
def test_samples_are_cut_or_padded_at_the_end(samples, example):
    assert EXTRACTORS["samples"](8000, count=3)(np.array(samples, np.float32)).tolist() == example


def test_several_examples_lie_in_a_row(monkeypatch):
    both = [{"kind": "samples", "count": 3}, {"kind": "samples", "count": 2}]
    joint = EXTRACTORS["joint"](8000, parts=both)
    assert joint(np.array([1, 2, 3, 4], np.float32)).tolist() == [1, 2, 3, 1, 2]
    assert (joint.size, joint.dtype, joint.version) == (5, "float32", 2)
    monkeypatch.setattr(EXTRACTORS["samples"], "version", 5)  # a part that is made anew makes the whole anew
    assert EXTRACTORS["joint"](8000, parts=both).version == 10


def test_a_row_is_kept_in_whole_numbers_only_where_each_part_is():
    parts = [{"kind": "picture"}, {"kind": "samples", "count": 2}]
    assert [EXTRACTORS["joint"](8000, parts=parts[:n]).dtype for n in (1, 2)] == ["uint8", "float32"]
