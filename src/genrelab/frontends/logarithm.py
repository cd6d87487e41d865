"""Loudness as ears and networks take it: the logarithm of power.

The functions overwrite what they are given: a fresh spectrogram for each step costs a CPU more than the step itself.
"""

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Log = Literal["db", "log", "none"]


def decibels(magnitudes: Tensor, power: float, floor: float) -> Tensor:
    """Convert magnitudes to decibels, 0 dB being the value 1.

    Parameters
    ----------
    magnitudes
        Magnitudes raised to `power`, of any shape.
    power
        2 for power, 1 for amplitude: decibels are ``20 / power * log10(magnitudes)``.
    floor
        Values below it count as it (librosa's ``amin``).
    """
    return natural_log(magnitudes, floor).mul_(20 / power / math.log(10))


def natural_log(magnitudes: Tensor, floor: float) -> Tensor:
    """Return the natural logarithm of `magnitudes`, those below `floor` counting as it."""
    clamped = magnitudes.clamp_(min=floor)
    if clamped.requires_grad or clamped.device.type != "cpu" or torch.compiler.is_exporting():
        return clamped.log()
    # On a CPU numpy's takes a third of the time of torch's, and no fresh memory.
    array = clamped.numpy()
    np.log(array, out=array)
    return clamped


def limit_range(loudness: Tensor, top_db: float | None, relative: bool) -> Tensor:
    """Keep decibels within a range below each clip's maximum, as ``librosa.power_to_db`` does.

    Parameters
    ----------
    loudness
        Decibels, (batch, channels, bins, frames).
    top_db
        The range kept, in decibels; None keeps all.
    relative
        Whether 0 dB becomes each clip's maximum (librosa's ``ref=np.max``).
    """
    if top_db is None and not relative:
        return loudness
    peak = loudness.amax(dim=(1, 2, 3), keepdim=True)
    if relative:
        # The gradient of the maximum needs the values as they were.
        loudness = loudness - peak if loudness.requires_grad else loudness.sub_(peak)
        return loudness if top_db is None else loudness.clamp_(min=-top_db)
    return loudness if top_db is None else loudness.maximum(peak - top_db)
