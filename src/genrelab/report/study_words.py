"""What a study found, in sentences."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genrelab.report import words
from genrelab.report.ablation import ONE_SEED, findings
from genrelab.report.explanation_page import costs
from genrelab.report.study_parts import Found, Group, Row, Study


def summary(study: Study) -> list[str]:
    """Return the study's findings, the most important first."""
    told = [sentence for group in study.groups for sentence in group_words(group)]
    differences = [row.behind for group in study.groups for row in group.rows if row.behind is not None]
    if any(difference.seeds < 2 for difference in differences):
        told.append(ONE_SEED)
    told += protocol_falls(study.groups)
    if len({group.genres for group in study.groups}) > 1:
        told.append(
            "Not all runs tell apart the same genres; they stand in groups of their own and are not compared across "
            "them."
        )
    leaking = [f"R{run.number}" for run in study.runs if run.run.info.get("leaks")]
    if leaking:
        told.append(f"The parts of the split leak into each other in {', '.join(leaking)}: those figures are too high.")
    for ablation in study.ablations:
        told += ablation_words(ablation)
    if study.explanations:
        told.append(explanations_words(study.explanations))
    return told + [sentence for found in study.maps for sentence in artist_words(found)]


def group_words(group: Group) -> list[str]:
    """Say which recipe of a group is best, and which others are behind it by more than the noise."""
    best, others = group.rows[0], group.rows[1:]
    seeds = len(best.runs)
    first = (
        f"On {group.corpus} under {group.protocol}, {best.label} is right "
        f"{'most often' if others else 'on'}{':' if others else ''} {words.percent(best.metrics['accuracy'])} of "
        f"{best.clips} clips ({words.interval_words(best.intervals['accuracy'])}; "
        f"{seeds} seed{'s' * (seeds != 1)})."
    )
    told = [first]
    compared = [row for row in others if row.behind is not None]
    larger = [_behind(row) for row in compared if row.behind is not None and row.behind.larger]
    within = [_behind(row) for row in compared if row.behind is not None and not row.behind.larger]
    if larger:
        told.append(f"Behind it by more than the noise: {'; '.join(larger)}.")
    if within:
        told.append(
            "Behind it, but within the noise, so that nothing can be said (interval, p and seeds have to agree): "
            f"{'; '.join(within)}."
        )
    return told


def protocol_falls(groups: Sequence[Group]) -> list[str]:
    """Say how far recipes fall from random splits to splits by artist."""
    told = []
    for strict in groups:
        for loose in groups:
            same = (strict.corpus, strict.genres) == (loose.corpus, loose.genres)
            if not same or strict.protocol != "artist-folds" or loose.protocol != "random":
                continue
            accuracy = {row.label: row.metrics["accuracy"] for row in loose.rows}
            falls = [
                f"{row.label} {words.percent(accuracy[row.label])} to {words.percent(row.metrics['accuracy'])}"
                for row in strict.rows
                if row.label in accuracy
            ]
            if falls:
                told.append(
                    f"From random splits, in which artists are on both sides, to artists never heard "
                    f"({strict.corpus}): {'; '.join(falls)}."
                )
    return told


def ablation_words(ablation: Found) -> list[str]:
    """Say of an ablation which variants differ from the baseline by more than the noise."""
    if ablation.table is None:
        return []
    info, told = ablation.facts, []
    for protocol, sentences in findings(ablation.table, str(info["baseline"])).items():
        larger = [sentence for sentence in sentences if "by more than the noise" in sentence]
        nothing = f"no variant differs from {info['baseline']} by more than the noise."
        told.append(f"Ablation {info['name']} ({info['corpus']}, {protocol}): {' '.join(larger) or nothing}")
    return told


def explanations_words(explanations: Sequence[Found]) -> str:
    """Say for how many clips the network rests on what its map names."""
    rests = sum(costs(found.facts) for found in explanations)
    number = len(explanations)
    return (
        f"Of {number} explained clip{'s' * (number != 1)}, hiding what the map names cost the genre more than hiding "
        f"any random part of the same size in {rests}."
    )


def artist_words(found: Found) -> list[str]:
    """Say of an embedding that it knows artists, where it does by more than the noise."""
    merits = found.facts["merits"]
    effect = merits["artist_effect"]
    if effect is None or effect["low"] is None or effect["low"] <= 0:
        return []
    without, control = (words.percent(merits[key]["value"]) for key in ("knn_other_artists", "knn_control"))
    return [
        f"The embedding of {found.title or found.facts['name']} knows artists, not only genres: a clip's nearest clips "
        f"tell its genre in {without} with its own artist left out, and in {control} with as many clips by others left "
        "out instead."
    ]


def data_words(group: Group) -> str:
    """Say how large the parts of each fold are; what is neither validation nor test is what was learned from."""
    run = group.rows[0].runs[0].run
    tables = [row.runs[0].run.predictions.table for row in group.rows]  # rows may keep more or fewer for validation
    by_row = [table.groupby(["fold", "split"])["clip"].nunique().unstack(fill_value=0) for table in tables]
    folds, sizes = len(by_row[0]), pd.concat(by_row).fillna(0)
    parts = {str(part): _range(sizes[part].to_numpy()) for part in sizes}
    tested = f"each of {folds} folds is tested on {parts.get('test', '0')} clips" if folds > 1 else (
        f"the test part has {parts.get('test', '0')} clips"
    )  # fmt: skip
    validated = f" and validated on {parts['validation']}" if "validation" in parts else ""
    rest = ""
    if "clips" in run.info:
        rest = f"; of the {run.info['clips']} clips, the others are learned from"
    return f"{tested[0].upper()}{tested[1:]}{validated}{rest}."


def _behind(row: Row) -> str:
    difference = row.behind
    assert difference is not None  # noqa: S101 (for the type checker)
    ends = f"{words.points(-difference.interval.high)} to {words.points(-difference.interval.low)}"
    span = f", 95\u00a0% {ends}" if np.isfinite(difference.interval.low) else ""
    return f"{row.label} ({words.points(-difference.value)} points{span}, p {words.p_value(difference.p)})"


def _range(values: np.ndarray) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"
