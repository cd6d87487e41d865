"""What a study's page is made from: its runs by number, rows of pooled seeds, and what else was found beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from genrelab.evaluation.intervals import Interval
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import RunFolder

SECTIONS = {
    "summary": "Summary",
    "data": "Data",
    "methods": "Methods",
    "results": "Results",
    "ablations": "Ablations",
    "tuning": "Tuning",
    "explanations": "Explanations",
    "embeddings": "Maps of the embedding",
    "confusions": "Which genres blend into which",
    "appendix": "Reproducing this",
    "references": "References",
}


@dataclass(frozen=True)
class StudyRun:
    """A run of a study.

    Parameters
    ----------
    number
        Its name on the page is R and this number.
    place
        Its folder, as seen from the study's.
    run
        What it holds.
    recipe
        Its resolved recipe, read.
    title
        How a person wants it called; empty for the recipe's name.
    """

    number: int
    place: str
    run: RunFolder
    recipe: Mapping[str, Any]
    title: str = ""


@dataclass(frozen=True)
class Difference:
    """By how much the best recipe of a group is ahead of another one, on the seeds that both have.

    Parameters
    ----------
    value, interval
        In accuracy; the interval is a paired bootstrap over tracks.
    p
        Paired permutation over tracks, corrected after Holm for the number of recipes.
    larger
        Than the noise; see `genrelab.evaluation.comparison.Comparison.beyond_noise`.
    seeds
        How many were taken; 0 where they have none in common, and the first of each was.
    """

    value: float
    interval: Interval
    p: float
    larger: bool
    seeds: int


@dataclass(frozen=True)
class Row:
    """A recipe under a protocol, its seeds pooled.

    Parameters
    ----------
    label
        What it is called.
    runs
        One a seed.
    test
        What all of them said of their test clips.
    metrics
        Means over the seeds, as other tables have them; the calibration error alone is of `test`, as its figure: any
        fewer clips push it upwards.
    intervals
        Of `test`.
    spread
        The accuracy's standard deviation over the seeds; NaN for one.
    behind
        How far it is behind the best of its group; None for that one, and where they share no clip.
    """

    label: str
    runs: Sequence[StudyRun]
    test: Predictions
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]
    spread: float
    behind: Difference | None = None

    @property
    def clips(self) -> int:
        """How many clips a seed was tested on."""
        return int(self.runs[0].run.predictions.part("test").table["clip"].nunique())

    @property
    def minutes(self) -> float | None:
        """How long a run took, on average; None where that is not known."""
        known = [run.run.info["minutes"] for run in self.runs if "minutes" in run.run.info]
        return sum(known) / len(known) if known else None

    @property
    def history(self) -> pd.DataFrame | None:
        """How all folds of all seeds were trained; None where nothing was."""
        tables = [
            run.run.history.assign(fold=run.run.history["fold"] + 1000 * place)
            for place, run in enumerate(self.runs)
            if run.run.history is not None
        ]
        return pd.concat(tables, ignore_index=True) if tables else None


@dataclass(frozen=True)
class Group:
    """Rows that can be compared: one corpus, its genres and one protocol; best accuracy first."""

    corpus: str
    genres: tuple[str, ...]
    protocol: str
    rows: Sequence[Row]
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Method:
    """A recipe as a study used it: what stands in it, by what it does, and the runs made from it."""

    label: str
    about: str
    lines: Mapping[str, str]
    runs: Sequence[StudyRun]


@dataclass(frozen=True)
class Found:
    """An ablation, a tuning, an explanation, a map or an analysis of confusions.

    Parameters
    ----------
    name
        A1, T1, E1, M1, C1 and so on.
    place
        Its folder, as seen from the study's.
    folder
        The same, to be read.
    facts
        Its JSON file.
    table
        Its table, if it has one.
    runs
        The runs of the study that it was made from.
    title
        How a person wants it called.
    """

    name: str
    place: str
    folder: Path
    facts: Mapping[str, Any]
    table: pd.DataFrame | None = None
    runs: Sequence[StudyRun] = ()
    title: str = ""


@dataclass(frozen=True)
class Part:
    """A part of the page: a heading, words in paragraphs, and what of the study it shows.

    Parameters
    ----------
    heading
        Empty for that of the section shown.
    words
        Paragraphs, apart by empty lines.
    show
        One of `SECTIONS`, or nothing.
    figures
        Which of the section's figures, by name; None for the usual ones.
    """

    heading: str = ""
    words: str = ""
    show: str | None = None
    figures: Sequence[str] | None = None


@dataclass(frozen=True)
class Study:
    """All that a page tells."""

    title: str
    authors: str
    abstract: str
    parts: Sequence[Part]
    runs: Sequence[StudyRun]
    groups: Sequence[Group]
    methods: Sequence[Method]
    ablations: Sequence[Found] = ()
    tunings: Sequence[Found] = ()
    explanations: Sequence[Found] = ()
    maps: Sequence[Found] = ()
    confusions: Sequence[Found] = ()
    notes: Sequence[str] = field(default=())
    command: str = ""
