"""Spectral contrast: how far peaks stand above valleys in each octave of the spectrum."""

import math

import numpy as np
import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.frontends.logarithm import decibels, limit_range
from genrelab.frontends.normalise import Normalise
from genrelab.frontends.spectrogram import Spectral

_FLOOR, _TOP_DB = 1e-10, 80.0  # librosa.power_to_db's


class Contrast(Spectral):
    """Peaks over valleys by octave: ``librosa.feature.spectral_contrast`` (Jiang et al. 2002).

    The peak of a band is the mean of its strongest bins, the valley that of its weakest. As in librosa, they are
    amplitudes of which the decibels of power are taken, and so half the decibels that one would measure; and each is
    limited to 80 dB below its own maximum in the clip. Single precision tells a valley of one bin to a hundredth of a
    decibel where that bin happens to vanish, and better elsewhere; but not where a whole band is empty, as the highest
    is of much that was compressed: there valleys are rounding, in librosa as here, and differ by up to 5 dB.

    Parameters
    ----------
    sample_rate
        Samples a second of the waveforms, in Hz.
    n_fft
        Length of the (Hann) window and of its transform, in samples.
    hop_length
        Samples from one frame to the next.
    n_bands
        Number of octaves above `fmin`; one more band lies below it. The highest reaches to half the sample rate.
    fmin
        Where the lowest octave begins, in Hz.
    quantile
        Share of a band's bins that make its peak, and its valley.
    normalise
        How features are scaled, see `genrelab.frontends.normalise`.

    Raises
    ------
    RecipeError
        A value is out of range; the message names its key.
    """

    means: Tensor

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_bands: int = 6,
        fmin: float = 200.0,
        quantile: float = 0.02,
        normalise: Normalise = "none",
    ) -> None:
        if n_bands < 1:
            raise RecipeError(f"frontend.n_bands: {n_bands} is not a positive number of octaves")
        super().__init__(sample_rate, n_bands + 1, n_fft, hop_length, normalise)
        if fmin <= 0 or n_bands - 1 >= math.log2(sample_rate / 2 / fmin):
            raise RecipeError(
                f"frontend.fmin, frontend.n_bands: {n_bands} octaves above {fmin} Hz do not fit below "
                f"{sample_rate / 2} Hz, half the sample rate"
            )
        if not 0 < quantile < 1:
            raise RecipeError(f"frontend.quantile: {quantile} is not a share between 0 and 1")
        self.bands = _bands(sample_rate, n_fft, n_bands, fmin, quantile)
        # Means of all peaks and valleys are one product: seven times two would take as long as the sorting.
        counts = torch.tensor([count for _, _, count in self.bands] * 2)
        means = torch.diag(1 / counts).repeat_interleave(counts, dim=0)
        self.register_buffer("means", means, persistent=False)

    def rows(self, magnitudes: Tensor) -> Tensor:
        """Turn power (batch, frames, n_fft // 2 + 1) into decibels (batch, frames, 2 x bins), peaks before valleys."""
        ends = [_ends(magnitudes[..., first:last], count) for first, last, count in self.bands]
        powers = torch.cat([strong for strong, _ in ends] + [weak for _, weak in ends], dim=-1)
        # The root of exactly 0 has no gradient; 1e-30 lies far below the floor.
        return decibels(powers.clamp(min=1e-30).sqrt() @ self.means, 2.0, _FLOOR)

    def contrast(self, rows: Tensor) -> Tensor:
        """Subtract valleys from peaks: (batch, 1, 2 x bins, frames) of whole clips to (batch, 1, bins, frames)."""
        peaks, valleys = rows[:, :, : self.bins], rows[:, :, self.bins :]
        return limit_range(peaks, _TOP_DB, relative=False) - limit_range(valleys, _TOP_DB, relative=False)

    def features(self, waveform: Tensor) -> Tensor:
        """Compute the contrast (batch, 1, n_bands + 1, frames), not yet scaled, of waveforms (batch, samples)."""
        return self.contrast(self.loudness(waveform, self.n_fft // 2 + 1))


def _bands(sample_rate: int, n_fft: int, n_bands: int, fmin: float, quantile: float) -> list[tuple[int, int, int]]:
    """Return of each band its first bin, the one after its last, and how many bins make a peak or valley."""
    frequencies = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    edges = [0.0, *(fmin * 2.0**octave for octave in range(n_bands + 1))]
    bands = []
    for band in range(n_bands + 1):
        inside = np.flatnonzero((frequencies >= edges[band]) & (frequencies <= edges[band + 1]))
        highest = band == n_bands
        # As librosa has it: a band begins one bin early, and all but the highest lack their last.
        first = int(inside[0]) - (band > 0) if len(inside) else 0
        end = len(frequencies) if highest else int(inside[-1]) + 1 if len(inside) else 0
        last = end if highest else end - 1
        if not len(inside) or last <= first:
            raise RecipeError(
                f"frontend.n_fft: {n_fft} is too short to tell the band from {edges[band]} to {edges[band + 1]} Hz"
            )
        bands.append((first, last, min(max(int(np.rint(quantile * (end - first))), 1), last - first)))
    return bands


def _ends(band: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the `count` strongest and the `count` weakest of values (..., bins), each (..., count)."""
    if band.requires_grad or band.device.type != "cpu" or torch.compiler.is_exporting():
        return band.topk(count).values, band.topk(count, largest=False).values
    # On a CPU numpy's sort takes an eighth of the time of torch's search for the few.
    ordered = torch.from_numpy(np.sort(band.numpy(), axis=-1))
    return ordered[..., -count:], ordered[..., :count]
