"""The clip that golden values are of; numpy alone, so that the original's environment can make it, too."""

import numpy as np

SAMPLE_RATE = 16000
SAMPLES = 186 * 256  # 187 frames


def synthesise() -> np.ndarray:
    """Return three seconds, float32: a bass, a chord, a beat and noise."""
    rng = np.random.default_rng(7)
    at = np.arange(SAMPLES) / SAMPLE_RATE
    sound = 0.3 * np.sign(np.sin(2 * np.pi * 55 * at))
    for pitch in (220.0, 277.2, 329.6):
        sound += 0.15 * np.sin(2 * np.pi * pitch * at + 0.5 * np.sin(2 * np.pi * 5 * at))
    beat = np.exp(-30 * (at % 0.5))
    sound += 0.4 * beat * rng.standard_normal(SAMPLES)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)
