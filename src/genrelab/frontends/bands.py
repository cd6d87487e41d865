"""Sound as musicnn's networks hear it: at one level, repeated where it is short, as power in 96 mel bands."""

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
