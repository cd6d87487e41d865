"""A sound that has everything: a rising tone, noise, clicks and a quiet stretch."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def sound() -> Callable[[int, float], np.ndarray]:
    """Return a function of sample rate and seconds that makes the sound, float32."""

    def make(sample_rate: int, seconds: float) -> np.ndarray:
        rng = np.random.default_rng(0)
        time = np.arange(int(sample_rate * seconds)) / sample_rate
        clip = 0.4 * np.sin(2 * np.pi * (60 + 0.2 * sample_rate * time / seconds) * time)
        clip += 0.02 * rng.standard_normal(len(time))
        clip[:: sample_rate // 3] += 0.5
        clip[len(clip) // 2 : len(clip) // 2 + sample_rate // 4] *= 1e-3
        return clip.astype(np.float32)

    return make
