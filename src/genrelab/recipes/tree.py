"""A recipe's YAML as one tree of plain values: found, laid over its bases, changed by what the command line says."""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from genrelab.errors import RecipeError, one_line
from genrelab.recipes import RECIPES, recipe_files

SUFFIXES = (".yaml", ".yml")  # what tells a recipe's file from its name


def read_tree(name: str, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], Path]:
    """Read a recipe, lay it over its bases and apply overrides; what it says is not checked.

    Parameters
    ----------
    name
        A YAML file, or the name of a recipe in the package: ``published/fma-cnn``; its last part will do where only one
        recipe has it.
    overrides
        ``key=value`` each, with a dotted key and a YAML value: ``train.lr=3e-4``.

    Returns
    -------
    tree
        Its sections by name; a recipe that has no name of its own is called by its file's.
    path
        The file.

    Raises
    ------
    RecipeError
        The file is missing or is not YAML, its base leads back to itself, or an override is not KEY=VALUE.
    """
    path = _find(name)
    tree = _merge(_read_with_bases(path), {"name": _own_name(path)} if "name" not in _read(path) else {})
    for override in overrides:
        tree = _merge(tree, _parse_override(override))
    return tree, path


def as_overrides(change: Mapping[str, Any]) -> list[str]:
    """Return differences by dotted key as overrides; YAML and not JSON, whose 1e-05 YAML takes for a word."""
    return [f"{key}={yaml.safe_dump(value, default_flow_style=True, width=math.inf)}" for key, value in change.items()]


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix in SUFFIXES:
        if not path.is_file():
            raise RecipeError(f"{path}: no such recipe file")
        return path
    files = recipe_files()
    matches = [name] if name in files else [known for known, path in files.items() if path.stem == name]
    if len(matches) == 1:
        return files[matches[0]]
    if matches:
        raise RecipeError(f"recipe {name!r} is ambiguous: name its folder too; there are {', '.join(sorted(matches))}")
    near = get_close_matches(name, {*files, *(path.stem for path in files.values())}, n=3)
    hint = f"near it are {', '.join(near)}; " if near else ""
    raise RecipeError(
        f"recipe {name!r} is neither a .yaml file nor the name of a recipe; {hint}`genrelab info` lists those there are"
    )


def _own_name(path: Path) -> str:
    """Return a recipe's name within the package, or its file's name elsewhere."""
    inside = path.is_relative_to(RECIPES)
    return str(path.relative_to(RECIPES).with_suffix("")) if inside else path.stem


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not YAML: {one_line(error)}") from None
    if not isinstance(tree, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values, not {type(tree).__name__}")
    return tree


def _read_with_bases(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    if path.resolve() in seen:
        raise RecipeError(f"{path}: its base leads back to itself")
    tree = _read(path)
    base = tree.pop("base", None)
    if base is None:
        return tree
    # Beside the recipe first: where it is called from must not decide what it says.
    beside = path.parent / (str(base) if Path(str(base)).suffix in SUFFIXES else f"{base}.yaml")
    found = beside if beside.is_file() else _find(str(base))
    return _merge(_read_with_bases(found, (*seen, path.resolve())), tree)


def _merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `change` over `base`, key by key; a section of another ``kind`` starts without the options of the first."""
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        same_kind = (
            isinstance(old, dict) and isinstance(value, dict) and value.get("kind", old.get("kind")) == old.get("kind")
        )
        merged[key] = _merge(old, value) if same_kind and isinstance(old, dict) else value
    return merged


def _parse_override(override: str) -> dict[str, Any]:
    key, sign, text = override.partition("=")
    if not sign or not key:
        raise RecipeError(f"--set {override!r}: write KEY=VALUE, e.g. train.lr=3e-4")
    try:
        value: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)
