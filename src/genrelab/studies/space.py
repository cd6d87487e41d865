"""What a tuning may try: a range or some choices for each of a recipe's keys."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from optuna.trial import Trial

from genrelab.errors import RecipeError
from genrelab.recipes import RECIPES
from genrelab.training.recipe import Recipe

DEFAULT = RECIPES / "spaces" / "default.yaml"
FORMS = "log:1e-4:1e-2, uniform:0:0.5, int:16:128, int-log:16:999, scale:0.5,1,2 (of the recipe's) or choices: 16,32"
_RANGES = {"uniform": float, "log": float, "int": int, "int-log": int}
NOT_TUNED = ("corpus", "protocol", "seed", "max_clips", "name", "about", "start", "train.monitor")


@dataclass(frozen=True)
class Dimension:
    """One key and what it may be.

    Parameters
    ----------
    key
        Dotted: ``train.lr``.
    form
        ``uniform``, ``log``, ``int``, ``int-log``, ``scale`` or ``choices``.
    values
        Both ends of a range, or all factors or choices.
    own
        What the recipe has there.
    """

    key: str
    form: str
    values: tuple[Any, ...]
    own: Any

    def suggest(self, trial: Trial) -> Any:
        """Let a trial choose, or say again what it has chosen. Optuna knows no lists: they go by their JSON."""
        if self.form in _RANGES:
            low, high = self.values
            log = self.form.endswith("log")
            suggest = trial.suggest_int if self.form.startswith("int") else trial.suggest_float
            return suggest(self.key, low, high, log=log)
        return trial.suggest_categorical(self.key, [_label(value) for value in self.values])

    def value(self, chosen: Any) -> Any:
        """Return what the recipe gets where a trial has chosen so."""
        if self.form == "choices":
            return next(value for value in self.values if _label(value) == chosen)
        return _scaled(self.own, chosen) if self.form == "scale" else chosen

    @property
    def of_recipe(self) -> Any:
        """What a trial has to choose to leave the recipe as it is; None where it cannot."""
        if self.form in _RANGES:
            number = isinstance(self.own, int | float) and not isinstance(self.own, bool)
            return self.own if number and self.values[0] <= self.own <= self.values[1] else None
        own = 1.0 if self.form == "scale" else _label(self.own)
        return own if own in [_label(value) for value in self.values] else None

    @property
    def extremes(self) -> list[Any]:
        """What the recipe gets at both ends of a range, or of all choices."""
        return [self.value(chosen) for chosen in map(_label, self.values)]


def read_space(given: Sequence[str], recipe: Recipe) -> list[Dimension]:
    """Read what was given for ``--space``.

    Parameters
    ----------
    given
        ``KEY=FORM`` or YAML files of such; nothing takes of the default space the keys that `recipe` has.
    recipe
        What is tuned.

    Raises
    ------
    RecipeError
        The recipe lacks a key; a range makes no sense.
    """
    tree = recipe.model_dump(mode="json")
    if not given:
        return [
            _dimension(key, form, tree, str(DEFAULT)) for key, form in _read(DEFAULT).items() if _find(tree, key)[0]
        ]
    forms: dict[str, tuple[Any, str]] = {}
    for one in given:
        if one.endswith((".yaml", ".yml")):
            forms |= {key: (form, one) for key, form in _read(Path(one)).items()}
        else:
            key, sign, form = one.partition("=")
            if not sign:
                raise RecipeError(f"--space {one!r}: neither a .yaml file nor KEY=FORM, e.g. train.lr=log:1e-4:1e-2")
            forms[key] = (form, "--space")
    return [_dimension(key, form, tree, where) for key, (form, where) in forms.items()]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise RecipeError(f"--space {path}: no such file")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        tree = None
    if not isinstance(tree, dict) or not tree:
        raise RecipeError(f"--space {path}: not a YAML mapping of a recipe's keys to what they may be")
    return tree


def _dimension(key: str, form: Any, tree: Mapping[str, Any], where: str) -> Dimension:
    there, own, siblings = _find(tree, key)
    if not there:
        raise RecipeError(f"{where}: {key}: the recipe has no such key; there it has {', '.join(siblings)}")
    if key.startswith(NOT_TUNED) or isinstance(own, dict):
        raise RecipeError(f"{where}: {key}: is nothing to tune; trials must differ in how they learn alone")
    try:
        kind, values = _parse(form)
        dimension = Dimension(key, kind, values, own)
        _ = dimension.extremes  # which cannot be where there is nothing to scale
    except (TypeError, ValueError, yaml.YAMLError):
        raise RecipeError(f"{where}: {key}: {form!r} is no range and no choices; write {FORMS}") from None
    return dimension


def _parse(form: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the form's name and its values; ValueError or TypeError where it makes none."""
    if not isinstance(form, str):
        return "choices", _several(form if isinstance(form, list) else [])
    kind, colon, rest = form.partition(":")
    if not colon:
        choices = yaml.safe_load(f"[{form}]")  # and not split at its commas, some of which are within lists
        inner = choices[0] if len(choices) == 1 and isinstance(choices[0], list) else choices
        return "choices", _several(inner)
    if kind == "scale":
        return kind, _several([_positive(factor) for factor in rest.split(",")])
    if kind not in _RANGES:
        raise ValueError
    low, high = (_RANGES[kind](end) for end in rest.split(":"))
    if not (isfinite(low) and isfinite(high) and low < high) or (kind.endswith("log") and low <= 0):
        raise ValueError
    return kind, (low, high)


def _positive(text: str) -> float:
    factor = float(text)
    if not (isfinite(factor) and factor > 0):
        raise ValueError
    return factor


def _several(values: Sequence[Any]) -> tuple[Any, ...]:
    if len({_label(value) for value in values}) < max(2, len(values)):
        raise ValueError  # one choice is none, and of two that are the same one is
    return tuple(values)


def _scaled(own: Any, factor: float) -> Any:
    if isinstance(own, list):
        return [_scaled(one, factor) for one in own]
    if isinstance(own, bool) or not isinstance(own, int | float):
        raise TypeError
    return max(1, round(own * factor)) if isinstance(own, int) else own * factor


def _find(tree: Mapping[str, Any], key: str) -> tuple[bool, Any, list[str]]:
    """Return whether a dotted key is there, what it holds, and what stands beside it."""
    value: Any = tree
    siblings: list[str] = list(tree)
    for part in key.split("."):
        siblings = list(value) if isinstance(value, Mapping) else siblings
        if not isinstance(value, Mapping) or part not in value:
            return False, None, siblings
        value = value[part]
    return True, value, siblings


def _label(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)
