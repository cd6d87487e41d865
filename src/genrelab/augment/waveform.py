"""Simple changes of a clip's samples: loudness, noise, place, direction, a missing band."""

import math
from typing import Literal

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from genrelab.augment.augmentation import Parameters
from genrelab.augment.options import interval, number, one_of
from genrelab.augment.stages import Samples, WaveformAugmentation
from genrelab.errors import RecipeError


class Gain(WaveformAugmentation):
    """Louder or softer. Nothing is clipped: samples may leave [-1, 1].

    Parameters
    ----------
    decibels
        Softest and loudest; 0 changes nothing. Uniform in between.
    p
        Probability of being applied.
    """

    kind = "gain"

    def __init__(self, decibels: tuple[float, float] = (-6.0, 6.0), p: float = 0.5) -> None:
        super().__init__(p)
        self.decibels = interval("augment.gain.decibels", decibels, -100, 100)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the gain."""
        return {"decibels": rng.uniform(*self.decibels)}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Scale samples (n,)."""
        return samples * np.float32(10 ** (parameters["decibels"] / 20))


class Noise(WaveformAugmentation):
    """White Gaussian noise.

    Parameters
    ----------
    amplitude
        Least and greatest standard deviation, where 1 is full scale. Uniform in between.
    p
        Probability of being applied.
    """

    kind = "noise"

    def __init__(self, amplitude: tuple[float, float] = (0.001, 0.005), p: float = 0.5) -> None:
        super().__init__(p)
        self.amplitude = interval("augment.noise.amplitude", amplitude, 0, 1)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the amplitude and the seed of the noise."""
        return {"amplitude": rng.uniform(*self.amplitude), "seed": int(rng.integers(2**32))}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Add noise to samples (n,)."""
        noise = np.random.default_rng(parameters["seed"]).standard_normal(len(samples), np.float32)
        noise *= np.float32(parameters["amplitude"])
        noise += samples
        return noise


class TimeShift(WaveformAugmentation):
    """Earlier or later.

    Parameters
    ----------
    fraction
        Furthest shifts to the front and to the back, in parts of the clip. Uniform in between.
    fill
        ``"circular"``: what leaves at one end comes in at the other, as in most published systems; ``"zero"``: silence
        comes in.
    p
        Probability of being applied.
    """

    kind = "time-shift"

    def __init__(
        self,
        fraction: tuple[float, float] = (-0.1, 0.1),
        fill: Literal["circular", "zero"] = "circular",
        p: float = 0.5,
    ) -> None:
        super().__init__(p)
        self.fraction = interval("augment.time-shift.fraction", fraction, -1, 1)
        self.fill = one_of("augment.time-shift.fill", fill, ("circular", "zero"))

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the shift; backwards in time where it is negative."""
        return {"fraction": rng.uniform(*self.fraction)}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Move samples (n,)."""
        shift = round(parameters["fraction"] * len(samples))
        moved: Samples = np.roll(samples, shift)
        if self.fill == "zero":
            moved[slice(shift) if shift >= 0 else slice(shift, None)] = 0
        return moved


