"""``genrelab explain embedding``: maps of where a network puts clips."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelab.cli.options import Stores

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import Progress

    from genrelab.corpora.corpus import Corpus
    from genrelab.explain.embedding import Embedded


def embedding(
    runs: Annotated[list[Path] | None, typer.Argument(help="Finished run folders.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write into.")] = Path("embedding"),
    fold: Annotated[int, typer.Option(min=0, help="The fold whose network and whose test clips are shown.")] = 0,
    train: Annotated[
        bool, typer.Option("--train", help="Show the clips that the network has learned from as well, marked.")
    ] = False,
    bundle: Annotated[str | None, typer.Option(help="Instead of runs: an .onnx file, or default, with --data.")] = None,
    data: Annotated[Path | None, typer.Option(help="The clips for --bundle: a folder or a table.")] = None,
    with_audio: Annotated[
        bool,
        typer.Option("--with-audio", help="Clips can be heard: up to 20 minutes are taken into the page, more linked."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the maps.")] = 0,
    stores: Stores = None,
) -> None:
    """Map a run's clips by t-SNE and UMAP, as figures and as a page one can search, filter and listen to.

    A clip's place comes from the network of one fold, which did not learn from the clips shown: those of its test and
    validation parts. Writes embedding.html, embedding.json, embedding.parquet and figures; what is there already for
    the same network and clips is not computed again. Several runs get a folder each.
    """
    from rich.console import Console

    from genrelab.cli.console import progress_bars
    from genrelab.errors import RunError
    from genrelab.files import require_folder

    if (bundle is None) != bool(runs) or (bundle is None) != (data is None):
        raise RunError("name one run or several, or give --bundle with --data")
    require_folder(output)
    console = Console(highlight=False)
    with progress_bars() as progress:
        if bundle is not None and data is not None:
            _of_bundle(bundle, data, output, seed, with_audio, progress)
            console.print(f"{output / 'embedding.html'} shows it.", soft_wrap=True, markup=False)
            return
        parts = ("test", "validation", *(("train",) if train else ()))
        for run, folder in _folders(runs or [], output).items():
            told = _of_run(run, folder, fold, parts, seed, with_audio, stores, progress)
            progress.console.print(f"{run}:", markup=False, soft_wrap=True)
            for line in told:
                console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
            console.print(f"  {folder / 'embedding.html'} shows it.", soft_wrap=True, markup=False)


def _folders(runs: list[Path], output: Path) -> dict[Path, Path]:
    """Return where each run's map goes: to `output`, or for several into folders in it."""
    from genrelab.errors import RunError

    if len({run.resolve() for run in runs}) < len(runs):
        raise RunError("a run is named twice; name different runs")
    if len(runs) == 1:
        return {runs[0]: output}
    names = [run.resolve().name for run in runs]
    folders = {}
    for run, name in zip(runs, names, strict=True):
        # Of runs/a/cnn and runs/b/cnn, each goes by both names.
        folders[run] = output / (name if names.count(name) == 1 else f"{run.resolve().parent.name}-{name}")
    return folders


def _of_run(
    run: Path,
    output: Path,
    fold: int,
    parts: tuple[str, ...],
    seed: int,
    with_audio: bool,
    stores: Path | None,
    progress: "Progress",
) -> list[str]:
    from genrelab.corpora import load_corpus
    from genrelab.explain.embedding import embed_run, run_key
    from genrelab.training.run import load_run_recipe

    def load() -> "Corpus":
        recipe = load_run_recipe(run)
        return load_corpus(recipe.corpus.kind, **recipe.corpus.options)

    key = run_key(run, fold, parts)
    return _map(output, key, seed, lambda: embed_run(run, fold, parts, stores, progress), load if with_audio else None)


def _of_bundle(bundle: str, data: Path, output: Path, seed: int, with_audio: bool, progress: "Progress") -> list[str]:
    from genrelab.bundles.classifier import Classifier
    from genrelab.cli.overrides import corpus_section
    from genrelab.corpora import load_corpus
    from genrelab.explain.embedding import bundle_key, embed_bundle

    classifier = Classifier(bundle)
    section = corpus_section(data)
    corpus = load_corpus(section.pop("kind"), **section)
    key = bundle_key(classifier.path, corpus)
    load = (lambda: corpus) if with_audio else None
    return _map(output, key, seed, lambda: embed_bundle(classifier, corpus, progress=progress), load)


def _map(
    output: Path, key: str, seed: int, embed: "Callable[[], Embedded]", load: "Callable[[], Corpus] | None"
) -> list[str]:
    """Make, or read, a map, and write what is to be seen of it; return it in words."""
    from genrelab.explain.maps import coordinates, merits, read_map, write_map
    from genrelab.files import write_json, write_text
    from genrelab.report.embedding import embedding_figure, embedding_page, merit_words
    from genrelab.report.save import save

    place = output / "embedding.parquet"
    made = read_map(place, f"{key} {seed}")
    if made is None:
        found = embed()
        places = coordinates(found.vectors, seed)
        # What the network learned from, or was chosen by, is no test of what it knows.
        judged = found.table["split"].isin(["test", "all"]).to_numpy()
        rows = found.table[judged].reset_index(drop=True)
        figures_of_merit = merits(found.vectors[judged], rows, places[judged], seed)
        info = found.info | {"key": f"{key} {seed}", "notes": found.notes, "merits": figures_of_merit}
        made = found.table.join(places), info
        write_map(*made, place)
    table, info = made
    sounds, unheard = ({}, []) if load is None else _sounds(load().clips, set(table["clip"]), output)
    figures = {f"by_{by}": embedding_figure(table, by) for by in ("genre", "artist")}
    for name, figure in figures.items():
        save(figure, output / "figures", name)
    notes = [*info["notes"], *unheard]
    page = embedding_page(info=info, table=table, merits=info["merits"], figures=figures, notes=notes, sounds=sounds)
    write_text(output / "embedding.html", page)
    lines = merit_words(info["merits"])
    kept: dict[str, Any] = {name: value for name, value in info.items() if name != "key"}
    # `seed` is the run's.
    asked = {"parts": sorted(table["split"].unique()), "map_seed": seed}
    write_json(output / "embedding.json", kept | asked | {"clips": len(table), "words": lines})
    return lines


def _sounds(clips: "pd.DataFrame", shown: set[str], output: Path) -> tuple[dict[str, str], list[str]]:
    """Return the sound of the clips shown, and a sentence where there is something to say about it."""
    from genrelab.report.confusions_page import clip_links
    from genrelab.report.sounds import EMBEDDED, taken_in, total_seconds

    clips = clips[clips["clip"].isin(shown)]
    links = clip_links(clips, output)
    if not links:
        return {}, ["The clips' sound is not at hand, so they cannot be heard from here."]
    clips = clips[clips["clip"].isin(list(links))]
    if total_seconds(clips) <= EMBEDDED:
        return dict(taken_in(clips)), []
    return links, ["The sound is linked, not taken in: it plays while page and sound files stay where they are."]
