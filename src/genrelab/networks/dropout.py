"""Dropout whose mask costs little on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError


class Dropout(nn.Module):
    """Drops values with a probability while training, scaling the others so that their mean stays.

    On a CPU `torch.nn.Dropout` draws a number for each value one after the other: an eighth of a training step of
    `Cnn`. Sixteen random bits are enough for a mask, and one draw of 64 gives four of them.

    Parameters
    ----------
    p
        Probability of a value being dropped, in [0, 1); on a CPU to the nearest 1/65536.

    Raises
    ------
    RecipeError
        `p` is not in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise RecipeError(f"network: a dropout of {p} is not a probability in [0, 1)")
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """Map values to values of the same shape."""
        if not self.training or self.p == 0:
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.p)
        dropped = _random_int16(values) < round(self.p * 2**16) - 2**15
        return torch.where(dropped, 0.0, values * (1 / (1 - self.p)))

    def extra_repr(self) -> str:
        """Show the probability where the module is printed."""
        return f"p={self.p}"


def _random_int16(like: Tensor) -> Tensor:
    """Draw uniformly from all int16 numbers, in the shape and the memory layout of `like`."""
    count = like.numel()
    bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:count]
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):
        batch, channels, height, width = like.shape
        return bits.view(batch, height, width, channels).permute(0, 3, 1, 2)
    return bits.view(like.shape)
