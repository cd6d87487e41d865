"""Chroma: how much of each of the twelve pitch classes a frame holds, whatever the octave."""

import numpy as np
import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.extractors.chroma import chroma_filterbank
from genrelab.frontends.normalise import Normalise
from genrelab.frontends.spectrogram import Spectral

_CENTRE_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0  # a bell over the octaves, highest in the middle of the piano
_SMALLEST_PEAK = float(np.finfo(np.float32).tiny)


class Chroma(Spectral):
    """Power by pitch class, each frame's strongest being 1: ``librosa.feature.chroma_stft`` with a tuning given.

    librosa's default estimates the tuning clip by clip, so that a frame's features depend on all that is heard
    with it; here it is fixed.

    Parameters
    ----------
    sample_rate
        Samples a second of the waveforms, in Hz.
    n_fft
        Length of the (Hann) window and of its transform, in samples.
    hop_length
        Samples from one frame to the next.
    n_chroma
        Number of pitch classes of an octave.
    tuning
        By how much of a pitch class the A lies above 440 Hz.
    normalise
        How features are scaled, see `genrelab.frontends.normalise`.

    Raises
    ------
    RecipeError
        A value is out of range; the message names its key.
    """

    weights: Tensor

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_chroma: int = 12,
        tuning: float = 0.0,
        normalise: Normalise = "none",
    ) -> None:
        if n_chroma < 1:
            raise RecipeError(f"frontend.n_chroma: {n_chroma} is not a positive number of pitch classes")
        super().__init__(sample_rate, n_chroma, n_fft, hop_length, normalise)
        weights = torch.from_numpy(chroma_filterbank(sample_rate, n_fft, n_chroma, tuning))
        self.register_buffer("weights", weights, persistent=False)

    def rows(self, magnitudes: Tensor) -> Tensor:
        """Turn power (batch, frames, n_fft // 2 + 1) into pitch classes (batch, frames, n_chroma)."""
        classes = magnitudes @ self.weights.T
        peak = classes.amax(dim=-1, keepdim=True)
        return classes / torch.where(peak < _SMALLEST_PEAK, 1.0, peak)

    def features(self, waveform: Tensor) -> Tensor:
        """Compute pitch classes (batch, 1, n_chroma, frames), not yet scaled, of waveforms (batch, samples)."""
        return self.loudness(waveform, self.n_fft // 2 + 1)
