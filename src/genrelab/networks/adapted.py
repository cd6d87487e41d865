"""The listener, learning a little: low-rank adapters on its later layers, and a linear layer on what it then says."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from genrelab.errors import RecipeError
from genrelab.frontends.normalise import FURTHEST
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import BatchNorm1d
from genrelab.networks.listener import N_MELS, TAGS, Listener
from genrelab.networks.network import Network

LATER = ("shaped.middle", "shaped.dense", "small.blocks.2", "small.blocks.3", "small.blocks.4")


class Adapted(Network):
    """A `Listener` whose weights stay, but for ``alpha / rank * B A`` added to those of some layers (LoRA).

    Source: Hu et al. 2021 (arXiv:2106.09685); a convolution's kernel is taken as a matrix of its outputs by all else.
    `B` begins with zeros, and so the network with what the listener says. Part ``listener`` gets its weights by the
    recipe's ``start``, which freezes it.

    Parameters
    ----------
    input_shape
        (1, 96, 187): of the front end ``musicnn-bands`` for 2.976 s.
    n_classes
        Number of genres.
    timbral, temporal, blocks, coarse
        Sizes of the listener, see `Listener`.
    rank
        Rows of `A`; 0 leaves the listener as it is.
    alpha
        How much of them is added.
    layers
        Which weights are adapted: those whose names begin so.
    dropout
        Probability of a value of the listener's layers being dropped before the last layer.

    Raises
    ------
    RecipeError
        The features are of another shape, a rank is negative, or there is no such layer.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        timbral: Sequence[int] = (23, 14),
        temporal: Sequence[int] = (3, 7, 17),
        blocks: Sequence[int] = (49, 53, 88, 81, 127),
        coarse: bool = False,
        rank: int = 8,
        alpha: float = 1.0,
        layers: Sequence[str] = LATER,
        dropout: float = 0.0,
    ) -> None:
        if tuple(input_shape) != (1, N_MELS, 187):
            raise RecipeError(
                f"frontend: features of shape {list(input_shape)}; the listener takes [1, {N_MELS}, 187]: "
                "audio.window 2.976 and the front end musicnn-bands"
            )
        listener = Listener(timbral, temporal, blocks, coarse)
        super().__init__(input_shape, n_classes, sum(listener.sizes.values()) - TAGS)
        if rank < 0:
            raise RecipeError(f"network.rank: {rank} is negative")
        self.listener = listener
        self.scale = alpha / max(rank, 1)
        self.adapters = nn.ModuleDict()
        matrices = {name: weight.shape for name, weight in listener.named_parameters() if weight.ndim > 1}
        for prefix in layers if rank else ():
            found = [name for name in matrices if name.startswith(prefix)]
            if not found:
                raise RecipeError(f"network.layers: the listener has no layer {prefix!r}; it has {', '.join(matrices)}")
            for name in found:
                self.adapters[_key(name)] = _LowRank(matrices[name], rank)
        self.norm = BatchNorm1d(self.embedding_size, affine=False)
        self.dropout = Dropout(dropout)

    def embed(self, features: Tensor) -> Tensor:
        """Return the listener's layers but its tags, standardised, (batch, embedding_size), of mel power."""
        said: Tensor = functional_call(self.listener, dict(self._weights()), features)
        embedding: Tensor = self.dropout(self.norm(said[:, TAGS:]).clamp(-FURTHEST, FURTHEST))
        return embedding

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        for name, weight in self.listener.named_parameters():
            if _key(name) in self.adapters:
                yield name, weight + self.scale * self.adapters[_key(name)]().view(weight.shape)


class _LowRank(nn.Module):
    """A matrix of few independent rows, zero at first."""

    def __init__(self, shape: torch.Size, rank: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.empty(rank, shape[1:].numel()))
        self.b = nn.Parameter(torch.zeros(shape[0], rank))
        nn.init.normal_(self.a, std=self.a.shape[1] ** -0.5)

    def forward(self) -> Tensor:
        """Return the matrix (outputs, inputs)."""
        return self.b @ self.a


def _key(name: str) -> str:
    return name.replace(".", "-")  # a module's name holds no full stop
