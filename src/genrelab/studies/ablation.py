"""Ablations: what becomes of a recipe when one thing of it is another. A study's file holds only differences."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genrelab import __version__
from genrelab.errors import RecipeError
from genrelab.evaluation.comparison import Comparison, compare, holm
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.files import write_csv, write_json, write_text
from genrelab.recipes import RECIPES
from genrelab.recipes.tree import as_overrides
from genrelab.report.ablation import ablation_figure, ablation_page
from genrelab.report.save import save
from genrelab.studies.jobs import Job
from genrelab.studies.pooling import pool
from genrelab.studies.reproduce import summarise
from genrelab.training.recipe import Recipe, load_recipe
from genrelab.training.run import environment

STUDIES = RECIPES / "ablations"
RESAMPLES = 2000


class AblationStudy(BaseModel):
    """A file of ``recipes/ablations``, or one's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    about: str = ""
    base: str  # the recipe that everything starts from
    common: dict[str, Any] = {}  # what all variants do otherwise than the base
    variants: dict[str, dict[str, Any] | None] = Field(min_length=2)  # what each does otherwise than `common`
    baseline: str  # the variant that the others are compared with


@dataclass(frozen=True)
class Plan:
    """What to train.

    Parameters
    ----------
    study
        The variants.
    protocols
        ``random``, ``artist-folds`` …
    folds
        Of each.
    seeds
        Of each.
    overrides
        ``key=value`` for all variants. A variant's own differences come after them, or it would be none.
    last
        ``key=value`` that come after all.
    asked, recipe
        The study's name or file and the recipe as `load_study` was given them.
    """

    study: AblationStudy
    protocols: Sequence[str] = ("random", "artist-folds")
    folds: int = 3
    seeds: Sequence[int] = (0, 1, 2)
    overrides: Sequence[str] = field(default=())
    last: Sequence[str] = field(default=())
    asked: str = ""
    recipe: str | None = None


def study_names() -> list[str]:
    """Return the names of the studies in the package."""
    return sorted(path.stem for path in STUDIES.glob("*.yaml"))


