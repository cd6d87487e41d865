"""Which parts of a sound a classifier hears: no more of a file than it needs, no silence where there is sound."""

import math

import numpy as np
from numpy.typing import NDArray

from genrelab.audio.excerpts import end_of, read_excerpts
from genrelab.audio.read import BeyondError, read, require_sound
from genrelab.audio.source import Source
from genrelab.audio.windows import clip_starts, cut, window_starts
from genrelab.bundles.metadata import Metadata
from genrelab.errors import AudioError

# Past a dozen places a track says little new; a track that is shorter than this many windows is heard whole.
DEFAULT_WINDOWS = 12
MIN_SECONDS = 0.1  # of sound: in less there is no genre to be heard
_ROUNDING = 0.01  # seconds by which a length may be off and nothing be missing


def hear_file(
    path: Source, seconds: float | None, metadata: Metadata, count: int | None
) -> tuple[NDArray[np.float32], float | None]:
    """Return the windows of a file that a classifier shall hear.

    Only they are decoded, so that a track of ten minutes costs what one of a minute does. Windows that are silent or
    cannot be decoded are left out; of a damaged file, half must be left, as where `read` decodes all of it.

    Parameters
    ----------
    path
        The file, or what one holds.
    seconds
        The length that its header claims; None if it does not.
    metadata
        Says the sample rate, the length of a window, their distance in a short file, and what is silent.
    count
        How many windows, spread over the whole file, or fewer if it is shorter than that; None for 12, or for all of a
        file that is shorter than 12 windows.

    Returns
    -------
    windows
        Shape (n, window), float32; n is 0 if all of them are silent.
    seconds
        The length of the file as its header claims it; less where it was found to end before, and None where the header
        is silent, or claims hours where there are seconds.

    Raises
    ------
    AudioError
        Less than half of them can be decoded, or there is less than a tenth of a second of sound.
    ValueError
        `count` is below 1.
    """
    rate, window = metadata.sample_rate, metadata.window
    n = DEFAULT_WINDOWS if count is None else count
    if seconds is not None and (length := round(seconds * rate)) > n * window:
        starts = window_starts(length, window, count=n)
        if (heard := _hear_excerpts(path, seconds, starts / rate, metadata)) is not None:
            return heard
        # None can be decoded: perhaps the header claims hours where there are seconds, and the beginning is all.
        seconds = None
    samples = read(path, rate, duration=n * window / rate)
    require_length(samples, rate, path)
    if count is None:
        starts = clip_starts(len(samples), window, metadata.hop)
    else:
        starts = window_starts(len(samples), window, count=count)
    audible = is_audible(samples, starts, metadata)
    there = len(samples) / rate
    # Where less came than was asked for, that is all of it; resampling may round a sample away.
    if len(samples) < n * window - 1 and (seconds is None or there < seconds - _ROUNDING):
        seconds = there
    return cut(samples, starts[audible], window), seconds


def is_audible(samples: NDArray[np.float32], starts: NDArray[np.int64], metadata: Metadata) -> NDArray[np.bool_]:
    """Return for each window of a clip whether it is louder than what the bundle calls silent, shape (n_windows,).

    What is padded to a window is not counted.
    """
    pieces = (samples[start : start + metadata.window] for start in starts.tolist())
    return np.array([not _is_silent(piece, metadata) for piece in pieces], np.bool_)


def _is_silent(samples: NDArray[np.float32], metadata: Metadata) -> bool:
    """Return whether the level of samples (n,), root mean square over all of them, is what the bundle calls silent."""
    power = float(np.dot(samples, samples)) / max(len(samples), 1)
    return power < 10 ** (metadata.silence_dbfs / 10)


def require_length(samples: NDArray[np.float32], sample_rate: int, path: object) -> None:
    """Raise an AudioError, which names `path`, where a sound is shorter than a tenth of a second.

    Silence is let through: training must not learn from it, but of a file to be classified it is an answer.
    """
    require_sound(samples, sample_rate, path, MIN_SECONDS, silence_dbfs=-math.inf)


def _hear_excerpts(
    path: Source, claimed: float, starts: NDArray[np.float64], metadata: Metadata
) -> tuple[NDArray[np.float32], float] | None:
    """Return the windows at `starts` (seconds) but the damaged and silent ones, and the file's length.

    None where all are damaged.
    """
    rate, seconds = metadata.sample_rate, metadata.window / metadata.sample_rate
    windows = [np.zeros((0, metadata.window), np.float32)]
    decoded, damaged, end = 0, False, 0.0
    for start, excerpt in zip(starts.tolist(), read_excerpts(path, rate, starts.tolist(), seconds), strict=True):
        if isinstance(excerpt, AudioError):
            damaged = damaged or not isinstance(excerpt, BeyondError)
            continue
        if len(excerpt) < MIN_SECONDS * rate:
            continue
        decoded += len(excerpt)
        end = start + len(excerpt) / rate
        if not _is_silent(excerpt, metadata):
            windows.append(cut(excerpt, np.zeros(1, np.int64), metadata.window))
    if not decoded:
        return None
    share = decoded / (len(starts) * metadata.window)
    if damaged and share < 0.5:
        found = f"only about {share * claimed:.3g} of {claimed:.6g} s can be decoded"
        raise AudioError(path, f"cut short: {found}; get the file anew")
    if end < starts[-1] + seconds - _ROUNDING:  # the last window was not whole
        claimed = end_of(path, end)
    return np.concatenate(windows), claimed
