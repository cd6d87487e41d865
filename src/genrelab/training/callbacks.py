"""What happens beside the learning: history, stopwatch, checkpoints, progress."""

import math
import time
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from rich.progress import Progress, TaskID
from torch import nn

from genrelab.training.history import HISTORY, TIMINGS, diverged, write_rows
from genrelab.training.recipe import Train
from genrelab.training.weights import save_weights


class Stopwatch(Callback):
    """Where an epoch's time goes, in seconds: waiting for data, forward, backward, the rest of the step, validation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[dict[str, float]] = []
        self._row: dict[str, float] = {}
        self._mark = 0.0

    def _lap(self, name: str) -> None:
        now = time.perf_counter()
        self._row[name] = self._row.get(name, 0.0) + now - self._mark
        self._mark = now

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin an epoch's row."""
        self._row, self._mark = {"epoch": trainer.current_epoch}, time.perf_counter()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Whatever passed since the last batch was waiting."""
        self._lap("data")

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Any) -> None:
        """Count the time until the loss was there."""
        self._lap("forward")

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the time until the gradients were there."""
        self._lap("backward")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the time that the optimiser took."""
        self._lap("step")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Training is over for this epoch."""
        if not trainer.sanity_checking:
            self._lap("step")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the time that validation took."""
        self._lap("validation")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the rows so far."""
        self._rows.append(self._row)
        if trainer.is_global_zero:
            write_rows(self._path, ("epoch", *TIMINGS), self._rows)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows, so that a resumed run still knows the time it took before."""
        return {"rows": self._rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._rows = state_dict["rows"]


class History(Checkpoint):
    """Keeps ``history.csv``, the weights that count and the state to go on from, in which what it knows travels.

    It is a `Checkpoint`, and so runs after all other callbacks: what it saves is the whole epoch.

    Parameters
    ----------
    folder
        Of the fold.
    train
        The training section of the recipe.
    model
        Whose weights are kept; what is trained may be a part of it.
    """

    def __init__(self, folder: Path, train: Train, model: nn.Module) -> None:
        self._folder, self._monitor, self._keep = folder, train.monitor, train.keep
        self._model = model
        self._validated = False
        self._sign = 1 if train.larger_is_better else -1
        self._epochs = train.epochs
        self.rows: list[dict[str, float]] = []
        self.best: float | None = None
        self.finished = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin an epoch that no validation has judged yet."""
        self._validated = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that there are figures of this epoch, not only of an earlier one."""
        self._validated = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the epoch, keep the weights if they are the best so far, and save the state."""
        names = [name for name in HISTORY if self._validated or not name.startswith("validation")]
        metrics = {name: float(trainer.callback_metrics[name]) for name in names}
        for name in ("train_loss", "validation_loss"):
            if not math.isfinite(metrics.get(name, 0.0)):
                raise diverged(self._folder, name, metrics[name], trainer.current_epoch)
        self.rows.append({"epoch": trainer.current_epoch} | metrics)
        self.finished = trainer.should_stop or trainer.current_epoch + 1 >= self._epochs
        if self._validated and self._is_kept(self._sign * metrics[self._monitor]) and trainer.is_global_zero:
            save_weights(self._model, self._folder / "best.safetensors")
        if trainer.is_global_zero:
            write_rows(self._folder / "history.csv", ("epoch", *HISTORY), self.rows)
        trainer.save_checkpoint(self._folder / "last.safetensors")

    def _is_kept(self, score: float) -> bool:
        """Say whether an epoch's weights replace those kept so far: all do where the last ones count."""
        if self._keep == "best" and self.best is not None and score <= self.best:
            return False
        self.best = score
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to know."""
        return {"rows": self.rows, "best": self.best, "finished": self.finished}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.rows, self.best, self.finished = state_dict["rows"], state_dict["best"], state_dict["finished"]


class ProgressBar(Callback):
    """One rich line a fold: epochs done, the last losses and accuracies."""

    def __init__(self, progress: Progress, label: str, epochs: int, history: History) -> None:
        self._progress, self._label, self._epochs, self._history = progress, label, epochs, history
        self._task: TaskID | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the line."""
        batches = int(trainer.num_training_batches)
        done = trainer.current_epoch * batches
        self._task = self._progress.add_task(self._label, total=self._epochs * batches, completed=done)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on by a batch."""
        if self._task is not None:
            text = f"{self._label}  epoch {trainer.current_epoch + 1}/{self._epochs}{self._last_figures()}"
            self._progress.update(self._task, advance=1, description=text)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Fill the bar: an early stop is an end, too."""
        if self._task is not None:
            total = self._progress.tasks[self._task].total
            text = f"{self._label}  {trainer.current_epoch} epochs{self._last_figures()}"
            self._progress.update(self._task, completed=total, description=text)

    def _last_figures(self) -> str:
        if not self._history.rows:
            return ""
        text = f"  train {self._history.rows[-1]['train_accuracy']:.0%}"
        judged = [row["validation_accuracy"] for row in self._history.rows if "validation_accuracy" in row]
        return f"{text}  validation {judged[-1]:.0%}" if judged else text
