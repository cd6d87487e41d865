"""What belongs to a study: runs, ablations, tunings, explanations, maps and confusions, found in a folder or listed."""

import glob
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from genrelab.errors import RunError, one_line, printable
from genrelab.evaluation.run_folder import read_run
from genrelab.files import write_text
from genrelab.report.study import study_page
from genrelab.report.study_parts import SECTIONS, Found, Part, Study, StudyRun
from genrelab.studies.results import group_runs, method_key, methods

# What a folder is, by the file that it ends with, the letter of its name on the page, and other files that it needs.
_KINDS = {
    "study.json": ("A", ("table.csv", "ablation.svg")),
    "tuning.json": ("T", ("tuning.svg",)),
    "explanation.json": ("E", ("explanation.png",)),
    "embedding.json": ("M", ("embedding.parquet",)),
    "confusions.json": ("C", ()),
}
_OF_RECIPES = {"name", "corpus", "protocol", "audio", "frontend", "network", "train"}
_RUN = ("run.json", "recipe.yaml")
_OF_MANY_RUNS = ("study.json", "tuning.json")  # whose runs are theirs, and no further rows of the study
_NOT_LOOKED_INTO = ("figures", "stores")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Include(_Section):
    """A folder of a study, or a pattern that means several, and how to call what it holds."""

    folder: str
    title: str = ""


class PartFile(_Section):
    """See `genrelab.report.study_parts.Part`."""

    heading: str = ""
    words: str = ""
    show: Literal[tuple(SECTIONS)] | None = None  # type: ignore[valid-type]
    figures: tuple[str, ...] | None = None


class StudyFile(_Section):
    """A study as a person lists it; folders are as seen from the file's own."""

    title: str = ""
    authors: str | tuple[str, ...] = ""
    abstract: str = ""
    include: tuple[Include | str, ...] = (".",)
    parts: tuple[PartFile, ...] = tuple(PartFile(show=name) for name in SECTIONS)


@dataclass(frozen=True)
class _Place:
    folder: Path
    kind: str  # a file of `_KINDS`, or "run"
    title: str = ""


def read_study(path: Path) -> Study:
    """Read all that belongs to a study.

    Parameters
    ----------
    path
        A folder, which is searched at any depth, or a YAML file with the keys of `StudyFile`.

    Raises
    ------
    RunError
        There is no such study, it holds nothing, a file is missing or damaged, or the YAML says what it cannot.
    """
    if path.is_dir():
        file, base = StudyFile(), path
    elif path.suffix in (".yaml", ".yml") and path.is_file():
        file, base = _read_file(path), path.parent
    else:
        raise RunError(
            f"{printable(path)}: no such study; give a folder that holds runs, or a .yaml file that lists them"
        )
    places = list(_search(file.include, base))
    runs, notes = _distinct(_runs(places, base))
    if not places:
        raise RunError(
            f"{printable(path)}: holds neither run, ablation, explanation nor map; genrelab train, ablate and explain "
            "make them"
        )
    found = _found(places, base, runs)
    authors = file.authors if isinstance(file.authors, str) else ", ".join(file.authors)
    return Study(
        title=file.title or (path.stem if path.is_file() else path.resolve().name),
        authors=authors,
        abstract=file.abstract.strip(),
        parts=[Part(part.heading, part.words, part.show, part.figures) for part in file.parts],
        runs=runs,
        groups=group_runs(runs),
        methods=methods(runs),
        ablations=found["A"],
        tunings=found["T"],
        explanations=found["E"],
        maps=found["M"],
        confusions=found["C"],
        notes=notes,
        command=f"genrelab report {'.' if path.is_dir() else path.name}",
    )


def report(path: Path, output: Path) -> Study:
    """Write a study's page to `output`, whole or not at all.

    Raises
    ------
    RunError
        As `read_study`, or a figure is asked for that there is not.
    """
    study = read_study(path)
    write_text(output, study_page(study))
    return study


def _read_file(path: Path) -> StudyFile:
    try:
        return StudyFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: not YAML: {one_line(error)}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "it"
        sections: dict[str, tuple[str, type[_Section]]] = {
            "parts": ("a part", PartFile),
            "include": ("an entry", Include),
        }
        what, section = sections.get(key.partition(".")[0], ("a study", StudyFile))
        raise RunError(f"{path}: {key}: {first['msg']}; {what} has {', '.join(section.model_fields)}") from None


def _search(include: Iterable[Include | str], base: Path) -> Iterator[_Place]:
    """Yield what lies in the folders named and below, each folder once."""
    seen: set[str] = set()
    for entry in include:
        named = entry if isinstance(entry, Include) else Include(folder=entry)
        matches = sorted(glob.glob(str(base / named.folder), recursive=True))  # noqa: PTH207 (patterns may be absolute)
        if not any(Path(match).is_dir() for match in matches):
            raise RunError(f"include: {named.folder}: no such folder beside the study's file; correct its path")
        before = len(seen)
        for match in matches:
            for place in _walk(Path(match), seen):
                yield _Place(place.folder, place.kind, named.title)
        if len(seen) == before and named.title:
            raise RunError(f"include: {named.folder}: is listed twice; a folder has one title")


