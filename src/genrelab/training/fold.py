"""One fold of a run: fit on its training part, keep the best epoch, predict its other parts."""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import Logger, WandbLogger
from rich.progress import Progress
from threadpoolctl import threadpool_limits
from torch.utils.data import DataLoader

from genrelab.augment import Augmentation, FeatureNoise, WaveformAugmentation
from genrelab.augment.spectrogram import RandomFrames
from genrelab.corpora.corpus import Corpus
from genrelab.corpora.protocols import PARTS, Split
from genrelab.errors import RecipeError, Terminated
from genrelab.files import atomic_path, write_json
from genrelab.networks.heads import Head
from genrelab.networks.hybrid import Hybrid
from genrelab.networks.model import GenreModel, build_model, count_parameters
from genrelab.training.callbacks import TIMINGS, History, ProgressBar, Stopwatch, refuse_diverged
from genrelab.training.checkpoints import SafetensorsIO, load_weights
from genrelab.training.device import choose_device, usable_precision
from genrelab.training.examples import ExampleStore
from genrelab.training.feed import (
    WINDOWS_AT_ONCE,
    ClipFeed,
    Clips,
    CropFeed,
    Cutting,
    EpochShuffle,
    Store,
    clip_logits,
)
from genrelab.training.memory import kept_memory, peak_memory_mb
from genrelab.training.processes import Processes
from genrelab.training.recipe import Recipe, build_augmentation
from genrelab.training.solve import solve
from genrelab.training.start import condensed, take_weights
from genrelab.training.task import GenreTask

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
    fold: Fold, processes: Processes, progress: Progress | None = None, loggers: Sequence[Logger | Callback] = ()
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
    fold: Fold, processes: Processes, progress: Progress | None, loggers: Sequence[Logger | Callback]
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
        _fit(fold, model, device, processes, progress, loggers)
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


def _fit(
    fold: Fold,
    model: GenreModel,
    device: str,
    processes: Processes,
    progress: Progress | None,
    loggers: Sequence[Logger | Callback],
) -> None:
    """Run Lightning's loop from where it stopped, if it ever began."""
    options = fold.recipe.train
    last = fold.folder / "last.safetensors"
    checkpoints = SafetensorsIO()
    begun = processes.agreed(last.is_file)
    if begun and processes.agreed(lambda: checkpoints.load_checkpoint(last)["callbacks"]["History"]["finished"]):
        return
    learner = model
    if _keeps_seeing_the_same(fold, model) and isinstance(fold.store, ExampleStore):
        asked = [*fold.clips("train")["clip"], *fold.clips("validation")["clip"]]
        learner, store = condensed(model, fold.store, asked, device)
        fold = replace(fold, store=store)
    clips = fold.clips("train")
    codes = fold.codes(clips)
    augmentations = _augmentations(fold, model)
    of_crops = [one for one in augmentations if isinstance(one, WaveformAugmentation)]
    feed = CropFeed(fold.store, list(clips["clip"]), codes, fold.cutting, fold.seed, of_crops)
    sampler = EpochShuffle(len(clips), options.crops_per_clip, fold.seed)
    crops = DataLoader(feed, options.batch_size, sampler=sampler, collate_fn=CropFeed.collate)  # type: ignore[arg-type]
    weights = _balanced_weights(codes, len(fold.corpus.genres)) if options.class_weights else None
    of_features = [one for one in augmentations if not isinstance(one, WaveformAugmentation)]
    task = GenreTask(learner, options, len(fold.corpus.genres), weights, fold.seed, of_features)
    with _quiet():
        trainer = Trainer(
            accelerator=device,
            **processes.trainer_options(options.devices),
            precision=usable_precision(options.precision, device),
            max_epochs=options.epochs,
            gradient_clip_val=options.gradient_clip,
            callbacks=_callbacks(fold, model, progress, loggers),
            logger=[one for one in loggers if isinstance(one, Logger)] or False,
            plugins=[checkpoints, processes.environment],
            use_distributed_sampler=False,  # EpochShuffle shares out the crops itself
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=True,
            deterministic=True,
            default_root_dir=fold.folder,
        )
        try:
            trainer.fit(task, crops, fold.whole_clips("validation"), ckpt_path=str(last) if begun else None)
        except Terminated:
            raise
        except SystemExit:
            if trainer.interrupted:  # Lightning takes Ctrl-C for an ordinary end
                raise KeyboardInterrupt from None
            raise
    for logger in loggers:
        if isinstance(logger, WandbLogger):  # which would log the next fold into the same run
            logger.experiment.finish()


def _callbacks(
    fold: Fold, model: GenreModel, progress: Progress | None, loggers: Sequence[Logger | Callback]
) -> list[Callback]:
    options = fold.recipe.train
    history = History(fold.folder, options, model)
    callbacks: list[Callback] = [Stopwatch(fold.folder / "timing.csv"), history]
    callbacks += [one for one in loggers if isinstance(one, Callback)]
    if options.patience is not None:
        mode = "max" if options.larger_is_better else "min"
        callbacks.append(EarlyStopping(options.monitor, patience=options.patience, mode=mode))
    if progress is not None and options.devices == 1:  # a progress bar cannot follow into other processes
        label = f"{Path(fold.recipe.name).name} {fold.split.fold + 1}/{fold.split.folds}"
        callbacks.append(ProgressBar(progress, label, options.epochs, history))
    return callbacks


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from people what Lightning has to say of what is done here on purpose."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # else it advertises
    with warnings.catch_warnings():
        # The feed reads memory-mapped samples: worker processes, which Lightning recommends, would only add copies.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*treespec.*")  # a deprecation inside Lightning
        warnings.filterwarnings("ignore", message=".*number of training batches.*")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start.*")  # a frozen part is
        yield


def _keeps_seeing_the_same(fold: Fold, model: GenreModel) -> bool:
    """Return whether a part of the model is frozen, and gets the same of each clip in every epoch."""
    return isinstance(model.network, Hybrid) and not model.network.image_learns() and not fold.recipe.augment


def _augmentations(fold: Fold, model: GenreModel) -> list[Augmentation[Any]]:
    """Build a recipe's augmentations, and fit those that take statistics from the training part."""
    made = [build_augmentation(choice, fold.recipe.audio) for choice in fold.recipe.augment]
    fitted = [one for one in made if isinstance(one, FeatureNoise)]
    if fitted:
        batches = list(fold.whole_clips("train"))
        with torch.no_grad():
            features = torch.cat([model.frontend(batch.windows) for batch in batches])
        genres = torch.cat([batch.genres[batch.clip_of_window] for batch in batches])
        for one in fitted:
            one.fit(features, genres)
    return made


def _balanced_weights(codes: Sequence[int], n_classes: int) -> torch.Tensor:
    """Return weights by which every genre counts the same, however many clips it has (scikit-learn's "balanced").

    One without clips weighs nothing: smoothed labels would make it likely, the more so the more clips the others have.
    """
    counts = np.bincount(codes, minlength=n_classes)
    weights = len(codes) / (n_classes * np.maximum(counts, 1))
    return torch.tensor(np.where(counts > 0, weights, 0.0), dtype=torch.float32)


def read_fold_facts(folder: Path) -> dict[str, object]:
    """Return what a finished fold wrote about itself: minutes, parameters, peak memory, device, clips a part."""
    facts: dict[str, object] = json.loads((folder / "fold.json").read_text())
    return facts
