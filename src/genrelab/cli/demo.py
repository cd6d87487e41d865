"""``genrelab demo``: the whole way once, on music that it makes itself."""

from pathlib import Path
from typing import Annotated

import typer

RECIPES = ("demo/cnn", "demo/rnn", "demo/crnn")
CLIPS = 200
NEW_CLIPS = 20  # by artists that training never heard; one a genre is classified


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where everything goes; made anew if it exists.")
    ] = Path("demo"),
    music: Annotated[Path | None, typer.Option(help="A folder of your own music to classify as well.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthesised music and of the training.")] = 0,
) -> None:
    """Synthesise music in ten genres, train three networks on it, compare and explain them, and classify sound files.

    Takes under three minutes on two cores and needs no network.
    """
    from genrelab.errors import RunError
    from genrelab.locks import reserved

    if music is not None and not music.exists():  # it comes last; nobody shall wait for that to be told
        raise RunError(f"{music}: no such folder of music")
    with reserved(output) as mine:
        if not mine:
            raise RunError(f"{output}: another demo is being made here; wait for it, or choose another --output")
        _demo(output, music, seed)


def _demo(output: Path, music: Path | None, seed: int) -> None:
    import json
    from functools import partial

    from rich.console import Console

    from genrelab.cli import explain
    from genrelab.cli.compare import compare
    from genrelab.cli.console import progress_bars
    from genrelab.cli.report import report
    from genrelab.corpora import load_corpus
    from genrelab.report.run import evaluate_run
    from genrelab.training import run
    from genrelab.training.publish import export_run
    from genrelab.training.recipe import load_recipe

    console = Console(highlight=False, markup=False)
    say = partial(console.print, soft_wrap=True)  # paths are to be copied
    _claim(output)
    console.rule("1. Music")
    corpus = load_corpus("toy", root=output / "toy", clips=CLIPS, seed=seed)
    new = load_corpus("toy", root=output / "new songs", clips=NEW_CLIPS, artists=2, seed=seed + 1)
    say(f"{len(corpus.clips)} clips in {len(corpus.genres)} genres: {output / 'toy'} (play them!)")

    console.rule("2. Training, and what was learned")
    runs = []
    with progress_bars() as progress:
        for name in RECIPES:
            root = json.dumps(str(output / "toy"))
            recipe = load_recipe(
                name, [f"corpus.root={root}", f"corpus.clips={CLIPS}", f"corpus.seed={seed}", f"seed={seed}"]
            )
            folder = output / "runs" / Path(name).stem
            progress.console.print(f"{name}: {recipe.about}")
            run.train(recipe, folder, run.Options(stores=output / "stores"), progress)
            runs.append(folder)
    best = max(runs, key=lambda folder: float(evaluate_run(folder)["metrics"]["accuracy"]["value"]))
    compare(runs, output / "report.html")

    console.rule("3. New songs, by artists that training never heard")
    bundle = output / "demo.onnx"
    export_run(best, bundle, name=f"demo ({best.name})")
    songs = [Path(path) for path in new.clips.drop_duplicates("genre")["path"]]
    say(f"with what was just trained, the {best.name} ({bundle}):")
    _classify(songs, bundle)
    say("with the bundle that comes with genrelab, which has learned other genres from other music:")
    _classify(songs, None)

    console.rule("4. Why? To see and to hear, and all of it as one report")
    explain.file(best, songs[0], output=output / "explanation")
    report(output, output / "study.html")
    if music is not None:
        console.rule(f"5. Your music: {music}")
        _classify([music], None)

    console.rule("Where everything lies")
    say(f"{output / 'report.html'}  the comparison, to be opened in a browser")
    for folder in runs:
        say(f"{folder / 'report.html'}  one run: confusions, curves, calibration, recipe")
    say(f"{output / 'explanation/index.html'}  what in one song speaks for its genre, to see and to hear")
    say(f"{output / 'study.html'}  everything above, as the report of a study")
    say(f"{bundle}  a classifier in one file: genrelab classify --bundle {bundle} SONG")


def _claim(output: Path) -> None:
    """Make the folder, or remove from it what an earlier demo made."""
    import shutil

    from genrelab.errors import RunError
    from genrelab.files import is_unused, write_text

    mark = output / "made by genrelab demo"
    if not mark.is_file() and not is_unused(output):
        raise RunError(f"{output}: is not empty and was not made by a demo; choose another --output")
    write_text(mark, "Delete this folder when you are done with it; `genrelab demo` makes it again.\n")
    for made in ("runs", "stores", "toy", "new songs", "explanation"):
        shutil.rmtree(output / made, ignore_errors=True)
    for made in ("report.html", "demo.onnx", "study.html"):  # or they would tell of runs that are gone
        (output / made).unlink(missing_ok=True)


def _classify(paths: list[Path], bundle: Path | None) -> None:
    """Call the verb, whose exit status for a damaged file shall not end the demo."""
    from contextlib import suppress

    from genrelab.cli.classify import classify

    with suppress(typer.Exit):
        classify([str(path) for path in paths], bundle=bundle, top=3)
