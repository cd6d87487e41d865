"""A run folder to its metrics, figures and page; several to a comparison (`genrelab evaluate`, `compare`)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from genrelab.errors import RunError
from genrelab.evaluation.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
    unknown_threshold,
)
from genrelab.evaluation.comparison import Ranking, compare_many
from genrelab.evaluation.differences import confusion_difference
from genrelab.evaluation.intervals import bootstrap, bootstrap_genres
from genrelab.evaluation.metrics import confusion, metrics, per_genre
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import NEEDED, read_run
from genrelab.files import write_json, write_text
from genrelab.report.bars import MOST_RUNS as BARS_RUNS
from genrelab.report.bars import genre_bars_figure
from genrelab.report.confusion import confusion_figure
from genrelab.report.curves import MOST_RUNS as TRAINING_RUNS
from genrelab.report.curves import (
    precision_recall_figure,
    reliability_figure,
    roc_figure,
    runs_training_figure,
    training_figure,
)
from genrelab.report.difference import difference_figure
from genrelab.report.page import compare_page, run_page
from genrelab.report.radar import METRICS, radar_figure
from genrelab.report.radar import MOST_RUNS as WHEEL_RUNS
from genrelab.report.save import save


def evaluate_run(folder: str | Path, part: str = "test") -> dict[str, Any]:
    """Judge a finished run: write ``metrics.json``, ``figures/`` and ``report.html`` into its folder.

    Of another part than test, the files carry its name (``metrics-validation.json`` and so on).

    Returns
    -------
    dict
        What stands in ``metrics.json``: ``name, corpus, protocol, folds, seed, leaks, part, clips, tracks, genres``,
        ``metrics`` (each ``{"value", "low", "high"}``, null where undefined), ``calibration``, ``per_genre`` and
        ``confusion``.

    Raises
    ------
    RunError
        A file is missing or damaged, or there is no such part.
    """
    run = read_run(Path(folder))
    predictions = run.predictions.part(part)
    suffix = "" if part == "test" else f"-{part}"
    genres = per_genre(predictions).merge(bootstrap_genres(predictions), on="genre")
    drawn = draw(predictions, run.history, genres)
    # The page takes in the files: drawing a figure a second time would cost more than all the rest.
    figures = {name: save(figure, run.folder / f"figures{suffix}", name)[1] for name, figure in drawn.items()}
    values, intervals = metrics(predictions), bootstrap(predictions)
    calibration = _calibration(run.predictions, predictions)
    page = run_page(
        info=run.info,
        predictions=predictions,
        metrics=values,
        intervals=intervals,
        per_genre=genres,
        figures=figures,
        part=part,
        folds=_folds(predictions, run.history),
        calibration=calibration,
        recipe=run.recipe,
        environment=run.environment,
        timing=_shares(run.timing),
    )
    write_text(run.folder / f"report{suffix}.html", page)
    leaks = list(run.info.get("leaks") or [])
    result: dict[str, Any] = {key: run.info[key] for key in NEEDED} | {"leaks": leaks, "part": part}
    result |= {"clips": len(predictions), "tracks": predictions.n_tracks, "genres": predictions.genres}
    result["metrics"] = {
        name: {"value": value} | (intervals[name]._asdict() if name in intervals else {"low": None, "high": None})
        for name, value in values.items()
    }
    result |= {"calibration": calibration, "per_genre": genres.to_dict("records")}
    result["confusion"] = confusion(predictions).tolist()
    result = without_nan(result)
    write_json(run.folder / f"metrics{suffix}.json", result)
    return result


def compare_runs(folders: Sequence[str | Path], output: Path | None = None) -> Ranking:
    """Rank finished runs and compare the best with each other one; write the page to `output` if given.

    Raises
    ------
    RunError
        Fewer than two runs, one run named twice, a missing file, or runs that cannot be compared.
    """
    runs: dict[str, Predictions] = {}
    histories: dict[str, pd.DataFrame | None] = {}
    resolved = [Path(folder).resolve() for folder in folders]
    for folder, path in zip(folders, resolved, strict=True):
        if resolved.count(path) > 1:
            raise RunError(f"{folder}: named twice; compare different runs")
    for folder, name in zip(folders, _told_apart(resolved), strict=True):
        run = read_run(Path(folder))
        runs[name], histories[name] = run.predictions.part("test"), run.history
    ranking = compare_many(runs)
    if output is not None:
        order = [str(name) for name in ranking.table["run"]]
        genres = {name: per_genre(run).assign(run=name) for name, run in runs.items()}
        f1 = pd.DataFrame({name: table.set_index("genre")["f1"] for name, table in genres.items()})
        figures = draw_comparison({name: runs[name] for name in order}, histories, genres)
        write_text(output, compare_page(ranking, f1, figures))
    return ranking


def _told_apart(paths: Sequence[Path]) -> list[str]:
    """Return as much of the end of each path as no other ends in: of runs/a/cnn and runs/b/cnn, a/cnn and b/cnn."""
    names = []
    for path in paths:
        ends = (path.parts[-count:] for count in range(1, len(path.parts) + 1))
        end = next(end for end in ends if sum(other.parts[-len(end) :] == end for other in paths) == 1)
        names.append(str(Path(*end)))
    return names


def draw_comparison(
    runs: Mapping[str, Predictions], histories: Mapping[str, pd.DataFrame | None], genres: Mapping[str, pd.DataFrame]
) -> dict[str, Figure]:
    """Return the figures that set runs side by side, by name; of many runs, as many of the best as are readable.

    Parameters
    ----------
    runs
        One part's predictions by the run's name, best first.
    histories
        As `training_figure` takes them; None where nothing was learned.
    genres
        What `per_genre` returns, with a column ``run``.
    """
    best = list(runs)
    wheel = pd.DataFrame({name: metrics(runs[name]) for name in best[:WHEEL_RUNS]}).T[list(METRICS)]
    bars = [genres[name].merge(bootstrap_genres(runs[name]), on="genre") for name in best[:BARS_RUNS]]
    figures = {
        "radar": radar_figure(wheel),
        "genres": genre_bars_figure(pd.concat(bars)),
        "difference": difference_figure(confusion_difference(runs[best[0]], runs[best[1]]), (best[0], best[1])),
    }
    learned = {name: history for name in best if (history := histories[name]) is not None and not history.empty}
    if learned:
        figures["training"] = runs_training_figure(dict(list(learned.items())[:TRAINING_RUNS]))
    return figures


def draw(predictions: Predictions, history: pd.DataFrame | None, genres: pd.DataFrame) -> dict[str, Figure]:
    """Return the figures of one part, by name; `genres` is as `genre_bars_figure` takes it."""
    table = reliability(predictions)
    figures = {
        "genres": genre_bars_figure(genres),
        "confusion": confusion_figure(confusion(predictions), predictions.genres),
        "roc": roc_figure(predictions),
        "precision_recall": precision_recall_figure(predictions),
        "reliability": reliability_figure(table, expected_calibration_error(table)),
    }
    if history is not None and not history.empty:
        figures["training"] = training_figure(history)
    return figures


def _calibration(everything: Predictions, part: Predictions) -> dict[str, float] | None:
    """Fit on validation, look at `part`; None where there is no validation part."""
    if "validation" not in set(everything.table["split"]):
        return None
    validation = everything.part("validation")
    temperature = fit_temperature(validation)
    return {
        "temperature": temperature,
        "ece_after": expected_calibration_error(reliability(apply_temperature(part, temperature))),
        "unknown_below": unknown_threshold(apply_temperature(validation, temperature)),
    }


def _folds(predictions: Predictions, history: pd.DataFrame | None) -> pd.DataFrame:
    """Tell of each fold how many clips it judged, how many of them rightly, and how long it learned."""
    table = pd.DataFrame({"fold": predictions.table["fold"], "right": predictions.predicted == predictions.true})
    by_fold = table.groupby("fold")["right"].agg(["size", "mean"])
    rows = []
    for fold, clips, accuracy in by_fold.itertuples():
        row = {"fold": int(fold), "clips": int(clips), "accuracy": f"{100 * accuracy:.1f} %"}
        if history is not None and (own := history[history["fold"] == fold]).size:
            row["epochs"] = len(own)
            if own["validation_accuracy"].notna().any():
                best = own.loc[own["validation_accuracy"].idxmax()]
                row["best validation accuracy"] = f"{100 * best['validation_accuracy']:.1f} %"
                row["in epoch"] = int(best["epoch"])
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _shares(timing: pd.DataFrame | None) -> dict[str, float]:
    """Return the share of all seconds by what they were spent on, in falling order."""
    if timing is None:
        return {}
    seconds = timing.drop(columns=["epoch", "fold"], errors="ignore").select_dtypes("number").sum()
    if not seconds.sum() > 0:
        return {}
    return {str(name): float(share) for name, share in (seconds / seconds.sum()).sort_values(ascending=False).items()}


def without_nan(value: Any) -> Any:
    """Return `value` with null for what is no number, since JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
