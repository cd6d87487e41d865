"""Several features of the same frames, one above the other: the input of row gtzan-fusion-cnn."""

from typing import Literal, get_args

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.extractors.cepstrum import dct_matrix
from genrelab.frontends.chroma import Chroma
from genrelab.frontends.contrast import Contrast
from genrelab.frontends.logarithm import decibels, limit_range
from genrelab.frontends.mel import Mel
from genrelab.frontends.normalise import NORMALISERS, Normalise
from genrelab.frontends.spectrogram import Spectral

Part = Literal["mel", "mfcc", "chroma", "contrast"]
_PARTS = get_args(Part)
_FLOOR, _TOP_DB = 1e-10, 80.0


class Stack(Spectral):
    """Log-mel, MFCC, chroma and spectral contrast of one short-time Fourier transform, stacked along the bins.

    Each part is what the front end of its name makes with its defaults. Their units differ: decibels for all but
    chroma's 0 to 1, and MFCCs reach to hundreds. Scale each part (`normalise_parts`) or each row
    (``normalise: band-standard``) unless the network does.

    Parameters
    ----------
    sample_rate
        Samples a second of the waveforms, in Hz.
    n_fft
        Length of the (Hann) window and of its transform, in samples.
    hop_length
        Samples from one frame to the next.
    parts
        What to stack, in this order: ``"mel"``, ``"mfcc"``, ``"chroma"``, ``"contrast"``.
    n_mels
        Number of mel bands, from which the MFCCs are taken, too.
    n_mfcc
        Number of MFCCs.
    fmax
        Highest frequency of the mel bands, in Hz; None is half the sample rate.
    tuning
        Of the chroma: by how much of a semitone the A lies above 440 Hz.
    n_bands
        Octaves of the spectral contrast, which has one row more.
    normalise_parts
        How each part is scaled by itself.
    normalise
        How the whole stack is scaled after that, see `genrelab.frontends.normalise`.

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
        parts: tuple[Part, ...] = ("mel", "mfcc", "chroma", "contrast"),
        n_mels: int = 128,
        n_mfcc: int = 40,
        fmax: float | None = None,
        tuning: float = 0.0,
        n_bands: int = 6,
        normalise_parts: Literal["none", "clip-minmax", "clip-standard"] = "none",
        normalise: Normalise = "none",
    ) -> None:
        sizes = {"mel": n_mels, "mfcc": n_mfcc, "chroma": 12, "contrast": n_bands + 1}
        if not parts or len(set(parts)) < len(parts) or not set(parts) <= set(_PARTS):
            raise RecipeError(f"frontend.parts: {list(parts)} is not a choice of {', '.join(_PARTS)}, each once")
        if normalise_parts not in ("none", "clip-minmax", "clip-standard"):
            raise RecipeError(
                f"frontend.normalise_parts: {normalise_parts!r} is not one of none, clip-minmax, clip-standard"
            )
        bins = sum(sizes[part] for part in parts)
        super().__init__(sample_rate, bins, n_fft, hop_length, normalise)
        self.parts = tuple(parts)
        self.scale = NORMALISERS[normalise_parts](bins)
        with_mel = "mel" in parts or "mfcc" in parts
        self.mel = Mel(sample_rate, n_fft, hop_length, n_mels, fmax=fmax, normalise="none") if with_mel else None
        self.chroma = Chroma(sample_rate, n_fft, hop_length, tuning=tuning) if "chroma" in parts else None
        self.contrast = Contrast(sample_rate, n_fft, hop_length, n_bands) if "contrast" in parts else None
        if "mfcc" in parts:
            if not 1 <= n_mfcc <= n_mels:
                raise RecipeError(f"frontend.n_mfcc: {n_mfcc} is not between 1 and n_mels, {n_mels}")
            self.register_buffer("dct", torch.from_numpy(dct_matrix(n_mfcc, n_mels)), persistent=False)

    def rows(self, magnitudes: Tensor) -> Tensor:
        """Turn power (batch, frames, n_fft // 2 + 1) into what each part needs of a frame, side by side."""
        rows = []
        if self.mel is not None:
            rows.append(decibels(self.mel.rows(magnitudes), 2.0, _FLOOR))
        if self.chroma is not None:
            rows.append(self.chroma.rows(magnitudes))
        if self.contrast is not None:
            rows.append(self.contrast.rows(magnitudes))
        return torch.cat(rows, dim=-1)

    def features(self, waveform: Tensor) -> Tensor:
        """Compute the stack (batch, 1, bins, frames) of waveforms (batch, samples); parts may be scaled already."""
        rows = self.loudness(waveform, self.n_fft // 2 + 1)
        made: dict[str, Tensor] = {}
        if self.mel is not None:
            loudness = limit_range(rows[:, :, : self.mel.bins], _TOP_DB, relative=False)
            rows = rows[:, :, self.mel.bins :]
            made["mel"] = loudness - loudness.amax(dim=(1, 2, 3), keepdim=True)
            if "mfcc" in self.parts:
                made["mfcc"] = (loudness.transpose(2, 3) @ self.dct.T).transpose(2, 3)
        if self.chroma is not None:
            made["chroma"] = rows[:, :, : self.chroma.bins]
            rows = rows[:, :, self.chroma.bins :]
        if self.contrast is not None:
            made["contrast"] = self.contrast.contrast(rows)
        return torch.cat([self.scale(made[part]) for part in self.parts], dim=2)
