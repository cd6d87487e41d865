"""Sound as networks of others hear it: at one level, repeated where it is short, in the mel bands they learned from."""

from typing import Any

import torch
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.extractors.backbone import MOST_GAIN, SAMPLE_RATE
from genrelab.frontends.mel import Mel

BANDS: dict[str, Any] = {
    "n_fft": 512,
    "hop_length": 256,
    "n_mels": 96,
    "log": "none",
    "top_db": None,
    "normalise": "none",
}
"""The options of the mel spectrogram that musicnn's networks learned from."""


class MusicnnBands(Mel):
    """What the extractor ``backbone`` gives its networks (`genrelab.extractors.backbone`), for those that learn on.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz: 16 000.
    level
        Bring each window to this level first, in dB of full scale; None leaves it.

    Raises
    ------
    RecipeError
        The sample rate is another, or the level is above 0.
    """

    def __init__(self, sample_rate: int, level: float | None = None) -> None:
        if sample_rate != SAMPLE_RATE:
            raise RecipeError(f"audio.sample_rate: {sample_rate} Hz; musicnn's networks learned at {SAMPLE_RATE}")
        if level is not None and not level <= 0:
            raise RecipeError(f"frontend.level: {level} dB of full scale; give 0 or less")
        super().__init__(sample_rate, **BANDS)
        self.prepare = Prepare(level)

    def features(self, waveform: Tensor) -> Tensor:
        """Compute power (batch, 1, 96, frames) of waveforms (batch, samples), zeros behind the sound."""
        return super().features(self.prepare(waveform))


class YamnetBands(Mel):
    """What YAMNet hears of a window: the logarithm of amplitude in 64 mel bands, frames of 25 ms every 10.

    As in its authors' code but for the triangles, whose sides are straight in Hz here and in mel there (.004 apart).

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz: 16 000.
    level
        See `MusicnnBands`.
    """

    _FRAME, _SHIFT, _OFFSET = 400, 96, 1e-3

    def __init__(self, sample_rate: int, level: float | None = None) -> None:
        super().__init__(
            sample_rate, n_fft=512, hop_length=160, n_mels=64, fmin=125.0, fmax=7500.0, mel_scale="htk", norm=None,
            power=1.0, log="none", top_db=None, normalise="none",
        )  # fmt: skip
        self.prepare = Prepare(level)
        # Their frames begin at the first sample, ours are centred: moved so far, frame t is their frame t - 1.
        after = self.n_fft - self._SHIFT - self._FRAME
        self.window = nn.functional.pad(torch.hann_window(self._FRAME), (self._SHIFT, after))

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, 64, frames) of the features of a waveform of `samples` samples."""
        return 1, self.bins, 1 + (samples - self._FRAME) // self.hop_length

    def features(self, waveform: Tensor) -> Tensor:
        """Compute logarithms (batch, 1, 64, frames) of waveforms (batch, samples), zeros behind the sound."""
        frames = self.shape(waveform.shape[1])[2]
        return (super().features(self.prepare(waveform))[..., 1 : frames + 1] + self._OFFSET).log()


class Prepare(nn.Module):
    """Windows at their level, and what is shorter than a window repeated until it fills one.

    Parameters
    ----------
    level
        In dB of full scale; None leaves it.
    """

    def __init__(self, level: float | None) -> None:
        super().__init__()
        self.level = level

    def forward(self, waveform: Tensor) -> Tensor:
        """Map windows (batch, samples), zeros behind the sound, to windows of the same shape."""
        place = torch.arange(waveform.shape[1], device=waveform.device)
        # The zeros that padded a window are no sound.
        length = ((waveform != 0) * (place + 1)).amax(1, keepdim=True).clamp(min=SAMPLE_RATE // 10)
        if self.level is not None:
            power = (waveform.square().sum(1, keepdim=True) / length).sqrt()
            waveform = waveform * (10 ** (self.level / 20) / power.clamp(min=1e-9)).clamp(max=MOST_GAIN)
        return waveform.gather(1, place % length)
