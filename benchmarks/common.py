"""What several benchmarks share besides their arguments: a stopwatch, and mp3s where none are given."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def synthesise(folder: Path, files: int) -> Path:
    """Write mp3s of 30 s, 44.1 kHz, stereo: chords over noise, enough to keep a codec busy."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    at = np.arange(30 * 44100) / 44100
    for number in range(files):
        tones = np.sin(2 * np.pi * rng.uniform(80, 2000, (2, 5))[:, :, None] * at).sum(axis=1) * 0.1
        soundfile.write(folder / f"{number:03d}.mp3", (tones + 0.05 * rng.standard_normal(tones.shape)).T, 44100)
    return folder
