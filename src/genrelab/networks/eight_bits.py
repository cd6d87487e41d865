"""Weights that fit 8 bits: whole numbers from -127 to 127, and a scale for each output channel.

Scales have so few digits that numbers and scales are found again exactly in what they make: a network with such weights
is an ordinary one, and only the files that hold it know (`genrelab.bundles.export` looks for them).
"""

import torch
from torch import Tensor

LARGE = 4096
"""Weights of fewer values stay as they are: they cost little."""
_MOST = 127
_DIGITS = 2**11


def split(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers and scales that come next to a weight.

    Parameters
    ----------
    weight
        Its first axis is that of the output channels.

    Returns
    -------
    numbers
        Of the weight's shape, int8.
    scales
        (channels, 1, ...), of as many axes.
    """
    largest = weight.abs().flatten(1).amax(1).clamp(min=torch.finfo(torch.float32).tiny * _MOST)
    fraction, exponent = torch.frexp(largest / _MOST)
    scales = torch.ldexp((fraction * _DIGITS).round() / _DIGITS, exponent).view(-1, *[1] * (weight.ndim - 1))
    return (weight / scales).round().clamp(-_MOST, _MOST).to(torch.int8), scales


def join(numbers: Tensor, scales: Tensor) -> Tensor:
    """Return the weight that numbers and scales make."""
    return numbers.float() * scales


def is_large(weight: Tensor) -> bool:
    """Return whether it is worth the trouble to keep a weight in 8 bits."""
    return weight.dtype == torch.float32 and weight.ndim > 1 and weight.numel() >= LARGE
