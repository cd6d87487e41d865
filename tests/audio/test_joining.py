"""Blocks become one array, in memory that is used again."""

import numpy as np
import pytest
import soundfile

from genrelab.audio.joining import joined
from genrelab.audio.read import read


def test_blocks_of_any_size_come_out_end_to_end():
    blocks = [np.arange(size, dtype=np.float32) for size in (0, 3, 70_000, 1, 200_000)]
    with joined() as whole:
        for block in blocks:
            whole.append(block)
        assert np.array_equal(whole.samples, np.concatenate(blocks))


def test_the_next_clip_begins_empty_in_the_same_memory():
    with joined() as first:
        first.append(np.ones(100, np.float32))
    with joined() as second:
        assert len(second) == 0
        second.append(np.zeros(100, np.float32))
        assert second.room is first.room


def test_the_memory_is_used_again_after_an_error_too():
    with joined() as first:
        first.append(np.ones(100, np.float32))
    with pytest.raises(ZeroDivisionError), joined():
        1 / 0  # noqa: B018  # any error
    with joined() as second:
        assert second.room is first.room


def test_two_clips_at_a_time_do_not_share_memory():
    with joined() as outer, joined() as inner:
        outer.append(np.ones(100, np.float32))
        inner.append(np.zeros(100, np.float32))
        assert outer.samples.all()


def test_the_memory_of_a_long_clip_is_given_back():
    with joined() as long:
        long.append(np.zeros((1 << 22) + 1, np.float32))
    with joined() as following:
        assert following.room is not long.room


@pytest.mark.parametrize("sample_rate", [8000, 16000])
def test_what_was_read_is_not_overwritten_by_the_next_file(tmp_path, sample_rate):
    rng = np.random.default_rng(0)
    sounds = [rng.uniform(-0.5, 0.5, 16000).astype(np.float32) for _ in range(2)]
    for number, sound in enumerate(sounds):
        soundfile.write(tmp_path / f"{number}.wav", sound, 16000, "FLOAT")
    first = read(tmp_path / "0.wav", sample_rate)
    kept = first.copy()
    read(tmp_path / "1.wav", sample_rate)
    assert np.array_equal(first, kept)
