"""The commands that make a study anew."""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from genrelab.report.study_parts import Found, Study


def commands(study: Study) -> list[str]:
    """Return a line for each thing that the study shows, with folders as seen from its own.

    What older versions did not note down is left out: they made it by default.
    """
    lines = []
    if study.runs:
        lines.append(
            "genrelab train FOLDER/recipe.yaml --output NEW       # any run; its recipe holds everything, also its data"
        )
    lines += [_line("ablate", *_ablated(found.facts), "--output", found.place) for found in study.ablations]
    lines += [_line("tune", *_tuned(found.facts), "--output", found.place) for found in study.tunings]
    lines += [
        _line("explain", _place(found), _name(found.facts["file"]), *_explained(found.facts), "--output", found.place)
        for found in study.explanations
    ]
    lines += [_line("explain embedding", *_mapped(found), "--output", found.place) for found in study.maps]
    lines += [
        _line("explain confusions", _place(found), *_confused(found.facts), "--output", found.place)
        for found in study.confusions
    ]
    return [*lines, study.command]


def _ablated(facts: Mapping[str, Any]) -> list[str]:
    """Return what asks for an ablation anew."""
    # --quick has the runs that its other options ask for, and its last overrides stand among the others.
    options = [option for name in facts["protocols"] for option in ("--protocol", name)]
    options += ["--folds", str(facts["folds"]), "--seeds", str(len(facts["seeds"])), *_set(facts["overrides"])]
    recipe = ["--recipe", _named(facts["recipe"])] if facts.get("recipe") else []
    return [_named(facts.get("asked", facts["name"])), *recipe, *options]


def _tuned(facts: Mapping[str, Any]) -> list[str]:
    """Return what asks for a tuning anew."""
    options = [option for form in facts.get("asked_space", ()) for option in ("--space", _named(form))]
    options += ["--trials", str(sum(facts["trials"].values())), "--folds", str(facts["folds"])]
    options += ["--seed", str(facts["seed"])] if facts.get("seed") else []
    options += ["--pruner", facts["pruner"]] if facts.get("pruner", "median") != "median" else []
    return [_named(facts["recipe"]), *options, "--study", facts["study"], *_set(facts["overrides"])]


def _explained(facts: Mapping[str, Any]) -> list[str]:
    """Return the options that ask for an explanation anew."""
    options = ["--fold", str(facts["fold"]), "--genre", facts["genre"], "--keep", f"{facts['listening']['keep']:g}"]
    options += ["--start", f"{facts['start']:g}", "--seconds", f"{facts['seconds']:g}"]
    # Of two that were asked for, one may have been refused.
    asked = list(facts["methods"])
    options += ["--method", asked[0]] if len(asked) == 1 and not facts["refused"] else []
    options += ["--layer", facts["layer"]] if facts.get("layer") else []
    options += ["--patch", *map(str, facts["patch"])] if facts.get("patch") else []
    return [*options, *(["--fill", facts["fill"]] if facts.get("fill", "median") != "median" else [])]


def _mapped(found: Found) -> list[str]:
    """Return what asks for a map anew."""
    facts = found.facts
    of = ["--bundle", "BUNDLE", "--data", "DATA"]
    if facts.get("source") != "bundle":
        of = [_place(found), "--fold", str(facts.get("fold", 0))]
    options = ["--train"] if "train" in facts.get("parts", ()) else []
    return [*of, *options, *(["--seed", str(facts["map_seed"])] if facts.get("map_seed") else [])]


def _confused(facts: Mapping[str, Any]) -> list[str]:
    """Return the options that ask for an analysis of confusions anew."""
    pair, blend, part = facts.get("pair"), facts.get("as_blend"), facts.get("part", "test")
    options = ["--pair", ",".join(pair)] if pair else []
    options += ["--as-blend", _name(blend)] if blend else []
    return [*options, *(["--part", part] if part != "test" else [])]


def _set(overrides: Iterable[str]) -> list[str]:
    return [option for override in overrides for option in ("--set", override)]


def _line(verb: str, *words: str) -> str:
    return f"genrelab {verb} {shlex.join(words)}"


def _place(found: Found) -> str:
    return found.runs[0].place if found.runs else "RUN"


def _named(asked: str) -> str:
    """Return a recipe, study or space as it was asked for; of a file, its name: where it lay says nothing elsewhere."""
    return _name(asked) if asked.endswith((".yaml", ".yml")) else asked


def _name(file: object) -> str:
    return re.split(r"[/\\]", str(file))[-1]
