"""The running median of 31 values, exact, in some 25 vectorised minima and maxima a value."""

import numpy as np
from numpy.typing import NDArray

_TILE = 16  # windows that share the sorted middle of their 31 values
_COLUMNS = 128  # series at a time: their tables stay in the cache

# Magnitudes are compared by their bits, as integers: the order is the same from zero up, and a minimum of integers
# does not have to look out for NaN.
Bits = NDArray[np.int32]


def running_median(magnitudes: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the median of each value and its 15 neighbours on either side along an axis, mirrored at the ends.

    It equals ``scipy.ndimage.median_filter`` with ``mode="reflect"`` bit for bit.

    The windows of 16 neighbours share 16 values, which are sorted once. Eight of these windows share 8 more: of the
    24 then known only the 8 in the middle can still be the median. Four windows share 4 more, and so on down to the
    one value that a window has for itself (A. Adams, Fast median filters using separable sorting networks, ACM
    Transactions on Graphics 40(4), 2021, in one dimension).

    Parameters
    ----------
    magnitudes
        (rows, columns), none below zero.
    axis
        0 or 1.

    Returns
    -------
    ndarray
        (rows, columns).
    """
    bits = magnitudes.view(np.int32)
    medians = np.empty_like(bits)
    series, result = (bits.T, medians.T) if axis else (bits, medians)
    length = len(series)
    tiles = -(-length // _TILE)
    mirrored = np.arange(-_TILE, (tiles + 1) * _TILE) % (2 * length)
    places = np.minimum(mirrored, 2 * length - 1 - mirrored).reshape(-1, _TILE).T
    for start in range(0, series.shape[1], _COLUMNS):
        strip = slice(start, start + _COLUMNS)
        found = _medians(np.take(series[:, strip], places, axis=0))
        result[:, strip] = found.transpose(1, 0, 2).reshape(tiles * _TILE, -1)[:length]
    return medians.view(np.float32)


def _medians(values: Bits) -> Bits:
    """Return the medians (16, tiles - 2, columns) of all tiles but the first and the last.

    All tables here are (ranks, groups of a tile's windows that share them, tiles, columns).
    """
    _, tiles, columns = values.shape
    blocks = {1: values[None]}  # by length: each tile's values in sorted blocks
    for length in (1, 2, 4, 8):
        left, right = blocks[length][:, 0::2], blocks[length][::-1, 1::2]
        halves = np.empty((2, *left.shape), np.int32)
        np.minimum(left, right, out=halves[0])
        np.maximum(left, right, out=halves[1])
        blocks[2 * length] = _sorted(halves.reshape(2 * length, -1, tiles, columns), length // 2)
    known = blocks[_TILE][:, :, 1:-1]
    for length in (8, 4, 2, 1):
        middle = np.empty((length, _TILE // length, tiles - 2, columns), np.int32)
        before, behind = blocks[length][::-1, 1::2, :-2], blocks[length][::-1, 0::2, 2:]
        # The first half of a group's windows has its next block in the tile before, the second in the tile behind.
        for half, new in enumerate((before, behind)):
            # The middle `length` of `known`, twice as many, and `new`, in bitonic order (by the 0-1 principle).
            np.maximum(new, known[:length], out=middle[:, half::2])
            np.minimum(middle[:, half::2], known[length:], out=middle[:, half::2])
        known = _sorted(middle, length // 2)
    medians: Bits = known[0]
    return medians


def _sorted(bitonic: Bits, distance: int) -> Bits:
    """Sort along axis 0 the runs, `distance` times two long, that rise and fall once in a circle (Batcher's merge)."""
    while distance:
        pairs = bitonic.reshape(-1, 2, distance, *bitonic.shape[1:])
        ordered = np.empty_like(pairs)
        np.minimum(pairs[:, 0], pairs[:, 1], out=ordered[:, 0])
        np.maximum(pairs[:, 0], pairs[:, 1], out=ordered[:, 1])
        bitonic = ordered.reshape(bitonic.shape)
        distance //= 2
    return bitonic
