"""Mel-frequency cepstral coefficients: the outline of the mel spectrum in a few numbers."""

from typing import Literal

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.extractors.cepstrum import dct_matrix
from genrelab.extractors.mel_scale import MelScale
from genrelab.frontends.mel import MelSpectral
from genrelab.frontends.normalise import Normalise


class Mfcc(MelSpectral):
    """Mel-frequency cepstral coefficients as ``librosa.feature.mfcc``: the DCT-II of a mel spectrogram in decibels.

    As there, 0 dB is the value 1, not the clip's maximum: the first coefficient holds the clip's loudness.

    Parameters
    ----------
    sample_rate
        Samples a second of the waveforms, in Hz.
    n_fft
        Length of the (Hann) window and of its transform, in samples.
    hop_length
        Samples from one frame to the next.
    n_mels
        Number of mel bands that the coefficients are taken from.
    n_mfcc
        Number of coefficients, at most `n_mels`.
    fmin, fmax
        Lowest and highest frequency, in Hz; `fmax` None is half the sample rate.
    mel_scale
        ``"slaney"`` or ``"htk"``.
    norm
        ``"slaney"`` gives each mel band the same area; None the same height.
    log_floor
        Power below it counts as it before the logarithm.
    top_db
        The range of decibels kept below the clip's maximum; None keeps all down to the floor.
    normalise
        How features are scaled, see `genrelab.frontends.normalise`.

    Raises
    ------
    RecipeError
        A value is out of range; the message names its key.
    """

    dct: Tensor

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        n_mfcc: int = 20,
        fmin: float = 0.0,
        fmax: float | None = None,
        mel_scale: MelScale = "slaney",
        norm: Literal["slaney"] | None = "slaney",
        log_floor: float = 1e-10,
        top_db: float | None = 80.0,
        normalise: Normalise = "clip-minmax",
    ) -> None:
        if not 1 <= n_mfcc <= n_mels:
            raise RecipeError(f"frontend.n_mfcc: {n_mfcc} is not between 1 and n_mels, {n_mels}")
        super().__init__(
            sample_rate, n_mfcc, n_fft, hop_length, n_mels, fmin, fmax, mel_scale, norm, normalise, power=2.0, log="db",
            log_floor=log_floor, top_db=top_db,
        )  # fmt: skip
        self.register_buffer("dct", torch.from_numpy(dct_matrix(n_mfcc, n_mels)), persistent=False)

    def features(self, waveform: Tensor) -> Tensor:
        """Compute the coefficients (batch, 1, n_mfcc, frames), not yet scaled, of waveforms (batch, samples)."""
        loudness = self.loudness(waveform, self.filterbank.columns, relative=False)
        return (loudness.transpose(2, 3) @ self.dct.T).transpose(2, 3)
