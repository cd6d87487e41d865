"""A study's runs to rows that can be compared: seeds pooled, corpora and protocols kept apart."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from genrelab.evaluation.comparison import compare, holm, shared_clips
from genrelab.evaluation.intervals import bootstrap
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.report.study_parts import Difference, Group, Method, Row, StudyRun
from genrelab.studies.pooling import pool, sign_flip

# Strictest first: what a protocol further down calls better may have learned artists.
_PROTOCOLS = ("artist-folds", "gtzan-filtered", "gtzan-train-validation", "fma-official", "column", "random")
_NOT_THE_METHOD = ("seed", "name", "about", "corpus", "protocol", "max_clips")
_KEYS_TOLD = 3


def group_runs(runs: Sequence[StudyRun]) -> list[Group]:
    """Return rows in groups of one corpus, its genres and one protocol, the strictest protocols first."""
    labels = label_recipes(runs)
    groups: dict[tuple[Any, ...], dict[str, list[StudyRun]]] = {}
    for run in runs:
        info = run.run.info
        key = (str(info["corpus"]), run.run.predictions.genres, str(info["protocol"]))
        groups.setdefault(key, {}).setdefault(_row_key(run), []).append(run)
    made = [_group(*key, rows, labels) for key, rows in groups.items()]
    order = {name: place for place, name in enumerate(_PROTOCOLS)}
    return sorted(made, key=lambda group: (order.get(group.protocol, len(order) - 1), -len(group.rows), group.corpus))


def label_recipes(runs: Sequence[StudyRun]) -> dict[int, str]:
    """Return by run number what its recipe is called: its title or name and, where two differ, by what."""
    named: dict[str, dict[str, dict[str, str]]] = {}
    for run in runs:
        name = run.title or str(run.recipe.get("name", run.place))
        named.setdefault(name, {}).setdefault(method_key(run), flat(_method(run.recipe)))
    labels = {}
    for run in runs:
        name = run.title or str(run.recipe.get("name", run.place))
        first, own = next(iter(named[name].values())), named[name][method_key(run)]
        keys = [key for key in {**first, **own} if first.get(key) != own.get(key)]
        told = ", ".join(f"{key.rpartition('.')[2]} {own.get(key, 'none')}" for key in keys[:_KEYS_TOLD])
        more = "" if len(keys) <= _KEYS_TOLD else f" and {len(keys) - _KEYS_TOLD} more"
        labels[run.number] = f"{name} ({told}{more})" if keys else name
    return labels


def methods(runs: Sequence[StudyRun]) -> list[Method]:
    """Return each recipe once, in the order of the runs."""
    labels = label_recipes(runs)
    by_key: dict[str, list[StudyRun]] = {}
    for run in runs:
        by_key.setdefault(method_key(run), []).append(run)
    return [
        Method(labels[own[0].number], str(own[0].recipe.get("about") or ""), _lines(own[0]), own)
        for own in by_key.values()
    ]


def method_key(run: StudyRun) -> str:
    """Return a text that is the same for runs of one recipe, whatever their corpus, protocol and seed."""
    return json.dumps([run.title, _method(run.recipe)], sort_keys=True, default=str)


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return ``{"train.lr": "0.001"}`` of nested mappings."""
    told: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            told |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            inner = [_options(item) if isinstance(item, Mapping) else str(item) for item in value]
            told[f"{prefix}{key}"] = ", ".join(inner) or "none"
        else:
            told[f"{prefix}{key}"] = "none" if value is None else str(value)
    return told


def _row_key(run: StudyRun) -> str:
    protocol = [run.recipe.get("protocol"), run.recipe.get("max_clips"), run.run.info["folds"]]
    return method_key(run) + json.dumps(protocol, sort_keys=True, default=str)


def _method(recipe: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in recipe.items() if key not in _NOT_THE_METHOD}
    if "train" in kept:  # where it was trained is no part of it
        kept["train"] = {key: value for key, value in kept["train"].items() if key not in ("device", "devices")}
    if "ensemble" in kept:  # its members' folders name their seeds
        kept["ensemble"] = {"rule": kept["ensemble"].get("rule"), "members": len(kept["ensemble"].get("members", ()))}
    return kept


