"""The Lightning module: one model learning to tell genres."""

import math
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning import LightningModule
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from genrelab.augment import Augmentation
from genrelab.networks.model import GenreModel
from genrelab.training.batchnorm import recalibrate
from genrelab.training.feed import Clips, Crops, clip_logits
from genrelab.training.recipe import Train
from genrelab.training.schedule import Schedule

PRECISE_BATCHES = 8  # a few hundred crops


class GenreTask(LightningModule):
    """Cross-entropy on random crops; validation on whole clips by averaged windows.

    Parameters
    ----------
    model
        What learns.
    train
        The recipe's training section.
    n_classes
        Number of genres.
    class_weights
        (n_classes,) weights of the loss; None for equal ones.
    seed
        Decides the dropout masks and the augmentations, batch by batch.
    augmentations
        What is done to features, and to batches of them.
    """

    def __init__(
        self,
        model: GenreModel,
        train: Train,
        n_classes: int,
        class_weights: Tensor | None = None,
        seed: int = 0,
        augmentations: Sequence[Augmentation[Any]] = (),
    ) -> None:
        super().__init__()
        self.class_weights: Tensor | None
        self.model, self.train_options, self.seed = model, train, seed
        self.augmentations, self._n_classes = list(augmentations), n_classes
        self._rng = np.random.default_rng(seed)
        self.register_buffer("class_weights", class_weights)
        self.train_accuracy = MulticlassAccuracy(n_classes, average="micro")
        self.validation_accuracy = MulticlassAccuracy(n_classes, average="micro")
        # A clip whose loss is no number shall not be left out of the mean, as torchmetrics would.
        self.train_loss, self.validation_loss = MeanMetric(), MeanMetric(nan_strategy=math.inf)
        self.schedule: Schedule | None = None
        self._schedule_state: dict[str, Any] = {}
        self._rate = math.nan

    def forward(self, waveform: Tensor) -> Tensor:
        """Return logits (batch, genres) of `waveform` (batch, samples)."""
        logits: Tensor = self.model(waveform)[0]
        return logits

    def configure_optimizers(self) -> Optimizer:
        """Make the optimiser; its schedule is made when Lightning knows the number of batches."""
        options = self.train_options
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer: Optimizer
        if options.optimizer == "sgd":
            optimizer = SGD(parameters, options.lr, momentum=0.9, nesterov=True, weight_decay=options.weight_decay)
        elif options.optimizer == "adamw":
            optimizer = AdamW(parameters, options.lr, weight_decay=options.weight_decay)
        else:
            optimizer = Adam(parameters, options.lr, weight_decay=options.weight_decay)
        return optimizer

    def on_train_start(self) -> None:
        """Make the schedule, or go on with that of a resumed run."""
        optimizer = self.trainer.optimizers[0]
        self.schedule = Schedule(optimizer, self.train_options, int(self.trainer.num_training_batches))
        if self._schedule_state:
            self.schedule.load_state_dict(self._schedule_state)

    def on_train_epoch_start(self) -> None:
        """Say whether this epoch is validated; the last one is."""
        last = self.current_epoch + 1 >= self.train_options.epochs
        self.trainer.check_val_every_n_epoch = 1 if last else self.train_options.validate_every

    def on_train_batch_start(self, batch: Crops, batch_index: int) -> None:
        """Seed dropout and augmentation by batch, so that a resumed run goes on like an undisturbed one.

        By epoch would not do: data loaders draw from the same generator, and begin at another moment after a resume.
        """
        place = np.random.SeedSequence((self.seed, self.current_epoch, batch_index, self.global_rank))
        # `torch.manual_seed` writes down the whole stack for each kind of GPU that is not in use: slow, batch by batch.
        seeded = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        seeded(int(place.generate_state(1)[0]))
        self._rng = np.random.default_rng(place)

    def training_step(self, batch: Crops, batch_index: int) -> Tensor:
        """Return the loss of a batch of crops."""
        features, targets = self._augmented(self.model.frontend(batch.waveforms), batch.genres)
        opinions = torch.stack(self.model.network.opinions(features))
        loss = torch.stack([self._loss(logits, targets) for logits in opinions]).mean()
        logits = opinions.mean(0)
        self.train_loss.update(loss.detach(), len(logits))
        self.train_accuracy.update(logits.detach(), batch.genres)
        return loss + self.model.network.penalty()

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        smoothing = self.train_options.label_smoothing
        loss = F.cross_entropy(logits, targets, weight=self.class_weights, label_smoothing=smoothing)
        if self.class_weights is None or not targets.is_floating_point():
            return loss
        # PyTorch divides by the weights of genre codes, but of mixed targets by their number: not so here.
        return loss * len(targets) / (targets * self.class_weights).sum()

    def _augmented(self, features: Tensor, genres: Tensor) -> tuple[Tensor, Tensor]:
        """Return augmented features and what the loss takes as targets: genre codes, or where mixed, probabilities."""
        targets = genres
        for augmentation in self.augmentations:
            if augmentation.stage == "features":
                features = augmentation(features, self._rng, genres=genres)
            else:
                mixed = targets if targets.is_floating_point() else F.one_hot(targets, self._n_classes).to(features)
                features, targets = augmentation((features, mixed), self._rng)
        return features, targets

    def on_train_batch_end(self, outputs: Any, batch: Crops, batch_index: int) -> None:
        """Note the rate that the batch was learned at, and step a schedule that moves with every batch."""
        self._rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        if self.schedule is not None:
            self.schedule.after_batch()

    def on_validation_epoch_start(self) -> None:
        """Take batch norm's statistics anew where the recipe says so."""
        if self.train_options.precise_batch_norm:
            batches = islice(self.trainer.train_dataloader or (), PRECISE_BATCHES)
            recalibrate(self.model, (batch.waveforms.to(self.device) for batch in batches))

    def validation_step(self, batch: Clips, batch_index: int) -> None:
        """Count a batch of whole clips."""
        logits = clip_logits(self, batch)
        self.validation_loss.update(F.cross_entropy(logits, batch.genres), len(logits))
        self.validation_accuracy.update(logits, batch.genres)

    def on_validation_epoch_end(self) -> None:
        """Log what was counted; torchmetrics adds up the counts of all processes."""
        self.log("validation_loss", self.validation_loss)
        self.log("validation_accuracy", self.validation_accuracy, prog_bar=True)

    def on_train_epoch_end(self) -> None:
        """Log the epoch and step a schedule that moves with it, before the epoch's checkpoint is written."""
        self.log("train_loss", self.train_loss)
        self.log("train_accuracy", self.train_accuracy)
        self.log("learning_rate", self._rate)  # of the last batch: the schedule is at the next one already
        if self.schedule is not None:
            metrics = self.trainer.callback_metrics
            self.schedule.after_epoch(float(metrics.get(self.train_options.monitor, float("nan"))))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the schedule's state, and count the epoch as completed.

        States are saved at the very end of an epoch, a moment before Lightning counts it. From a state that says so, a
        resumed run would not begin the next epoch like an undisturbed one: hooks are skipped, crops drawn again.
        """
        if self.schedule is not None:
            checkpoint["schedule"] = self.schedule.state_dict()
        for counts in checkpoint["loops"]["fit_loop"]["epoch_progress"].values():
            counts.update(started=counts["ready"], processed=counts["ready"], completed=counts["ready"])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the schedule's state until the optimiser exists."""
        self._schedule_state = checkpoint.get("schedule", {})
