"""The mel spectrogram: power in bands as wide as the ear's."""

import warnings
from typing import Literal

from torch import Tensor

from genrelab.errors import GenrelabWarning, RecipeError
from genrelab.extractors.mel_scale import MelScale, mel_filterbank
from genrelab.frontends.filterbank import BandedMatrix
from genrelab.frontends.logarithm import Log
from genrelab.frontends.normalise import Normalise
from genrelab.frontends.spectrogram import Spectral


class MelSpectral(Spectral):
    """What mel and MFCC share: the filterbank. Parameters are those of `Mel`; `bins` is the number of rows."""

    def __init__(
        self,
        sample_rate: int,
        bins: int,
        n_fft: int,
        hop_length: int,
        n_mels: int,
        fmin: float,
        fmax: float | None,
        mel_scale: MelScale,
        norm: Literal["slaney"] | None,
        normalise: str,
        power: float,
        log: Log,
        log_floor: float,
        top_db: float | None,
    ) -> None:
        if n_mels < 1:
            raise RecipeError(f"frontend.n_mels: {n_mels} is not a positive number of bands")
        super().__init__(sample_rate, bins, n_fft, hop_length, normalise, power, log, log_floor, top_db)
        top = sample_rate / 2 if fmax is None else fmax
        if not 0 <= fmin < top <= sample_rate / 2:
            raise RecipeError(
                f"frontend.fmin, frontend.fmax: {fmin} to {top} Hz is not a range between 0 and {sample_rate / 2} Hz, "
                "half the sample rate"
            )
        if mel_scale not in ("slaney", "htk"):
            raise RecipeError(f"frontend.mel_scale: {mel_scale!r} is not one of slaney, htk")
        if norm not in ("slaney", None):
            raise RecipeError(f"frontend.norm: {norm!r} is not one of slaney, null")
        weights = mel_filterbank(sample_rate, n_fft, n_mels, fmin, fmax, mel_scale, norm)
        empty = int((weights.max(axis=1) == 0).sum())
        if empty:
            warnings.warn(
                f"{empty} of {n_mels} mel bands lie between two bins of the transform and stay empty: "
                "take fewer n_mels or a longer n_fft",
                GenrelabWarning,
                stacklevel=3,
            )
        self.filterbank = BandedMatrix(weights)

    def rows(self, magnitudes: Tensor) -> Tensor:
        """Turn magnitudes (batch, frames, columns) into mel bands (batch, frames, n_mels)."""
        bands: Tensor = self.filterbank(magnitudes)
        return bands


class Mel(MelSpectral):
    """The (log-)mel spectrogram: ``librosa.feature.melspectrogram`` in decibels, with ``ref=np.max``.

    Parameters
    ----------
    sample_rate
        Samples a second of the waveforms, in Hz.
    n_fft
        Length of the (Hann) window and of its transform, in samples.
    hop_length
        Samples from one frame to the next.
    n_mels
        Number of mel bands.
    fmin, fmax
        Lowest and highest frequency, in Hz; `fmax` None is half the sample rate.
    mel_scale
        ``"slaney"`` or ``"htk"``.
    norm
        ``"slaney"`` gives each band the same area; None the same height.
    power
        2 for power, 1 for amplitude.
    log
        ``"db"``: decibels relative to the clip's maximum; ``"log"``: natural logarithm; ``"none"``.
    log_floor
        Values below it count as it before the logarithm.
    top_db
        The range of decibels kept below the clip's maximum; None keeps all down to the floor.
    normalise
        How features are scaled, see `genrelab.frontends.normalise`.

    Raises
    ------
    RecipeError
        A value is out of range; the message names its key.
    """

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        fmin: float = 0.0,
        fmax: float | None = None,
        mel_scale: MelScale = "slaney",
        norm: Literal["slaney"] | None = "slaney",
        power: float = 2.0,
        log: Log = "db",
        log_floor: float = 1e-10,
        top_db: float | None = 80.0,
        normalise: Normalise = "clip-minmax",
    ) -> None:
        super().__init__(
            sample_rate, n_mels, n_fft, hop_length, n_mels, fmin, fmax, mel_scale, norm, normalise, power, log,
            log_floor, top_db,
        )  # fmt: skip

    def features(self, waveform: Tensor) -> Tensor:
        """Compute the mel spectrogram (batch, 1, n_mels, frames), not yet scaled, of waveforms (batch, samples)."""
        return self.loudness(waveform, self.filterbank.columns)
