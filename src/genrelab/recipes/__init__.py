"""One YAML file a system, and files about recipes."""

from pathlib import Path

RECIPES = Path(__file__).parent
_ABOUT_RECIPES = ("ablations", "spaces")  # see genrelab.studies


def recipe_files() -> dict[str, Path]:
    """Return the package's recipes by the names that ``genrelab train`` takes; listing them brings no PyTorch."""
    found = (path for path in RECIPES.rglob("*.yaml") if path.parent.name not in _ABOUT_RECIPES)
    return {path.relative_to(RECIPES).with_suffix("").as_posix(): path for path in sorted(found)}
