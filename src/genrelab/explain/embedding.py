"""Where a network puts clips: the embeddings of a run's fold, or of a bundle, with what is known of each clip."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from scipy.special import softmax

from genrelab.audio.processors import processors
from genrelab.audio.read import read
from genrelab.bundles.classifier import Classifier
from genrelab.bundles.parallel import in_order
from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.errors import AudioError, RunError
from genrelab.evaluation.predictions import PREFIX
from genrelab.evaluation.run_folder import read_summary
from genrelab.files import content_hash
from genrelab.networks.model import GenreModel
from genrelab.training.ensemble import read_ensemble
from genrelab.training.feed import WINDOWS_AT_ONCE, Clips, average_windows
from genrelab.training.fold import Fold
from genrelab.training.recipe import Recipe
from genrelab.training.run import load_models, load_run_recipe, recipe_splits, splits_digest
from genrelab.training.stores import open_store

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """Clips and where a network puts them.

    Parameters
    ----------
    table
        ``clip, track, artist, split, fold, genre``, the ``predicted`` genre, and a column ``p_<genre>`` for each genre
        that the network knows.
    vectors
        The mean embedding of each clip's windows, shape (clips, size).
    info
        ``name, corpus, leaks, source`` (``"run"`` or ``"bundle"``) and, of a run, ``protocol, fold, folds, seed``.
    notes
        Sentences that a reader should know.
    """

    table: pd.DataFrame
    vectors: Float
    info: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def run_key(folder: Path, fold: int, parts: Sequence[str]) -> str:
    """Return a hash of what a fold's embeddings follow from: its weights, its split, and the parts.

    Raises
    ------
    RunError
        The run is an ensemble, not finished, or has no such fold.
    """
    if (ensemble := read_ensemble(folder)) is not None:
        members = ", ".join(str(member) for member in ensemble.ensemble.members)
        raise RunError(f"{folder}: an ensemble has no embedding of its own; take a member: {members}")
    read_summary(folder, fold)
    weights, splits = folder / f"fold-{fold}" / "best.safetensors", folder / "splits.sha256"
    for path in (weights, splits):
        if not path.is_file():
            raise RunError(f"{path}: no such file; choose another --fold, or train the run again")
    return _digest(content_hash(weights), splits.read_text(), fold, *parts)


def embed_run(
    folder: Path,
    fold: int = 0,
    parts: Sequence[str] = ("test", "validation"),
    stores: Path | None = None,
    progress: Progress | None = None,
) -> Embedded:
    """Embed a run's clips by the network of one fold.

    The networks of two folds have nothing in common but their recipe: a map of both at once would show the folds, not
    the music.

    Parameters
    ----------
    folder
        A finished run.
    fold
        Whose network, and whose split.
    parts
        Of that split; the network has learned from the part ``train``.
    stores
        Folder of the decoded corpora; None for the user's cache.
    progress
        Where to draw progress.

    Raises
    ------
    RunError
        The run is an ensemble, not finished or has no such fold; or its corpus is not what it was.
    CorpusError
        The corpus is gone, or files of it.
    """
    run_key(folder, fold, parts)  # says what is wrong with the run
    summary, recipe = read_summary(folder), load_run_recipe(folder)
    source = _unchanged(folder, recipe, summary["genres"], fold, stores, progress)
    genres = source.corpus.genres
    model = load_models(folder, len(genres), [fold])[0]
    tables, vectors = [], []
    task = progress.add_task("embedding", total=sum(len(source.clips(part)) for part in parts)) if progress else None
    for part in parts:
        said = []
        for batch in source.whole_clips(part):
            said.append(_of_batch(model, batch))
            if progress and task is not None:
                progress.advance(task, len(batch.genres))
        if said:
            logits, embeddings = np.split(np.concatenate(said), [len(genres)], axis=1)
            tables.append(_table(source.clips(part), genres, logits).assign(split=part, fold=fold))
            vectors.append(embeddings)
    if not tables:
        raise RunError(f"{folder}: fold {fold} has no clips in its part {' or '.join(parts)}; choose another --fold")
    info = {key: summary[key] for key in ("name", "corpus", "protocol", "folds", "seed", "leaks")}
    info |= {"run": folder.resolve().name, "fold": fold, "source": "run"}
    return Embedded(pd.concat(tables, ignore_index=True), np.concatenate(vectors), info)


def _unchanged(
    folder: Path, recipe: Recipe, genres: Sequence[str], fold: int, stores: Path | None, progress: Progress | None
) -> Fold:
    """Return a fold with the corpus that it was trained on; refuse one that has changed since."""
    corpus = load_corpus(recipe.corpus.kind, **recipe.corpus.options)
    if list(corpus.genres) != list(genres):
        raise RunError(
            f"{folder}: was trained on the genres {', '.join(genres)}, but its corpus now has "
            f"{', '.join(corpus.genres)}; restore the corpus, or train anew"
        )
    if recipe.max_clips is not None:
        corpus = corpus.subset(recipe.max_clips, recipe.split_seed)
    store, corpus = open_store(recipe, corpus, stores, progress=progress)
    splits = recipe_splits(recipe, corpus)
    if splits_digest(corpus, splits) != (folder / "splits.sha256").read_text():
        raise RunError(
            f"{folder}: its corpus has changed since (clips came, went or changed their artist), so that which clips "
            "this network learned from cannot be told; restore the corpus, or train anew"
        )
    return Fold(recipe, corpus, store, splits[fold], folder / f"fold-{fold}")


@torch.inference_mode()
def _of_batch(model: GenreModel, batch: Clips) -> Float:
    """Return logits and embedding of each clip in a row, the means over its windows: (clips, genres + size)."""
    pieces = [torch.cat(model(piece), 1) for piece in torch.split(batch.windows, WINDOWS_AT_ONCE)]
    return average_windows(torch.cat(pieces), batch).numpy()


def bundle_key(bundle: Path, corpus: Corpus) -> str:
    """Return a hash of what a bundle's embeddings of a corpus follow from."""
    rows = []
    for row in corpus.clips[["path", "clip", "start", "seconds", "genre", "artist", "track"]].itertuples(index=False):
        path = Path(str(row[0]))
        state = path.stat() if path.is_file() else None
        rows.append((*map(str, row), state and (state.st_size, state.st_mtime_ns)))
    return _digest(content_hash(bundle), rows)


