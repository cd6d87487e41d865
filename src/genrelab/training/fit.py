"""Epoch by epoch: Lightning's loop over the training part of a fold."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import Logger, WandbLogger
from rich.progress import Progress
from torch.utils.data import DataLoader

from genrelab.augment import Augmentation, FeatureNoise, WaveformAugmentation
from genrelab.errors import Terminated
from genrelab.networks.hybrid import Hybrid
from genrelab.networks.model import GenreModel
from genrelab.training.callbacks import History, ProgressBar, Stopwatch
from genrelab.training.checkpoints import SafetensorsIO
from genrelab.training.device import usable_precision
from genrelab.training.examples import ExampleStore
from genrelab.training.feed import CropFeed, EpochShuffle
from genrelab.training.fold import Fold
from genrelab.training.processes import Processes
from genrelab.training.recipe import build_augmentation
from genrelab.training.start import condensed
from genrelab.training.task import GenreTask


def fit(
    fold: Fold,
    model: GenreModel,
    device: str,
    processes: Processes,
    progress: Progress | None,
    loggers: Sequence[Logger | Callback],
) -> None:
    """Run Lightning's loop from where it stopped, if it ever began. What counts of it lies in the fold's folder."""
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
