"""A run, or several, as one self-contained HTML page: nothing in it is fetched from anywhere."""

import base64
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from genrelab.evaluation.comparison import Ranking
from genrelab.evaluation.intervals import Interval
from genrelab.evaluation.metrics import LABELS, confusion
from genrelab.evaluation.predictions import Predictions
from genrelab.report import words
from genrelab.report.save import svg_text

PAIRS, EXAMPLES, MISTAKES = 8, 3, 10  # confused pairs told, clips named for each, surest mistakes listed
CAPTIONS = {
    "genres": "Precision, recall and F1 of each genre with their 95 % intervals; in brackets its clips.",
    "confusion": "Rows are what clips are, columns what the model calls them. Blue is right, orange is wrong.",
    "training": "Loss, accuracy and learning rate over epochs; thin lines are single folds, thick ones their mean.",
    "roc": "How many clips of a genre are found for how many of others, over all thresholds.",
    "precision_recall": "How pure what is found is, for how much of a genre is found.",
    "reliability": "Each bar: of the clips with about this probability, how many are right. Orange: the gap.",
}


COMPARISON_CAPTIONS = {
    "radar": "The best runs over six metrics; outside is better. The middle is 0, the rim 1.",
    "genres": "Precision, recall and F1 of each genre with their 95 % intervals, for the best runs.",
    "difference": "The two best runs, first minus second, in percentage points of each true genre's clips. On the "
    "diagonal more is better, elsewhere less. A dot: more than chance would make in any of the cells.",
    "training": "Loss and accuracy over epochs of the best runs; thin lines are single folds, thick ones their mean.",
}


def run_page(
    *,
    info: Mapping[str, Any],
    predictions: Predictions,
    metrics: Mapping[str, float],
    intervals: Mapping[str, Interval],
    per_genre: pd.DataFrame,
    figures: Mapping[str, Figure | Path],
    part: str = "test",
    folds: pd.DataFrame | None = None,
    calibration: Mapping[str, float] | None = None,
    recipe: str = "",
    environment: Mapping[str, Any] | None = None,
    timing: Mapping[str, float] | None = None,
) -> str:
    """Return the page of one run.

    Parameters
    ----------
    info
        ``run.json``: name, corpus, protocol, folds, seed, leaks and whatever else is known, such as ``notes`` on the
        corpus and the reason of each clip in ``left_out``.
    predictions
        The rows of `part` alone.
    metrics, intervals
        What `genrelab.evaluation.metrics.metrics` and `genrelab.evaluation.intervals.bootstrap` return.
    per_genre
        `genrelab.evaluation.metrics.per_genre`, joined with `genrelab.evaluation.intervals.bootstrap_genres`.
    figures
        By the names of `CAPTIONS`; those that are missing are left out. Figures, or paths of SVG or PNG files.
    part
        Which part was judged.
    folds
        A row a fold, columns as they shall be headed.
    calibration
        ``temperature, ece_after, unknown_below``, fitted on the validation part.
    recipe
        The recipe as YAML text.
    environment
        Versions and machine; nested dicts are laid flat.
    timing
        Seconds by what they were spent on.
    """
    accuracy = metrics["accuracy"]
    _, counts = np.unique(predictions.true, return_counts=True)
    return render(
        "run.html",
        info=info,
        part=part,
        headline=words.headline(accuracy, intervals["accuracy"], len(predictions), info),
        accuracy=accuracy,
        interval=intervals["accuracy"],
        protocol_words=words.protocol_words(str(info.get("protocol"))),
        tracks=predictions.n_tracks,
        chance=1 / len(predictions.genres),
        majority=counts.max() / counts.sum(),
        figures={name: embed(figure) for name, figure in figures.items()},
        captions=CAPTIONS,
        rows=[(LABELS[name], name, value, intervals.get(name)) for name, value in metrics.items()],
        genres=_genre_rows(per_genre, confusion(predictions), predictions.genres),
        pairs=confused_pairs(predictions),
        mistakes=_examples(predictions, predictions.predicted != predictions.true, MISTAKES),
        calibration_words=words.calibration_words(float(predictions.confidence.mean()), accuracy, metrics["ece"]),
        calibration=calibration,
        folds=None if folds is None else _table(folds),
        notes=list(info.get("notes") or ()),
        left_out=[f"{clip}: {reason}" for clip, reason in (info.get("left_out") or {}).items()],
        recipe=recipe,
        environment=_flat(environment or {}),
        timing=dict(timing or {}),
    )


