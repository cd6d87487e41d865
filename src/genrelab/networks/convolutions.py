"""Convolution blocks in the order of projects C, D and E: convolution, ReLU, max pool, batch norm, dropout."""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from genrelab.errors import RecipeError
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import ConvBlocks

Padding = Literal["valid", "same"]


def pooled_convs(
    input_shape: tuple[int, int, int],
    filters: Sequence[int],
    kernels: Sequence[int],
    pools: Sequence[int],
    padding: Padding = "valid",
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> tuple[ConvBlocks, tuple[int, int]]:
    """Make blocks of convolutions and say what they leave of the features.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    filters, kernels, pools
        Of each block the number of filters, the side of its square kernel and that of its square max pool; 1 leaves a
        block unpooled.
    padding
        ``"valid"``, Keras' default: kernels stay within the features, which lose ``kernel - 1`` bins and frames;
        ``"same"``: zeros around them keep the size.
    batch_norm
        Whether a batch norm follows each pool.
    dropout
        Probability of a value being dropped after each block.

    Returns
    -------
    blocks
        (batch, channels, bins, frames) to (batch, filters[-1], left bins, left frames).
    size
        The bins and frames left.

    Raises
    ------
    RecipeError
        The features are too small, or the lists do not fit together.
    """
    if not filters or not len(filters) == len(kernels) == len(pools) or min(*filters, *kernels, *pools) < 1:
        raise RecipeError(
            f"network.filters, network.kernels, network.pools: {list(filters)}, {list(kernels)} and {list(pools)}; "
            "give each block one of each, all at least 1"
        )
    if padding not in ("valid", "same"):
        raise RecipeError(f"network.padding: {padding!r} is not one of valid, same")
    channels, bins, frames = input_shape
    blocks: list[nn.Module] = []
    left, need = (bins, frames), 1
    for kernel, pool in zip(kernels, pools, strict=True):
        lost = kernel - 1 if padding == "valid" else 0
        left = max(0, left[0] - lost) // pool, max(0, left[1] - lost) // pool
    for kernel, pool in zip(reversed(kernels), reversed(pools), strict=True):
        need = need * pool + (kernel - 1 if padding == "valid" else 0)
    if min(left) < 1:
        raise RecipeError(
            f"network.filters: features of {bins} bins x {frames} frames are too small for these convolutions, which "
            f"need at least {need} x {need}: take fewer or smaller ones, pool less, take padding: same, a longer "
            "audio.window, a shorter frontend.hop_length or more bins"
        )
    for before, after, kernel, pool in zip([channels, *filters[:-1]], filters, kernels, pools, strict=True):
        layers: list[nn.Module] = [nn.Conv2d(before, after, kernel, padding=padding)]
        # The greatest value stays the greatest under ReLU: pooled first, it has a fraction of the work.
        layers += [nn.MaxPool2d(pool), nn.ReLU()] if pool > 1 else [nn.ReLU()]
        layers += [nn.BatchNorm2d(after)] if batch_norm else []
        blocks.append(nn.Sequential(*layers, Dropout(dropout)))
    return ConvBlocks(*blocks), left
