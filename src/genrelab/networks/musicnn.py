"""The two networks of Pons and Serra 2019 (arXiv:1909.06654), which `genrelab backbone fetch musicnn` brings trained.

Both hear three seconds as 96 mel bands of power at 16 kHz (front end ``mel`` with ``n_fft: 512, hop_length: 256,
log: none``), and take the logarithm themselves. Layer by layer as in the PyPI package musicnn 0.1.0 (ISC licence), in
TensorFlow: an even kernel's "same" padding puts the odd zero behind, batch norm comes after the activation and its
epsilon is .001.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.networks.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPSILON = 1e-3
_TIMBRAL, _TEMPORAL = 204, 51  # filters of each of the two timbral and of each of the three temporal kernels
_WIDTH, _UNITS = 64, 200  # of the middle's convolutions, and of the dense layer
_FILTERS = 128  # of each block
MTT_POOLS = (((4, 1), (2, 2)), *(((2, 2), (2, 2)),) * 3, ((4, 4), (4, 4)))
"""What each block of MTT_vgg takes together, frames and bands, and in what steps."""
MSD_POOLS = tuple((pool, pool) for pool in ((4, 1), (1, 4), (2, 2), (2, 2), (4, 4)))
"""Of MSD_vgg: its checkpoint's, not those of the published code."""


