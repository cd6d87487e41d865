"""The default bundle's first network: two of musicnn's, without what never fires in them, as one.

Architecture after Pons and Serra 2019 (arXiv:1909.06654), see `genrelab.networks.musicnn`. Nine in ten of the filters
that those networks were trained with have weights of zero: regularisation put them out. Without them, and with steps of
two frames and two bands, the same function costs a thirtieth; what the steps change is learned again by listening to
the originals (`genrelab.training.distill`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.networks.musicnn import MSD_POOLS, compress

N_MELS = 96
TAGS = 50
Pair = tuple[int, int]


LAYERS = ("tags", "penultimate", "mean_pool", "max_pool", "blocks")
"""What a `Listener` gives, in this order."""
SHAPED_STEP = (2, 2)
"""Frames and bands that a coarse listener's shaped filters step."""
EVERYWHERE = (((1, 1),) * 5, MSD_POOLS)
"""Strides and pools of a `BlockTower` like the original's, and, below, of a coarse one."""
COARSE = (
    ((2, 1), (1, 2), (1, 2), (1, 2), (1, 1)),
    tuple((pool, pool) for pool in ((2, 1), (1, 2), (2, 1), (2, 1), (4, 4))),
)


class ShapedTower(nn.Module):
    """Filters shaped after timbre and rhythm, three convolutions over time, maximum and mean, a dense layer.

    Parameters
    ----------
    timbral
        Number of filters of 7 frames, and .4 or .7 of the bands.
    temporal
        Number of filters of 128, 64 and 32 frames of one band.
    step
        Frames and bands from one place of a filter to the next. A step of 2 frames needs fewer taps over time.
    width
        Channels of the convolutions over time.
    units
        Width of the dense layer.
    """

    def __init__(
        self,
        timbral: Sequence[int],
        temporal: Sequence[int],
        step: Pair = (1, 1),
        width: int = 64,
        units: int = 200,
    ) -> None:
        super().__init__()
        self.norm = Affine(1)
        kernels = [(7, int(share * N_MELS)) for share in (0.4, 0.7)] + [(frames, 1) for frames in (128, 64, 32)]
        counts = (*timbral, *temporal)
        self.shaped = nn.ModuleList(_Shaped(n, kernel, step) for n, kernel in zip(counts, kernels, strict=True))
        front, taps = sum(counts), 7 if step[0] == 1 else 5
        self.middle = nn.ModuleList(_OverTime(inputs, width, taps) for inputs in (front, width, width))
        channels = front + 3 * width
        self.dense = nn.Linear(2 * channels, units)
        self.dense_norm = Affine(units)
        self.tags = nn.Linear(units, TAGS)
        self.sizes = {"tags": TAGS, "penultimate": units, "mean_pool": channels, "max_pool": channels}

    def forward(self, heard: Tensor) -> dict[str, Tensor]:
        """Return the layers of what `compress` returned, (batch, size) each; `sizes` tells the sizes."""
        heard = self.norm(heard)
        front = torch.cat([filters(heard) for filters in self.shaped], 1)
        first, second, third = self.middle
        one = first(front)
        two = second(one) + one
        three = third(two) + two
        everything = torch.cat([front, one, two, three], 1)
        largest, means = everything.amax(2), everything.mean(2)
        units = self.dense_norm(self.dense(torch.cat([largest, means], 1)).relu())
        return {"tags": self.tags(units), "penultimate": units, "mean_pool": means, "max_pool": largest}


class BlockTower(nn.Module):
    """Five blocks of 3 x 3 filters; what is left of each map is the embedding.

    Parameters
    ----------
    filters
        Of each block.
    strides
        Frames and bands that each block's convolution steps.
    pools
        Frames and bands that each block's max pool takes together, and its steps.
    """

    def __init__(self, filters: Sequence[int], strides: Sequence[Pair], pools: Sequence[tuple[Pair, Pair]]) -> None:
        super().__init__()
        self.norm = Affine(1)
        parts = zip((1, *filters), filters, strides, pools, strict=False)
        self.blocks = nn.ModuleList(_Block(*part) for part in parts)
        self.tags = nn.Linear(2 * filters[-1], TAGS)
        self.sizes = {"tags": TAGS, "penultimate": 2 * filters[-1]}

    def forward(self, heard: Tensor) -> dict[str, Tensor]:
        """Return the layers of what `compress` returned for 187 frames, (batch, size) each."""
        maps = self.norm(heard)
        for block in self.blocks:
            maps = block(maps)
        last = maps.flatten(1)
        return {"tags": self.tags(last), "penultimate": last}


