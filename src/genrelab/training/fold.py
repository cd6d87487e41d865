"""One fold of a run: fit on its training part, keep the best epoch, predict its other parts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from rich.progress import Progress
from threadpoolctl import threadpool_limits
from torch.utils.data import DataLoader

from genrelab.augment.spectrogram import RandomFrames
from genrelab.corpora.corpus import Corpus
from genrelab.corpora.protocols import PARTS, Split
from genrelab.errors import RecipeError
from genrelab.files import atomic_path, write_json
from genrelab.networks.heads import Head
from genrelab.networks.model import GenreModel, build_model, count_parameters
from genrelab.training.device import choose_device
from genrelab.training.examples import ExampleStore
from genrelab.training.feed import (
    WINDOWS_AT_ONCE,
    ClipFeed,
    Clips,
    Cutting,
    Store,
    clip_logits,
)
from genrelab.training.history import TIMINGS, refuse_diverged
from genrelab.training.memory import kept_memory, peak_memory_mb
from genrelab.training.processes import Processes
from genrelab.training.recipe import Recipe, build_augmentation
from genrelab.training.solve import solve
from genrelab.training.start import take_weights
from genrelab.training.weights import load_weights

if TYPE_CHECKING:
    from lightning import Callback
    from lightning.pytorch.loggers import Logger

EVALUATION_BATCH = 16  # clips; their windows are what fills the memory


@dataclass(frozen=True)
class Fold:
    """One fold and all it needs.

    Parameters
    ----------
    recipe, corpus, store, split
        What is trained on what.
    folder
        ``fold-<k>`` of the run.
    parts
        Which parts of the split are judged in the end.
    views
        The same clips, augmented: what a head learns from beside them.
    """

    recipe: Recipe
    corpus: Corpus
    store: Store
    split: Split
    folder: Path
    parts: tuple[str, ...] = ("validation", "test")
    views: Sequence[Store] = ()

    @property
    def seed(self) -> int:
        """A seed of its own for each fold of each run."""
        return self.recipe.seed * 1000 + self.split.fold

    def clips(self, part: str) -> pd.DataFrame:
        """Return the corpus's rows of a part of the split."""
        return self.corpus.clips[self.corpus.clips["clip"].isin(self.split.clips(part))]

    @property
    def cutting(self) -> Cutting:
        """How the network's windows are cut from what the store holds."""
        recipe, store = self.recipe, self.store
        if isinstance(store, ExampleStore):  # its examples were windows already
            return Cutting(store.size, store.size, recipe.audio.crop, step=store.size)
        return Cutting(recipe.window_samples, recipe.hop_samples, recipe.audio.crop)

    def codes(self, clips: pd.DataFrame) -> list[int]:
        """Return the genre codes of some clips."""
        return [self.corpus.genres.index(genre) for genre in clips["genre"]]

    def whole_clips(self, part: str, store: Store | None = None) -> DataLoader[Clips]:
        """Return batches of a part's whole clips, from the fold's store or another."""
        clips = self.clips(part)
        feed = ClipFeed(self.store if store is None else store, list(clips["clip"]), self.codes(clips), self.cutting)
        return DataLoader(feed, EVALUATION_BATCH, collate_fn=ClipFeed.collate)  # type: ignore[arg-type]


def recipe_model(recipe: Recipe, n_classes: int) -> GenreModel:
    """Build a recipe's model with fresh weights."""
    return build_model(
        (recipe.frontend.kind, recipe.frontend.options),
        (recipe.network.kind, recipe.network.options),
        recipe.audio.sample_rate,
        recipe.window_samples,
        n_classes,
    )


def require_frames(recipe: Recipe, model: GenreModel) -> None:
    """Raise `RecipeError` where random frames are to be cut for a network that cannot hear so few."""
    channels, bins, frames = model.network.input_shape
    left = frames
    for one in (build_augmentation(choice, recipe.audio) for choice in recipe.augment):
        left = one.left_of(left) if isinstance(one, RandomFrames) else left
    if left == frames:
        return
    try:
        with torch.no_grad():
            model.eval().network(torch.zeros(1, channels, bins, left))
    except RuntimeError:
        raise RecipeError(
            f"augment.random-frames: leaves {left} of {frames} frames, too few for network {recipe.network.kind!r}; "
            "cut less (part), or take a network for any number of frames, such as cnn or rnn"
        ) from None


