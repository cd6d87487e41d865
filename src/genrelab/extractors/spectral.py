"""Loudness, zero crossings and the shape of the spectrum, frame by frame."""

import numpy as np

from genrelab.extractors.stft import HOP, N_FFT, Real

_QUIET = 1e-10  # samples nearer to zero than this have no sign
_TINY = np.float32(np.finfo(np.float32).tiny)
_SHARE = np.float32(1 / N_FFT)  # of one sample in a frame


def _frame_sums(values: Real) -> Real:
    """Return the sums of the 2048 values of each frame."""
    blocks = values[: len(values) // HOP * HOP].reshape(-1, HOP).sum(axis=1)
    sums: Real = blocks[:-3] + blocks[1:-2] + blocks[2:-1] + blocks[3:]
    return sums


def loudness(samples: Real) -> Real:
    """Return the root of the mean power of each frame, as ``librosa.feature.rms(pad_mode="reflect")``."""
    level: Real = np.sqrt(_frame_sums(np.pad(samples, N_FFT // 2, mode="reflect") ** 2) * _SHARE)
    return level


def zero_crossing_rate(samples: Real) -> Real:
    """Return the share of a frame's samples that lie across zero from the one before, as librosa's."""
    negative = np.pad(samples < -_QUIET, N_FFT // 2, mode="edge")
    crossings = np.diff(negative, prepend=negative[:1]).astype(np.float32)
    sums = _frame_sums(crossings)
    return (sums - crossings[: HOP * len(sums) : HOP]) * _SHARE  # a frame's first sample has none before it


def shape(magnitudes: Real, sample_rate: int) -> tuple[Real, Real, Real]:
    """Return centroid, bandwidth and rolloff (frames,) of magnitude spectra (frames, 1025), in Hz.

    They are the mean frequency, the standard deviation around it, and the frequency below which 85 % of a frame's
    magnitudes lie, as librosa's ``spectral_centroid``, ``spectral_bandwidth`` and ``spectral_rolloff``; 0 in silence.
    """
    hertz = np.fft.rfftfreq(N_FFT, 1 / sample_rate).astype(np.float32)
    below = np.cumsum(magnitudes, axis=1)
    total: Real = np.maximum(below[:, -1], _TINY)
    centroid: Real = magnitudes @ hertz / total
    distance = hertz - centroid[:, None]
    bandwidth: Real = np.sqrt(np.einsum("ij,ij,ij->i", distance, distance, magnitudes) / total)
    rolloff: Real = hertz[np.argmax(below >= np.float32(0.85) * below[:, -1:], axis=1)]
    return centroid, bandwidth, rolloff