class BandStop(WaveformAugmentation):
    """Take out a band of frequencies: a Butterworth filter of order 4, without delay.

    The spectrum is multiplied by the filter's magnitude: 0 in the middle of the band, 1/sqrt(2) at its edges.

    Parameters
    ----------
    sample_rate
        Samples a second of the clips, in Hz.
    centre
        Lowest and highest middle of the band, in Hz. Uniform in octaves in between.
    octaves
        Narrowest and widest band. Uniform in between.
    p
        Probability of being applied.

    Raises
    ------
    RecipeError
        A middle is not between 20 Hz and half the sample rate, a width not between 0.1 and 10 octaves.
    """

    kind = "band-stop"

    def __init__(
        self,
        sample_rate: int,
        centre: tuple[float, float] = (200.0, 4000.0),
        octaves: tuple[float, float] = (0.5, 1.5),
        p: float = 0.5,
    ) -> None:
        super().__init__(p)
        if sample_rate <= 0:
            raise RecipeError(f"audio.sample_rate: {sample_rate} is not a positive number of samples a second")
        self.sample_rate = sample_rate
        self.centre = interval("augment.band-stop.centre", centre, 20, sample_rate / 2)
        self.octaves = interval("augment.band-stop.octaves", octaves, 0.1, 10)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the middle of the band, in Hz, and its width."""
        low, high = self.centre
        return {"centre": low * (high / low) ** rng.random(), "octaves": rng.uniform(*self.octaves)}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Filter samples (n,)."""
        centre, half = parameters["centre"], 2 ** (parameters["octaves"] / 2)
        # A tenth of a second of silence, for the ringing of one end not to be heard at the other.
        n_fft = next_fast_len(len(samples) + self.sample_rate // 10, real=True)
        hertz = np.arange(n_fft // 2 + 1) * (self.sample_rate / n_fft)
        distance = np.abs(hertz**2 - centre**2)
        band = centre * (half - 1 / half) * hertz
        rejected = (band / np.maximum(distance, 1e-6 * centre**2)) ** 8
        filtered: Samples = irfft(rfft(samples, n_fft) * (1 / np.sqrt(1 + rejected)).astype(np.float32), n_fft)
        return filtered[: len(samples)]


class LowPass(WaveformAugmentation):
    """Take out what lies above a frequency, as a low sample rate, a telephone or a cheap encoder does.

    The spectrum is cut off by half a cosine of a sixth of an octave.

    Parameters
    ----------
    sample_rate
        Samples a second of the clips, in Hz.
    cutoff
        Lowest and highest frequency, in Hz. Uniform in octaves in between.
    p
        Probability of being applied.

    Raises
    ------
    RecipeError
        A frequency is not between 20 Hz and half the sample rate.
    """

    kind = "low-pass"

    def __init__(self, sample_rate: int, cutoff: tuple[float, float] = (2000.0, 7000.0), p: float = 0.5) -> None:
        super().__init__(p)
        if sample_rate <= 0:
            raise RecipeError(f"audio.sample_rate: {sample_rate} is not a positive number of samples a second")
        self.sample_rate = sample_rate
        self.cutoff = interval("augment.low-pass.cutoff", cutoff, 20, sample_rate / 2)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the frequency, in Hz."""
        low, high = self.cutoff
        return {"cutoff": low * (high / low) ** rng.random()}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Filter samples (n,)."""
        n_fft = next_fast_len(len(samples) + self.sample_rate // 10, real=True)
        hertz = np.arange(n_fft // 2 + 1) * (self.sample_rate / n_fft)
        octaves = np.log2(np.maximum(hertz, 1e-3) / parameters["cutoff"])
        kept = 0.5 + 0.5 * np.cos(np.pi * np.clip(6 * octaves + 0.5, 0, 1))
        filtered: Samples = irfft(rfft(samples, n_fft) * kept.astype(np.float32), n_fft)
        return filtered[: len(samples)]


class Reverse(WaveformAugmentation):
    """Play backwards.

    Parameters
    ----------
    p
        Probability of being applied.
    """

    kind = "reverse"

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose nothing."""
        return {}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Turn samples (n,) round."""
        return samples[::-1]


class RandomCrop(WaveformAugmentation):
    """A part of a longer clip from a random place; `apply` is told its length.

    Where it is not applied, or there is nothing to spare, the beginning is taken.

    Parameters
    ----------
    margin
        How much longer than the window a clip should be that is handed in, in windows: 1 asks for twice the length.
    p
        Probability of being applied.
    """

    kind = "random-crop"

    def __init__(self, margin: float = 1.0, p: float = 1.0) -> None:
        super().__init__(p)
        self.margin = number("augment.random-crop.margin", margin, 0, 100)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the place, from 0 (the beginning) to 1 (the end)."""
        return {"place": rng.random()}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Cut `length` samples out of (n,)."""
        start = int(parameters["place"] * (max(0, len(samples) - length) + 1))
        return samples[start : start + length]

    def input_for(self, window: int, parameters: Parameters) -> int:
        """Return the window and its margin."""
        return window + math.ceil(self.margin * window) if parameters["applied"] else window
