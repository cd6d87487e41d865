"""The parts that the published networks are put together from."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.dropout import Dropout
from genrelab.networks.recurrence import run

Cell = Literal["lstm", "gru"]
Reading = Literal["last", "mean"]


class ConvBlock(nn.Module):
    """Convolution 3x3 (same size), activation, batch norm, max pool, dropout, in the order a row gives.

    Parameters
    ----------
    inputs, filters
        Channels before and after.
    pool
        Bins and frames that the max pool takes together.
    dropout
        Probability of a value being dropped.
    activation
        ``"relu"`` before the batch norm (fma rows) or ``"elu"`` after it (gtzan-crnn).
    batch_norm
        Whether there is a batch norm at all.
    """

    def __init__(
        self,
        inputs: int,
        filters: int,
        pool: tuple[int, int],
        dropout: float,
        activation: Literal["relu", "elu"] = "relu",
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        norm: nn.Module = nn.BatchNorm2d(filters) if batch_norm else nn.Identity()
        largest = nn.MaxPool2d(pool)
        # The greatest value stays the greatest under ELU: pooled first, it has a fraction of the work.
        middle = [nn.ReLU(), norm, largest] if activation == "relu" else [norm, largest, nn.ELU()]
        self.conv = nn.Conv2d(inputs, filters, 3, padding=1)
        self.rest = nn.Sequential(*middle, Dropout(dropout))

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, inputs, bins, frames) to (batch, filters, bins // pool, frames // pool)."""
        convolved: Tensor = self.rest(self.conv(features))
        return convolved


class Recurrent(nn.Module):
    """Recurrent layers, read at their last step or in the mean over all steps, with dropout after each.

    The last step is Keras' ``return_sequences=False``: each direction's state after all it has read, so for the
    backward direction its state at the first frame, not at the last.

    Parameters
    ----------
    inputs
        Length of the vector at each time step.
    cell
        ``"lstm"`` or ``"gru"``.
    units
        Length of each direction's state.
    layers
        Number of layers.
    bidirectional
        Whether each layer also reads backwards.
    dropout
        Probability of a value being dropped after each layer.
    read
        ``"last"`` or ``"mean"``.
    """

    def __init__(
        self,
        inputs: int,
        cell: Cell,
        units: int,
        layers: int,
        bidirectional: bool,
        dropout: float,
        read: Reading = "last",
    ) -> None:
        super().__init__()
        cells: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
        if cell not in cells:
            raise RecipeError(f"network.cell: {cell!r} is not one of {', '.join(cells)}")
        if units < 1 or layers < 1:
            raise RecipeError(f"network.units, network.layers: {units} units in {layers} layers; both begin at 1")
        self.read = read
        self.dropout = Dropout(dropout)
        self.rnn = cells[cell](
            inputs,
            units,
            num_layers=layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,  # torch puts it between layers alone
        )
        self.directions = 2 if bidirectional else 1
        self.size = units * self.directions

    def forward(self, sequence: Tensor) -> Tensor:
        """Map (batch, time, inputs) to (batch, size)."""
        states, hidden = run(self.rnn, sequence)
        # The last step is a state of each direction, not a row of `states`: there the backward one has read one frame.
        last = hidden[-self.directions :].transpose(0, 1).flatten(1)
        dropped: Tensor = self.dropout(states.mean(1) if self.read == "mean" else last)
        return dropped


class BatchNorm1d(nn.BatchNorm1d):
    """Batch norm that takes a batch of one, such as may end an epoch, by its running statistics; torch refuses it."""

    def forward(self, values: Tensor) -> Tensor:
        """Map (batch, values) to the same."""
        if self.training and len(values) == 1:
            return F.batch_norm(values, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(values)


def dense(inputs: int, units: int, dropout: float) -> nn.Sequential:
    """Make a linear layer with ReLU and dropout."""
    return nn.Sequential(nn.Linear(inputs, units), nn.ReLU(), Dropout(dropout))


class ConvBlocks(nn.Sequential):
    """One `ConvBlock` after another, with the channels of a value side by side in memory.

    In that layout a CPU needs two thirds of the time for a forward pass, and less for a training step. The weights keep
    torch's usual layout, which safetensors asks for.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels, bins, frames) to what the last block makes of it."""
        values = features.to(memory_format=torch.channels_last)
        for block in self:
            values = block(values)
        return values


def conv_blocks(
    channels: int,
    filters: Sequence[int],
    pools: Sequence[tuple[int, int]],
    dropout: float,
    activation: Literal["relu", "elu"] = "relu",
    batch_norm: bool = True,
) -> ConvBlocks:
    """Make one `ConvBlock` after another, one for each entry of `filters`, `pools` in step with them."""
    if not filters or len(filters) != len(pools) or min(filters) < 1:
        raise RecipeError(
            f"network.filters, network.pools: {len(filters)} numbers of filters and {len(pools)} pools; "
            "give each block at least one filter, and one pool"
        )
    inputs = [channels, *filters[:-1]]
    return ConvBlocks(
        *(
            ConvBlock(before, after, (pool[0], pool[1]), dropout, activation, batch_norm)
            for before, after, pool in zip(inputs, filters, pools, strict=True)
        )
    )


def pooled_size(bins: int, frames: int, pools: Sequence[tuple[int, int]], keys: str) -> tuple[int, int]:
    """Return the bins and frames that are left after `pools`.

    Raises
    ------
    RecipeError
        Nothing is left; the message says which keys to change (`keys` are the network's own).
    """
    if any(size < 1 for pool in pools for size in pool):
        raise RecipeError(f"{keys}: {list(pools)} has a pool below 1; (1, 1) leaves a block unpooled")
    left_bins, left_frames = bins, frames
    for pool_bins, pool_frames in pools:
        left_bins //= pool_bins
        left_frames //= pool_frames
    if left_bins < 1 or left_frames < 1:
        need_bins = need_frames = 1
        for pool_bins, pool_frames in pools:
            need_bins *= pool_bins
            need_frames *= pool_frames
        raise RecipeError(
            f"{keys}: features of {bins} bins x {frames} frames are too small for this pooling, which needs at least "
            f"{need_bins} x {need_frames}: pool less, or take a longer audio.window, a shorter frontend.hop_length "
            "or more bins"
        )
    return left_bins, left_frames


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Start weights as Keras does, in which the published rows were written.

    Glorot-uniform kernels, orthogonal recurrent weights, zero biases, and 1 for the bias of an LSTM's forget gate
    (Jozefowicz et al. 2015). Keras' batch norm differs from torch's in its momentum (.99 for .9) and epsilon (1e-3 for
    1e-5); torch's are kept: its statistics settle within one epoch of a small corpus.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM | nn.GRU):
            for name, weight in module.named_parameters():
                if name.startswith("weight_ih"):
                    nn.init.xavier_uniform_(weight)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(weight)
                else:
                    nn.init.zeros_(weight)
                    if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                        # Torch keeps the gates in the order input, forget, cell, output.
                        weight[module.hidden_size : 2 * module.hidden_size] = 1.0
