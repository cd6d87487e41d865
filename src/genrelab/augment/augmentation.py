"""What every augmentation is: something that draws its random parameters, and something that applies them.

The two are apart, so that an augmentation can be frozen: what was drawn is replayed exactly, or written to JSON.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np

from genrelab.augment.options import number
from genrelab.errors import RecipeError

Stage = Literal["waveform", "features", "batch"]
Parameters = dict[str, Any]
Values = TypeVar("Values")


class Augmentation(Generic[Values]):
    """Values in, values out, a little different each time.

    A subclass chooses the `parameters` of one example and knows how to `augment` it; whether it is augmented at all is
    drawn here, as a part of what `draw` returns.

    Parameters
    ----------
    p
        Probability of being applied.

    Raises
    ------
    RecipeError
        An option is out of range; the message names its key.
    """

    kind: ClassVar[str]
    stage: ClassVar[Stage]

    def __init__(self, p: float) -> None:
        self.p = number(f"augment.{self.kind}.p", p, 0, 1)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose what to do to one example: plain values that JSON can hold, a seed instead of a large array."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Decide whether to augment, and choose the parameters.

        Parameters
        ----------
        rng
            Where all random numbers come from.
        shape
            Shape of the values.

        Returns
        -------
        dict
            ``{"applied": False}``, or ``{"applied": True}`` and the `parameters`; what `apply` takes.
        """
        return {"applied": True} | self.parameters(rng, shape) if rng.random() < self.p else {"applied": False}

    def apply(self, values: Values, parameters: Parameters) -> Values:
        """Augment values as `draw` decided. The values given are left as they were."""
        raise NotImplementedError

    def freeze(self, rng: np.random.Generator, shape: tuple[int, ...]) -> "Frozen[Values]":
        """Draw once, to be applied any number of times to values of one shape."""
        return Frozen(self, self.draw(rng, shape))

    def __call__(self, values: Values, rng: np.random.Generator, **context: Any) -> Values:
        """Draw and apply; `context` is what `apply` takes beyond values and parameters."""
        return self.freeze(rng, self.shape(values))(values, **context)

    def shape(self, values: Values) -> tuple[int, ...]:
        """Return the shape of values, as `draw` takes it."""
        return tuple(values.shape)  # type: ignore[attr-defined]

    def fitted(self) -> dict[str, Any]:
        """Return what was learned from the training part, as JSON holds it; most augmentations learn nothing."""
        return {}

    def restore(self, fitted: dict[str, Any]) -> None:
        """Take back what `fitted` returned."""

    def settings(self) -> dict[str, Any]:
        """Return kind, options and what was fitted, as JSON holds them."""
        names = list(inspect.signature(type(self)).parameters)
        fitted = self.fitted()
        return (
            {"kind": self.kind} | {name: getattr(self, name) for name in names} | ({"fitted": fitted} if fitted else {})
        )

    def to_json(self) -> str:
        """Write the settings."""
        return json.dumps(self.settings())

    @staticmethod
    def from_json(text: str) -> "Augmentation[Any]":
        """Read what `to_json` wrote, whichever kind it is of."""
        return _build(_tree(text))


class Frozen(Generic[Values]):
    """An augmentation with its parameters drawn: called on the same values it always returns the same.

    Noise is drawn anew from a stored seed, so that replaying it elsewhere needs the same numpy.
    """

    def __init__(self, augmentation: Augmentation[Values], parameters: Parameters) -> None:
        self.augmentation, self.parameters = augmentation, parameters

    def __call__(self, values: Values, **context: Any) -> Values:
        """Apply what was drawn; `context` is what the augmentation's `apply` takes beyond values and parameters."""
        apply: Callable[..., Values] = self.augmentation.apply
        return apply(values, self.parameters, **context)

    def to_json(self) -> str:
        """Write the augmentation's settings and the parameters."""
        return json.dumps({"augmentation": self.augmentation.settings(), "parameters": self.parameters})

    @staticmethod
    def from_json(text: str) -> "Frozen[Any]":
        """Read what `to_json` wrote."""
        tree = _tree(text)
        if set(tree) != {"augmentation", "parameters"}:
            raise RecipeError("augment: a frozen augmentation's JSON has the keys augmentation and parameters")
        return Frozen(_build(tree["augmentation"]), tree["parameters"])


def _tree(text: str) -> dict[str, Any]:
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"augment: not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise RecipeError(f"augment: the JSON of an augmentation is a mapping, not {type(tree).__name__}")
    return tree


def _build(tree: dict[str, Any]) -> Augmentation[Any]:
    from genrelab.augment import AUGMENTATIONS  # the registry knows the classes, which know this module

    options = {key: value for key, value in tree.items() if key not in ("kind", "fitted")}
    kind = tree.get("kind")
    if kind not in AUGMENTATIONS:
        raise RecipeError(f"augment.kind: {kind!r} is not one of {', '.join(AUGMENTATIONS)}")
    signature = inspect.signature(AUGMENTATIONS[kind])
    try:
        signature.bind(**options)
    except TypeError as error:
        keys = ", ".join(signature.parameters)
        raise RecipeError(f"augment.{kind}: {error}; the keys here are {keys}") from None
    augmentation = AUGMENTATIONS[kind](**options)
    augmentation.restore(tree.get("fitted", {}))
    return augmentation
