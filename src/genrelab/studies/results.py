"""A study's runs to rows that can be compared: seeds pooled, corpora and protocols kept apart."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import starmap, zip_longest
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from genrelab.errors import RunError
from genrelab.evaluation.comparison import Comparison, compare, holm
from genrelab.evaluation.intervals import bootstrap
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.report.study_parts import Difference, Group, Method, Row, StudyRun
from genrelab.studies.pooling import pool

# Strictest first: what a protocol further down calls better may have learned artists.
_PROTOCOLS = ("artist-folds", "gtzan-filtered", "gtzan-train-validation", "fma-official", "column", "random")
_NOT_THE_METHOD = ("seed", "name", "about", "corpus", "protocol", "max_clips")
_KEYS_TOLD = 3
_DIGEST = "recipe_sha256"


def group_runs(runs: Sequence[StudyRun]) -> list[Group]:
    """Return rows in groups of one corpus, its genres and one protocol, the strictest protocols first."""
    labels = label_recipes(runs)
    groups: dict[tuple[str, tuple[str, ...], str], dict[str, list[StudyRun]]] = {}
    for run in runs:
        info = run.run.info
        key = (str(info["corpus"]), run.run.predictions.genres, str(info["protocol"]))
        groups.setdefault(key, {}).setdefault(_row_key(run), []).append(run)
    made = [_group(corpus, genres, name, rows, labels) for (corpus, genres, name), rows in groups.items()]
    order = {name: place for place, name in enumerate(_PROTOCOLS)}
    return sorted(made, key=lambda group: (order.get(group.protocol, len(order) - 1), -len(group.rows), group.corpus))


def label_recipes(runs: Sequence[StudyRun]) -> dict[int, str]:
    """Return by run number what its recipe is called: its title or name and, where two differ, by what."""
    named: dict[str, dict[str, dict[str, str]]] = {}
    names = _names(runs)
    for run, name in zip(runs, names, strict=True):
        named.setdefault(name, {}).setdefault(method_key(run), flat(_method_of(run)))
    labels = {}
    for run, name in zip(runs, names, strict=True):
        first, own = next(iter(named[name].values())), named[name][method_key(run)]
        keys = [key for key in {**first, **own} if first.get(key) != own.get(key)]
        keys = [key for key in keys if not key.endswith(_DIGEST)] or keys
        told = ", ".join(f"{key.rpartition('.')[2]} {own.get(key, 'none')}" for key in keys[:_KEYS_TOLD])
        more = "" if len(keys) <= _KEYS_TOLD else f" and {len(keys) - _KEYS_TOLD} more"
        labels[run.number] = f"{name} ({told}{more})" if keys else name
    return labels


def _names(runs: Sequence[StudyRun]) -> list[str]:
    """Return each run's title, its recipe's name where it has none, and both where a title is several recipes'."""
    recipes = [str(run.recipe.get("name", run.place)) for run in runs]
    under: dict[str, set[str]] = {}
    for run, recipe in zip(runs, recipes, strict=True):
        under.setdefault(run.title, set()).add(recipe)
    return [
        recipe if not run.title else run.title if len(under[run.title]) == 1 else f"{run.title}: {recipe}"
        for run, recipe in zip(runs, recipes, strict=True)
    ]


def methods(runs: Sequence[StudyRun]) -> list[Method]:
    """Return each recipe once, in the order of the runs; what all of them have in common stands first, as one more."""
    labels = label_recipes(runs)
    by_key: dict[str, list[StudyRun]] = {}
    for run in runs:
        by_key.setdefault(method_key(run), []).append(run)
    told = [_sections(own[0]) for own in by_key.values()]
    common: dict[str, dict[str, str]] = {}
    if len(told) > 1:
        common = {
            name: {
                key: text for key, text in options.items() if all(one.get(name, {}).get(key) == text for one in told)
            }
            for name, options in told[0].items()
        }
    made = [
        Method(
            labels[own[0].number],
            str(own[0].recipe.get("about") or ""),
            _lines(
                {name: {k: v for k, v in s.items() if k not in common.get(name, {})} for name, s in sections.items()}
            ),
            own,
        )
        for own, sections in zip(by_key.values(), told, strict=True)
    ]
    return [Method("Common to all", "", shared, []), *made] if (shared := _lines(common)) else made


def method_key(run: StudyRun) -> str:
    """Return a text that is the same for runs of one recipe, whatever their corpus, protocol and seed."""
    return json.dumps([run.title, _method_of(run)], sort_keys=True, default=str)


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return ``{"train.lr": "0.001"}`` of nested mappings."""
    told: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            told |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            inner = [_in_words(_options(item)) if isinstance(item, Mapping) else str(item) for item in value]
            told[f"{prefix}{key}"] = ", ".join(inner) or "none"
        else:
            told[f"{prefix}{key}"] = "none" if value is None else str(value)
    return told


def _row_key(run: StudyRun) -> str:
    protocol = [run.recipe.get("protocol"), run.recipe.get("max_clips"), run.run.info["folds"]]
    return method_key(run) + json.dumps(protocol, sort_keys=True, default=str)


def _method_of(run: StudyRun) -> dict[str, Any]:
    return _method(run.recipe, run.run.info.get("members", ()))


def _method(recipe: Mapping[str, Any], members: Sequence[str] = ()) -> dict[str, Any]:
    """Return what of a recipe makes it another method; `members` names an ensemble's, whose folders may have gone."""
    kept = {key: value for key, value in recipe.items() if key not in _NOT_THE_METHOD}
    if "train" in kept:  # where it was trained is no part of it
        kept["train"] = {key: value for key, value in kept["train"].items() if key not in ("device", "devices")}
    # Folders name seeds: of a run that others are made of, it is its recipe that counts.
    if "ensemble" in kept:
        origins = list(starmap(_origin, zip_longest(kept["ensemble"]["members"], members, fillvalue="")))
        names, digests = ([origin[place] for origin in origins] for place in (0, 1))
        kept["ensemble"] = {"rule": kept["ensemble"]["rule"], "members": names, _DIGEST: digests}
    if (kept.get("start") or {}).get("run"):
        name, digest = _origin(kept["start"]["run"])
        kept["start"] = {**kept["start"], "run": name, _DIGEST: digest}
    return kept


