"""Tuning: trials of a recipe within a space, chosen by Optuna, judged by validation alone."""

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
import yaml
from lightning import Callback, LightningModule, Trainer
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState
from rich.progress import Progress

from genrelab import __version__
from genrelab.errors import RecipeError, RunError
from genrelab.files import write_csv, write_json, write_text
from genrelab.locks import claimed
from genrelab.recipes.tree import SUFFIXES, as_overrides
from genrelab.report.save import save
from genrelab.report.tuning import tuning_figure
from genrelab.studies.journal import locks_folder, open_study
from genrelab.studies.space import read_space
from genrelab.training import run
from genrelab.training.history import TIMINGS, DivergedError, kept_epoch
from genrelab.training.recipe import Recipe, Train, load_recipe

FEWEST_FOR_IMPORTANCES = 10
Pruner = Literal["median", "hyperband", "none"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to tune, and how long.

    Parameters
    ----------
    recipe
        A recipe's name or file.
    data
        ``key=value`` for what the recipe learns from; the best recipe does not repeat them.
    overrides
        ``key=value`` for all trials.
    space
        See `genrelab.studies.space.read_space`.
    trials
        How many in all, those that were pruned or failed among them.
    folds
        How many of the protocol's folds a trial trains.
    seed
        Of the choices; the recipe's own is the same in all trials.
    pruner
        Which hopeless trials are stopped early: those whose validation is worse than the median of the others' at the
        same epoch, or by Hyperband (Li et al. 2018, JMLR 18).
    seconds
        No trial is begun later than that; None: whenever.
    """

    recipe: str
    data: Sequence[str] = ()
    overrides: Sequence[str] = ()
    space: Sequence[str] = ()
    trials: int = 20
    folds: int = 1
    seed: int = 0
    pruner: Pruner = "median"
    seconds: float | None = None


class Tuning:
    """A plan, its study and its folder.

    Parameters
    ----------
    plan
        What to do.
    folder
        Holds a run folder for each trial, and what came of it all.
    journal, name
        Where the study is kept, and its name there.

    Raises
    ------
    RecipeError
        The recipe or the space makes no sense.
    RunError
        The journal cannot be used.
    """

    def __init__(self, plan: Plan, folder: Path, journal: Path, name: str) -> None:
        self.plan, self.folder, self.name = plan, folder, name
        self.recipe = load_recipe(plan.recipe, [*plan.data, *plan.overrides])
        if self.recipe.train.devices > 1:
            raise RecipeError("train.devices: a trial trains on one device; start the command once for each instead")
        self.space = read_space(plan.space, self.recipe)
        for dimension in self.space:  # each end and each choice must make a recipe, before hours are spent on others
            for value in dimension.extremes:
                self._resolve({dimension.key: value}, "")
        self._locks = locks_folder(journal) / f"study-{name}"
        identity = {
            "recipe": self.recipe.model_dump(mode="json", exclude={"about"}),
            "space": {dimension.key: [dimension.form, *dimension.values] for dimension in self.space},
            "folds": plan.folds,
            "seed": plan.seed,
        }
        _silence()
        self.study = open_study(journal, name, self.recipe.train.larger_is_better, identity)
        self.study.pruner = _pruner(plan, self.recipe.train)

    def work(self, options: run.Options, progress: Progress | None = None, say: Say = lambda line: None) -> None:
        """Do trials until there are as many as planned, beside other processes that do the same.

        A trial that a killed process left behind is gone on with: the same parameters, the same run folder.

        Parameters
        ----------
        options
            As for `genrelab.training.run.train`.
        progress
            Where to draw progress.
        say
            Gets a line after each trial.
        """
        options = replace(options, resume=True, parts=("validation",))
        until = math.inf if self.plan.seconds is None else time.monotonic() + self.plan.seconds
        while time.monotonic() < until:
            with ExitStack() as held:
                with claimed(self._locks / "ask", wait=True):
                    trial = self._left_behind(held) or self._new(held)
                if trial is None:
                    return
                self._do(trial, options, progress, say)

    def _left_behind(self, held: ExitStack) -> Trial | None:
        """Return a trial whose process has died, its lock held by us now."""
        for frozen in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if _hold(held, self._locks / str(frozen.number)):
                return Trial(self.study, frozen._trial_id)
        return None

    def _new(self, held: ExitStack) -> Trial | None:
        trials = self.study.get_trials(deepcopy=False)
        own = {dimension.key: dimension.of_recipe for dimension in self.space}
        if not trials and None not in own.values():
            self.study.enqueue_trial(own)  # the recipe as it is comes first: what is better must be better than that
        if sum(trial.state != TrialState.WAITING for trial in trials) >= self.plan.trials:
            return None
        trial = self.study.ask()
        _hold(held, self._locks / str(trial.number))
        return trial

    def _do(self, trial: Trial, options: run.Options, progress: Progress | None, say: Say) -> None:
        values = self._choose(trial)
        folder = self.folder / f"trial-{trial.number:04}"
        train = self.recipe.train
        try:
            recipe = self._resolve(values, f"{self.name}/trial-{trial.number:04}")
            run.train_folds(
                recipe, folder, range(self.plan.folds), options, progress,
                lambda place: [_Watch(trial, train, place)],
            )  # fmt: skip
        except optuna.TrialPruned:
            self.study.tell(trial.number, state=TrialState.PRUNED)
        except (DivergedError, RecipeError) as error:  # what is no fault of this trial goes up, and leaves it to go on
            trial.set_user_attr("reason", str(error))
            self.study.tell(trial.number, state=TrialState.FAIL)
        else:
            scores = [kept_epoch(folder / f"fold-{n}", train)[train.monitor] for n in range(self.plan.folds)]
            self.study.tell(trial.number, float(np.mean(scores)))
        say(_told(self.study.get_trials(deepcopy=False)[trial.number], train))

    def _choose(self, trial: Trial) -> dict[str, Any]:
        """Return what a trial tries, or tries again: what it had chosen before it died stays."""
        values = {}
        for place, dimension in enumerate(self.space):
            # A sampler of its own for each choice: whoever makes it, and whenever, it is the same on the same grounds.
            seed = int(np.random.SeedSequence([self.plan.seed, trial.number, place]).generate_state(1)[0])
            self.study.sampler = TPESampler(seed=seed, multivariate=False, constant_liar=True)
            values[dimension.key] = dimension.value(dimension.suggest(trial))
        return values

    def _resolve(self, values: dict[str, Any], name: str) -> Recipe:
        changes = as_overrides(values | ({"name": name} if name else {}))
        return load_recipe(self.plan.recipe, [*self.plan.data, *self.plan.overrides, *changes])

    def table(self) -> pd.DataFrame:
        """Return a line a trial.

        Returns
        -------
        pandas.DataFrame
            ``number``, ``state`` (complete, pruned, fail or running), ``value`` (of a pruned trial the last one that it
            reported), ``minutes`` of training, ``epochs``, a column for each key of the space, ``reason`` of a failure.
        """
        keys = [dimension.key for dimension in self.space]
        lines = []
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state == TrialState.WAITING:
                continue
            folds = sorted((self.folder / f"trial-{trial.number:04}").glob("fold-*/timing.csv"))
            timings = [pd.read_csv(path) for path in folds]
            lines.append(
                {
                    "number": trial.number,
                    "state": trial.state.name.lower(),
                    "value": trial.value,
                    "minutes": sum(float(np.nansum(timing[list(TIMINGS)])) for timing in timings) / 60,
                    "epochs": sum(len(timing) for timing in timings),
                    **{key: trial.params.get(key) for key in keys},
                    "reason": trial.user_attrs.get("reason", ""),
                }
            )
        return pd.DataFrame(lines, columns=["number", "state", "value", "minutes", "epochs", *keys, "reason"])

    def importances(self) -> dict[str, float]:
        """Return how much of the differences in the objective each key accounts for; empty with too few trials.

        By fANOVA (Hutter et al. 2014), over completed trials.
        """
        complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(complete) < FEWEST_FOR_IMPORTANCES or len({trial.value for trial in complete}) == 1:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.plan.seed)
        return dict(optuna.importance.get_param_importances(self.study, evaluator=evaluator))

    def write(self) -> FrozenTrial:
        """Write trials.csv, tuning.json, tuning.png, tuning.svg and best.yaml; return the best trial.

        Raises
        ------
        RunError
            Not one trial was completed.
        """
        table = self.table()
        write_csv(self.folder / "trials.csv", table)
        if not (table["state"] == "complete").any():
            counts = ", ".join(f"{number} {state}" for state, number in table["state"].value_counts().items())
            reasons = [reason for reason in table["reason"] if reason]
            raise RunError(
                f"{self.folder}: not one trial was completed ({counts or 'none begun'}); "
                f"{'the first failed since ' + reasons[0] if reasons else 'give it more --trials or --seconds'}"
            )
        best, importances = self.study.best_trial, self.importances()
        keys = [dimension.key for dimension in self.space]
        train = self.recipe.train
        figure = tuning_figure(table, keys, train.monitor, train.larger_is_better, importances)
        save(figure, self.folder, "tuning")
        write_text(self.folder / "best.yaml", self._best_recipe(best))
        info = {
            "kind": "tuning",
            "recipe": self.plan.recipe,
            "study": self.name,
            "objective": self.recipe.train.monitor,
            "protocol": self.recipe.protocol.name,
            "folds": self.plan.folds,
            "overrides": [*self.plan.data, *self.plan.overrides],
            "space": {dimension.key: [dimension.form, *dimension.values] for dimension in self.space},
            "asked_space": list(self.plan.space),
            "seed": self.plan.seed,
            "pruner": self.plan.pruner,
            "trials": table["state"].value_counts().to_dict(),
            "best": {"number": best.number, "value": best.value, "folder": f"trial-{best.number:04}"} | best.params,
            "importances": importances,
            "environment": run.environment(),
            "genrelab": __version__,
        }
        write_json(self.folder / "tuning.json", info)
        return best

    def _best_recipe(self, best: FrozenTrial) -> str:
        """Return a recipe that holds its base and how it differs."""
        where = Path(self.plan.recipe)
        base = self.plan.recipe
        if where.suffix in SUFFIXES:  # from here to there, so that both may move together
            base = os.path.relpath(where.resolve(), self.folder.resolve())
        about = (
            f"Trial {best.number} of the tuning {self.name}, the best of {len(self.study.trials)} by "
            f"{self.recipe.train.monitor} ({best.value:.4g})."
        )
        tree: dict[str, Any] = {"base": base, "about": about}
        given = [override.partition("=") for override in self.plan.overrides]
        changes = {key: yaml.safe_load(text) for key, _, text in given}
        changes |= {dimension.key: dimension.value(best.params[dimension.key]) for dimension in self.space}
        for key, value in changes.items():
            *sections, last = key.split(".")
            inner = tree
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[last] = value
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


class _Watch(Callback):
    """Reports a fold's validation to its trial, epoch by epoch, and ends a trial that the pruner gives up."""

    def __init__(self, trial: Trial, train: Train, fold: Path) -> None:
        self._trial, self._train = trial, train
        self._first_step = int(fold.name.removeprefix("fold-")) * train.epochs

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report; an epoch that is done again after a kill reports again what the journal has already."""
        value, step = self._value(trainer), self._first_step + trainer.current_epoch
        known = self._trial.study.get_trials(deepcopy=False)[self._trial.number].intermediate_values
        if step not in known and math.isfinite(value):
            self._trial.report(value, step)
        if self._trial.should_prune():
            raise optuna.TrialPruned

    def _value(self, trainer: Trainer) -> float:
        return float(trainer.callback_metrics[self._train.monitor])


def _pruner(plan: Plan, train: Train) -> BasePruner:
    epochs = train.epochs * plan.folds
    if plan.pruner == "hyperband":
        return HyperbandPruner(min_resource=max(1, epochs // 9), max_resource=epochs)
    if plan.pruner == "median":
        return MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, train.epochs // 4))
    return NopPruner()


def _told(trial: FrozenTrial, train: Train) -> str:
    chosen = ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in trial.params.items()
    )
    value = "" if trial.value is None else f" {train.monitor} {trial.value:.4f}"
    reason = f" ({trial.user_attrs['reason']})" if "reason" in trial.user_attrs else ""
    return f"trial {trial.number}: {trial.state.name.lower()}{value}{reason}: {chosen}"


def _hold(held: ExitStack, path: Path) -> bool:
    """Take a lock and keep it until `held` closes; return whether it was free."""
    with ExitStack() as trying:
        if not trying.enter_context(claimed(path)):
            return False
        held.enter_context(trying.pop_all())
    return True


def _silence() -> None:
    """Optuna tells of every trial; so do we."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
