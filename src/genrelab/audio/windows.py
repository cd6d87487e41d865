"""Where to cut a clip into windows of equal length, and the cutting itself: pure arithmetic on samples."""

import numpy as np
from numpy.typing import NDArray


def window_starts(n_samples: int, window: int, hop: int | None = None, count: int | None = None) -> NDArray[np.int64]:
    """Return where windows start in a clip.

    Parameters
    ----------
    n_samples
        Length of the clip in samples.
    window
        Length of a window in samples.
    hop
        Distance between starts in samples. The whole clip is covered: the last window is flush with the clip's end.
        Without `hop` and `count` windows lie side by side (``hop = window``).
    count
        Instead of `hop`: this many windows, each in the middle of one of `count` equal parts of the clip, so that the
        cost does not grow with the clip. Fewer where the clip does not hold as many side by side.

    Returns
    -------
    starts
        Rising start samples, shape (n_windows,), at least one; a clip no longer than the window gives ``[0]``.

    Raises
    ------
    ValueError
        If a length is not positive, or both `hop` and `count` are given.
    """
    if hop is not None and count is not None:
        raise ValueError(f"give hop or count, not both (got hop={hop}, count={count})")
    for name, value in (("window", window), ("hop", hop), ("count", count)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    last = n_samples - window
    starts: NDArray[np.int64]
    if last <= 0:
        return np.zeros(1, np.int64)
    if count is not None:
        count = min(count, n_samples // window)
        centres = (np.arange(count) + 0.5) * (n_samples / count)
        starts = np.rint(np.clip(centres - window / 2, 0, last)).astype(np.int64)
        return starts
    starts = np.arange(0, last + 1, hop or window, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


def clip_starts(n_samples: int, window: int, hop: int | None = None) -> NDArray[np.int64]:
    """Return where the windows start that a clip is judged by, in training as by a bundle.

    They are `window_starts`, but for a last one that would be the one before again, later by a hundredth of a window at
    most: a clip of 30.013 s is one of 30 s, and not two.

    Parameters
    ----------
    n_samples, window, hop
        As there.
    """
    starts = window_starts(n_samples, window, hop=hop)
    return starts[:-1] if len(starts) > 1 and starts[-1] - starts[-2] <= window // 100 else starts


def cut(samples: NDArray[np.float32], starts: NDArray[np.int64], window: int) -> NDArray[np.float32]:
    """Cut windows out of a clip; where the clip ends inside a window, zeros follow.

    Parameters
    ----------
    samples
        The clip, shape (n_samples,).
    starts
        Start samples, shape (n_windows,), none negative.
    window
        Length of a window in samples.

    Returns
    -------
    windows
        A copy, shape (n_windows, window), float32.

    Raises
    ------
    ValueError
        If a start is negative.
    """
    if len(starts) and min(starts) < 0:
        raise ValueError(f"a window cannot start before the clip, got {min(starts)}")
    windows = np.zeros((len(starts), window), np.float32)
    for row, start in zip(windows, starts, strict=True):
        piece = samples[start : start + window]
        row[: len(piece)] = piece
    return windows
