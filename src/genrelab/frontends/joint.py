"""Several front ends side by side, for networks that look at a clip in more than one way."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.frontends.frontend import FrontEnd
from genrelab.frontends.normalise import Normaliser


class Joint(FrontEnd):
    """The features of several front ends, flattened and in a row, (batch, 1, 1, values).

    Each front end that takes an extractor's examples gets its own part of the joint example.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    parts
        ``{"kind": ..., options}`` of each front end; all of them need an extractor.
    """

    def __init__(self, sample_rate: int, parts: Sequence[dict[str, Any]]) -> None:
        from genrelab.frontends import FRONTENDS

        super().__init__(sample_rate, 1, "none")
        made: list[FrontEnd] = []
        for number, part in enumerate(parts):
            options = {key: value for key, value in part.items() if key != "kind"}
            kind = FRONTENDS.get(str(part.get("kind")))
            if kind is None or kind is Joint:
                raise RecipeError(f"frontend.parts[{number}].kind: {part.get('kind')!r} is no front end to join")
            try:
                made.append(kind(sample_rate=sample_rate, **options))
            except TypeError as error:
                raise RecipeError(f"frontend.parts[{number}]: {error}") from None
            if made[-1].extraction is None:
                raise RecipeError(
                    f"frontend.parts[{number}].kind: {part['kind']!r} takes sound; join those that take examples: "
                    "picture, handcrafted"
                )
        if not made:
            raise RecipeError("frontend.parts: is empty; name two front ends or more")
        sizes = [extractor.size for part in made if (extractor := part.extractor()) is not None]
        extractions = [part.extraction for part in made if part.extraction is not None]
        self.extraction = ("joint", {"parts": [{"kind": kind, **options} for kind, options in extractions]})
        self.normaliser = _Parts(made, sizes)
        self._made = tuple(made)

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, 1, values), whatever the number of samples."""
        return 1, 1, sum(math.prod(part.shape(samples)) for part in self._made)

    def features(self, waveform: Tensor) -> Tensor:
        """Give joint examples (batch, size) a channel and a bin, (batch, 1, 1, size): the parts do the rest."""
        return waveform[:, None, None, :]


class _Parts(Normaliser):
    """Runs each front end on its own part of the joint example."""

    def __init__(self, parts: Sequence[FrontEnd], sizes: Sequence[int]) -> None:
        super().__init__(1)
        self.parts = nn.ModuleList(parts)
        self._parts, self._sizes = tuple(parts), list(sizes)

    def forward(self, features: Tensor) -> Tensor:
        """Map joint examples (batch, 1, 1, size) to the parts' features in a row, (batch, 1, 1, values)."""
        pieces = torch.split(features[:, 0, 0], self._sizes, dim=1)
        made = [part(piece).flatten(1) for part, piece in zip(self._parts, pieces, strict=True)]
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
