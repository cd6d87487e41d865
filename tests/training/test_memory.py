import ctypes
import gc
import os
import resource
import sys
from pathlib import Path

import pytest
import torch
from lightning import Callback, LightningModule, Trainer

from genrelab.training import run
from genrelab.training.memory import kept_memory
from genrelab.training.recipe import Recipe

if sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"):
    pytest.skip("this is about glibc's malloc", allow_module_level=True)

MIB = 2**20
PAGES = 64 * MIB // os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True)
def _untuned(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)


def touch() -> None:
    """Write to a tensor of 64 MiB, and free it."""
    torch.ones(64 * MIB // 4)


def pages_taken() -> int:
    """Return how many pages the system hands out for a tensor as large as one that was freed before."""
    touch()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    touch()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Return the process's memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_large_tensor_lies_where_the_last_one_lay() -> None:
    with kept_memory():
        # Small pieces lie in the way at first.
        assert min(pages_taken() for _ in range(30)) < PAGES / 10


def test_memory_is_given_back_in_the_end() -> None:
    gc.collect()
    before = resident()
    with kept_memory():
        touch()
        assert resident() > before + 50 * MIB
    assert resident() < before + 20 * MIB
    touch()
    assert resident() < before + 20 * MIB  # as before


def test_who_tunes_malloc_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    before = resident()
    with kept_memory():
        touch()
        assert resident() < before + 20 * MIB


class PagesTaken(Callback):
    """Counts the pages that large tensors take between two batches."""

    def __init__(self) -> None:
        self.fewest = PAGES

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.fewest = min(pages_taken() for _ in range(30))


def test_a_fold_is_trained_with_kept_memory(recipe: Recipe, tmp_path: Path) -> None:
    counted = PagesTaken()
    options = run.Options(stores=tmp_path / "stores")
    run.train_folds(recipe, tmp_path / "run", [0], options, loggers=lambda folder: [counted])
    assert counted.fewest < PAGES / 10