def compare_page(ranking: Ranking, genres: pd.DataFrame, figures: Mapping[str, Figure | Path]) -> str:
    """Return the page that sets several runs side by side.

    Parameters
    ----------
    ranking
        What `genrelab.evaluation.comparison.compare_many` returns.
    genres
        F1 of each genre (rows) in each run (columns); NaN where there is none.
    figures
        By the names of `COMPARISON_CAPTIONS`; those that are missing are left out.
    """
    runs = ranking.table.to_dict("records")
    low = min(float(row["accuracy_low"]) if np.isfinite(row["accuracy_low"]) else row["accuracy"] for row in runs)
    return render(
        "compare.html",
        runs=[{**row, "interval": Interval(row["accuracy_low"], row["accuracy_high"])} for row in runs],
        f1_intervals=[Interval(row["macro_f1_low"], row["macro_f1_high"]) for row in runs],
        axis_from=max(0.0, np.floor(10 * low - 0.5) / 10),
        pairs=[
            (pair, p, words.difference_words(pair, p), pair.beyond_noise(p))
            for pair, p in zip(ranking.against_best, ranking.holm_p, strict=True)
        ],
        reach=max(
            [0.01, *(abs(end) for pair in ranking.against_best for end in pair.accuracy_interval if np.isfinite(end))]
        ),
        warnings=ranking.warnings,
        figures={name: embed(figure) for name, figure in figures.items()},
        captions=COMPARISON_CAPTIONS,
        genre_runs=[row["run"] for row in runs],
        genres=[(genre, [float(genres.loc[genre, row["run"]]) for row in runs]) for genre in genres.index],
    )


def confused_pairs(predictions: Predictions) -> list[dict[str, Any]]:
    """Return the commonest mistakes: ``true, predicted, clips, rate`` of the true genre, and surest ``examples``."""
    counts = confusion(predictions)
    support = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    found = []
    for cell in np.argsort(-counts, axis=None, kind="stable")[:PAIRS]:
        true, predicted = divmod(int(cell), len(predictions.genres))
        if counts[true, predicted] == 0:
            break
        chosen = (predictions.true == true) & (predictions.predicted == predicted)
        found.append(
            {
                "true": predictions.genres[true],
                "predicted": predictions.genres[predicted],
                "clips": int(counts[true, predicted]),
                "rate": float(counts[true, predicted] / support[true]),
                "examples": _examples(predictions, chosen, EXAMPLES),
            }
        )
    return found


def _examples(predictions: Predictions, chosen: Any, most: int) -> list[dict[str, Any]]:
    """Return those of the chosen clips that the model was surest of."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(-predictions.confidence[rows], kind="stable")[:most]]
    return [
        {
            "clip": str(predictions.table["clip"].iloc[row]),
            "artist": str(predictions.table["artist"].iloc[row] or ""),
            "true": predictions.genres[predictions.true[row]],
            "predicted": predictions.genres[predictions.predicted[row]],
            "probability": float(predictions.confidence[row]),
            "own": float(predictions.probabilities[row, predictions.true[row]]),
        }
        for row in rows
    ]


def _genre_rows(per_genre: pd.DataFrame, counts: Any, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Add to each genre's row its recall interval and what it is most often taken for."""
    rows = []
    for number, row in enumerate(per_genre.to_dict("records")):
        others = counts[number].copy()
        others[number] = 0
        mistaken = f"{names[int(others.argmax())]} ({int(others.max())})" if others.max() else ""
        interval = Interval(float(row.get("recall_low", np.nan)), float(row.get("recall_high", np.nan)))
        rows.append({**{str(key): value for key, value in row.items()}, "interval": interval, "mistaken": mistaken})
    return rows


def embed(figure: Figure | Path) -> str:
    """Return a figure as a data URI. Inside an <img> the ids of several SVGs cannot clash."""
    if isinstance(figure, Figure):
        kind, content = "svg+xml", svg_text(figure).encode()
    else:
        kind, content = ("png" if figure.suffix == ".png" else "svg+xml"), figure.read_bytes()
    return data_uri(f"image/{kind}", content)


def data_uri(kind: str, content: bytes) -> str:
    """Return what stands in a page for a file of a media type, such as ``image/png``."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Lay nested dicts flat: ``{"packages": {"torch": …}}`` becomes ``{"packages · torch": …}``."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key} \u00b7 ")
        else:
            flat[f"{prefix}{key}"] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat


def _table(table: pd.DataFrame) -> dict[str, Any]:
    return {"columns": [str(column) for column in table.columns], "rows": table.to_numpy(dtype=object).tolist()}


def render(template: str, **values: Any) -> str:
    """Return a page from a template of this package, with the house's style and filters."""
    # PackageLoader would look for the folder anew at every call; pages are few, so it may.
    environment = Environment(
        loader=PackageLoader("genrelab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": words.percent,
        "number": words.number,
        "points": words.points,
        "p_value": words.p_value,
        "span": words.span,
        "duration": words.duration,
        "known": _known,
    }
    environment.tests["known"] = _known
    style = (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(version=version("genrelab"), style=Markup(style), **values)  # noqa: S704 (our own file)


def _known(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))
