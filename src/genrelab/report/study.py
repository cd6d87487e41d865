"""A study as one page for screen and paper, whose every number says from which run it comes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import soundfile
import yaml
from matplotlib.figure import Figure

from genrelab.audio.encoding import encoded
from genrelab.errors import RunError
from genrelab.evaluation.calibration import expected_calibration_error, reliability
from genrelab.evaluation.confusions import one_row_a_clip
from genrelab.evaluation.differences import confusion_difference
from genrelab.evaluation.intervals import Interval, bootstrap_genres
from genrelab.evaluation.metrics import per_genre
from genrelab.files import content_hash
from genrelab.report import words
from genrelab.report.ablation import findings
from genrelab.report.bars import genre_bars_figure
from genrelab.report.curves import MOST_RUNS, reliability_figure, runs_training_figure
from genrelab.report.difference import difference_figure
from genrelab.report.page import data_uri, embed, render
from genrelab.report.radar import METRICS, radar_figure
from genrelab.report.radar import MOST_RUNS as WHEEL_RUNS
from genrelab.report.references import references
from genrelab.report.study_commands import commands
from genrelab.report.study_parts import SECTIONS, Found, Group, Part, Row, Study, StudyRun
from genrelab.report.study_words import ablation_words, data_words, summary

FIGURES = ("radar", "reliability", "genres", "difference", "training")
_COMPARED = 2  # runs whose genres are set side by side: more bars would fill a page
_LEGEND = 40  # letters of a recipe's name in a figure
_PAIRS = 8
_EMBEDDED = 24_000_000  # bytes of sound that a page takes in; what comes after is named only
# Inches. What is drawn here is drawn as large as it is printed; what other commands drew, is scaled.
_PAPER = {"radar": (3.5, 4.2), "reliability": (3.4, 3.9), "difference": (5.3, 5.1), "training": (7.0, 3.4)}
_SCALED = {"explanation": 4.5, "by_genre": 6.4, "by_artist": 6.4, "soft": 4.8, "overlap": 4.8}
_CAPTIONS = {
    "radar": "The best recipes over six metrics; outside is better. The middle is 0, the rim 1.",
    "genres": "Precision, recall and F1 of each genre with their 95 % intervals, of the best recipes; in brackets its "
    "clips, once for each seed.",
    "difference": "The two best recipes, first minus second, in percentage points of each true genre's clips. A dot: "
    "more than chance would make in any of the cells.",
    "training": "Loss and accuracy over epochs; thin lines are single folds, thick ones their mean.",
    "reliability": "The best recipe: of the clips with about this probability, how many are right. Orange: the gap.",
}


def study_page(study: Study) -> str:
    """Return the page.

    Raises
    ------
    RunError
        A figure is asked for that the study does not hold, or a file of an explanation or a map is gone.
    """
    present = {"summary", "data", "methods", "results", "appendix", "references"} if study.runs else {"appendix"}
    named = {"ablations": study.ablations, "tuning": study.tunings, "explanations": study.explanations}
    named |= {"embeddings": study.maps, "confusions": study.confusions}
    present |= {name for name, found in named.items() if found} | {"summary"}
    parts = [
        _part(number, part, study)
        for number, part in enumerate((p for p in study.parts if p.show is None or p.show in present), 1)
    ]
    corpora = dict.fromkeys(group.corpus for group in study.groups)
    return render(
        "study.html",
        study=study,
        running=_css_string(study.title),
        parts=parts,
        cited=references((run.recipe for run in study.runs), corpora, _used(study)),
        environments=_environments(study.runs),
        hashes={run.number: _hashes(run.run.folder) for run in study.runs},
        commands=commands(study),
    )


def _part(number: int, part: Part, study: Study) -> dict[str, Any]:
    """Return what the template shows of a part; only that which it shows is drawn."""
    content: Any = None
    if part.show == "summary":
        content = summary(study)
    elif part.show == "data":
        content = _data(study.groups)
    elif part.show == "results":
        content = _all_results(study.groups, part.figures)
    elif part.show == "ablations":
        content = [_ablation(found) for found in study.ablations]
    elif part.show == "tuning":
        content = [(found, _file(found, "tuning.svg", _TRIALS)) for found in study.tunings]
    elif part.show == "explanations":
        content = _explanations(study.explanations)
    elif part.show == "embeddings":
        content = [(found, _files(found, part.figures or ("by_genre", "by_artist"))) for found in study.maps]
    elif part.show == "confusions":
        content = [
            (
                found,
                found.facts["pairs"][:_PAIRS],
                _files(found, part.figures or ("soft", "triangle", "blend_bars")),
            )
            for found in study.confusions
        ]
    heading = part.heading or SECTIONS.get(part.show or "", "")
    paragraphs = [text.strip() for text in part.words.split("\n\n") if text.strip()]
    return {"number": number, "show": part.show, "heading": heading, "words": paragraphs, "content": content}


_TRIALS = "The objective over trials and over each parameter; pruned trials are marked."
_FOUND_CAPTIONS = {
    "by_genre": "Both maps coloured by genre. Filled marks are test clips; hollow ones chose the epoch; small "
    "faint ones, where there are any, were learned from.",
    "by_artist": "The same clips coloured by the artists with most of them; all others are grey.",
    "pairs": "The largest confusions. Orange: the share of a genre's clips that are called so. Blue: the mean "
    "probability that all of its clips give to the other genre.",
    "soft": "The mean probabilities, in percent, that clips of a genre (row) are given. Blue is their own genre.",
    "overlap": "How much two genres blend, in percent.",
    "triangle": "Every clip by its probabilities: at a corner it is all of that genre.",
    "blend_bars": "Every clip as a bar of its probabilities, those with most of the largest share first.",
    "blend_artists": "The same, as means.",
}


def _data(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return a corpus at a time: its genres, and under which protocols it was split."""
    content = []
    for corpus, genres in dict.fromkeys((group.corpus, group.genres) for group in groups):
        own = [group for group in groups if (group.corpus, group.genres) == (corpus, genres)]
        run = own[0].rows[0].runs[0]
        clips = run.run.predictions.table.drop_duplicates("clip")
        by_genre = clips.groupby("genre")
        counts = pd.DataFrame({name: by_genre[name].nunique() for name in ("clip", "track")})
        counts["artist"] = clips[clips["artist"].fillna("") != ""].groupby("genre")["artist"].nunique()
        counts = counts.reindex(list(genres)).fillna(0).astype(int)
        info = run.run.info
        content.append(
            {
                "corpus": corpus,
                "counts": [(genre, *values) for genre, *values in counts.itertuples()],
                "sums": counts.sum().tolist(),
                "run": run,
                "citation": info.get("citation"),
                "licence": info.get("licence"),
                "notes": list(info.get("notes") or ()),
                "left_out": len(info.get("left_out") or {}),
                "splits": [
                    (group.protocol, words.protocol_words(group.protocol), data_words(group), _leaks(group))
                    for group in own
                ],
            }
        )
    return content


