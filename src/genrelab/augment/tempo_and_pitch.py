"""The same music faster or slower, higher or lower."""

import math

import numpy as np

from genrelab.augment.augmentation import Parameters
from genrelab.augment.options import interval
from genrelab.augment.stages import Samples, WaveformAugmentation
from genrelab.augment.vocoder import pitch_shift, time_stretch


class TimeStretch(WaveformAugmentation):
    """Play faster or slower at the same pitch.

    Parameters
    ----------
    rate
        Slowest and fastest; 2 is twice as fast. Uniform in between.
    p
        Probability of being applied.

    Raises
    ------
    RecipeError
        A rate is not between 0.25 and 4: nothing sounds like music there.
    """

    kind = "time-stretch"

    def __init__(self, rate: tuple[float, float] = (0.8, 1.2), p: float = 0.5) -> None:
        super().__init__(p)
        self.rate = interval("augment.time-stretch.rate", rate, 0.25, 4)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the rate."""
        return {"rate": rng.uniform(*self.rate)}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Stretch samples (n,) to `length` of them, as far as they reach."""
        return time_stretch(samples, parameters["rate"], length)

    def input_for(self, window: int, parameters: Parameters) -> int:
        """Return what the rate uses up."""
        return max(window, math.ceil(window * parameters["rate"])) if parameters["applied"] else window

    def length_after(self, samples: int, parameters: Parameters) -> int:
        """Return what the rate makes of them."""
        return round(samples / parameters["rate"]) if parameters["applied"] else samples


class PitchShift(WaveformAugmentation):
    """Play higher or lower at the same tempo.

    Parameters
    ----------
    semitones
        Lowest and highest shift; 12 are an octave upwards. Uniform in between.
    p
        Probability of being applied.

    Raises
    ------
    RecipeError
        A shift is not between -24 and 24.
    """

    kind = "pitch-shift"

    def __init__(self, semitones: tuple[float, float] = (-2.0, 2.0), p: float = 0.5) -> None:
        super().__init__(p)
        self.semitones = interval("augment.pitch-shift.semitones", semitones, -24, 24)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the shift."""
        return {"semitones": rng.uniform(*self.semitones)}

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Shift the pitch of samples (n,)."""
        return pitch_shift(samples, parameters["semitones"])
