"""The samples themselves, for networks that learn their own front end."""

from typing import Literal

from torch import Tensor

from genrelab.frontends.frontend import FrontEnd


class Waveform(FrontEnd):
    """The samples as one channel with one bin, (batch, 1, 1, samples).

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    normalise
        ``"clip-standard"`` gives each clip zero mean and unit variance, as M5 wants it (arXiv:1610.00087).
    """

    def __init__(self, sample_rate: int, normalise: Literal["none", "clip-standard"] = "none") -> None:
        super().__init__(sample_rate, 1, normalise)

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, 1, samples)."""
        return 1, 1, samples

    def features(self, waveform: Tensor) -> Tensor:
        """Give waveforms (batch, samples) a channel and a bin: (batch, 1, 1, samples)."""
        return waveform[:, None, None, :]
