"""Several networks that hear the same features, each held to the truth by itself, and asked together."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.network import GIVEN, Network
from genrelab.parts import check_part


class Committee(Network):
    """Networks side by side whose logits are averaged; each learns from its own loss (Hansen and Salamon 1990).

    Learning from one common loss, members would divide the work and none be any good alone. What is averaged here are
    errors that differ, because the members differ or began with other weights.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    members
        ``kind`` and options of each network; ``shrink``: the side of the squares of bins and frames that are averaged
        to one before this member sees them, 1 unless given.

    Raises
    ------
    RecipeError
        There are fewer than two members, or one cannot be built.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        members: tuple[dict[str, Any], ...] = (),
    ) -> None:
        if len(members) < 2:
            raise RecipeError(f"network.members: {len(members)}; a committee has at least two")
        shrinks = [_shrink(number, options, input_shape) for number, options in enumerate(members)]
        channels, bins, frames = input_shape
        built = [
            _member(number, options, (channels, bins // shrink, frames // shrink), n_classes)
            for number, (options, shrink) in enumerate(zip(members, shrinks, strict=True))
        ]
        super().__init__(input_shape, n_classes, sum(member.embedding_size for member in built))
        self.shrinks = shrinks
        self.members = nn.ModuleList(built)
        self.output = _Average(built)

    def embed(self, features: Tensor) -> Tensor:
        """Return the members' embeddings in a row, (batch, embedding_size)."""
        return torch.cat([member.embed(seen) for member, seen in self._seen(features)], 1)

    def opinions(self, features: Tensor) -> list[Tensor]:
        """Return each member's logits."""
        return [member(seen) for member, seen in self._seen(features)]

    def penalty(self) -> Tensor:
        """Return the mean of the members' penalties."""
        return torch.stack([member.penalty() for member in self._networks()]).mean()

    def _seen(self, features: Tensor) -> Iterator[tuple[Network, Tensor]]:
        """Yield each member with the features as it sees them."""
        sizes = {shrink: F.avg_pool2d(features, shrink) if shrink > 1 else features for shrink in set(self.shrinks)}
        for member, shrink in zip(self._networks(), self.shrinks, strict=True):
            yield member, sizes[shrink]

    def _networks(self) -> list[Network]:
        return [member for member in self.members if isinstance(member, Network)]  # all are


class _Average(nn.Module):
    """The members' last layers on their parts of an embedding, averaged."""

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self._layers = [member.output for member in members]  # a plain list: they are the members' own
        self._sizes = [member.embedding_size for member in members]

    def forward(self, embedding: Tensor) -> Tensor:
        """Map (batch, embedding_size) to logits (batch, n_classes)."""
        parts = torch.split(embedding, self._sizes, 1)
        return torch.stack([layer(part) for layer, part in zip(self._layers, parts, strict=True)]).mean(0)


def _shrink(number: int, options: dict[str, Any], input_shape: tuple[int, int, int]) -> int:
    shrink, most = options.get("shrink", 1), min(input_shape[1:])
    if not isinstance(shrink, int) or not 1 <= shrink <= most:
        raise RecipeError(f"network.members.{number}.shrink: {shrink!r} is not a whole number from 1 to {most}")
    return shrink


def _member(number: int, options: dict[str, Any], input_shape: tuple[int, int, int], n_classes: int) -> Network:
    from genrelab.networks import NETWORKS  # which holds this one, too

    rest = {name: value for name, value in options.items() if name not in ("kind", "shrink")}
    checked = check_part(f"network.members.{number}", options.get("kind"), rest, NETWORKS, GIVEN)
    return NETWORKS[options["kind"]](input_shape=input_shape, n_classes=n_classes, **checked)
