"""The mel scale and its filterbank: triangles on a scale of pitch as it is heard, written with numpy alone."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

MelScale = Literal["slaney", "htk"]

# Slaney's scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998).
_LINEAR_STEP = 200 / 3  # Hz a mel
_BREAK = 1000.0  # Hz
_LOG_STEP = np.log(6.4) / 27  # natural log of Hz a mel


def hz_to_mel(frequency: NDArray[np.float64] | float, scale: MelScale = "slaney") -> NDArray[np.float64]:
    """Convert Hz to mels.

    ``"htk"`` is O'Shaughnessy's ``2595 log10(1 + f / 700)`` (HTK book, section 5.4); ``"slaney"`` is that of the
    Auditory Toolbox and librosa's default.
    """
    hertz = np.asarray(frequency, dtype=np.float64)
    if scale == "htk":
        return np.asarray(2595 * np.log10(1 + hertz / 700))
    logarithmic = _BREAK / _LINEAR_STEP + np.log(np.maximum(hertz, _BREAK) / _BREAK) / _LOG_STEP
    return np.where(hertz < _BREAK, hertz / _LINEAR_STEP, logarithmic)


def mel_to_hz(mel: NDArray[np.float64] | float, scale: MelScale = "slaney") -> NDArray[np.float64]:
    """Convert mels to Hz: the inverse of `hz_to_mel`."""
    mels = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return np.asarray(700 * (10 ** (mels / 2595) - 1))
    start = _BREAK / _LINEAR_STEP
    return np.where(mels < start, mels * _LINEAR_STEP, _BREAK * np.exp(_LOG_STEP * (mels - start)))


def mel_filterbank(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    fmin: float = 0.0,
    fmax: float | None = None,
    mel_scale: MelScale = "slaney",
    norm: Literal["slaney"] | None = "slaney",
) -> NDArray[np.float32]:
    """Return the weights that turn a spectrum into mel bands, as ``librosa.filters.mel`` does.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    n_fft
        Length of the Fourier transform.
    n_mels
        Number of bands: triangles whose corners lie at equal distances on the mel scale.
    fmin, fmax
        Lowest and highest corner, in Hz; None is half the sample rate.
    mel_scale
        ``"slaney"`` or ``"htk"``, see `hz_to_mel`.
    norm
        ``"slaney"`` gives each triangle the same area in Hz; None the same height, 1.

    Returns
    -------
    ndarray
        (n_mels, n_fft // 2 + 1).
    """
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    top = sample_rate / 2 if fmax is None else fmax
    corners = mel_to_hz(np.linspace(hz_to_mel(fmin, mel_scale), hz_to_mel(top, mel_scale), n_mels + 2), mel_scale)
    low, centre, high = (corners[start : start + n_mels, None] for start in range(3))
    weights = np.maximum(0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    if norm == "slaney":
        weights *= 2 / (high - low)
    return weights.astype(np.float32)