def _group(
    corpus: str, genres: tuple[str, ...], protocol: str, rows: Mapping[str, list[StudyRun]], labels: Mapping[int, str]
) -> Group:
    made = sorted((_row(own, labels) for own in rows.values()), key=lambda row: -row.metrics["accuracy"])
    best, others = made[0], made[1:]
    found = [_difference(best, other) for other in others]
    corrected = holm([difference.p for difference, _ in found])
    behind = [
        replace(row, behind=replace(difference, p=p, larger=difference.larger and p < 0.05))
        for row, (difference, _), p in zip(others, found, corrected, strict=True)
    ]
    warnings = dict.fromkeys(text for _, texts in found for text in texts)
    return Group(corpus, genres, protocol, [best, *behind], list(warnings))


def _row(runs: Sequence[StudyRun], labels: Mapping[int, str]) -> Row:
    runs = sorted(runs, key=_seed)
    tests = _tests(runs)
    pooled = pool(list(tests.values())) if len(tests) > 1 else next(iter(tests.values()))
    accuracies = pd.Series([metrics(test)["accuracy"] for test in tests.values()])
    return Row(labels[runs[0].number], runs, pooled, metrics(pooled), bootstrap(pooled), float(accuracies.std()))


def _difference(best: Row, other: Row) -> tuple[Difference, list[str]]:
    ours, theirs = _tests(best.runs), _tests(other.runs)
    shared = [seed for seed in ours if seed in theirs]
    if shared:
        a, b = (pool([tests[seed] for seed in shared]) for tests in (ours, theirs))
    else:
        a, b = best.test, other.test
    one, two, _ = shared_clips(a, b, best.label, other.label)
    pair = compare(a, b, name_a=best.label, name_b=other.label)
    larger = pair.beyond_noise
    if len(shared) > 1:
        by_seed = pd.Series([metrics(ours[seed])["accuracy"] - metrics(theirs[seed])["accuracy"] for seed in shared])
        larger = larger and abs(pair.accuracy_difference) > float(by_seed.std())
    found = Difference(pair.accuracy_difference, pair.accuracy_interval, sign_flip(one, two), larger, len(shared))
    return found, pair.warnings


def _tests(runs: Iterable[StudyRun]) -> dict[int, Predictions]:
    return {_seed(run): run.run.predictions.part("test") for run in runs}


def _seed(run: StudyRun) -> int:
    return int(run.run.info["seed"])


def _lines(run: StudyRun) -> dict[str, str]:
    """Say in a few lines what a recipe does."""
    recipe = run.recipe
    if "ensemble" in recipe:
        members = [str(member).rpartition("/")[2] for member in recipe["ensemble"]["members"]]
        return {"an ensemble": f"{recipe['ensemble']['rule']} of {len(members)} runs: {', '.join(members)}"}
    audio, train = recipe["audio"], recipe["train"]
    hop = audio["window"] / 2 if audio.get("hop") is None else audio["hop"]
    crop = "at random places" if audio.get("crop") == "random" else f"from the clip's {audio.get('crop')}"
    lines = {
        "hears": f"windows of {audio['window']:g} s at {audio['sample_rate']} Hz, in training {crop}; a whole clip by "
        f"windows {hop:g} s apart, averaged",
        "front end": _options(recipe["frontend"]),
        "network": f"{_options(recipe['network'])}; {int(run.run.info.get('parameters') or 0):,} parameters",
        "augmentation": "; ".join(_options(choice) for choice in recipe.get("augment") or ()) or "none",
    }
    told = {key: value for key, value in train.items() if key not in ("device", "devices") and value not in (None, False)}
    lines["training"] = _options({"kind": f"{told.pop('epochs')} epochs", **told})
    if recipe.get("start"):
        lines["starts from"] = f"{recipe['start']['part']} of {recipe['start']['run']}"
    return lines


def _options(choice: Mapping[str, Any]) -> str:
    """Return ``"mel: n_mels 64, hop_length 512"``; what is switched off is left out."""
    told = {key: value for key, value in flat(choice).items() if key != "kind" and value not in ("none", "False")}
    options = ", ".join(f"{key} {value}" for key, value in told.items())
    return f"{choice.get('kind', '')}: {options}" if options else str(choice.get("kind", ""))
