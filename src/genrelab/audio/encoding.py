"""Samples to the bytes of a sound file."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray


def encoded(samples: NDArray[np.floating], sample_rate: int, kind: str = "FLAC") -> bytes:
    """Return what a sound file of 16 bits holds.

    What is to be written to a file is encoded here first: of a full disk, libsndfile says "System error" alone.

    Parameters
    ----------
    samples
        Shape (n,) or (n, channels), in [-1, 1].
    sample_rate
        In Hz.
    kind
        ``"FLAC"`` or ``"WAV"``.
    """
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate, format=kind, subtype="PCM_16")
    return file.getvalue()
