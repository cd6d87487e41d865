"""Several front ends side by side, for networks that look at a clip in more than one way."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.frontends.frontend import FrontEnd
from genrelab.frontends.normalise import Normaliser
from genrelab.parts import check_part


class Joint(FrontEnd):
    """The features of several front ends, flattened and in a row, (batch, 1, 1, values).

    Each front end that takes an extractor's examples gets its own part of the joint example.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    parts
        ``{"kind": ..., options}`` of each front end; all of them need an extractor. ``weight`` beside them multiplies
        what it gives (1.0 where it is missing): of features that are scaled alike, a penalised head makes less of few
        than of many.

    Raises
    ------
    RecipeError
        There is no part, or one is unknown, takes sound or weighs nothing.
    """

    def __init__(self, sample_rate: int, parts: Sequence[dict[str, Any]]) -> None:
        super().__init__(sample_rate, 1, "none")
        made: list[FrontEnd] = []
        weights: list[float] = []
        for number, described in enumerate(parts):
            options = dict(described)
            weights.append(options.pop("weight", 1.0))
            if not isinstance(weights[-1], int | float) or not weights[-1] > 0:
                raise RecipeError(f"frontend.parts[{number}].weight: {weights[-1]!r} is no positive number")
            made.append(part(f"frontend.parts[{number}]", options, sample_rate, ("joint",), "to join"))
            if made[-1].extraction is None:
                raise RecipeError(
                    f"frontend.parts[{number}].kind: {options['kind']!r} takes sound; join those that take examples: "
                    "picture, handcrafted, backbone, or statistics of one of them"
                )
        if not made:
            raise RecipeError("frontend.parts: is empty; name two front ends or more")
        sizes = [extractor.size for one in made if (extractor := one.extractor()) is not None]
        extractions = [one.extraction for one in made if one.extraction is not None]
        self.extraction = ("joint", {"parts": [{"kind": kind, **options} for kind, options in extractions]})
        self.normaliser = _Parts(made, sizes, weights)
        self._made = tuple(made)

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, 1, values), whatever the number of samples."""
        return 1, 1, sum(math.prod(one.shape(samples)) for one in self._made)

    def features(self, waveform: Tensor) -> Tensor:
        """Give joint examples (batch, size) a channel and a bin, (batch, 1, 1, size): the parts do the rest."""
        return waveform[:, None, None, :]


def part(where: str, options: Mapping[str, Any], sample_rate: int, refused: Sequence[str], purpose: str) -> FrontEnd:
    """Return a front end that another holds.

    Parameters
    ----------
    where
        The key that describes it, for messages.
    options
        ``kind`` and options.
    sample_rate
        Samples a second, in Hz.
    refused
        Kinds that cannot be held here.
    purpose
        What it is wanted for, for messages.

    Raises
    ------
    RecipeError
        There is no such kind, it is refused, or it cannot be built.
    """
    from genrelab.frontends import FRONTENDS  # which holds the holders, too

    name, rest = str(options.get("kind")), {key: value for key, value in options.items() if key != "kind"}
    if name not in FRONTENDS or name in refused:
        raise RecipeError(f"{where}.kind: {options.get('kind')!r} is no front end {purpose}")
    return FRONTENDS[name](sample_rate=sample_rate, **check_part(where, name, rest, FRONTENDS, ("sample_rate",)))


class _Parts(Normaliser):
    """Runs each front end on its own part of the joint example."""

    def __init__(self, parts: Sequence[FrontEnd], sizes: Sequence[int], weights: Sequence[float]) -> None:
        super().__init__(1)
        self.parts = nn.ModuleList(parts)
        self._parts, self._sizes, self._weights = tuple(parts), list(sizes), tuple(weights)

    def forward(self, features: Tensor) -> Tensor:
        """Map joint examples (batch, 1, 1, size) to the parts' features in a row, (batch, 1, 1, values)."""
        pieces = torch.split(features[:, 0, 0], self._sizes, dim=1)
        made = [
            weight * part(piece).flatten(1)
            for part, piece, weight in zip(self._parts, pieces, self._weights, strict=True)
        ]
        return torch.cat(made, dim=1)[:, None, None, :]

    def fit(self, batches: Iterable[Tensor]) -> None:
        """Fit every front end that takes statistics on its own part."""
        fitted = [number for number, part in enumerate(self._parts) if list(part.normaliser.buffers())]
        kept: list[list[Tensor]] = [[] for _ in self._parts]
        for batch in batches if fitted else ():
            pieces = torch.split(batch[:, 0, 0], self._sizes, dim=1)
            for number in fitted:
                kept[number].append(pieces[number].clone())
        for number in fitted:
            self._parts[number].fit(kept[number])
