"""Rows of published systems, each trained with every protocol and seed asked for, and what came of it as one table."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import Progress

from genrelab.bundles.classifier import Classifier
from genrelab.corpora.gtzan_tables import read_table
from genrelab.errors import RecipeError
from genrelab.evaluation.intervals import bootstrap
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import read_summary
from genrelab.locks import claimed
from genrelab.recipes.tree import SUFFIXES
from genrelab.studies.jobs import LOCKS, Job, train_all
from genrelab.studies.pooling import pool
from genrelab.training import run
from genrelab.training.ensemble import combine_runs
from genrelab.training.publish import export_run
from genrelab.training.recipe import EnsembleRecipe, Recipe, load_any, recipe_names
from genrelab.training.stores import recipe_frontend

PUBLISHED = "published/"


@dataclass(frozen=True)
class Data:
    """Where what rows learn from lies; rows of pictures and of columns make theirs from sound where they have none.

    Parameters
    ----------
    sound
        A recipe's corpus section; None for the toy corpus that comes with every recipe.
    pictures
        Folder of GTZAN 2.0's pictures.
    table, pieces_table
        Feature tables: one row a clip, and several.
    """

    sound: dict[str, Any] | None = None
    pictures: Path | None = None
    table: Path | None = None
    pieces_table: Path | None = None

    def overrides(self, kinds: set[str]) -> dict[str, Any]:
        """Return the corpus section for a front end that takes the examples of `kinds` (empty: sound)."""
        tables = {"table": self.table, "pieces_table": self.pieces_table}
        given = {key: str(path) for key, path in tables.items() if path is not None}
        if kinds and self.pictures is not None:  # for all such rows, so that an ensemble's members judge the same clips
            return {"kind": "gtzan-pictures", "root": str(self.pictures), "partial": True, **given}
        if kinds == {"handcrafted"} and given:
            paths = list(given.values())
            return {"kind": "gtzan-tables", "path": paths[0]} | ({"pieces_path": paths[1]} if len(paths) > 1 else {})
        return self.sound or {}


@dataclass(frozen=True)
class Plan:
    """What to train.

    Parameters
    ----------
    rows
        Names of recipes.
    data
        What to learn from.
    protocols
        ``random``, ``artist-folds`` …
    folds
        Of each.
    seeds
        Of each.
    overrides
        ``key=value`` for every recipe that is trained.
    short
        Whether to take a row's variant for short clips (``short/ROW-short``) where there is one.
    """

    rows: Sequence[str]
    data: Data = Data()
    protocols: Sequence[str] = ("random", "artist-folds")
    folds: int = 3
    seeds: Sequence[int] = (0, 1, 2)
    overrides: Sequence[str] = ()
    short: bool = False


def published_rows() -> list[str]:
    """Return the names of all published rows."""
    return [name.removeprefix(PUBLISHED) for name in recipe_names() if name.startswith(PUBLISHED)]


def waves(rows: Iterable[str]) -> list[list[str]]:
    """Return rows and what they are made of (an ensemble's members, the run that another starts from).

    Nothing in a wave needs another of it, so that its rows can be trained at the same time.

    Raises
    ------
    RecipeError
        There is no such row, or two rows would be trained in one folder.
    """
    depths: dict[str, int] = {}

    def depth(row: str) -> int:
        if row not in depths:
            recipe = load_any(row)
            if isinstance(recipe, EnsembleRecipe):
                needed = [str(member) for member in recipe.ensemble.members]
            else:
                needed = [str(recipe.start.run)] if recipe.start and recipe.start.run else []
            depths[row] = 1 + max(map(depth, needed), default=-1)
        return depths[row]

    last = max(map(depth, rows), default=-1)
    folders: dict[str, str] = {}
    for row in depths:
        if (other := folders.setdefault(row_folder(row), row)) != row:
            raise RecipeError(f"{other} and {row} would both be trained in {row_folder(row)}; rename one of the files")
    return [[row for row, found in depths.items() if found == wave] for wave in range(last + 1)]


def row_folder(row: str) -> str:
    """Return the folder of a row's runs within the output: its name, or that of its file, wherever the file lies."""
    return Path(row).stem if row.endswith(SUFFIXES) else row


def reproduce(
    plan: Plan,
    folder: Path,
    options: run.Options,
    processes: int = 1,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[tuple[str, str, int, Path]]:
    """Train what is not trained yet, and return row, protocol, seed and run folder of each.

    Parameters
    ----------
    plan
        What to train.
    folder
        Holds ``ROW/PROTOCOL-SEED`` for each run (see `row_folder`). A run that is there is gone on with, or left as it
        is.
    options
        As for `genrelab.training.run.train`.
    processes, progress, say
        As for `genrelab.studies.jobs.train_all`.
    """
    made = []
    for rows in waves(plan.rows):
        jobs = []
        for row, protocol, seed in product(rows, plan.protocols, plan.seeds):
            place = folder / row_folder(row) / f"{protocol}-{seed}"
            made.append((row, protocol, seed, place))
            recipe = resolve(plan, row, protocol, seed, folder)
            if isinstance(recipe, Recipe):
                jobs.append(Job(recipe, place))
                continue
            with claimed(folder / LOCKS / "ensembles", wait=True):
                if not (place / "run.json").is_file():
                    combine_runs(recipe, place, resume=True)
        train_all(jobs, folder, options, processes, progress, say)
    return made


def resolve(plan: Plan, row: str, protocol: str, seed: int, folder: Path) -> Recipe | EnsembleRecipe:
    """Return a row's recipe with everything that the plan says."""
    short = f"short/{row}-short"
    name = short if plan.short and short in recipe_names() else row
    recipe = load_any(name)
    place = f"{protocol}-{seed}"
    if isinstance(recipe, EnsembleRecipe):
        members = [str(folder / row_folder(str(member)) / place) for member in recipe.ensemble.members]
        return load_any(name, [f"ensemble.members={json.dumps(members)}"])
    overrides = [f"protocol.name={protocol}", f"protocol.folds={plan.folds}", f"seed={seed}"]
    kinds = extracted(recipe)
    corpus = plan.data.overrides(kinds)
    overrides += [f"corpus.{key}={json.dumps(value)}" for key, value in corpus.items()]
    if recipe.frontend.kind == "handcrafted" and recipe.frontend.options["pieces"] > 1 and plan.data.pieces_table:
        overrides.append(f"frontend.pieces={read_table(plan.data.pieces_table)[0]}")
    overrides += plan.overrides  # last: a corpus' kind takes away its options that were said before
    if recipe.start and recipe.start.run:
        overrides.append(f"start.run={json.dumps(str(folder / row_folder(str(recipe.start.run)) / place))}")
    return load_any(name, overrides)


def extracted(recipe: Recipe) -> set[str]:
    """Return the kinds of examples that a recipe's front end takes; empty where it takes sound."""
    extraction = recipe_frontend(recipe).extraction
    if extraction is None:
        return set()
    kind, options = extraction
    return {part["kind"] for part in options["parts"]} if kind == "joint" else {kind}


def summarise(runs: Iterable[tuple[str, str, int, Path]]) -> pd.DataFrame:
    """Return one line for each row and protocol.

    Parameters
    ----------
    runs
        Row, protocol, seed and run folder of each.

    Returns
    -------
    pandas.DataFrame
        ``row``, ``protocol``, ``corpus``, ``folds``, ``seeds``, ``clips`` (a seed), ``accuracy``, ``macro_f1`` (means
        over the seeds), ``low`` and ``high`` (the accuracy's 95 % interval, by drawing tracks anew with what all seeds
        said of them), ``spread`` (the accuracy's standard deviation over the seeds), ``parameters``, ``minutes`` (of a
        run).
    """
    lines = []
    for (row, protocol), group in pd.DataFrame(list(runs), columns=["row", "protocol", "seed", "run"]).groupby(
        ["row", "protocol"], sort=False
    ):
        summaries = [read_summary(made) for made in group["run"]]
        tests = [Predictions.read(made / "predictions.parquet").part("test") for made in group["run"]]
        accuracies = pd.Series([metrics(test)["accuracy"] for test in tests])
        interval = bootstrap(pool(tests))["accuracy"]
        lines.append(
            {
                "row": row,
                "protocol": protocol,
                "corpus": summaries[0]["corpus"],
                "folds": summaries[0]["folds"],
                "seeds": len(tests),
                "clips": len(tests[0]),
                "accuracy": accuracies.mean(),
                "low": interval.low,
                "high": interval.high,
                "spread": accuracies.std(),
                "macro_f1": pd.Series([metrics(test)["macro_f1"] for test in tests]).mean(),
                "parameters": summaries[0]["parameters"],
                "minutes": pd.Series([summary["minutes"] for summary in summaries]).mean(),
            }
        )
    return pd.DataFrame(lines)


def prove(made: Path, sound: Path) -> str:
    """Export a run and classify a sound file with the bundle; return the genre that it tells.

    Parameters
    ----------
    made
        A finished run; the bundle is written into it where there is none yet.
    sound
        Any sound file.

    Raises
    ------
    RecipeError
        The bundle tells no genre of it.
    """
    bundle = made / "bundle.onnx"
    if not bundle.is_file():
        export_run(made, bundle)
    prediction = Classifier(bundle).classify_file(sound)
    if prediction.genre is None:
        raise RecipeError(f"{made}: the bundle made from this run tells no genre of {sound}")
    return prediction.genre