def _origin(folder: str, name: str = "") -> tuple[str, str]:
    """Return the name of a run's recipe and a digest of what it does; if it has gone, what is known of it, twice."""
    try:
        recipe = yaml.safe_load((Path(folder) / "recipe.yaml").read_text(encoding="utf-8"))
        told = json.dumps(_method(recipe), sort_keys=True, default=str)
        return str(recipe["name"]), hashlib.sha256(told.encode()).hexdigest()[:8]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return name or folder, name or folder


def _group(
    corpus: str, genres: tuple[str, ...], protocol: str, rows: Mapping[str, list[StudyRun]], labels: Mapping[int, str]
) -> Group:
    made = sorted((_row(own, labels) for own in rows.values()), key=lambda row: -row.metrics["accuracy"])
    best, others = made[0], made[1:]
    warnings: dict[str, None] = {}
    found: dict[int, tuple[Comparison, list[float]]] = {}
    for place, other in enumerate(others):
        try:
            found[place] = _compare(best, other)
            warnings |= dict.fromkeys(found[place][0].warnings)
        except RunError as error:
            warnings[f"{error}."] = None
    behind = list(others)
    for (place, (pair, by_seed)), p in zip(found.items(), holm([pair.p for pair, _ in found.values()]), strict=True):
        larger = pair.beyond_noise(p, by_seed)
        difference = Difference(pair.accuracy_difference, pair.accuracy_interval, p, larger, len(by_seed))
        behind[place] = replace(others[place], behind=difference)
    return Group(corpus, genres, protocol, [best, *behind], list(warnings))


def _row(runs: Sequence[StudyRun], labels: Mapping[int, str]) -> Row:
    runs = sorted(runs, key=_seed)
    tests = _tests(runs)
    pooled = pool(list(tests.values())) if len(tests) > 1 else next(iter(tests.values()))
    by_seed = pd.DataFrame([metrics(test) for test in tests.values()])
    means = {str(name): float(mean) for name, mean in by_seed.mean().items()} | {"ece": metrics(pooled)["ece"]}
    return Row(labels[runs[0].number], runs, pooled, means, bootstrap(pooled), float(by_seed["accuracy"].std()))


def _compare(best: Row, other: Row) -> tuple[Comparison, list[float]]:
    """Compare two rows on the seeds that both have, the first of each if none; return each seed's difference, too."""
    ours, theirs = _tests(best.runs), _tests(other.runs)
    shared = [seed for seed in ours if seed in theirs]
    if len(shared) > 1 and best.runs[0].run.info["folds"] == other.runs[0].run.info["folds"]:
        a, b = (pool([tests[seed] for seed in shared]) for tests in (ours, theirs))
    else:
        shared = shared[:1]
        a, b = (tests[shared[0]] if shared else next(iter(tests.values())) for tests in (ours, theirs))
    pair = compare(a, b, name_a=best.label, name_b=other.label)
    return pair, [metrics(ours[seed])["accuracy"] - metrics(theirs[seed])["accuracy"] for seed in shared]


def _tests(runs: Iterable[StudyRun]) -> dict[int, Predictions]:
    return {_seed(run): run.run.predictions.part("test") for run in runs}


def _seed(run: StudyRun) -> int:
    return int(run.run.info["seed"])


def _sections(run: StudyRun) -> dict[str, dict[str, str]]:
    """Return what a recipe does: options by step. A kind has an empty name; what is switched off is left out."""
    recipe = run.recipe
    if "ensemble" in recipe:
        made = _method_of(run)["ensemble"]
        return {"ensemble": {"": made["rule"], "of": ", ".join(made["members"])}}
    train = {key: value for key, value in recipe["train"].items() if key not in ("device", "devices")}
    parameters = run.run.info.get("parameters")
    sections = {
        "hears": _options({"sample_rate": recipe["audio"]["sample_rate"], **recipe["audio"]}),
        "front end": _options(recipe["frontend"]),
        "network": _options(recipe["network"]) | ({"parameters": f"{parameters:,}"} if parameters else {}),
        "augmentation": {
            "": "; ".join(_in_words(_options(choice)) for choice in recipe.get("augment") or ()) or "none"
        },
        "training": _options(train),
    }
    start = _method(recipe).get("start")
    return sections | ({"starts from": _options({**start, _DIGEST: None})} if start else {})


def _options(choice: Mapping[str, Any]) -> dict[str, str]:
    told = {key: value for key, value in flat(choice).items() if value not in ("none", "False")}
    return {"" if key == "kind" else key: value for key, value in told.items()}


def _lines(sections: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: _in_words(options) for name, options in sections.items() if options}


def _in_words(options: Mapping[str, str]) -> str:
    """Return ``"mel: n_mels 64, hop_length 512"``."""
    told = ", ".join(f"{key} {value}" for key, value in options.items() if key)
    kind = options.get("", "")
    return f"{kind}: {told}" if kind and told else kind or told