def _walk(top: Path, seen: set[str]) -> Iterator[_Place]:
    for here, inner, files in os.walk(top, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:  # by a link, or because it was listed before
            inner.clear()
            continue
        seen.add(real)
        kinds = [name for name in _KINDS if name in files]
        yield from (_Place(Path(here), kind) for kind in kinds)
        if any(name in files for name in _OF_MANY_RUNS):
            inner.clear()
            continue
        if any(name in files for name in _RUN):
            yield _Place(Path(here), "run")
        inner[:] = sorted(
            name for name in inner if not name.startswith((".", "fold-")) and name not in _NOT_LOOKED_INTO
        )


def _runs(places: Iterable[_Place], base: Path) -> Iterator[tuple[str, _Place]]:
    return ((_seen_from(base, place.folder), place) for place in places if place.kind == "run")


def _distinct(places: Iterable[tuple[str, _Place]]) -> tuple[list[StudyRun], list[str]]:
    """Read runs; of two that are the same recipe, corpus, protocol and seed, the second is left out and noted."""
    runs: list[StudyRun] = []
    notes: list[str] = []
    known: dict[tuple[Any, ...], StudyRun] = {}
    for place, where in places:
        read = read_run(where.folder)
        read.predictions.part("test")  # says so where there is none
        try:
            recipe = yaml.safe_load(read.recipe)
        except yaml.YAMLError:
            recipe = None
        if not isinstance(recipe, dict) or not ("ensemble" in recipe or recipe.keys() >= _OF_RECIPES):
            raise RunError(f"{where.folder / 'recipe.yaml'}: not a resolved recipe; the run is damaged, train it again")
        run = StudyRun(len(runs) + 1, place, read, recipe, where.title)
        info = read.info
        facts = tuple(info[name] for name in ("corpus", "protocol", "folds", "seed"))
        key = (method_key(run), *facts, str(recipe.get("protocol")), recipe.get("max_clips"))
        if key in known:
            notes.append(f"{place} is left out: it has the recipe, the data and the seed of {known[key].place}.")
            continue
        known[key] = run
        runs.append(run)
    return runs, notes


def _found(places: Iterable[_Place], base: Path, runs: list[StudyRun]) -> dict[str, list[Found]]:
    """Read what is no run, and say from which runs it was made."""
    found: dict[str, list[Found]] = {letter: [] for letter, _ in _KINDS.values()}
    for place in places:
        if place.kind == "run":
            continue
        letter, needed = _KINDS[place.kind]
        facts = _facts(place.folder / place.kind)
        for name in needed:
            if not (place.folder / name).is_file():
                raise RunError(
                    f"{place.folder / name}: no such file; the command that made {place.kind} writes it anew"
                )
        table = _table(place.folder / "table.csv") if letter == "A" else None
        name = f"{letter}{len(found[letter]) + 1}"
        where = _seen_from(base, place.folder)
        made_from = _made_from(place.folder, facts, runs) if letter in "EMC" else []
        found[letter].append(Found(name, where, place.folder, facts, table, made_from, place.title))
    return found


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise RunError(f"{path}: not JSON ({error}); make it anew") from error
    if not isinstance(facts, dict):
        raise RunError(f"{path}: holds no JSON object; make it anew")
    return facts


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise RunError(f"{path}: not a CSV table ({error}); `genrelab ablate` writes it anew") from error


def _made_from(folder: Path, facts: dict[str, Any], runs: Iterable[StudyRun]) -> list[StudyRun]:
    """Return the run that an explanation or a map was made from: the one it lies in, that of its name, or its like.

    Folders of several rows have one name (``fma-cnn/random-0``, ``gtzan-m5/random-0``): of them, the one that is like.
    """
    real = folder.resolve()
    around = [run for run in runs if real.is_relative_to(run.run.folder.resolve())]
    named = [run for run in runs if facts.get("run") in (run.run.folder.name, run.run.folder.resolve().name)]
    like = [run for run in runs if _identity(run.run.info) == _identity(facts)]
    found = around or [run for run in named if _identity(run.run.info) == _identity(facts)] or named or like
    return found if len(found) == 1 else []


def _identity(facts: dict[str, Any]) -> tuple[Any, ...]:
    name = facts.get("recipe", facts.get("name"))
    return name, *(facts.get(key) for key in ("corpus", "protocol", "folds", "seed"))


def _seen_from(base: Path, folder: Path) -> str:
    return Path(os.path.relpath(folder, base)).as_posix()
