"""How much memory a training took at its peak."""

import sys

import torch


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
