"""Learning-rate schedules that survive a kill at any moment.

Lightning steps a plateau schedule after it has written the checkpoint of an epoch, so that a resumed run would lose
that step. The task therefore steps its schedule itself, before the checkpoint, and keeps its state in it.
"""

from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from genrelab.training.recipe import Train


class Schedule:
    """The schedule a recipe names, stepped after each batch and after each epoch.

    Parameters
    ----------
    optimizer
        Whose learning rate it moves.
    train
        The recipe's training section.
    batches
        Number of batches in an epoch.
    """

    def __init__(self, optimizer: Optimizer, train: Train, batches: int) -> None:
        self._optimizer = optimizer
        self._by_batch: LRScheduler | None = None
        self._by_epoch: LRScheduler | None = None
        self._plateau: ReduceLROnPlateau | None = None
        if train.schedule == "one-cycle":
            self._by_batch = OneCycleLR(optimizer, max_lr=train.lr, total_steps=train.epochs * batches)
        elif train.schedule == "cosine":
            self._by_epoch = CosineAnnealingLR(optimizer, T_max=train.epochs)
        elif train.schedule == "plateau":
            mode: Literal["min", "max"] = "max" if train.larger_is_better else "min"
            self._plateau = ReduceLROnPlateau(
                optimizer, mode, factor=train.plateau_factor, patience=train.plateau_patience
            )

    def after_batch(self) -> None:
        """Step a schedule that moves with every batch."""
        if self._by_batch is not None:
            self._by_batch.step()

    def after_epoch(self, metric: float) -> None:
        """Step a schedule that moves with every epoch; `metric` is the monitored value."""
        if self._by_epoch is not None:
            self._by_epoch.step()
        if self._plateau is not None:
            self._plateau.step(metric)

    @property
    def _active(self) -> LRScheduler | ReduceLROnPlateau | None:
        return self._by_batch or self._by_epoch or self._plateau

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers that the schedule stands on; functions it holds are made anew from the recipe."""
        state = {} if self._active is None else self._active.state_dict()
        groups = [
            {key: value for key, value in group.items() if key != "params"} for group in self._optimizer.param_groups
        ]
        return {"schedule": {key: value for key, value in state.items() if _is_plain(value)}, "groups": groups}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        if self._active is not None:
            self._active.load_state_dict(state["schedule"])
        # Making the schedule has set the optimiser's rates to those of a first step.
        for group, saved in zip(self._optimizer.param_groups, state["groups"], strict=True):
            group.update(saved)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)