class Musicnn(Network):
    """Filters shaped after timbre and rhythm, three convolutions over time, mean and maximum, a dense layer.

    Parameters
    ----------
    input_shape
        (1, bands, frames) of the features: any number of frames.
    n_classes
        Number of tags.
    """

    def __init__(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__(input_shape, n_classes, _UNITS)
        self.input_norm = _norm(1, two=True)
        self.timbral = nn.ModuleList(_Shaped(_TIMBRAL, (7, int(share * input_shape[1]))) for share in (0.4, 0.7))
        self.temporal = nn.ModuleList(_Shaped(_TEMPORAL, (frames, 1)) for frames in (128, 64, 32))
        front = 2 * _TIMBRAL + 3 * _TEMPORAL
        self.middle = nn.ModuleList(_OverTime(inputs, _WIDTH) for inputs in (front, _WIDTH, _WIDTH))
        pooled = 2 * (front + 3 * _WIDTH)
        self.dense = nn.Sequential(_norm(pooled), nn.Dropout(0.5), nn.Linear(pooled, _UNITS), nn.ReLU(), _norm(_UNITS))
        self.dropout = nn.Dropout(0.5)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's output, (batch, units), of mel power (batch, 1, bands, frames)."""
        return self._dense(self._pooled(features))

    def layers(self, features: Tensor) -> dict[str, Tensor]:
        """Return what heads may read of mel power (batch, 1, bands, frames): (batch, size) each."""
        pooled = self._pooled(features)
        penultimate = self._dense(pooled)
        largest, means = pooled.unbind(2)
        tags = self.classify(penultimate)
        return {"tags": tags, "penultimate": penultimate, "mean_pool": means, "max_pool": largest}

    def _dense(self, pooled: Tensor) -> Tensor:
        embedding: Tensor = self.dropout(self.dense(pooled.flatten(1)))
        return embedding

    def _pooled(self, features: Tensor) -> Tensor:
        """Return maximum and mean over time of every channel, (batch, channels, 2)."""
        heard = self.input_norm(compress(features))
        front = torch.cat([shaped(heard) for shaped in (*self.timbral, *self.temporal)], 1)
        first, second, third = self.middle
        one = first(front)
        two = second(one) + one
        three = third(two) + two
        everything = torch.cat([front, one, two, three], 1)
        return torch.stack([everything.amax(2), everything.mean(2)], 2)


class MusicnnVgg(Network):
    """Five blocks [convolution 3x3, ReLU, batch norm, max pool, dropout]; their last values are the embedding.

    Parameters
    ----------
    input_shape
        (1, bands, frames) of the features.
    n_classes
        Number of tags.
    pools
        Frames and bands that each block's max pool takes together, and its steps.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        pools: Sequence[tuple[tuple[int, int], tuple[int, int]]],
    ) -> None:
        bands, frames = input_shape[1:]
        for (tall, wide), (down, along) in pools:
            frames, bands = (frames - tall) // down + 1, (bands - wide) // along + 1
        super().__init__(input_shape, n_classes, _FILTERS * frames * bands)
        self.pools = tuple(pools)
        self.input_norm = _norm(1, two=True)
        blocks: list[nn.Module] = []
        for number, (size, step) in enumerate(pools):
            conv = nn.Conv2d(_FILTERS if number else 1, _FILTERS, 3, padding=1)
            last = number == len(pools) - 1
            blocks += [conv, nn.ReLU(), _norm(_FILTERS, two=True), nn.MaxPool2d(size, step)]
            blocks.append(nn.Dropout(0.5 if last else 0.25))
        self.blocks = nn.Sequential(*blocks)

    def embed(self, features: Tensor) -> Tensor:
        """Return the last block's values, (batch, embedding_size), of mel power (batch, 1, bands, frames)."""
        left: Tensor = self.blocks(self.input_norm(compress(features)))
        return left.permute(0, 2, 3, 1).flatten(1)  # TensorFlow's order: channels last

    def layers(self, features: Tensor) -> dict[str, Tensor]:
        """Return what heads may read of mel power (batch, 1, bands, frames): (batch, size) each."""
        penultimate = self.embed(features)
        return {"tags": self.classify(penultimate), "penultimate": penultimate}


class _Shaped(nn.Module):
    """A convolution over frames and bands, ReLU, batch norm, and the maximum over the bands that are left."""

    def __init__(self, filters: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.before = (kernel[0] - 1) // 2
        self.after = kernel[0] - 1 - self.before
        self.conv = nn.Conv2d(1, filters, kernel)
        self.norm = _norm(filters, two=True)

    def forward(self, heard: Tensor) -> Tensor:
        """Map (batch, 1, frames, bands) to (batch, filters, frames)."""
        padded = F.pad(heard, (0, 0, self.before, self.after))
        found: Tensor = self.norm(self.conv(padded).relu_())
        return found.amax(3)


class _OverTime(nn.Sequential):
    """A convolution over seven frames, ReLU, batch norm: (batch, inputs, frames) to (batch, filters, frames)."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__(nn.Conv1d(inputs, filters, 7, padding=3), nn.ReLU(), _norm(filters))


def from_tensorflow(network: Network, tensors: Mapping[str, "NDArray[Any]"]) -> dict[str, Tensor]:
    """Return a network's state as a checkpoint of the original holds it.

    Parameters
    ----------
    network
        A `Musicnn` or `MusicnnVgg` of the checkpoint's sizes.
    tensors
        By their names there, which number layers of a kind in the order of their making: ``conv2d_1/kernel``.

    Raises
    ------
    KeyError
        A tensor is missing.
    """
    convolutions = iter([f"{n}CNN" for n in range(1, 6)] if isinstance(network, MusicnnVgg) else _numbered("conv2d"))
    norms, dense = _numbered("batch_normalization"), _numbered("dense")
    state: dict[str, Tensor] = {}

    def take(place: str, **names: str) -> None:
        for own, name in names.items():
            values = torch.from_numpy(tensors[name].copy())
            if isinstance(modules[place], nn.Conv1d) and own == "weight":
                values = values.squeeze(2)  # there it is one of two dimensions
            if values.ndim > 1:  # channels out come last there, those in before them
                values = values.permute(values.ndim - 1, values.ndim - 2, *range(values.ndim - 2)).contiguous()
            state[f"{place}.{own}"] = values

    modules = dict(network.named_modules())
    modules["output"] = modules.pop("output")  # made first here and last there
    for place, module in modules.items():
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            name = next(convolutions)
            take(place, weight=f"{name}/kernel", bias=f"{name}/bias")
        elif isinstance(module, nn.Linear):
            name = next(dense)
            take(place, weight=f"{name}/kernel", bias=f"{name}/bias")
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            name = next(norms)
            take(place, weight=f"{name}/gamma", bias=f"{name}/beta")
            take(place, running_mean=f"{name}/moving_mean", running_var=f"{name}/moving_variance")
            state[f"{place}.num_batches_tracked"] = torch.tensor(0)
    return state


def _numbered(kind: str) -> Iterator[str]:
    yield kind
    yield from (f"{kind}_{number}" for number in itertools.count(1))


def compress(features: Tensor) -> Tensor:
    """Return the logarithm of mel power (batch, 1, bands, frames) as these networks hear it: frames before bands."""
    return (10000 * features + 1).log10().transpose(2, 3)


def _norm(channels: int, two: bool = False) -> nn.Module:
    return (nn.BatchNorm2d if two else nn.BatchNorm1d)(channels, eps=EPSILON)
