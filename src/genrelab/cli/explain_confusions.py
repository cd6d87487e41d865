"""``genrelab explain confusions``: which genres blend into which, how surely, and what to listen to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelab.cli.console import plain
from genrelab.cli.options import Part

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from genrelab.evaluation.blends import Blend
    from genrelab.evaluation.predictions import Predictions


def confusions(
    run: Annotated[Path, typer.Argument(help="A finished run folder, or that of an ensemble.")],
    part: Part = "test",
    pair: Annotated[str | None, typer.Option(metavar="GENRE,GENRE", help="Look at two genres alone.")] = None,
    as_blend: Annotated[
        str | None,
        typer.Option(
            metavar="GENRE|FILE",
            help="Show this genre, or what `genrelab classify --format csv` (json, jsonl) wrote of any music, as a "
            "blend of the genres that the run knows; --pair then names two to place it between.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[default: RUN/confusions]")] = None,
) -> None:
    """Tell which genres of a run blend into which, and list the clips and artists to listen to.

    Writes confusions.html, confusions.json, tables (CSV) and figures. Needs the run's predictions alone; where its
    sound still lies where it was, clips can be played from the page.
    """
    from rich.console import Console

    from genrelab.evaluation import confusions as found
    from genrelab.evaluation.intervals import bootstrap
    from genrelab.evaluation.metrics import metrics
    from genrelab.evaluation.run_folder import NEEDED, read_run
    from genrelab.files import require_folder, write_csv, write_json, write_text
    from genrelab.report.confusions_page import blend_words, clip_links, confusions_page
    from genrelab.report.run import without_nan
    from genrelab.report.save import save

    read = read_run(run)
    predictions = found.one_row_a_clip(read.predictions.part(part))
    chosen = found.pair_of(pair, predictions.genres) if pair else None
    blend = None if as_blend is None else _blend(as_blend, predictions)
    output = output or run / "confusions"
    require_folder(output)
    tables = _tables(predictions, chosen, blend)
    figures = _figures(predictions, tables["pairs"], chosen, blend)
    for name, figure in figures.items():
        save(figure, output / "figures", name)
    for name, table in tables.items():
        write_csv(output / f"{name}.csv", table)
    clips, unlinked = _corpus_clips(run)
    words = [] if blend is None else blend_words(blend, tables["blend"], chosen)
    accuracy = metrics(predictions)["accuracy"]
    page = confusions_page(
        info=read.info,
        part=part,
        clips=len(predictions),
        accuracy=accuracy,
        interval=bootstrap(predictions)["accuracy"],
        figures=figures,
        pairs=tables["pairs"],
        mistaken=tables["mistaken"],
        between=tables["between"],
        artists=tables["artists"],
        links=clip_links(clips, output),
        unlinked=unlinked,
        pair=chosen,
        blend=blend,
        shares=tables.get("blend"),
    )
    write_text(output / "confusions.html", page)
    result: dict[str, Any] = {key: read.info[key] for key in (*NEEDED, "leaks")} | {
        "run": run.resolve().name,
        "part": part,
        "pair": chosen,
        "as_blend": as_blend,
        "genres": predictions.genres,
        "clips": len(predictions),
        "accuracy": accuracy,
        "mean_probabilities": found.soft_confusion(predictions).tolist(),
        **{name: table.to_dict("records") for name, table in tables.items()},
        "words": words,
        "artist_questions": tables["artists"].attrs.get("questions"),
    }
    write_json(output / "confusions.json", without_nan(result))
    console = Console(highlight=False)
    _print(console, tables["pairs"], words)
    console.print(f"{output / 'confusions.html'} shows it all.", soft_wrap=True, markup=False)


def _blend(named: str, predictions: "Predictions") -> "Blend":
    from genrelab.errors import RunError
    from genrelab.evaluation.blends import of_genre, read_classified

    if named in predictions.genres:
        if len(predictions.genres) < 3:
            raise RunError(
                f"--as-blend {named}: lies between two other genres, and this run knows one other; look at the "
                "two with --pair, or at a file of predictions"
            )
        return of_genre(predictions, named)
    if not Path(named).is_file():
        raise RunError(
            f"--as-blend {named}: neither a genre of this run ({', '.join(predictions.genres)}) nor a file of "
            "predictions that `genrelab classify --format csv` wrote"
        )
    return read_classified(Path(named), predictions.genres)


def _tables(
    predictions: "Predictions", pair: tuple[str, str] | None, blend: "Blend | None"
) -> "dict[str, pd.DataFrame]":
    from genrelab.evaluation import confusions as found
    from genrelab.evaluation.blends import shares

    tables = {
        "pairs": found.confused(predictions),
        "mistaken": found.mistaken(predictions),
        "between": found.between(predictions),
        "artists": found.by_artist(predictions),
    }
    if blend is not None:
        return tables | {"blend": shares(blend)}
    if pair is not None:
        columns = {"pairs": ("true", "called"), "between": ("first", "second")}
        for name, table in tables.items():
            first, second = columns.get(name, ("genre", "called"))
            inside = table[first].isin(pair) & table[second].isin(pair)
            tables[name] = table[inside].reset_index(drop=True)  # keeps attrs: how many questions there were
    return tables


def _figures(
    predictions: "Predictions", pairs: "pd.DataFrame", pair: tuple[str, str] | None, blend: "Blend | None"
) -> "dict[str, Figure]":
    from genrelab.evaluation.blends import corners, of_genre
    from genrelab.evaluation.confusions import overlap, soft_confusion
    from genrelab.report import confusions as draw

    soft = soft_confusion(predictions)
    figures = {
        "soft": draw.soft_confusion_figure(soft, predictions.genres),
        "overlap": draw.overlap_figure(overlap(soft), predictions.genres),
    }
    if (pairs["clips"] > 0).any():
        figures["pairs"] = draw.pairs_figure(pairs)
    if pair is None and blend is not None:
        pair = corners(blend)
    if pair is not None:
        columns = [predictions.genres.index(genre) for genre in pair]
        present = set(predictions.table["genre"])
        clips = {g: of_genre(predictions, g).probabilities[:, columns] for g in pair if g in present}
        if blend is not None:
            clips.pop(blend.name, None)  # else the genre would lie beneath itself
            clips[blend.name] = blend.probabilities[:, columns]
        own = blend is not None and blend.own is not None and blend.own not in pair
        rest = f"{blend.own} and the others" if blend is not None and own else "all other genres"
        figures["triangle"] = draw.ternary_figure(clips, pair, rest, stands_out=blend is not None)
    if blend is not None:
        figures["blend_bars"] = draw.blend_bars_figure(blend)
        unit = "artist" if blend.own is not None else "folder"
        figures["blend_artists"] = draw.blend_artists_figure(blend, unit=unit)
    return figures


def _corpus_clips(run: Path) -> "tuple[pd.DataFrame | None, str]":
    """Return the table of the corpus that the run learned from, or a sentence that says why it is not at hand."""
    import yaml

    from genrelab.corpora import load_corpus
    from genrelab.errors import GenrelabError

    folder = run
    try:
        tree = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
        if "ensemble" in tree:  # whose members all know the same clips
            folder = Path(tree["ensemble"]["members"][0])
            tree = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
        options = dict(tree["corpus"])
        corpus = load_corpus(options.pop("kind"), **{key: value for key, value in options.items() if value is not None})
    except (GenrelabError, OSError, KeyError, TypeError, yaml.YAMLError) as error:
        return None, f"Clips cannot be played from here: the corpus is not at hand ({error})."
    if corpus.holds != "sound":
        return None, f"Clips cannot be played from here: {corpus.name} holds {corpus.holds}, no sound."
    return corpus.clips, ""


def _print(console: Any, pairs: "pd.DataFrame", words: list[str]) -> None:
    from rich.table import Table

    from genrelab.evaluation.intervals import Interval
    from genrelab.report.words import span

    drawn = Table(box=None, pad_edge=False)
    for column in ("clips of", "called"):
        drawn.add_column(column)
    for column in ("clips", "rate (95 %)", "mean probability (95 %)"):
        drawn.add_column(column, justify="right")
    for row in pairs[pairs["clips"] > 0].head(8).to_dict("records"):
        rate, mean = (
            f"{row[name]:.0%} ({span(Interval(row[f'{name}_low'], row[f'{name}_high']))})" for name in ("rate", "mean")
        )
        drawn.add_row(plain(row["true"]), plain(row["called"]), f"{row['clips']} of {row['of']}", rate, mean)
    console.print(drawn)
    for sentence in words:
        console.print(sentence, markup=False, soft_wrap=True)
