"""Train genrelab's own two networks and the default bundle on them. `make default-model` calls it.

Every step is kept in WORK and left as it is when the script is called again. With two cores, 30 hours of music and
these defaults it takes two hours. It needs the networks that ours descend from: `genrelab backbone fetch` musicnn and
yamnet.
"""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd
import torch

from genrelab.audio.store import ClipSource, SampleStore
from genrelab.audio.walk import sound_files
from genrelab.backbones.own import load_own, own_file, save_own, tag_names, write_graphs
from genrelab.backbones.teacher import load_original, load_teacher
from genrelab.cli.console import progress_bars
from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.errors import CorpusError, GenrelabError
from genrelab.extractors.backbone import LISTENER, OWN, SAMPLE_RATE, SMALL_YAMNET, WINDOW, YAMNET, backbone_file
from genrelab.files import atomic_path, write_json
from genrelab.frontends.bands import YamnetBands
from genrelab.networks.yamnet import SmallYamnet
from genrelab.studies.default_model import build
from genrelab.training.distill import Learner, distill, explained
from genrelab.training.lessons import CHUNK, make_lessons, read_lessons
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
    parser.add_argument("--lessons", type=int, default=53248, help="windows that a network learns from, at most")
    parser.add_argument("--coarse", action="store_true", help="a listener that looks in steps: faster, and worse")
    parser.add_argument("--jobs", type=int, default=2, help="processes that make lessons")
    arguments = parser.parse_args()
    for place in (arguments.music, *arguments.clips):
        if not place.exists():
            parser.error(f"{place}: there is no such file or folder")
    if not any(sound_files(arguments.music)):
        parser.error(f"{arguments.music}: holds no sound files")
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    table = work / f"{arguments.corpus}.csv"
    joined(arguments.clips).to_csv(table, index=False)
    load_corpus("table", path=str(table.absolute()))  # what is wrong with the clips is said now, not after hours
    for name in OWN:
        learned = work / f"{name}.safetensors"
        if not learned.is_file():
            learn(arguments, name, learned)
        with atomic_path(own_file(name)) as temporary:
            temporary.write_bytes(learned.read_bytes())
    write_graphs()
    run = work / "default"
    if not (run / "run.json").is_file():
        recipe = load_recipe("default", [f"corpus={json.dumps({'kind': 'table', 'path': str(table.absolute())})}"])
        with progress_bars() as progress:
            train_folds(recipe, run, None, Options(resume=run.exists()), progress)
    figures = build(run, by_source(arguments.music), not_music(work), BUNDLE, print)
    write_json(work / "default.json", figures)
    print(json.dumps(figures, indent=2))


LEARNING = {LISTENER: (53248, 1.0, 3e-4), SMALL_YAMNET: (26624, 1.0, 3e-5)}
"""Lessons, how often each is heard, and the highest learning rate."""


def learn(arguments: argparse.Namespace, name: str, path: Path) -> None:
    """Make lessons of the music and of what is no music, and let one of our networks learn from them."""
    network, tags = begin(name, arguments.coarse)
    count, epochs, lr = LEARNING[name]
    count = min(count, arguments.lessons)
    work: Path = arguments.work
    sources = {
        "music": [ClipSource(str(file), file, 0.0, SECONDS) for file in map(Path, sound_files(arguments.music))],
        "not-music": not_music(work).sources,
    }
    stores = []
    for source, clips in sources.items():
        stores.append(work / "stores" / source)
        SampleStore.build(stores[-1], clips, SAMPLE_RATE)
    with progress_bars() as progress:
        bar = progress.add_task("Lessons", total=-(-count // CHUNK))
        folder = work / "lessons" / name
        make_lessons(stores, folder, count, name, jobs=arguments.jobs, advance=lambda: progress.advance(bar))
    torch.manual_seed(0)
    heard, layers = read_lessons(folder)
    found = {"as it begins": explained(network, heard, layers)}
    found["as it learned"] = distill(network, heard, layers, epochs=epochs, lr=lr, say=print)
    with atomic_path(path) as temporary:
        save_own(name, network, tags, temporary)
        found["as it is kept"] = explained(load_own(name, temporary), heard, layers)
        write_json(work / f"{name}.json", found)


def begin(name: str, coarse: bool) -> tuple[Learner, list[str]]:
    """Return one of our networks as it begins, and the names of its tags."""
    before = {LISTENER: "MSD_musicnn", SMALL_YAMNET: YAMNET}[name]
    original = load_original(before)  # says what to fetch where it is not here
    tags = tag_names(name, backbone_file(before).with_suffix(".safetensors"))
    if name == LISTENER:
        return load_teacher(coarse), tags
    network = SmallYamnet(YamnetBands(SAMPLE_RATE).shape(WINDOW), len(tags))
    network.load_state_dict(original.state_dict())
    return network, tags


def not_music(work: Path) -> Corpus:
    """Return 600 sounds that are no music, synthesised if need be."""
    return load_corpus("not-music", root=str(work / "not-music"))


def joined(tables: list[Path]) -> pd.DataFrame:
    """Return several tables of clips as one: clips of one name are of one track, and stay on one side."""
    parts = []
    for path in tables:
        try:
            part = pd.read_csv(path, keep_default_na=False)
        except (OSError, ValueError) as error:
            raise CorpusError(f"{path}: the table cannot be read: {error}") from None
        if missing := {"clip", "path", "genre"} - set(part):
            raise CorpusError(f"{path}: the table lacks the column(s) {', '.join(sorted(missing))}")
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
    try:
        main()
    except GenrelabError as error:
        sys.exit(str(error))