def load_study(name: str, base: str | None = None) -> AblationStudy:
    """Read a study.

    Parameters
    ----------
    name
        A YAML file, or the name of a study in the package.
    base
        A recipe to start from instead of the study's own; see `genrelab.training.recipe.load_recipe`.

    Raises
    ------
    RecipeError
        There is no such study, or it says something that a study cannot.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else STUDIES / f"{name}.yaml"
    if not path.is_file():
        raise RecipeError(f"study {name!r}: no such study file; the package has {', '.join(study_names())}")
    keys = ", ".join(AblationStudy.model_fields)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        study = AblationStudy.model_validate({"name": path.stem} | tree | ({"base": base} if base else {}))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError):
        raise RecipeError(f"{path}: not YAML with the keys {keys}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecipeError(f"{path}: {key}: {first['msg']}; a study has {keys}") from None
    if study.baseline not in study.variants:
        raise RecipeError(f"{path}: baseline: {study.baseline!r} is not one of {', '.join(study.variants)}")
    for variant in study.variants:
        if not re.fullmatch(r"\w[\w .+-]*", variant):  # a folder bears its name
            raise RecipeError(f"{path}: variants: {variant!r} has more than letters, digits, spaces, dots and dashes")
    beside = path.parent / study.base
    return study.model_copy(update={"base": str(beside)}) if beside.is_file() and not base else study


def resolve(plan: Plan, variant: str, protocol: str, seed: int) -> Recipe:
    """Return the recipe of one run."""
    study = plan.study
    overrides = [
        *as_overrides(study.common),
        *plan.overrides,
        *as_overrides(study.variants[variant] or {}),
        *as_overrides({"name": f"{study.name}/{variant}", "about": study.about}),
        *(f"protocol.name={protocol}", f"protocol.folds={plan.folds}", f"seed={seed}"),
        *plan.last,
    ]
    return load_recipe(study.base, overrides)


def plan_jobs(plan: Plan, folder: Path) -> dict[tuple[str, str, int], Job]:
    """Return the runs by variant, protocol and seed, seed by seed."""
    keys = [
        (variant, protocol, seed)
        for seed in plan.seeds
        for protocol in plan.protocols
        for variant in plan.study.variants
    ]
    return {key: Job(resolve(plan, *key), folder / key[0].replace(" ", "-") / key[1] / str(key[2])) for key in keys}


def tabulate(plan: Plan, jobs: Mapping[tuple[str, str, int], Job]) -> pd.DataFrame:
    """Return what came of a study whose runs are all trained.

    Returns
    -------
    pandas.DataFrame
        A line a protocol and variant: ``variant``, what `genrelab.studies.reproduce.summarise` tells, and against the
        baseline ``difference`` of accuracies, ``difference_low``, ``difference_high`` (95 %, paired bootstrap over
        tracks, seeds pooled), ``difference_spread`` (its standard deviation over the seeds), ``p`` (paired permutation
        over tracks, corrected after Holm for the number of variants) and ``larger`` (than the noise, as
        `genrelab.evaluation.comparison.Comparison.beyond_noise` has it). NaN and False for the baseline.
    """
    order = [(variant, protocol, seed) for protocol in plan.protocols for variant in plan.study.variants
             for seed in plan.seeds]  # fmt: skip
    table = summarise((*key, jobs[key].folder) for key in order).rename(columns={"row": "variant"})
    found = [line for protocol in plan.protocols for line in _differences(plan, jobs, protocol)]
    return table.merge(pd.DataFrame(found), on=["variant", "protocol"], how="left", validate="1:1")


def _differences(plan: Plan, jobs: Mapping[tuple[str, str, int], Job], protocol: str) -> list[dict[str, Any]]:
    """Return the columns of a protocol's variants that `tabulate` adds."""
    name = plan.study.baseline
    tests = {variant: [_test(jobs[variant, protocol, seed]) for seed in plan.seeds] for variant in plan.study.variants}
    baseline: Predictions = pool(tests[name])
    found: list[tuple[Comparison, list[float]]] = []
    lines: list[dict[str, Any]] = []
    for variant, own in tests.items():
        if variant == name:
            continue
        pair = compare(pool(own), baseline, name_a=variant, name_b=name, resamples=RESAMPLES)
        by_seed = [
            metrics(ours)["accuracy"] - metrics(theirs)["accuracy"]
            for ours, theirs in zip(own, tests[name], strict=True)
        ]
        found.append((pair, by_seed))
        lines.append(
            {
                "variant": variant,
                "protocol": protocol,
                "difference": pair.accuracy_difference,
                "difference_low": pair.accuracy_interval.low,
                "difference_high": pair.accuracy_interval.high,
                "difference_spread": float(pd.Series(by_seed).std()),
            }
        )
    for line, (pair, by_seed), p in zip(lines, found, holm([pair.p for pair, _ in found]), strict=True):
        line |= {"p": p, "larger": pair.beyond_noise(p, by_seed)}
    return [*lines, {"variant": name, "protocol": protocol, "larger": False}]


def _test(job: Job) -> Predictions:
    return Predictions.read(job.folder / "predictions.parquet").part("test")


def write_study(plan: Plan, jobs: Mapping[tuple[str, str, int], Job], folder: Path) -> pd.DataFrame:
    """Write table.csv, ablation.png, .svg and .html and study.json of a trained study; return the table."""
    study, table = plan.study, tabulate(plan, jobs)
    write_csv(folder / "table.csv", table)
    figure = ablation_figure(table, study.baseline)
    save(figure, folder, "ablation")
    runs = [
        {
            "variant": variant,
            "protocol": protocol,
            "seed": seed,
            "folder": str(job.folder.relative_to(folder)),
            "recipe_sha256": hashlib.sha256((job.folder / "recipe.yaml").read_bytes()).hexdigest(),
        }
        for (variant, protocol, seed), job in jobs.items()
    ]
    info = {
        "kind": "ablation",
        **study.model_dump(mode="json"),
        "asked": plan.asked or study.name,
        "recipe": plan.recipe,
        "corpus": str(table["corpus"].iloc[0]),
        "protocols": list(plan.protocols),
        "folds": plan.folds,
        "seeds": list(plan.seeds),
        "overrides": [*plan.overrides, *plan.last],
        "runs": runs,
        "environment": environment(),
        "genrelab": __version__,
    }
    write_json(folder / "study.json", info)
    write_text(folder / "ablation.html", ablation_page(info, table, figure))
    return table
