"""Harmonic-percussive separation by medians: what lasts is harmonic, what is broad is percussive."""

import numpy as np

from genrelab.extractors.median import running_median
from genrelab.extractors.stft import Complex, Real, chunks, masked_istft

_SILENCE = np.float32(1e-30)  # power that is no sound; where nothing sounds the mask is one half


def harmonic_mask(magnitudes: Real) -> Real:
    """Return the share of each bin that is harmonic, (frames, bins), as librosa's with its defaults.

    The mask is ``h² / (h² + p²)``, h the median of 31 frames, p that of 31 bins (D. Fitzgerald, Harmonic/percussive
    separation using median filtering, DAFx 2010). The percussive share is the rest.
    """
    harmonic, percussive = running_median(magnitudes, axis=0), running_median(magnitudes, axis=1)
    for part in chunks(len(magnitudes)):
        power = harmonic[part]
        power *= power
        power += _SILENCE
        power /= power + (percussive[part] ** 2 + _SILENCE)
    return harmonic


def separate(samples: Real, spectrum: Complex, magnitudes: Real) -> tuple[Real, Real]:
    """Return the harmonic and the percussive part of `samples`, as ``librosa.effects.hpss`` does.

    The two masks sum to one and the transform is linear: the percussive part is what the harmonic leaves.
    """
    harmonic = masked_istft(spectrum, harmonic_mask(magnitudes), len(samples))
    return harmonic, samples - harmonic