def _leaks(group: Group) -> list[tuple[int, str]]:
    return [(run.number, leak) for row in group.rows for run in row.runs for leak in run.run.info.get("leaks") or ()]


def _all_results(groups: Sequence[Group], asked: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return the groups in order; the usual figures are those of each corpus' first, that of the strictest protocol."""
    drawn: set[tuple[str, tuple[str, ...]]] = set()
    content = []
    for group in groups:
        usual = () if (group.corpus, group.genres) in drawn else FIGURES
        drawn.add((group.corpus, group.genres))
        content.append(_results(group, usual if asked is None else asked))
    return content


def _results(group: Group, figures: Sequence[str]) -> dict[str, Any]:
    if unknown := [name for name in figures if name not in FIGURES]:
        raise RunError(f"there is no figure {unknown[0]!r} of results; choose among {', '.join(FIGURES)}")
    low = min(row.intervals["accuracy"].low for row in group.rows)
    return {
        "group": group,
        "axis_from": max(0.0, float(int(10 * (low if low == low else 0.0) - 0.5)) / 10),
        "figures": {name: figure for name in figures if (figure := _draw(group.rows, name)) is not None},
    }


def _names(rows: Sequence[Row]) -> dict[str, str]:
    """Return by label what a legend has room for, different ones for different rows."""
    cut = [words.short(row.label, _LEGEND) for row in rows]
    return {
        row.label: name if cut.count(name) == 1 else f"{words.short(row.label, _LEGEND - 4)} {number}"
        for number, (row, name) in enumerate(zip(rows, cut, strict=True), 1)
    }


def _draw(rows: Sequence[Row], name: str) -> dict[str, Any] | None:
    """Return a figure of a group's best rows with its caption and runs; None where it would show nothing."""
    figure: Figure | None = None
    shown = rows[:_COMPARED]
    names = _names(rows)
    if name == "radar" and len(rows) > 1:
        shown = rows[:WHEEL_RUNS]
        wheel = pd.DataFrame({names[row.label]: row.metrics for row in shown}).T[list(METRICS)]
        figure = radar_figure(wheel, size=_PAPER[name])
    elif name == "reliability":
        shown = rows[:1]
        table = reliability(shown[0].test)
        figure = reliability_figure(table, expected_calibration_error(table))
    elif name == "genres":
        tables = [per_genre(row.test).merge(bootstrap_genres(row.test), on="genre") for row in shown]
        named = [table.assign(run=names[row.label]) for table, row in zip(tables, shown, strict=True)]
        figure = genre_bars_figure(pd.concat(named))
    elif name == "difference" and len(rows) > 1 and rows[1].behind is not None:
        a, b = (one_row_a_clip(row.runs[0].run.predictions.part("test")) for row in shown)
        two = names[shown[0].label], names[shown[1].label]
        figure = difference_figure(confusion_difference(a, b), two, size=_PAPER[name])
    elif name == "training":
        shown = [row for row in rows if row.history is not None][:MOST_RUNS]
        if shown:
            histories = {names[row.label]: row.history for row in shown if row.history is not None}
            figure = runs_training_figure(histories)
    if figure is None:
        return None
    if name in _PAPER:  # drawn as large as it is printed, letters keep their size
        figure.set_size_inches(*_PAPER[name])
    runs = [run for row in shown for run in (row.runs[:1] if name == "difference" else row.runs)]
    return _picture(figure, _CAPTIONS[name], runs)


def _picture(figure: Figure | Path, caption: str, runs: Iterable[StudyRun]) -> dict[str, Any]:
    width = 7.0
    if isinstance(figure, Figure):
        width = float(figure.get_figwidth())
    elif figure.stem in _SCALED:
        width = _SCALED[figure.stem]
    return {"source": embed(figure), "caption": caption, "width": round(min(width, 7.0), 2), "runs": list(runs)}


def _file(found: Found, name: str, caption: str) -> dict[str, Any]:
    path = found.folder / name
    if not path.is_file():
        raise RunError(f"{path}: no such file; make the folder's contents anew with the command that made it")
    return _picture(path, caption, found.runs)


def _files(found: Found, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the figures that a folder holds of those named."""
    paths = {name: found.folder / "figures" / f"{name}.svg" for name in names}
    made = {
        name: _picture(path, _FOUND_CAPTIONS.get(name, ""), found.runs)
        for name, path in paths.items()
        if path.is_file()
    }
    if not made:
        raise RunError(f"{found.folder / 'figures'}: holds none of {', '.join(names)}; make the folder's contents anew")
    return made


def _ablation(found: Found) -> dict[str, Any]:
    assert found.table is not None  # noqa: S101 (an ablation has a table)
    info, table = found.facts, found.table
    groups = [
        (
            protocol,
            [
                {**row, "interval": Interval(row["low"], row["high"])}
                for row in table[table["protocol"] == protocol].to_dict("records")
            ],
        )
        for protocol in findings(table, str(info["baseline"]))
    ]
    changes = {
        variant: yaml.safe_dump(change, default_flow_style=True, width=1e9).strip()
        for variant, change in info["variants"].items()
        if change
    }
    figure = _file(found, "ablation.svg", "Accuracy over all seeds with its 95 % interval over tracks. A filled dot "
                   "differs from the baseline (dashed line) by more than the noise.")  # fmt: skip
    return {"found": found, "figure": figure, "words": ablation_words(found), "groups": groups, "changes": changes}


def _explanations(explanations: Sequence[Found]) -> list[dict[str, Any]]:
    """Return each explanation with its picture and, as long as there is room for them, its sounds."""
    made, left = [], _EMBEDDED
    for found in explanations:
        paths = {name: found.folder / f"{name}.wav" for name in ("kept", "left-out")}
        sounds: dict[str, str] = {}
        if all(path.is_file() for path in paths.values()):
            samples = {name: soundfile.read(path, dtype="float32") for name, path in paths.items()}
            rate = samples["kept"][1]
            played = {"whole": samples["kept"][0] + samples["left-out"][0]} | {n: s for n, (s, _) in samples.items()}
            sounds = {name: data_uri("audio/flac", encoded(values, rate)) for name, values in played.items()}
            size = sum(map(len, sounds.values()))
            sounds, left = (sounds, left - size) if size <= left else ({}, left)
        picture = _file(found, "explanation.png", "")
        made.append(
            {"found": found, "figure": picture, "sounds": sounds, "files": [path.name for path in paths.values()]}
        )
    return made


def _used(study: Study) -> list[str]:
    """Return the keys of what the report itself did."""
    used = ["bootstrap", "calibration"] if study.runs else []
    if study.ablations or any(row.behind for group in study.groups for row in group.rows):
        used += ["permutation", "holm"]
    if any(group.protocol == "artist-folds" for group in study.groups):
        used.append("artists")
    used += [method for found in study.explanations for method in found.facts["methods"]]
    return [*used, *(["t-sne", "umap"] if study.maps else []), *(["tuning"] if study.tunings else [])]


def _environments(runs: Sequence[StudyRun]) -> list[tuple[list[StudyRun], str]]:
    """Return what each machine and its packages were, and the runs that were made there."""
    told: dict[str, list[StudyRun]] = {}
    for run in runs:
        environment = dict(run.run.environment)
        packages = environment.pop("packages", {})
        facts = [f"{key} {value}" for key, value in environment.items()]
        told.setdefault(", ".join([*facts, *(f"{name} {number}" for name, number in packages.items())]), []).append(run)
    return [(own, text) for text, own in told.items()]


def _hashes(folder: Path) -> tuple[str, str, str]:
    """Return the SHA-256 of a run's recipe, of its split and of its predictions, as far as they are told apart."""
    split = folder / "splits.sha256"
    first, last = (content_hash(folder / name)[:12] for name in ("recipe.yaml", "predictions.parquet"))
    return first, split.read_text(encoding="utf-8").strip()[:12] if split.is_file() else "", last


def _css_string(text: str) -> str:
    """Return a text as a CSS string: what is no letter, digit or space is escaped by its number."""
    return '"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text) + '"'
