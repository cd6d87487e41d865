"""Chroma: how strong each of the twelve pitch classes is, after the tuning of the clip has been found."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelab.extractors.stft import N_FFT, Real, chunks

_CLASSES = 12
_LOWEST, _HIGHEST = 150.0, 4000.0  # Hz between which pitches are looked for
_FAINT = np.float32(0.1)  # of a frame's highest power: below it there is no pitch


def octaves(frequency: NDArray[Any], tuning: float = 0.0) -> NDArray[Any]:
    """Return how many octaves a frequency in Hz lies above an A of 27.5 Hz that is tuned up by `tuning` octaves."""
    return np.asarray(np.log2(frequency / (27.5 * 2.0**tuning)))


def peaks(power: Real, sample_rate: int) -> tuple[Real, Real]:
    """Return frequency in Hz and height of the peaks of power spectra (frames, 1025), as ``librosa.piptrack`` does.

    Both are read off the parabola through a peak and its neighbours (J. O. Smith, Sinusoidal peak interpolation).
    """
    hertz = np.fft.rfftfreq(N_FFT, 1 / sample_rate)
    first, last = np.searchsorted(hertz, [_LOWEST, min(_HIGHEST, sample_rate / 2)])
    first, last = max(first, 1), min(last, len(hertz) - 1)
    below, here, above = (power[:, first + shift : last + shift] for shift in (-1, 0, 1))
    found = (here > _FAINT * power.max(axis=1, keepdims=True)) & (here > below) & (here >= above)
    bins = np.nonzero(found)[1] + first
    below, here, above = below[found], here[found], above[found]
    slope, curve = (above - below) / 2, above + below - 2 * here
    steep = np.abs(slope) >= np.abs(curve)
    shift = np.where(steep, 0, -slope / np.where(steep, 1, curve))
    return ((bins + shift) * sample_rate / N_FFT).astype(np.float32), here + 0.5 * slope * shift


def tuning_of(frequency: Real, height: Real) -> float:
    """Return how far a clip's pitches lie from A = 440 Hz, -0.5 to 0.5 semitones, in steps of a hundredth.

    The commonest deviation of the higher half of the peaks, as ``librosa.estimate_tuning``; 0 without a peak.
    """
    if not len(frequency):
        return 0.0
    deviation = np.mod(_CLASSES * octaves(frequency[height >= np.median(height)]), 1)
    deviation[deviation >= 0.5] -= 1
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, 101))
    return float(edges[np.argmax(counts)])


@lru_cache(maxsize=128)
def chroma_filterbank(sample_rate: int, n_fft: int, n_chroma: int = 12, tuning: float = 0.0) -> Real:
    """Return the weights from frequency bins to pitch classes, C first, as ``librosa.filters.chroma`` does.

    A bin falls on its pitch class as a Gaussian, at least one class wide; a second Gaussian favours the middle
    octaves. `tuning` is by how much of a class the A lies above 440 Hz.

    Returns
    -------
    ndarray
        (n_chroma, n_fft // 2 + 1).
    """
    pitches = n_chroma * octaves(np.fft.rfftfreq(n_fft, 1 / sample_rate)[1:], tuning / n_chroma)
    pitches = np.concatenate([[pitches[0] - 1.5 * n_chroma], pitches])  # 0 Hz has no pitch: spread over all classes
    width = np.append(np.maximum(np.diff(pitches), 1), 1)
    half = np.round(n_chroma / 2)
    distance = np.remainder(pitches - np.arange(n_chroma)[:, None] + half, n_chroma) - half
    weights = np.exp(-0.5 * (2 * distance / width) ** 2)
    weights /= np.sqrt(np.square(weights).sum(axis=0))
    weights *= np.exp(-0.5 * ((pitches / n_chroma - 5) / 2) ** 2)
    from_c: Real = np.roll(weights, -3 * (n_chroma // 12), axis=0).astype(np.float32)
    return from_c


def chroma(magnitudes: Real, sample_rate: int, tuning: float) -> Real:
    """Return the power of the pitch classes (frames, 12), the strongest of a frame 1, as ``librosa.chroma_stft``."""
    bank = chroma_filterbank(sample_rate, N_FFT, tuning=tuning).T
    raw = np.concatenate([magnitudes[part] ** 2 @ bank for part in chunks(len(magnitudes))])
    classes: Real = raw / np.maximum(raw.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return classes