def train_fold(
    fold: Fold, processes: Processes, progress: Progress | None = None, loggers: "Sequence[Logger | Callback]" = ()
) -> None:
    """Train a fold, or go on with one that was interrupted.

    Parameters
    ----------
    fold
        What to train. A finished fold is not trained again.
    processes
        Those that train it together.
    progress
        Where to draw a line for it.
    loggers
        Lightning loggers besides ``history.csv``, and callbacks.

    Raises
    ------
    DivergedError
        A loss is no number any more.
    """

    def finished() -> bool:
        refuse_diverged(fold.folder)
        return is_finished(fold.folder)

    if not processes.agreed(finished):
        with kept_memory():
            _train_anew(fold, processes, progress, loggers)


def is_finished(folder: Path) -> bool:
    """Return whether a fold has been trained and judged; what it then wrote and is lost or damaged is made again."""
    try:
        read_fold_facts(folder)
        pd.read_parquet(folder / "predictions.parquet")
    except (OSError, ValueError):
        return False
    return True


def _train_anew(
    fold: Fold, processes: Processes, progress: Progress | None, loggers: "Sequence[Logger | Callback]"
) -> None:
    fold.folder.mkdir(parents=True, exist_ok=True)
    device = choose_device(fold.recipe.train.device, processes.devices(fold.recipe.train.devices))
    torch.manual_seed(fold.seed)
    model = recipe_model(fold.recipe, len(fold.corpus.genres))
    if fold.recipe.start is not None:
        take_weights(model, fold.recipe.start, fold.folder.name)
    training = fold.whole_clips("train")
    model.frontend.fit(part for batch in training for part in torch.split(batch.windows, WINDOWS_AT_ONCE))
    if isinstance(model.network, Head):
        processes.agreed(lambda: _solve(fold, model, training))
    else:
        # It brings Lightning, for which nothing waits that is solved for at once, or read.
        from genrelab.training.fit import fit

        fit(fold, model, device, processes, progress, loggers)
    processes.agreed(lambda: _judge(fold, model, device))


def _solve(fold: Fold, model: GenreModel, training: DataLoader[Clips]) -> bool:
    """Let the model's head learn at once."""
    views = [fold.whole_clips("train", view) for view in fold.views]
    group_by, balanced = fold.recipe.protocol.group_by, fold.recipe.train.class_weights
    with threadpool_limits(1):  # many small matrices: threads would wait for one another
        solve(model, [training, *views], fold.clips("train"), group_by, balanced, fold.seed, fold.folder)
    return True


def _judge(fold: Fold, model: GenreModel, device: str) -> bool:
    """Write what the best weights say of the fold's parts, and what the fold took."""
    load_weights(model, fold.folder / "best.safetensors")
    predictions = pd.concat([predict_part(fold, model, part, device) for part in fold.parts])
    with atomic_path(fold.folder / "predictions.parquet") as temporary:
        predictions.to_parquet(temporary, index=False)
    write_json(
        fold.folder / "fold.json",
        {
            "minutes": float(np.nansum(pd.read_csv(fold.folder / "timing.csv")[list(TIMINGS)])) / 60,
            "parameters": count_parameters(model),
            "peak_memory_mb": peak_memory_mb(device),
            "device": device,
            "clips": {part: len(fold.clips(part)) for part in PARTS},
        },
    )
    return True


def predict_part(fold: Fold, model: GenreModel, part: str, device: str) -> pd.DataFrame:
    """Return the predictions table of one part of a fold's split."""
    clips = fold.clips(part)
    model = model.eval().to(device)
    logits = []
    with torch.inference_mode():
        for batch in fold.whole_clips(part):
            moved = Clips(*(tensor.to(device) for tensor in batch))
            logits.append(clip_logits(lambda windows: model(windows)[0], moved).cpu().double())
    genres = fold.corpus.genres
    probabilities = torch.softmax(torch.cat(logits), 1).numpy() if logits else np.zeros((0, len(genres)))
    table = clips[["clip", "track", "artist", "genre"]].reset_index(drop=True)
    table.insert(3, "split", part)
    table.insert(4, "fold", fold.split.fold)
    columns = {f"p_{genre}": probabilities[:, code] for code, genre in enumerate(genres)}
    return pd.concat([table, pd.DataFrame(columns)], axis=1)


def read_fold_facts(folder: Path) -> dict[str, object]:
    """Return what a finished fold wrote about itself: minutes, parameters, peak memory, device, clips a part."""
    facts: dict[str, object] = json.loads((folder / "fold.json").read_text())
    return facts
