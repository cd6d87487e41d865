"""The linear spectrogram, and the short-time Fourier transform that it shares with mel and MFCC."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.frontends.frontend import FrontEnd
from genrelab.frontends.logarithm import Log, decibels, limit_range, natural_log
from genrelab.frontends.normalise import Normalise

# On a CPU frames are transformed this many samples at a time, so that what one step makes is still in the cache for the
# next: a third faster than the whole clip at once.
_SAMPLES_AT_A_TIME = 2**18
# In a bundle, ONNX Runtime's Fourier transform of frames up to this long takes two and a half times as long as a
# convolution with the transform's matrix; for longer ones it is the other way round.
_SHORT = 512


def spectrum_frames(
    waveform: Tensor,
    window: Tensor,
    hop_length: int,
    bins: int,
    power: float = 2.0,
    then: Callable[[Tensor], Tensor] = lambda magnitudes: magnitudes,
) -> Tensor:
    """Compute the magnitudes of the short-time Fourier transform, raised to a power, frame by frame.

    Frames are centred and the ends padded with zeros, as ``librosa.stft`` does by default.

    Parameters
    ----------
    waveform
        Samples, (batch, samples).
    window
        The window, as long as the transform, (n_fft,).
    hop_length
        Samples from one frame to the next.
    bins
        How many of the ``n_fft // 2 + 1`` frequency bins to keep, from 0 Hz upwards.
    power
        2 for power, 1 for amplitude.
    then
        What to do with magnitudes (batch, frames, bins) while they are in the cache, each frame by itself.

    Returns
    -------
    Tensor
        (batch, frames, bins), or what `then` makes of it.
    """
    n_fft = len(window)
    padded = F.pad(waveform, (n_fft // 2, n_fft // 2))
    if torch.compiler.is_exporting() and n_fft <= _SHORT:
        return then(_by_convolution(padded, window, hop_length, bins, power))
    if waveform.device.type != "cpu" or waveform.requires_grad or torch.compiler.is_exporting():
        spectrum = torch.stft(padded, n_fft, hop_length, window=window, center=False, return_complex=True)
        return then(_magnitudes(spectrum.transpose(1, 2), bins, power))
    frames = padded.unfold(1, n_fft, hop_length)
    frames_at_a_time = max(1, _SAMPLES_AT_A_TIME // n_fft)
    clips_at_a_time = max(1, frames_at_a_time // frames.shape[1])
    # Each step writes where the last one wrote: fresh memory costs more than the arithmetic.
    windowed, spectrum = window.new_empty(0), window.new_empty(0, dtype=torch.complex64)
    result: Tensor | None = None
    for clip in range(0, max(1, len(frames)), clips_at_a_time):
        for frame in range(0, frames.shape[1], frames_at_a_time):
            here = (slice(clip, clip + clips_at_a_time), slice(frame, frame + frames_at_a_time))
            torch.mul(frames[here], window, out=windowed.resize_(0))
            torch.fft.rfft(windowed, out=spectrum.resize_(0))
            values = then(_magnitudes(spectrum, bins, power))
            if result is None:
                result = values.new_empty(*frames.shape[:2], values.shape[-1])
            result[here] = values
    assert result is not None  # noqa: S101 - centred framing makes at least one frame
    return result


def _by_convolution(padded: Tensor, window: Tensor, hop_length: int, bins: int, power: float) -> Tensor:
    """Return what `_magnitudes` does, of samples (batch, samples) cut into frames."""
    n_fft = len(window)
    # An exporter keeps these whole numbers, in half the room where single precision holds them exactly.
    whole = torch.float32 if bins * n_fft <= 2**24 else torch.float64
    turns = (torch.arange(bins, dtype=whole)[:, None] * torch.arange(n_fft, dtype=whole)).double() / n_fft
    # A cosine is a sine a quarter of a turn on: ONNX Runtime before 1.29 has no cosine of doubles.
    waves = torch.sin(2 * torch.pi * torch.cat([turns + 0.25, turns]))
    spectrum = F.conv1d(padded[:, None], (waves * window).float()[:, None], stride=hop_length)
    squared = (spectrum[:, :bins].square() + spectrum[:, bins:].square()).transpose(1, 2)
    return squared if power == 2 else squared.clamp(min=1e-30) ** (power / 2)


def _magnitudes(spectrum: Tensor, bins: int, power: float) -> Tensor:
    """Return ``abs(spectrum) ** power`` of the first `bins` of a spectrum (batch, frames, n_fft // 2 + 1)."""
    parts = torch.view_as_real(spectrum)
    # All at once and in place, unless a gradient needs it as it was: neighbours in memory go fastest.
    parts = parts.square() if parts.requires_grad else parts.square_()
    squared = parts[..., :bins, 0] + parts[..., :bins, 1]
    # The root of exactly 0 has no gradient; 1e-30 lies far below what float32 samples can hold.
    return squared if power == 2 else squared.clamp(min=1e-30) ** (power / 2)


class Spectral(FrontEnd):
    """What the front ends on a short-time Fourier transform share: windows, the logarithm and its limits.

    Parameters are those of `Spectrogram`; `bins` is the number of rows of the features.
    """

    window: Tensor

    def __init__(
        self,
        sample_rate: int,
        bins: int,
        n_fft: int,
        hop_length: int,
        normalise: str,
        power: float = 2.0,
        log: str = "none",
        log_floor: float = 0.0,
        top_db: float | None = None,
    ) -> None:
        super().__init__(sample_rate, bins, normalise)
        if n_fft < 2:
            raise RecipeError(f"frontend.n_fft: {n_fft} is too short for a Fourier transform; take 512 or 2048")
        if hop_length < 1:
            raise RecipeError(f"frontend.hop_length: {hop_length} is not a positive number of samples")
        if power <= 0:
            raise RecipeError(f"frontend.power: {power} is not positive; take 2 (power) or 1 (amplitude)")
        if log not in ("db", "log", "none"):
            raise RecipeError(f"frontend.log: {log!r} is not one of db, log, none")
        if log != "none" and log_floor <= 0:
            raise RecipeError(f"frontend.log_floor: {log_floor} is not positive, and has no logarithm")
        if top_db is not None and top_db <= 0:
            raise RecipeError(f"frontend.top_db: {top_db} is not a positive number of decibels; null keeps all")
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.power = power
        self.log = log
        self.log_floor = log_floor
        self.top_db = top_db
        # Not stored: the recipe says all that it is made from.
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, bins, frames) of the features of a waveform of `samples` samples."""
        padded = samples + 2 * (self.n_fft // 2)
        return 1, self.bins, 1 + (padded - self.n_fft) // self.hop_length

    def rows(self, magnitudes: Tensor) -> Tensor:
        """Turn magnitudes (batch, frames, `columns`) into what is logged, (batch, frames, rows)."""
        return magnitudes

    def loudness(self, waveform: Tensor, columns: int, relative: bool = True) -> Tensor:
        """Compute the rows of waveforms (batch, samples) on the chosen scale, (batch, 1, rows, frames).

        `columns` is how many frequency bins `rows` reads; `relative` is that of `limit_range`.
        """
        spectrum = spectrum_frames(waveform, self.window, self.hop_length, columns, self.power, self._logarithm)
        values = spectrum.transpose(1, 2)[:, None]
        return limit_range(values, self.top_db, relative) if self.log == "db" else values

    def _logarithm(self, magnitudes: Tensor) -> Tensor:
        values = self.rows(magnitudes)
        if self.log == "db":
            return decibels(values, self.power, self.log_floor)
        return natural_log(values, self.log_floor) if self.log == "log" else values


class Spectrogram(Spectral):
    """The linear spectrogram: ``librosa.stft`` in decibels, with ``ref=np.max``.

    Parameters
    ----------
    sample_rate
        Samples a second of the waveforms, in Hz.
    n_fft
        Length of the (Hann) window and of its transform, in samples.
    hop_length
        Samples from one frame to the next.
    power
        2 for power, 1 for amplitude.
    fmax
        The highest frequency kept, in Hz; None keeps all up to half the sample rate.
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
        power: float = 2.0,
        fmax: float | None = None,
        log: Log = "db",
        log_floor: float = 1e-10,
        top_db: float | None = 80.0,
        normalise: Normalise = "clip-minmax",
    ) -> None:
        bins = n_fft // 2 + 1
        if fmax is not None:
            if not 0 < fmax <= sample_rate / 2:
                raise RecipeError(
                    f"frontend.fmax: {fmax} Hz is not between 0 and {sample_rate / 2} Hz, half the sample rate"
                )
            bins = min(bins, math.floor(fmax * n_fft / sample_rate) + 1)
        super().__init__(sample_rate, bins, n_fft, hop_length, normalise, power, log, log_floor, top_db)

    def features(self, waveform: Tensor) -> Tensor:
        """Compute the spectrogram (batch, 1, bins, frames), not yet scaled, of waveforms (batch, samples)."""
        return self.loudness(waveform, self.bins)
