"""Checks of the options that augmentations take: each returns the value, or names the recipe's key that is wrong."""

import math
from collections.abc import Sequence

from genrelab.errors import RecipeError


def number(key: str, value: float, low: float, high: float) -> float:
    """Return `value` where it is a number from `low` to `high`, else raise `RecipeError`."""
    if not _is_number(value) or not low <= value <= high:
        raise RecipeError(f"{key}: {value!r} is not a number between {low:g} and {high:g}")
    return float(value)


def interval(key: str, value: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """Return `value` where it is two numbers, the smaller first, from `low` to `high`, else raise `RecipeError`."""
    pair = isinstance(value, list | tuple) and len(value) == 2 and all(_is_number(end) for end in value)
    if not pair or not low <= value[0] <= value[1] <= high:
        raise RecipeError(f"{key}: {value!r} is not a range [lowest, highest] of numbers between {low:g} and {high:g}")
    return float(value[0]), float(value[1])


def whole(key: str, value: int, low: int) -> int:
    """Return `value` where it is a whole number of at least `low`, else raise `RecipeError`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise RecipeError(f"{key}: {value!r} is not a whole number of at least {low}")
    return value


def one_of(key: str, value: str, choices: Sequence[str]) -> str:
    """Return `value` where it is one of `choices`, else raise `RecipeError`."""
    if value not in choices:
        raise RecipeError(f"{key}: {value!r} is not one of {', '.join(choices)}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
