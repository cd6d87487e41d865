"""A training's memory: kept from batch to batch, and how much it was at its peak."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Names in glibc's malloc.h, and the variables by which the environment sets the same.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_TUNED = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_"}
# malloc raises its threshold to this by itself when a large tensor is freed, and takes no higher one.
_HIGHEST_THRESHOLD = 2**25


@contextmanager
def kept_memory() -> Iterator[None]:
    """Let batches use the same memory one after another, instead of each giving it back and asking for it anew.

    glibc's malloc asks the system for every tensor of 32 MiB and more, and gives it back as soon as it is freed; the
    system clears each page again when it is next touched. On large pictures that is a third of a training and more
    (docs/benchmarks.md). The price is a higher peak: crumbs of alignment keep holes from growing together again, a few
    large tensors' worth. In the end what is free is given back. Nothing changes where malloc is another's, or the
    environment sets it (``MALLOC_MMAP_MAX_``, ``MALLOC_TRIM_THRESHOLD_`` …).
    """
    if sys.platform != "linux" or _TUNED & os.environ.keys():
        yield
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):  # musl's has none
        yield
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, -1)  # never give back
    try:
        yield
    finally:
        libc.mallopt(_MMAP_MAX, 2**16)
        libc.mallopt(_MMAP_THRESHOLD, _HIGHEST_THRESHOLD)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _HIGHEST_THRESHOLD)
        libc.malloc_trim(0)


def peak_memory_mb(device: str) -> float:
    """Return the peak in MiB: of the GPU's memory on ``"cuda"``, else of this process's resident memory.

    NaN on systems that do not tell (Windows).
    """
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    if sys.platform == "win32":
        return float("nan")
    import resource  # exists on Unix alone

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
