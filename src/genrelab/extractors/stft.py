"""The short-time Fourier transform and its inverse, as librosa's, in frames that lie one after the other."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

N_FFT = 2048
HOP = 512
_CHUNK = 32  # frames at a time: what they need stays in the cache
_WINDOW = np.hanning(N_FFT + 1)[:-1].astype(np.float32)

Real = NDArray[np.float32]
Complex = NDArray[np.complex64]


def chunks(frames: int) -> Iterator[slice]:
    """Yield slices of a few frames that together are `frames`."""
    return (slice(start, min(start + _CHUNK, frames)) for start in range(0, frames, _CHUNK))


def stft(samples: Real) -> Complex:
    """Return the transform (frames, 1025) of samples (n,): 1 + n // 512 frames of 2048 samples under a Hann window.

    Frame t is centred on sample ``512 t``, the ends are mirrored, as in ``librosa.stft(..., pad_mode="reflect")``.
    """
    padded = np.pad(samples, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    spectrum = np.empty((len(frames), N_FFT // 2 + 1), np.complex64)
    for part in chunks(len(frames)):
        spectrum[part] = np.fft.rfft(frames[part] * _WINDOW)
    return spectrum


def masked_istft(spectrum: Complex, mask: Real, length: int) -> Real:
    """Return the `length` samples whose transform is nearest to ``spectrum * mask`` (Griffin and Lim, 1984)."""
    blocks = np.zeros((len(spectrum) + N_FFT // HOP - 1, HOP), np.float32)
    weights = np.zeros_like(blocks)
    window_blocks = (_WINDOW**2).reshape(-1, HOP)
    for part in chunks(len(spectrum)):
        pieces = (np.fft.irfft(spectrum[part] * mask[part]) * _WINDOW).reshape(-1, N_FFT // HOP, HOP)
        for place, weight in enumerate(window_blocks):
            shifted = slice(part.start + place, part.stop + place)
            blocks[shifted] += pieces[:, place]
            weights[shifted] += weight
    centred = slice(N_FFT // 2, N_FFT // 2 + length)
    return blocks.ravel()[centred] / weights.ravel()[centred]
