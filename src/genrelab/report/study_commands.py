"""The commands that make a study anew."""

import re
from collections.abc import Mapping
from shlex import quote
from typing import Any

from genrelab.report.study_parts import Found, Study


def commands(study: Study) -> list[str]:
    """Return a line for each thing that the study shows, with folders as seen from its own."""
    lines = []
    if study.runs:
        lines.append(
            "genrelab train FOLDER/recipe.yaml --output NEW       # any run; its recipe holds everything, also its data"
        )
    for found in study.ablations:
        info = found.facts
        options = [f"--protocol {name}" for name in info["protocols"]]
        options += [f"--folds {info['folds']}", f"--seeds {len(info['seeds'])}", f"--output {found.place}"]
        options += [f"--set {override!r}" for override in info["overrides"]]
        lines.append(f"genrelab ablate {info['name']} {' '.join(options)}")
    for found in study.explanations:
        file = quote(_name(found.facts["file"]))
        lines.append(f"genrelab explain {_place(found)} {file} {_explained(found.facts)} --output {found.place}")
    lines += [
        f"genrelab explain embedding {_place(f)} --fold {f.facts.get('fold', 0)} --output {f.place}" for f in study.maps
    ]
    for found in study.confusions:
        pair, blend = found.facts.get("pair"), found.facts.get("as_blend")
        options = [f"--pair {quote(','.join(pair))}"] if pair else []
        options += [f"--as-blend {quote(_name(blend))}"] if blend else []
        options += [f"--part {found.facts['part']}"] if found.facts.get("part", "test") != "test" else []
        lines.append(" ".join(["genrelab explain confusions", _place(found), *options, f"--output {found.place}"]))
    return [*lines, study.command]


def _explained(facts: Mapping[str, Any]) -> str:
    """Return the options that ask for an explanation anew."""
    options = f"--fold {facts['fold']} --genre {quote(facts['genre'])} --keep {facts['listening']['keep']:g}"
    options += f" --start {facts['start']:g} --seconds {facts['seconds']:g}"
    asked = list(facts["methods"])
    # Of two that were asked for, one may have been refused.
    return f"{options} --method {asked[0]}" if len(asked) == 1 and not facts["refused"] else options


def _place(found: Found) -> str:
    return found.runs[0].place if found.runs else "RUN"


def _name(file: object) -> str:
    return re.split(r"[/\\]", str(file))[-1]
