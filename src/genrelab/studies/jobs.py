"""Many runs, shared out among processes: each takes the next one that nobody trains, until all are trained."""

import multiprocessing
import os
import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.progress import Progress

from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.errors import GenrelabError, GenrelabWarning, RunError
from genrelab.files import write_text
from genrelab.locks import claimed
from genrelab.training import run
from genrelab.training.device import choose_device, usable_precision
from genrelab.training.fold import recipe_model
from genrelab.training.recipe import Recipe
from genrelab.training.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess

LOCKS = ".locks"


@dataclass(frozen=True)
class Job:
    """A recipe and the folder of its run."""

    recipe: Recipe
    folder: Path

    @property
    def done(self) -> bool:
        """Whether the run is finished."""
        return (self.folder / "run.json").is_file()


def train_all(
    jobs: Sequence[Job],
    root: Path,
    options: run.Options,
    processes: int = 1,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Train what is not trained yet, and return when all is.

    Killed at any moment, the same call goes on. Other processes may do the same on the same folder at the same time,
    here or on another machine that shares the disk: a run is trained by one of them, and taken over if that one dies.

    Parameters
    ----------
    jobs
        The runs, in the order in which they shall be trained.
    root
        The folder that holds all of them, and the locks.
    options
        As for `genrelab.training.run.train`.
    processes
        How many to use, this one among them; they share the cores' threads.
    progress
        Where this process draws its progress.
    say
        Gets a line before each run of this process.

    Raises
    ------
    GenrelabError
        A run cannot be trained. Others may have been meanwhile.
    """
    jobs, options = list(jobs), replace(options, resume=True)
    _prepare(jobs, root, options, progress)
    if processes == 1:
        _work(jobs, root, options, progress, say)
        return
    threads = max(1, torch.get_num_threads() // processes)
    with _workers(processes - 1, (jobs, root, options, threads)) as workers, _threads(threads):
        _work(jobs, root, options, progress, say)
        for worker in workers:
            worker.join()


def _prepare(jobs: Sequence[Job], root: Path, options: run.Options, progress: Progress | None) -> None:
    """Find what cannot be trained before hours of training, and decode in one process what the runs will read."""
    begun = [(job, run.load_run_recipe(job.folder)) for job in jobs if (job.folder / "recipe.yaml").is_file()]
    for job, made in begun:
        if _moved(made, job.recipe, root) != job.recipe:
            raise RunError(f"{job.folder}: holds a run of another recipe; choose another --output")
    for job, made in begun:
        if made != job.recipe:
            write_text(job.folder / "recipe.yaml", job.recipe.to_yaml())
    recipes = [job.recipe for job in jobs if not job.done]
    corpora: dict[str, Corpus] = {}
    seen: list[tuple[Any, ...]] = []
    for recipe in recipes:
        division = (recipe.corpus, recipe.max_clips, recipe.protocol, recipe.split_seed)
        if division not in seen:
            seen.append(division)
            run.recipe_splits(recipe, _corpus(recipe, corpora))
    for recipe in recipes:
        usable_precision(recipe.train.precision, choose_device(recipe.train.device))  # it warns
        subset = recipe.max_clips and (recipe.max_clips, recipe.split_seed)
        needs = (recipe.corpus, recipe.audio, recipe.frontend, recipe.network, subset)
        if needs in seen:
            continue
        seen.append(needs)
        corpus = _corpus(recipe, corpora)
        recipe_model(recipe, len(corpus.genres))
        open_store(recipe, corpus, options.stores, options.jobs, progress)


def _moved(made: Recipe, wanted: Recipe, root: Path) -> Recipe:
    """Return the recipe of a run with the places that it would name now: its study may have been moved since.

    Toy music is the same wherever it is made, and a run to start from is one of the study's own.
    """
    changes: dict[str, Any] = {}
    if made.corpus.kind == wanted.corpus.kind == "toy":
        places = {key: value for key, value in wanted.corpus.options.items() if key == "root"}
        changes["corpus"] = made.corpus.model_copy(update=places)
    if made.start and made.start.run and wanted.start and wanted.start.run and wanted.start.run.is_relative_to(root):
        inside = wanted.start.run.relative_to(root).parts
        if made.start.run.parts[-len(inside) :] == inside:
            changes["start"] = made.start.model_copy(update={"run": wanted.start.run})
    return made.model_copy(update=changes)


def _corpus(recipe: Recipe, corpora: dict[str, Corpus]) -> Corpus:
    """Return what a recipe learns from; `corpora` keeps what was loaded."""
    key = repr(recipe.corpus)
    if key not in corpora:
        corpora[key] = load_corpus(recipe.corpus.kind, **recipe.corpus.options)
    if recipe.max_clips is None:
        return corpora[key]
    return corpora[key].subset(recipe.max_clips, recipe.split_seed)


def _work(
    jobs: Sequence[Job],
    root: Path,
    options: run.Options,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Train whatever is free; then wait for what others train, lest they die over it."""
    for wait in (False, True):
        for job in jobs:
            if job.done:
                continue
            name = re.sub(r"[^\w.-]+", "-", str(job.folder.relative_to(root)))
            with claimed(root / LOCKS / name, wait) as mine:
                if mine and not job.done and wanted():
                    say(f"{job.recipe.name}, {job.recipe.protocol.name}, seed {job.recipe.seed}")
                    run.train(job.recipe, job.folder, options, progress)


def _worker(jobs: Sequence[Job], root: Path, options: run.Options, threads: int) -> None:
    """Work in a process of its own, but not longer than the one that started it."""
    torch.set_num_threads(threads)
    warnings.simplefilter("ignore", GenrelabWarning)  # the parent has said the same in `_prepare`
    parent = multiprocessing.parent_process()
    try:
        _work(jobs, root, options, wanted=lambda: parent is None or parent.is_alive())
    except (GenrelabError, KeyboardInterrupt):
        os._exit(2)  # the parent meets the same error, or was interrupted, too


@contextmanager
def _workers(number: int, arguments: tuple[Any, ...]) -> "Iterator[list[BaseProcess]]":
    context = multiprocessing.get_context("spawn")  # forking is no good once torch has threads
    workers: list[BaseProcess] = [context.Process(target=_worker, args=arguments, daemon=True) for _ in range(number)]
    for worker in workers:
        worker.start()
    try:
        yield workers
    except BaseException:
        for worker in workers:
            worker.terminate()
        raise


@contextmanager
def _threads(number: int) -> "Iterator[None]":
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
