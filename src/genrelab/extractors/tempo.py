"""Tempo: the lag at which the onsets of a clip repeat, weighted by how likely people are to tap it."""

import numpy as np
from numpy.typing import NDArray

from genrelab.extractors.stft import HOP, N_FFT, Real

_MEMORY = 8.0  # seconds within which onsets are compared
_LIKELY, _FASTEST = 120.0, 320.0  # beats a minute


def onset_strength(decibels: Real) -> Real:
    """Return how much louder each frame is than the one before: the median over mel bands of the rises.

    `decibels` is a mel spectrogram (frames, bands); the first frames, whose windows reach before the clip, are 0.
    """
    late = 1 + N_FFT // (2 * HOP)
    rises = np.maximum(decibels[1:] - decibels[:-1], 0)
    return np.concatenate([np.zeros(late, np.float32), np.median(rises, axis=1)])[: len(decibels)]


def tempo(decibels: Real, sample_rate: int) -> float:
    """Return the beats a minute of a mel spectrogram (frames, bands) in decibels, 0 where nothing begins.

    It is the tempo of ``librosa.beat.beat_track``: the mean autocorrelation of 8-second windows around every frame,
    each scaled to 1 at lag 0, under a log-normal prior at 120 beats a minute, one octave wide (D. Ellis, Beat
    tracking by dynamic programming, 2007).
    """
    onsets = onset_strength(decibels)
    if not onsets.any():
        return 0.0
    width = int(_MEMORY * sample_rate / HOP)
    padded = np.pad(onsets, width // 2, mode="linear_ramp")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[: len(onsets)]
    windows = windows * np.hanning(width + 1)[:-1].astype(np.float32)
    windows /= np.sqrt(np.maximum(np.einsum("ij,ij->i", windows, windows), np.finfo(np.float32).tiny))[:, None]
    # Summed over the windows, all products of two of their values: each diagonal holds those of one lag.
    products = windows.T @ windows
    autocorrelation = np.array([np.trace(products, lag) for lag in range(1, width)]) / len(onsets)
    beats: NDArray[np.float64] = 60 * sample_rate / (HOP * np.arange(1.0, width))
    score = np.log1p(1e6 * autocorrelation) - 0.5 * np.log2(beats / _LIKELY) ** 2
    score[beats >= _FASTEST] = -np.inf
    return float(beats[np.argmax(score)])