def embed_bundle(
    classifier: Classifier, corpus: Corpus, jobs: int | None = None, progress: Progress | None = None
) -> Embedded:
    """Embed all clips of a corpus by a bundle: one space for all of them.

    Parameters
    ----------
    classifier
        The bundle.
    corpus
        Clips of sound, of any genres.
    jobs
        How many to work on at a time; None for one a processor.
    progress
        Where to draw progress.

    Raises
    ------
    RunError
        Not one clip can be read.
    CorpusError
        The corpus holds no sound.
    """
    sources = corpus.sources

    def work(number: int) -> tuple[Float, Float] | AudioError:
        source = sources[number]
        try:
            samples = read(source.path, classifier.sample_rate, source.start, source.duration)
            return classifier.calibrated_logits(samples).astype(np.float32), classifier.embedding(samples)
        except AudioError as error:
            return error

    kept: list[int] = []
    outputs: list[tuple[Float, Float]] = []
    failed: list[AudioError] = []
    task = progress.add_task("embedding", total=len(sources)) if progress else None
    for number, result in enumerate(in_order(work, range(len(sources)), processors() if jobs is None else jobs)):
        if isinstance(result, AudioError):
            failed.append(result)
        else:
            kept.append(number)
            outputs.append(result)
        if progress and task is not None:
            progress.advance(task)
    if not kept:
        raise RunError(f"{corpus.name}: none of its {len(sources)} clips can be read; the first: {failed[0]}")
    logits, vectors = map(np.stack, zip(*outputs, strict=True))
    table = _table(corpus.clips.iloc[kept], classifier.genres, logits).assign(split="all", fold=0)
    notes = []
    if failed:
        notes.append(f"{len(failed)} clips could not be read and are left out; the first: {failed[0]}")
    if strange := sorted(set(table["genre"]) - set(classifier.genres)):
        notes.append(
            f"The bundle does not know the genre{'s' * (len(strange) > 1)} {', '.join(strange)}: it can only say which "
            "of its own genres they are like."
        )
    if (learned := classifier.metadata.metrics.get("corpus")) == corpus.name:
        notes.append(f"The bundle has learned from {learned}: what it learned from looks tidier than new music does.")
    info = {"name": classifier.metadata.name, "corpus": corpus.name, "source": "bundle", "leaks": []}
    return Embedded(table, vectors, info, notes)


def _table(clips: pd.DataFrame, genres: Sequence[str], logits: NDArray[Any]) -> pd.DataFrame:
    table = clips[["clip", "track", "artist", "genre"]].reset_index(drop=True)
    table["artist"] = table["artist"].astype("string").fillna("").astype(object)
    table["predicted"] = [genres[code] for code in logits.argmax(axis=1)]
    probabilities = softmax(logits.astype(np.float64), axis=1)
    return table.join(pd.DataFrame(probabilities, columns=pd.Index([PREFIX + genre for genre in genres])))


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()
