"""Convolutions, then transformer encoder blocks (Vaswani et al. 2017, arXiv:1706.03762): row gtzan-cnn-transformer."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.convolutions import Padding, pooled_convs
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import dense, initialise
from genrelab.networks.network import Network


class CnnTransformer(Network):
    """Blocks [conv 3x3 ReLU, max pool 2x2], encoder blocks over what is left, the tokens' mean, one dense layer.

    The defaults are the published row, which did not learn; `batch_norm` is what makes it learn (docs/results.md). A
    token has its place in the features, so only features of the very shape fit that the network was built for.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    filters
        Filters of each convolution block.
    padding
        ``"valid"`` (Keras' default) or ``"same"``.
    batch_norm
        Whether the convolution blocks have a batch norm.
    conv_dropout
        Probability of a value being dropped after each convolution block.
    tokens
        ``"positions"``: each bin of each frame that is left is a token; ``"frames"``: each frame, with its bins.
    width
        Length of a token; a linear layer brings it there where convolutions leave another.
    positions
        ``"learned"`` or ``"sinusoidal"``.
    blocks
        Number of encoder blocks.
    heads, key_size
        Of the attention: number of heads, and length of the keys and values of each (Keras' ``key_dim``).
    feed_forward
        Hidden units of each block's two dense layers.
    pre_norm
        Whether layer norm comes before attention and dense layers, and once more at the end, instead of after the sums.
    block_dropout
        Probability of a value being dropped before each sum.
    dense_units
        Units of the dense layer: the embedding.
    dropout
        Probability of a value being dropped after it.

    Raises
    ------
    RecipeError
        The features are too small for this many convolutions, or a number is out of range.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (32, 64, 128),
        padding: Padding = "valid",
        batch_norm: bool = False,
        conv_dropout: float = 0.0,
        tokens: Literal["positions", "frames"] = "positions",
        width: int = 128,
        positions: Literal["learned", "sinusoidal"] = "learned",
        blocks: int = 2,
        heads: int = 4,
        key_size: int = 128,
        feed_forward: int = 256,
        pre_norm: bool = False,
        block_dropout: float = 0.0,
        dense_units: int = 128,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(input_shape, n_classes, dense_units)
        if tokens not in ("positions", "frames"):
            raise RecipeError(f"network.tokens: {tokens!r} is not one of positions, frames")
        if positions not in ("learned", "sinusoidal"):
            raise RecipeError(f"network.positions: {positions!r} is not one of learned, sinusoidal")
        if min(blocks, heads, key_size, feed_forward, width) < 1 or width % 2:
            raise RecipeError(
                f"network.blocks, heads, key_size, feed_forward, width: {blocks}, {heads}, {key_size}, {feed_forward}, "
                f"{width}; all begin at 1, and the width is even"
            )
        kernels, pools = [3] * len(filters), [2] * len(filters)
        self.convs, (bins, frames) = pooled_convs(
            input_shape, filters, kernels, pools, padding, batch_norm, conv_dropout
        )
        self.by_frame = tokens == "frames"
        values, count = (filters[-1] * bins, frames) if self.by_frame else (filters[-1], bins * frames)
        self.widen = nn.Identity() if values == width else nn.Linear(values, width)
        self.positions: Tensor
        if positions == "learned":
            self.positions = nn.Parameter(torch.empty(count, width).uniform_(-0.05, 0.05))  # Keras' Embedding
        else:
            self.register_buffer("positions", sinusoids(count, width), persistent=False)
        self.encoder = nn.Sequential(
            *(EncoderBlock(width, heads, key_size, feed_forward, pre_norm, block_dropout) for _ in range(blocks)),
            nn.LayerNorm(width) if pre_norm else nn.Identity(),
        )
        self.dense = dense(width, dense_units, dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the dense layer's activation, (batch, dense_units), of features (batch, channels, bins, frames)."""
        left = self.convs(features).permute(0, 3, 2, 1)  # time first, as the source has it
        tokens = self.widen(left.flatten(2) if self.by_frame else left.flatten(1, 2)) + self.positions
        embedding: Tensor = self.dense(self.encoder(tokens).mean(dim=1))
        return embedding


class EncoderBlock(nn.Module):
    """Self-attention and two dense layers, each added to what it reads.

    Parameters
    ----------
    width
        Length of a token.
    heads, key_size, feed_forward, pre_norm
        As in `CnnTransformer`.
    dropout
        Probability of a value being dropped before each sum.
    """

    def __init__(
        self, width: int, heads: int, key_size: int, feed_forward: int, pre_norm: bool, dropout: float
    ) -> None:
        super().__init__()
        self.heads, self.pre_norm = heads, pre_norm
        self.query, self.key, self.value = (nn.Linear(width, heads * key_size) for _ in range(3))
        self.join = nn.Linear(heads * key_size, width)
        self.feed = nn.Sequential(nn.Linear(width, feed_forward), nn.ReLU(), nn.Linear(feed_forward, width))
        self.attention_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (batch, count, width) to tokens of the same shape."""
        if self.pre_norm:
            tokens = tokens + self.dropout(self._attend(self.attention_norm(tokens)))
            fed: Tensor = tokens + self.dropout(self.feed(self.feed_norm(tokens)))
            return fed
        tokens = self.attention_norm(tokens + self.dropout(self._attend(tokens)))
        normed: Tensor = self.feed_norm(tokens + self.dropout(self.feed(tokens)))
        return normed

    def _attend(self, tokens: Tensor) -> Tensor:
        parts = (layer(tokens).unflatten(2, (self.heads, -1)) for layer in (self.query, self.key, self.value))
        query, key, value = (part.transpose(1, 2) for part in parts)
        attended = F.scaled_dot_product_attention(query, key, value)
        joined: Tensor = self.join(attended.transpose(1, 2).flatten(2))
        return joined


def sinusoids(count: int, width: int) -> Tensor:
    """Return sines, then cosines, of `count` places at wavelengths from 2 pi to 20 000 pi, (count, width)."""
    rates = torch.exp(-math.log(10000) * torch.arange(0, width, 2) / width)
    angles = torch.arange(count)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
