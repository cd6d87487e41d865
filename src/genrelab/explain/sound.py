"""Sound through a mask over time and frequency: what is left of it, and what was taken away."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelab.explain.saliency import nearest

Level = Literal["median", "mean"]

_FRAME_SECONDS = 0.06  # long enough to part bass notes, short enough for drums


def transform(samples: Tensor, sample_rate: int) -> Tensor:
    """Return the short-time Fourier transform (bins, frames) of samples (n,)."""
    n_fft = transform_length(sample_rate)
    window = torch.hann_window(n_fft)
    return torch.stft(samples, n_fft, n_fft // 4, window=window, pad_mode="constant", return_complex=True)


def restore(spectrum: Tensor, sample_rate: int, samples: int) -> Tensor:
    """Return the samples (..., samples) of a transform (..., bins, frames)."""
    n_fft = transform_length(sample_rate)
    return torch.istft(spectrum, n_fft, n_fft // 4, window=torch.hann_window(n_fft), length=samples)


def murmur(spectrum: Tensor, level: Level = "median") -> Tensor:
    """Return a transform (bins, frames) with each bin as loud as it usually is, its own phases kept.

    What takes the place of a hidden part: a hole of silence would be an event of its own.
    """
    magnitude = spectrum.abs()
    return spectrum / magnitude.clamp(min=1e-12) * usual(magnitude, level)


def usual(values: Tensor, level: Level = "median") -> Tensor:
    """Return the usual value of each row (..., rows, frames) over its frames, (..., rows, 1)."""
    return values.mean(dim=-1, keepdim=True) if level == "mean" else values.median(dim=-1, keepdim=True).values


def transform_length(sample_rate: int) -> int:
    """Return the length of the transform in samples, a power of two: about 60 ms, 2048 samples at 44.1 kHz."""
    return int(2 ** round(np.log2(_FRAME_SECONDS * sample_rate)))


def gains(
    mask: NDArray[np.float32],
    frequencies: NDArray[np.float64] | None,
    times: NDArray[np.float64],
    heard: tuple[float, float],
    sample_rate: int,
    frames: int,
) -> Tensor:
    """Return what each value of a `transform` is multiplied by, (bins, frames), for a mask (rows, its frames).

    Parameters
    ----------
    mask
        Between 0 and 1.
    frequencies, times
        Where its rows (Hz; None for a mask over time alone) and frames (seconds) lie.
    heard
        The lowest and the highest frequency that the network hears; beyond them the gain is 0.
    sample_rate, frames
        Of the transform.
    """
    n_fft = transform_length(sample_rate)
    hertz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    moments = (np.arange(frames) * (n_fft // 4)) / sample_rate  # frame t is centred on sample t * n_fft / 4
    rows = np.zeros(len(hertz), np.intp) if frequencies is None else nearest(frequencies, hertz)
    outside = (hertz < heard[0]) | (hertz > heard[1])
    spread = mask[np.ix_(rows, nearest(times, moments))]
    spread[outside] = 0
    return torch.from_numpy(np.ascontiguousarray(spread))
