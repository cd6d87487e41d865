"""Folders of synthesised clips: whose they are, what is there already, and what is still to be made."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import soundfile
from rich.console import Console
from rich.progress import track as progress_bar

from genrelab.audio.encoding import encoded
from genrelab.audio.processors import processors
from genrelab.corpora.toy_sounds import Sound
from genrelab.errors import CorpusError
from genrelab.files import atomic_path, is_unused, write_csv, write_json

Row = dict[str, object]


def claim(root: Path, name: str, what: str, settings: dict[str, int]) -> None:
    """Note whose folder this is before anything is written to it, and refuse one that is somebody else's.

    Parameters
    ----------
    root
        The folder.
    name, what
        The kind of corpus, and what its clips are called in a sentence.
    settings
        All that the clips depend on; they stand in ``<name>.json``.

    Raises
    ------
    CorpusError
        The folder holds something else, or clips made with other settings.
    """
    note = root / f"{name}.json"
    if note.is_file():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except ValueError:
            raise CorpusError(f"{note}: it is not JSON; delete the folder {root} and synthesise it again") from None
        if found != settings:
            differing = [key for key in settings if not isinstance(found, dict) or found.get(key) != settings[key]]
            how = ", ".join(f"{key} {settings[key]}" for key in differing) or "other settings"
            raise CorpusError(
                f"{root}: it holds {what} made otherwise than asked for ({how}); take another folder, or delete it"
            )
    elif not is_unused(root):
        raise CorpusError(f"{root}: it is there and is no {name} corpus; choose a folder that is new or empty")
    else:
        write_json(note, settings)


def read_table(path: Path) -> pd.DataFrame:
    """Return the table of the clips that are there; it is empty before there are any."""
    if not path.is_file():
        return pd.DataFrame({"clip": [], "path": []})
    return pd.read_csv(path, dtype={"clip": str, "path": str, "artist": str}, keep_default_na=False)


def write_clip(path: Path, sample_rate: int, render: Callable[[], Sound]) -> float:
    """Write the sound file of a clip, unless it is there already; return its seconds."""
    if path.is_file():
        return float(soundfile.info(path).duration)
    samples = render()
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded(samples, sample_rate, path.suffix[1:].upper()))
    return len(samples) / sample_rate


def synthesise(root: Path, make: Callable[[int], Row], numbers: Sequence[int], progress: bool) -> pd.DataFrame:
    """Make clips by their numbers, several at a time, and write the table ``clips.csv`` when all are there."""
    with ThreadPoolExecutor(max_workers=min(8, processors())) as pool:
        made: Iterable[Row] = pool.map(make, numbers)
        if progress:
            console = Console(stderr=True)
            made = progress_bar(made, description="Synthesising", total=len(numbers), transient=True, console=console)
        table = pd.DataFrame(made)
    write_csv(root / "clips.csv", table)
    return table