class Listener(nn.Module):
    """Both towers: power in 96 mel bands to layers that heads read, and to tags.

    Parameters
    ----------
    timbral, temporal
        See `ShapedTower`.
    blocks
        Number of filters of each block of the `BlockTower`.
    coarse
        Whether it looks in steps of two frames and two bands, and its pools take fewer values together, such that
        the maps behind each block are as large; or everywhere, as the originals do.
    """

    def __init__(
        self, timbral: Sequence[int], temporal: Sequence[int], blocks: Sequence[int], coarse: bool = True
    ) -> None:
        super().__init__()
        self.settings = {"timbral": list(timbral), "temporal": list(temporal), "blocks": list(blocks), "coarse": coarse}
        self.shaped = ShapedTower(timbral, temporal, SHAPED_STEP if coarse else (1, 1))
        self.small = BlockTower(blocks, *(COARSE if coarse else EVERYWHERE))
        shaped = self.shaped.sizes
        self.sizes = {"tags": TAGS} | {name: shaped[name] for name in LAYERS[1:4]} | {"blocks": 2 * blocks[-1]}

    def forward(self, features: Tensor) -> Tensor:
        """Return all layers in a row, (batch, the sum of `sizes`), of mel power (batch, 1, bands, 187 frames)."""
        return torch.cat(list(self.layers(features).values()), 1)

    def layers(self, features: Tensor) -> dict[str, Tensor]:
        """Return the layers of mel power (batch, 1, bands, 187 frames), (batch, size) each; `sizes` tells the sizes."""
        return self.read(compress(features))

    def make_ready(self) -> None:
        """Lay the blocks' weights as training steps want them.

        The factors before the first filters stay as they are: a gradient for them is what would cost most time.
        """
        for tower in (self.shaped, self.small):
            tower.norm.requires_grad_(False)
        self.small.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def read(self, heard: Tensor) -> dict[str, Tensor]:
        """Return the layers of what `compress` returned; see `layers`."""
        shaped, small = self.shaped(heard), self.small(heard)
        tags = (shaped["tags"] + small["tags"]) / 2
        return {"tags": tags} | {name: shaped[name] for name in LAYERS[1:4]} | {"blocks": small["penultimate"]}


class Affine(nn.Module):
    """A factor and an offset for each channel: a batch norm that no longer counts."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Return channels' values (batch, channels, ...), each with its factor and offset."""
        shape = (1, -1) + (1,) * (maps.ndim - 2)
        found: Tensor = maps * self.weight.view(shape) + self.bias.view(shape)
        return found


class _Shaped(nn.Module):
    """A convolution over frames and bands, ReLU, a factor and an offset, and the maximum over the bands that are left.

    Where the factor is negative, that maximum is where the convolution is least: `sign`, which the convolution's
    weights hold too, turns it over, so that the maximum can be taken first.
    """

    sign: Tensor

    def __init__(self, filters: int, kernel: Pair, step: Pair) -> None:
        super().__init__()
        self.before = (kernel[0] - 1) // 2
        self.after = kernel[0] - 1 - self.before
        self.average = step[1] if kernel[1] == 1 else 1  # where each band is heard by itself, neighbours are joined
        self.conv = nn.Conv2d(1, filters, kernel, stride=(step[0], 1 if kernel[1] == 1 else step[1]))
        self.affine = Affine(filters)
        self.register_buffer("sign", torch.ones(filters, 1))

    def forward(self, heard: Tensor) -> Tensor:
        """Map (batch, 1, frames, bands) to (batch, filters, frames / step)."""
        if self.average > 1:
            heard = F.avg_pool2d(heard, (1, self.average))
        padded = F.pad(heard, (0, 0, self.before, self.after))
        found: Tensor = self.affine((self.conv(padded).amax(3) * self.sign).relu())
        return found


class _OverTime(nn.Module):
    """A convolution over frames, ReLU, a factor and an offset: (batch, inputs, frames) to (batch, filters, frames)."""

    def __init__(self, inputs: int, filters: int, taps: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, filters, taps, padding=taps // 2)
        self.affine = Affine(filters)

    def forward(self, front: Tensor) -> Tensor:
        found: Tensor = self.affine(self.conv(front).relu())
        return found


class _Block(nn.Module):
    """A convolution of 3 x 3, max pool, ReLU, a factor and an offset for each map."""

    def __init__(self, inputs: int, filters: int, stride: Pair, pool: tuple[Pair, Pair]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, filters, 3, padding=1, stride=stride)
        self.pool = pool
        self.affine = Affine(filters)

    def forward(self, maps: Tensor) -> Tensor:
        found: Tensor = self.affine(F.max_pool2d(self.conv(maps), *self.pool).relu())
        return found
