"""``genrelab corpus``: look at labelled music before learning from it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelab.cli.console import plain
from genrelab.cli.fetch import fetch

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column

    from genrelab.corpora.audit import Audit
    from genrelab.corpora.corpus import Corpus
    from genrelab.training.recipe import Recipe

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

Kind = Annotated[str, typer.Argument(help="A name from `genrelab corpus list`; or a recipe, whose corpus is taken.")]
Root = Annotated[
    Path | None,
    typer.Option(
        help="The folder of a gtzan, gtzan-pictures, fma, folder, toy or not-music corpus; the base of a table's paths."
    ),
]
Table = Annotated[Path | None, typer.Option("--path", help="The file of a table or gtzan-tables corpus.")]
Index = Annotated[Path | None, typer.Option(help="GTZANindex.txt, for the gtzan corpora.")]
More = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="Any other option of the corpus, e.g. clips=50."),
]


@app.command("list")
def list_kinds() -> None:
    """List the kinds of corpora and their options."""
    import inspect

    from rich.console import Console
    from rich.table import Table as Grid

    from genrelab.corpora import CORPORA

    grid = Grid("corpus", "what it is", "options")
    for kind, load in CORPORA.items():
        options = [
            name if option.default is inspect.Parameter.empty else f"[{name}={option.default}]"
            for name, option in inspect.signature(load).parameters.items()
            if name != "progress"
        ]
        grid.add_row(kind, (load.__doc__ or "").strip(), plain(" ".join(options)))
    Console().print(grid)


@app.command()
def describe(kind: Kind, root: Root = None, path: Table = None, index: Index = None, option: More = None) -> None:
    """Tell what a corpus holds: clips, tracks, artists and hours by genre, citation, licence."""
    from rich.console import Console
    from rich.table import Table as Grid

    corpus, _ = _load(kind, root, path, index, option)
    console = Console(highlight=False)
    by_genre = corpus.clips.groupby("genre")
    known = corpus.clips[corpus.clips["artist"] != ""].groupby("genre")
    grid = Grid("genre", *(_right(name) for name in ("clips", "tracks", "artists", "hours")), title=plain(corpus.name))
    artists = known["artist"].nunique().to_dict()
    for genre, clips in by_genre:
        grid.add_row(
            plain(genre),
            str(len(clips)),
            str(clips["track"].nunique()),
            str(artists.get(genre, 0)),
            _hours(clips["seconds"]),
        )
    grid.add_section()
    grid.add_row(
        "all",
        str(len(corpus)),
        str(corpus.clips["track"].nunique()),
        str(corpus.clips.loc[corpus.clips["artist"] != "", "artist"].nunique()),
        _hours(corpus.clips["seconds"]),
    )
    console.print(grid)
    for title, text in (("citation", corpus.citation), ("licence", corpus.licence), ("folder", corpus.root or "")):
        if text:
            console.print(f"{title}: {plain(text)}", soft_wrap=True)
    _print_notes(console, corpus)


@app.command()
def check(
    kind: Kind,
    root: Root = None,
    path: Table = None,
    index: Index = None,
    option: More = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="random, artist-folds, gtzan-filtered, gtzan-train-validation, fma-official or column. "
            "[default: the recipe's, or random]"
        ),
    ] = None,
    folds: Annotated[int | None, typer.Option(min=1, help="How many folds. [default: the recipe's, or 1]")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Which split. [default: the recipe's, or 0]")] = None,
    column: Annotated[str | None, typer.Option(help="The column of the parts, for the protocol column.")] = None,
    store: Annotated[
        Path | None, typer.Option(help="A sample store of this corpus, instead of decoding its files.")
    ] = None,
) -> None:
    """Audit a corpus under a protocol: shared tracks and artists, near-duplicate sound, unreadable files.

    The exit status is 1 where a split leaks or a file cannot be read.
    """
    from rich.console import Console

    from genrelab.audio.store import SampleStore
    from genrelab.corpora.audit import audit
    from genrelab.corpora.protocols import ARTIST_COLUMNS, make_splits, split_notes

    corpus, recipe = _load(kind, root, path, index, option)
    wanted: dict[str, Any] = recipe.protocol.model_dump() if recipe else {"name": "random"}
    wanted["seed"] = recipe.split_seed if recipe else 0
    given = {"name": protocol, "folds": folds, "seed": seed, "column": column}
    wanted |= {name: value for name, value in given.items() if value is not None}
    protocol = str(wanted.pop("name"))
    splits = make_splits(corpus, protocol, **wanted)
    found = audit(
        corpus,
        splits,
        SampleStore(store) if store else None,
        forbid_artists=protocol == "artist-folds",
        progress=True,
    )
    notes = split_notes(corpus, protocol, wanted.get("group_by", ARTIST_COLUMNS))
    corpus = replace(corpus, notes=(*corpus.notes, *notes))
    console = Console(highlight=False)
    _print_audit(console, corpus, found, f"{corpus.name}, {protocol}, {len(splits)} fold{'s'[: len(splits) > 1]}")
    if not found.ok or found.unreadable:
        raise typer.Exit(1)


@app.command()
def build(
    kind: Kind,
    store: Annotated[Path, typer.Option(help="The folder of the sample store.")],
    root: Root = None,
    path: Table = None,
    index: Index = None,
    option: More = None,
    sample_rate: Annotated[int, typer.Option(help="Hz to decode to.", min=1000)] = 22050,
    jobs: Annotated[int | None, typer.Option(help="Files decoded at once. [default: one a core]", min=1)] = None,
    max_seconds: Annotated[float, typer.Option(help="Longer clips are quarantined.", min=1)] = 600.0,
) -> None:
    """Decode a corpus into a sample store. Killed at any moment, the same command goes on.

    The exit status is 1 where files could not be used; quarantine.csv in the store tells which and why.
    """
    from rich.console import Console

    from genrelab.audio.store import SampleStore

    corpus, _ = _load(kind, root, path, index, option)
    built = SampleStore.build(store, corpus.sources, sample_rate, jobs=jobs, max_seconds=max_seconds)
    console = Console(highlight=False)
    hours = sum(built.samples(clip) for clip in built.clips) / sample_rate / 3600
    console.print(f"{len(built)} clips, {hours:.2f} h at {sample_rate} Hz in {plain(store)}", soft_wrap=True)
    _print_notes(console, corpus)
    if built.quarantine:
        _print_reasons(console, "in quarantine", built.quarantine)
        raise typer.Exit(1)


app.command()(fetch)


def _load(
    kind: str, root: Path | None, path: Path | None, index: Path | None, option: list[str] | None
) -> "tuple[Corpus, Recipe | None]":
    """Load a corpus by its kind, or that of a recipe; what the command line says goes before what the recipe says."""
    import yaml

    from genrelab.corpora import CORPORA, load_corpus
    from genrelab.errors import CorpusError

    recipe: Recipe | None = None
    options: dict[str, Any] = {}
    if kind not in CORPORA:
        recipe = _recipe(kind)
        kind, options = recipe.corpus.kind, recipe.corpus.options
    for name, value in (("root", root), ("path", path), ("index", index)):
        if value is not None:
            options[name] = value
    for pair in option or []:
        key, equals, text = pair.partition("=")
        if not equals:
            raise CorpusError(f"--option {pair}: it should be KEY=VALUE")
        try:
            options[key] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise CorpusError(f"--option {pair}: the value is not YAML; quote it") from None
    return load_corpus(kind, **options), recipe


def _recipe(name: str) -> "Recipe":
    """Read a recipe by its file, its name or the last part of that, as ``train`` does."""
    from genrelab.corpora import CORPORA
    from genrelab.errors import CorpusError
    from genrelab.training.recipe import load_recipe, recipe_names  # brings torch: only where no corpus is named

    names = {known for full in recipe_names() for known in (full, full.rpartition("/")[2])}
    if not (name in names or Path(name).suffix in {".yaml", ".yml"} or "/" in name or Path(name).is_file()):
        raise CorpusError(
            f"there is no corpus {name!r}; choose one of {', '.join(CORPORA)}, or name a recipe: "
            "FILE.yaml or one of `genrelab info`"
        )
    return load_recipe(name)


def _print_audit(console: "Console", corpus: "Corpus", found: "Audit", title: str) -> None:
    from rich.table import Column
    from rich.table import Table as Grid

    grid = Grid("genre", *(_right(name) for name in found.class_counts.columns), title=plain(title))
    for genre, row in found.class_counts.iterrows():
        grid.add_row(plain(genre), *(str(count) for count in row))
    console.print(grid)
    _print_notes(console, corpus)
    duplicates = found.near_duplicates
    if len(duplicates):
        # Whole names, at whatever width: they are what is to be mended. Those that leak come first.
        clip, other, parts = (Column(name, overflow="fold") for name in ("clip", "sounds like", "parts"))
        pairs = Grid(clip, other, _right("equal bits"), _right("offset s"), "same track", parts)
        shown = duplicates.sort_values("parts", key=lambda parts: parts == "", kind="stable").head(30)
        for pair in shown.to_dict("records"):
            pairs.add_row(
                plain(pair["clip_a"]),
                plain(pair["clip_b"]),
                f"{pair['similarity']:.2f}",
                f"{pair['offset']:.2f}",
                "yes" if pair["same_track"] else "no",
                pair["parts"] or "-",
            )
        console.print(pairs)
        if len(duplicates) > 30:
            console.print(f"and {len(duplicates) - 30} more pairs")
    _print_reasons(console, "unreadable", found.unreadable)
    artists = found.shared_artists["artist"].nunique()
    if artists and not any("artist" in leak for leak in found.leaks):
        plural = "artist lies" if artists == 1 else "artists lie"
        console.print(
            f"{artists} {plural} in more than one part, which this protocol allows: its figures are too good."
        )
    for leak in found.leaks:
        console.print(f"[red]leak:[/] {plain(leak)}", soft_wrap=True)
    if found.ok:
        console.print("[green]no leaks[/]")


def _print_reasons(console: "Console", what: str, reasons: dict[str, str]) -> None:
    for clip, reason in list(reasons.items())[:30]:
        console.print(f"[yellow]{what}:[/] {plain(clip)}: {plain(reason)}", soft_wrap=True)
    if len(reasons) > 30:
        console.print(f"and {len(reasons) - 30} more {what}")


def _print_notes(console: "Console", corpus: "Corpus") -> None:
    for note in corpus.notes:
        console.print(f"[yellow]note:[/] {plain(note)}", soft_wrap=True)


def _right(name: str) -> "Column":
    from rich.table import Column

    return Column(name, justify="right")


def _hours(seconds: Any) -> str:
    return f"{seconds.sum() / 3600:.2f}" if seconds.notna().all() else "?"
