"""What a run folder holds, read without PyTorch: its summary, its predictions and how it was trained."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genrelab.errors import RunError
from genrelab.evaluation.predictions import Predictions

NEEDED = ("name", "corpus", "protocol", "folds", "seed")


@dataclass(frozen=True)
class RunFolder:
    """What a finished run left behind, read once."""

    folder: Path
    info: dict[str, Any]
    predictions: Predictions
    recipe: str
    environment: dict[str, Any]
    history: pd.DataFrame | None
    timing: pd.DataFrame | None


def read_run(folder: Path) -> RunFolder:
    """Read a run folder.

    Raises
    ------
    RunError
        A file is missing or damaged; the message names it and says what to do.
    """
    return RunFolder(
        folder,
        read_summary(folder),
        Predictions.read(folder / "predictions.parquet"),
        recipe_file(folder).read_text(encoding="utf-8"),
        _json(folder / "environment.json"),
        _by_fold(folder, "history.csv"),
        _by_fold(folder, "timing.csv"),
    )


def read_summary(folder: Path, fold: int | None = None) -> dict[str, Any]:
    """Return ``run.json`` of a finished run.

    Raises
    ------
    RunError
        The run is not finished, its ``run.json`` is damaged, or `folder` is not a run; or it has no such fold.
    """
    path = recipe_file(folder).with_name("run.json")
    if not path.is_file():
        raise RunError(f"{folder}: this run is not finished; {_going_on(folder)} goes on with it")
    summary = _json(path)
    missing = [key for key in NEEDED if key not in summary]
    if missing:
        raise RunError(f"{path}: lacks the key(s) {', '.join(missing)}; remove it, and {_going_on(folder)} writes it")
    if fold is not None and not 0 <= fold < summary["folds"]:
        raise RunError(f"{folder}: has no fold {fold}; its folds are 0 to {summary['folds'] - 1}")
    return summary


def recipe_file(folder: Path) -> Path:
    """Return where the resolved recipe of a run lies.

    Raises
    ------
    RunError
        `folder` is not a run.
    """
    path = folder / "recipe.yaml"
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; give the run folder that `genrelab train` made")
    if not path.is_file():
        raise RunError(f"{folder}: not a run (it has no recipe.yaml); `genrelab train RECIPE` makes one")
    return path


def _by_fold(folder: Path, name: str) -> pd.DataFrame | None:
    """Read a CSV file of every fold into one table; None where no fold has it (an ensemble learns nothing)."""
    tables = []
    for path in folder.glob(f"fold-*/{name}"):
        number = re.fullmatch(r"fold-(\d+)", path.parent.name)
        if number:
            try:
                tables.append(pd.read_csv(path).assign(fold=int(number[1])))
            except (ValueError, OSError) as error:
                raise RunError(f"{path}: not a CSV table ({error}); train the run again") from error
    return pd.concat(tables).sort_values(["fold", "epoch"], ignore_index=True) if tables else None


def _json(path: Path) -> dict[str, Any]:
    mending = f"{_going_on(path.parent)} writes it"
    if not path.is_file():
        raise RunError(f"{path}: no such file; {mending}")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path}: not JSON ({error}); remove it, and {mending}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: holds no JSON object; remove it, and {mending}")
    return value


def _going_on(folder: Path) -> str:
    return f"`genrelab train … --output {folder} --resume`"
