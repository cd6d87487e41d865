"""Examples of a fixed size, made once and kept: what front ends with an extractor learn from.

An example store reads like a `genrelab.audio.store.SampleStore`: a clip with three examples of a thousand values has
three thousand "samples", and a window is one example. It is made part by part, so that a build that was killed goes on
where it stopped; its folder is named after the content it was made from.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from genrelab.audio.processors import processors
from genrelab.audio.store import SampleStore
from genrelab.audio.windows import clip_starts, cut
from genrelab.augment import WaveformAugmentation
from genrelab.bundles.parallel import in_order
from genrelab.corpora.corpus import Corpus
from genrelab.corpora.pictures import read_picture
from genrelab.errors import AudioError, CorpusError, RecipeError
from genrelab.extractors import Extractor
from genrelab.files import atomic_path, content_hash, remove_leftovers, write_json
from genrelab.locks import claimed

_PART = 64  # clips in a file: what is lost, at most, when a build is killed
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError)  # what reading a file says that is missing or not whole


@dataclass(frozen=True)
class ExampleSource:
    """Where a clip's examples come from.

    Parameters
    ----------
    clip
        Its name.
    key
        Changes with all that the examples depend on, beside the extractor.
    make
        Returns them, (n, size); raises AudioError where that cannot be.
    """

    clip: str
    key: str
    make: Callable[[], NDArray[np.float32]]


class ExampleStore:
    """The examples of a corpus, opened for reading.

    Parameters
    ----------
    folder
        A folder that `ExampleStore.build` has finished.

    Attributes
    ----------
    folder
        Where it lies.
    size
        Values of one example.
    quarantine
        The clips without examples, each with its reason.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
        self.size: int = index["size"]
        self.quarantine: dict[str, str] = index["quarantine"]
        self._rows: dict[str, tuple[int, int, int]] = {clip: tuple(row) for clip, row in index["clips"].items()}
        # Plain arrays over the maps: slices of np.memmap cost more, and training takes thousands an epoch.
        paths = [folder / f"part-{part:05d}.npy" for part in range(index["parts"])]
        self._parts = [np.asarray(np.load(path, mmap_mode="r")) for path in paths]

    @classmethod
    def build(
        cls,
        folder: Path,
        sources: Sequence[ExampleSource],
        extractor: Extractor,
        made_by: str,
        jobs: int | None = None,
        progress: Progress | None = None,
    ) -> "ExampleStore":
        """Make the examples that are not there yet, or are damaged, and open the store.

        Parameters
        ----------
        folder
            Where stores of this corpus and extractor lie; the store is a folder in it, named after `sources` and
            `made_by`.
        sources
            One a clip.
        extractor
            Says the size of an example and what is kept of its values.
        made_by
            The extractor in words: name, options, version.
        jobs
            Threads; None for one a core.
        progress
            Gets a task more; None for silence.
        """
        content = repr((made_by, [(source.clip, source.key) for source in sources]))
        folder = folder / hashlib.sha256(content.encode()).hexdigest()[:12]
        try:
            return cls(folder)
        except _DAMAGE:
            with claimed(folder / ".lock", wait=True):
                _make(folder, sources, extractor, jobs or processors(), progress)
        return cls(folder)

    def __contains__(self, clip: object) -> bool:
        return clip in self._rows

    @property
    def clips(self) -> list[str]:
        """The clips that have examples."""
        return list(self._rows)

    def samples(self, clip: str) -> int:
        """Return how many values all examples of a clip have together."""
        return self._rows[clip][2] * self.size

    def read(
        self, clip: str, start: int = 0, count: int | None = None, *, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return values of a clip, example after example, as `SampleStore.read` returns samples."""
        values = self._examples(clip).reshape(-1)[start:]
        if count is None:
            count = len(values) if out is None else len(out)
        read = np.empty(count, np.float32) if out is None else out
        read[:] = values[:count]
        return read

    def mapped(
        self, clips: Iterable[str], function: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> "ExampleStore":
        """Return a store, in memory, of what a function makes of some clips' examples (n, size): (n, another size)."""
        made = {clip: function(self._examples(clip).astype(np.float32)) for clip in clips}
        other = copy(self)
        other._parts = list(made.values())
        other._rows = {clip: (part, 0, len(made[clip])) for part, clip in enumerate(made)}
        other.size = max(len(examples[0]) for examples in made.values())
        return other

    def _examples(self, clip: str) -> NDArray[np.float32]:
        part, row, n = self._rows[clip]
        examples: NDArray[np.float32] = self._parts[part][row : row + n]
        return examples


def sound_sources(
    store: SampleStore,
    extractor: Extractor,
    window: int,
    hop: int,
    augmentations: Sequence[WaveformAugmentation] = (),
    view: int = 0,
) -> Iterator[ExampleSource]:
    """Yield the sources of decoded clips: an example for each window, just as a bundle cuts them.

    Parameters
    ----------
    store
        Where the samples lie.
    extractor
        What makes an example of a window.
    window, hop
        Length of a window and distance between windows, in samples.
    augmentations
        Done to the clip before, one after another.
    view
        Which version of each clip: the same number gives the same one.
    """
    # "whole": a clip that is played faster is not filled up with zeros, as it was in stores made before.
    how = f" {view} whole {[one.settings() for one in augmentations]}" if augmentations else ""

    def make(clip: str) -> NDArray[np.float32]:
        samples = store.read(clip)
        rng = np.random.default_rng(list(f"{clip} {view}".encode()))
        for one in augmentations:
            frozen = one.freeze(rng, samples.shape)
            samples = frozen(samples, length=one.length_after(len(samples), frozen.parameters))
        windows = cut(samples, clip_starts(len(samples), window, hop), window)
        return np.stack([extractor.of_window(row) for row in windows])

    for clip in store.clips:
        yield ExampleSource(clip, f"{store.key(clip)} {window} {hop}{how}", partial(make, clip))


def given_sources(corpus: Corpus, extraction: tuple[str, Mapping[str, Any]]) -> Iterator[ExampleSource]:
    """Yield the sources of a corpus that holds examples rather than sound: pictures, rows of columns, or both.

    Parameters
    ----------
    corpus
        The corpus.
    extraction
        The extractor whose examples they stand for: ``FrontEnd.extraction``.

    Raises
    ------
    RecipeError
        The corpus does not hold what this extractor would make.
    """
    parts = _parts_held(corpus, *extraction)

    def make(clip: str, path: Path) -> NDArray[np.float32]:
        held = [read_picture(path) if pieces is None else corpus.rows[clip][pieces].ravel() for pieces in parts]
        return np.concatenate(held, dtype=np.float32)[None]

    def key(clip: str, path: Path) -> str:
        rows = [hashlib.sha256(corpus.rows[clip][pieces].tobytes()).hexdigest() for pieces in parts if pieces]
        return " ".join([_content(path), *rows] if None in parts else rows)

    for clip, name in corpus.clips[["clip", "path"]].itertuples(index=False):
        path = Path(str(name))
        yield ExampleSource(clip, key(clip, path), partial(make, clip, path))


def _parts_held(corpus: Corpus, kind: str, options: Mapping[str, Any]) -> list[int | None]:
    """Return of what a corpus' examples consist: None for the picture, a number of pieces for rows."""
    if kind == "joint":
        parts = [_parts_held(corpus, part["kind"], part) for part in options["parts"]]
        return [one for part in parts for one in part]
    if kind == "picture" and corpus.holds == "pictures":
        return [None]
    pieces = sorted({number for rows in corpus.rows.values() for number in rows})
    if kind == "handcrafted" and options["pieces"] in pieces:
        return [int(options["pieces"])]
    rows = f" with {' or '.join(map(str, pieces))} rows a clip (frontend.pieces)" if pieces else ""
    asked = f"{kind} of {options['pieces']} pieces" if kind == "handcrafted" else kind
    raise RecipeError(
        f"{corpus.name} holds {corpus.holds}{rows}, and the recipe's front end takes {asked}; choose a front end that "
        "fits, or a corpus of sound, from which anything can be made"
    )


def _content(path: Path) -> str:
    try:
        return content_hash(path)
    except OSError as error:  # reading it will say what is wrong
        return str(error.strerror)


def _make(
    folder: Path, sources: Sequence[ExampleSource], extractor: Extractor, jobs: int, progress: Progress | None
) -> None:
    """Make the parts that are not there, and the index of all."""
    remove_leftovers(folder)
    task = progress.add_task("Extracting", total=len(sources)) if progress else None
    found: list[dict[str, int | str]] = []
    for part, first in enumerate(range(0, len(sources), _PART)):
        some = sources[first : first + _PART]
        found.append(_part(folder / f"part-{part:05d}.npy", some, extractor, jobs))
        if progress and task is not None:
            progress.advance(task, len(some))
    write_json(folder / "examples.json", {"size": extractor.size, "parts": len(found), **_index(found)})


def _part(path: Path, sources: Sequence[ExampleSource], extractor: Extractor, jobs: int) -> dict[str, int | str]:
    """Make one part, or find it made; return for each of its clips how many examples there are, or why none."""
    if found := _read_part(path, extractor.size):
        return found

    def try_one(source: ExampleSource) -> NDArray[np.float32] | str:
        try:
            return source.make()
        except AudioError as error:
            return error.reason

    results = list(in_order(try_one, sources, jobs))
    examples = [result for result in results if not isinstance(result, str)]
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate([np.zeros((0, extractor.size), np.float32), *examples]).astype(extractor.dtype))
    pairs = zip(sources, results, strict=True)
    made = {source.clip: result if isinstance(result, str) else len(result) for source, result in pairs}
    write_json(path.with_suffix(".json"), made)  # last
    return made


def _read_part(path: Path, size: int) -> dict[str, int | str] | None:
    """Return what a part that was made says of its clips, None where it is missing or damaged."""
    try:
        made: dict[str, int | str] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        held = np.load(path, mmap_mode="r").shape
        return made if held == (sum(count for count in made.values() if isinstance(count, int)), size) else None
    except _DAMAGE:
        return None


def _index(parts: Sequence[dict[str, int | str]]) -> dict[str, dict[str, object]]:
    clips: dict[str, object] = {}
    quarantine: dict[str, object] = {}
    for number, part in enumerate(parts):
        row = 0
        for clip, count in part.items():
            if isinstance(count, str):
                quarantine[clip] = count
            else:
                clips[clip] = (number, row, count)
                row += count
    if not clips:
        reason = next(iter(quarantine.values()), "there are no clips")
        raise CorpusError(f"no clip can be made an example of; the first: {reason}")
    return {"clips": clips, "quarantine": quarantine}
