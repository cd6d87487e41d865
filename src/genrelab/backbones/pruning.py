"""Trained musicnn networks without what never fires in them.

Regularisation and ReLU put most of their filters out: the weights are zero (below 1e-3, most exactly). Such a filter
says the same whatever is heard, and what it says goes into the offsets of the layer that reads it. What is left of
MSD_musicnn and MSD_vgg computes the same at a seventh of the cost.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genrelab.networks.listener import COARSE, EVERYWHERE, SHAPED_STEP, BlockTower, Listener, ShapedTower
from genrelab.networks.musicnn import MSD_POOLS, Musicnn, MusicnnVgg, compress

SILENT = 1e-3
"""A filter whose weights' norm is below this hears nothing; those of nearly all others are above .1."""

Still = dict[str, tuple[Tensor, Tensor]]
"""Where the pruned network's values lie in an original's layer, and all its values before those are set; for a layer
that is not named: in its own order, and no others."""


def prune_musicnn(original: Musicnn, step: tuple[int, int] = (1, 1)) -> tuple[ShapedTower, Still]:
    """Return what is left of a `Musicnn`, in evaluation mode, and where its values lie in the original's layers.

    With a step of more than one frame or band it is only similar, and something to begin from.
    """
    network: Any = original
    own: Any
    shaped = [*network.timbral, *network.temporal]
    living = [_norm_of(filters.conv.weight) > SILENT for filters in shaped]
    counts = [int(alive.sum()) for alive in living]
    width, units = network.middle[0][0].out_channels, network.output.in_features
    tower: Any = ShapedTower(counts[:2], counts[2:], step, width, units).eval()
    pooled_norm, _, dense, _, dense_norm = network.dense
    front, constants = torch.cat(living), torch.cat([_unheard(filters) for filters in shaped])
    kept = torch.cat([front, torch.ones(3 * tower.middle[0].conv.out_channels, dtype=torch.bool)])
    with torch.no_grad():
        _copy_norm(tower.norm, network.input_norm)
        for own, other, alive in zip(tower.shaped, shaped, living, strict=True):
            sign = other.norm.weight[alive].sign()
            own.sign.copy_(sign[:, None])
            own.conv.weight.copy_(other.conv.weight[alive] * sign[:, None, None, None])
            own.conv.bias.copy_(other.conv.bias[alive] * sign)
            _copy_norm(own.affine, other.norm, alive)
        for number, (own, other) in enumerate(zip(tower.middle, network.middle, strict=True)):
            weight, bias = other[0].weight, other[0].bias
            if number == 0:
                bias = bias + weight[:, ~front].sum(2) @ constants[~front]
                weight = weight[:, front]
            own.conv.weight.copy_(weight if step[0] == 1 else _at_half_rate(weight))
            own.conv.bias.copy_(bias)
            _copy_norm(own.affine, other[2])
        factor, offset = _affine(pooled_norm)
        weight = (dense.weight * factor).unflatten(1, (-1, 2))  # maximum and mean of each channel, in turn
        bias = dense.bias + dense.weight @ offset + weight[:, ~kept].sum(2) @ constants[~front]
        tower.dense.weight.copy_(torch.cat([weight[:, kept, 0], weight[:, kept, 1]], 1))
        tower.dense.bias.copy_(bias)
        _copy_norm(tower.dense_norm, dense_norm)
        tower.tags.load_state_dict(network.output.state_dict())
    places = torch.nonzero(kept)[:, 0]
    resting = torch.cat([constants, torch.zeros(3 * width)])
    return tower, {"mean_pool": (places, resting), "max_pool": (places, resting)}


