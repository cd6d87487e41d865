"""Train genrelab's listener, the default bundle and the bundle `large`. `make default-model` calls it.

Every step is kept in WORK and left as it is when the script is called again. With two cores, 30 hours of music and
these defaults it takes an hour.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
import torch

from genrelab.audio.store import ClipSource, SampleStore
from genrelab.audio.walk import sound_files
from genrelab.backbones.answers import large_file
from genrelab.backbones.listener import listener_file, load_listener, save_listener, tag_names, write_graph
from genrelab.backbones.teacher import load_teacher
from genrelab.cli.console import progress_bars
from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.extractors.backbone import SAMPLE_RATE, YAMNET, backbone_file
from genrelab.files import atomic_path, write_json
from genrelab.studies.default_model import build
from genrelab.training.distill import distill
from genrelab.training.lessons import make_lessons, read_lessons
from genrelab.training.recipe import load_recipe
from genrelab.training.run import Options, train_folds

BUNDLE = Path(__file__).parents[1] / "src" / "genrelab" / "bundles" / "default.onnx"
SECONDS = 420.0  # of a recording that are listened to at most
NO_MUSIC = ("sounds", "sfx", "ambien", "speech", "voice", "tilesets")  # in names of what lies beside music in games


def main() -> None:
    """Do what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True, help="folder of any music, a folder a source; no labels")
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="tables: path, genre, artist, clip …")
    parser.add_argument("--corpus", default="labelled", help="what the tables are called in the bundle")
    parser.add_argument("--work", type=Path, default=Path("default-model"), help="where all steps are kept")
    parser.add_argument("--lessons", type=int, default=53248, help="windows that the listener learns from")
    parser.add_argument("--epochs", type=float, default=1, help="how often it hears each")
    parser.add_argument("--lr", type=float, default=3e-4, help="its highest learning rate")
    parser.add_argument("--coarse", action="store_true", help="a listener that looks in steps: faster, and worse")
    parser.add_argument("--jobs", type=int, default=2, help="processes that make lessons")
    arguments = parser.parse_args()
    for place in (arguments.music, *arguments.clips):
        if not place.exists():
            parser.error(f"{place}: there is no such file or folder")
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    listener = work / "listener.safetensors"
    if not listener.is_file():
        learn(arguments, listener)
    with atomic_path(listener_file()) as temporary:
        temporary.write_bytes(listener.read_bytes())
    write_graph(load_listener(), tag_names())
    table = work / f"{arguments.corpus}.csv"
    joined(arguments.clips).to_csv(table, index=False)
    bundles = {"default": BUNDLE}
    if backbone_file(YAMNET).is_file():
        bundles["large"] = large_file()
    else:
        print("YAMNet is not on this machine (`genrelab backbone fetch yamnet`): the bundle `large` stays as it is")
    for name, bundle in bundles.items():
        run = work / name
        if not (run / "run.json").is_file():
            recipe = load_recipe(name, [f"corpus={json.dumps({'kind': 'table', 'path': str(table.absolute())})}"])
            with progress_bars() as progress:
                train_folds(recipe, run, None, Options(resume=run.exists()), progress)
        figures = build(run, by_source(arguments.music), not_music(work), bundle, print)
        write_json(work / f"{name}.json", figures)
        print(json.dumps(figures, indent=2))


def learn(arguments: argparse.Namespace, path: Path) -> None:
    """Make lessons of the music and of what is no music, and let a listener learn from them."""
    work: Path = arguments.work
    sources = {
        "music": [ClipSource(str(file), file, 0.0, SECONDS) for file in map(Path, sound_files(arguments.music))],
        "not-music": not_music(work).sources,
    }
    stores = []
    for name, clips in sources.items():
        stores.append(work / "stores" / name)
        SampleStore.build(stores[-1], clips, SAMPLE_RATE)
    with progress_bars() as progress:
        bar = progress.add_task("Lessons", total=-(-arguments.lessons // 512))
        make_lessons(
            stores, work / "lessons", arguments.lessons, jobs=arguments.jobs, advance=lambda: progress.advance(bar)
        )
    listener = load_teacher(coarse=arguments.coarse)
    torch.manual_seed(0)
    heard, layers = read_lessons(work / "lessons")
    explained = distill(listener, heard, layers, epochs=arguments.epochs, lr=arguments.lr, say=print)
    write_json(work / "explained.json", explained)
    save_listener(listener, tag_names(backbone_file("MSD_musicnn").with_suffix(".safetensors")), path)


def not_music(work: Path) -> Corpus:
    """Return 600 sounds that are no music, synthesised if need be."""
    return load_corpus("not-music", root=str(work / "not-music"))


def joined(tables: list[Path]) -> pd.DataFrame:
    """Return several tables of clips as one: clips of one name are of one track, and stay on one side."""
    parts = []
    for path in tables:
        part = pd.read_csv(path, keep_default_na=False)
        part["track"] = part["clip"]
        part["clip"] = [f"{path.parent.name}/{clip}" for clip in part["clip"]]
        part["path"] = [str((path.parent / place).absolute()) for place in part["path"]]
        parts.append(part[[name for name in COLUMNS if name in part]])
    return pd.concat(parts, ignore_index=True)


COLUMNS = ("clip", "path", "genre", "track", "artist", "artist_id")


def by_source(folder: Path) -> dict[str, list[Path]]:
    """Return the files of music by the folder that they lie in, without what games keep beside their music."""
    found: dict[str, list[Path]] = {}
    for file in map(Path, sound_files(folder)):
        inside = file.relative_to(folder)
        if not any(word in str(inside).lower() for word in NO_MUSIC):
            found.setdefault(inside.parts[0], []).append(file)
    return found


if __name__ == "__main__":
    main()
