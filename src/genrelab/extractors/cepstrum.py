"""Decibels and the cosine transform: from mel bands to cepstral coefficients."""

import numpy as np
from numpy.typing import NDArray


def decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``10 log10`` of power, floored at 1e-10 and at 80 dB below the loudest, as ``librosa.power_to_db``."""
    level = np.float32(10 / np.log(10)) * np.log(np.maximum(power, np.float32(1e-10)))
    floored: NDArray[np.float32] = np.maximum(level, level.max() - np.float32(80))
    return floored


def dct_matrix(rows: int, columns: int) -> NDArray[np.float32]:
    """Return the first `rows` rows of the orthonormal DCT-II of `columns` values, (rows, columns)."""
    order = np.arange(rows)[:, None]
    place = np.arange(columns)[None, :] + 0.5
    matrix: NDArray[np.float64] = np.sqrt(2 / columns) * np.cos(np.pi / columns * order * place)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)
