"""Blocks of sound to one array, in memory that a thread keeps from clip to clip.

Memory fresh from the system costs a page fault for every 4 KiB: joined in a new array each, clips of 30 s have
1 500 to 2 000 of them, a tenth of the time they take to decode.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

# Samples a thread keeps room for: 95 s at 44.1 kHz, 16 MiB. What a longer clip needed is given back after it.
_KEPT = 1 << 22
_FIRST = 1 << 16
_kept = threading.local()


class Joined:
    """Blocks end to end. Room is doubled when it is full: memory follows what is really there."""

    def __init__(self, room: NDArray[np.float32]) -> None:
        self.room = room
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def samples(self) -> NDArray[np.float32]:
        """All of them, shape (n_samples,), where the next clip will be: not to be kept."""
        return self.room[: self._length]

    def append(self, block: NDArray[np.float32]) -> None:
        """Copy a block, shape (n_samples,), to the end."""
        end = self._length + len(block)
        if end > len(self.room):
            larger = np.empty(max(end, 2 * len(self.room), _FIRST), np.float32)
            larger[: self._length] = self.samples
            self.room = larger
        self.room[self._length : end] = block
        self._length = end


@contextmanager
def joined() -> Iterator[Joined]:
    """Yield something empty to append to, whose samples are overwritten after leaving."""
    # Taken, not shared: whoever joins a second clip meanwhile gets room of its own.
    blocks = Joined(_kept.__dict__.pop("room", np.empty(0, np.float32)))
    try:
        yield blocks
    finally:
        if len(blocks.room) <= _KEPT:
            _kept.room = blocks.room