def prune_vgg(
    original: MusicnnVgg,
    strides: Sequence[tuple[int, int]] = ((1, 1),) * 5,
    pools: Sequence[tuple[tuple[int, int], tuple[int, int]]] = MSD_POOLS,
) -> tuple[BlockTower, Still]:
    """Return what is left of a `MusicnnVgg`, in evaluation mode, and where its values lie in the original's layers.

    Parameters
    ----------
    original
        Trained.
    strides, pools
        See `BlockTower`; with others than the network's own it is only similar, and something to begin from. Factors of
        living maps are taken to be positive, as they are: a maximum may then be taken before them.
    """
    network: Any = original
    own: Any
    convolutions: list[Any] = [layer for layer in network.blocks if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in network.blocks if isinstance(layer, nn.BatchNorm2d)]
    living = [_norm_of(conv.weight) > SILENT for conv in convolutions]
    tower: Any = BlockTower([int(alive.sum()) for alive in living], strides, pools).eval()
    before, constant = torch.ones(1, dtype=torch.bool), torch.zeros(1)
    with torch.no_grad():
        _copy_norm(tower.norm, network.input_norm)
        for own, conv, norm, alive in zip(tower.blocks, convolutions, norms, living, strict=True):
            bias = conv.bias + conv.weight[:, ~before].sum((2, 3)) @ constant[~before]
            own.conv.weight.copy_(conv.weight[alive][:, before])
            own.conv.bias.copy_(bias[alive])
            _copy_norm(own.affine, norm, alive)
            factor, offset = _affine(norm)
            before, constant = alive, bias.relu() * factor + offset
        # Their last maps are flattened place by place with channels last, ours channel by channel.
        output = network.output
        places = torch.arange(output.in_features).view(-1, len(before)).T
        tower.tags.weight.copy_(output.weight[:, places[before].flatten()])
        tower.tags.bias.copy_(output.bias + output.weight[:, places[~before]].sum(2) @ constant[~before])
    resting = constant.repeat(places.shape[1])
    return tower, {"penultimate": (places[before].flatten(), resting)}


def prune(musicnn: Musicnn, vgg: MusicnnVgg, coarse: bool = False) -> Listener:
    """Return a `Listener` that hears what both networks hear, in evaluation mode; a coarse one, about that.

    Parameters
    ----------
    musicnn, vgg
        ``MSD_musicnn`` and ``MSD_vgg``, trained.
    coarse
        See `Listener`.
    """
    living = [
        [int((_norm_of(layer.weight) > SILENT).sum()) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
        for network in (musicnn, vgg)
    ]
    listener = Listener(living[0][:2], living[0][2:], living[1], coarse)
    listener.shaped.load_state_dict(prune_musicnn(musicnn, SHAPED_STEP if coarse else (1, 1))[0].state_dict())
    listener.small.load_state_dict(prune_vgg(vgg, *(COARSE if coarse else EVERYWHERE))[0].state_dict())
    return listener.eval()


class Pruned(nn.Module):
    """What is left of a network, with all values of the original's layers: those that never change included.

    Parameters
    ----------
    network
        Trained.
    """

    def __init__(self, network: Musicnn | MusicnnVgg) -> None:
        super().__init__()
        tower, still = (
            prune_musicnn(network) if isinstance(network, Musicnn) else prune_vgg(network, pools=network.pools)
        )
        self.tower: nn.Module = tower
        for name, (places, resting) in still.items():
            self.register_buffer(f"{name}_places", places)
            self.register_buffer(f"{name}_resting", resting)

    def layers(self, features: Tensor) -> dict[str, Tensor]:
        """Return the original's layers of mel power (batch, 1, bands, frames): (batch, size) each."""
        return {name: self._restored(name, values) for name, values in self.tower(compress(features)).items()}

    def _restored(self, name: str, values: Tensor) -> Tensor:
        if not hasattr(self, f"{name}_places"):
            return values
        places, resting = self.get_buffer(f"{name}_places"), self.get_buffer(f"{name}_resting")
        restored: Tensor = resting.expand(values.shape[0], -1).index_copy(1, places, values)
        return restored


def _norm_of(weight: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    return norms


def _unheard(filters: Any) -> Tensor:
    """Return what each filter says whose weights are zero, (filters,); a living one's does not matter."""
    factor, offset = _affine(filters.norm)
    unheard: Tensor = filters.conv.bias.relu() * factor + offset
    return unheard


def _affine(norm: Any) -> tuple[Tensor, Tensor]:
    """Return factor and offset that a trained batch norm amounts to."""
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    return factor, norm.bias - factor * norm.running_mean


def _copy_norm(own: Any, norm: Any, alive: Tensor | None = None) -> None:
    for place, values in zip((own.weight, own.bias), _affine(norm), strict=True):
        place.copy_(values if alive is None else values[alive])


def _at_half_rate(weight: Tensor) -> Tensor:
    """Return five taps two frames apart for seven one apart: what lies between two frames counts half for each."""
    odd = weight[:, :, 0::2] / 2  # frames -3, -1, 1, 3
    taps = torch.zeros(*weight.shape[:2], 5)
    taps[:, :, :4] += odd
    taps[:, :, 1:] += odd
    taps[:, :, 1:4] += weight[:, :, 1::2]  # frames -2, 0, 2
    return taps
