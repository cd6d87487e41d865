"""The 57 columns of GTZAN 2.0's feature tables, computed from samples."""

import numpy as np
from numpy.typing import NDArray

from genrelab.errors import RecipeError
from genrelab.extractors.cepstrum import dct_matrix, decibels
from genrelab.extractors.chroma import chroma, peaks, tuning_of
from genrelab.extractors.extractor import Extractor
from genrelab.extractors.harmonic import separate
from genrelab.extractors.mel_scale import mel_filterbank
from genrelab.extractors.spectral import loudness, shape, zero_crossing_rate
from genrelab.extractors.stft import N_FFT, chunks, stft
from genrelab.extractors.tempo import tempo

N_MELS, N_MFCC = 128, 20
_SERIES = ("chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "rolloff", "zero_crossing_rate", "harmony")
_MFCC = tuple(f"mfcc{order}" for order in range(1, N_MFCC + 1))


def _pairs(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}_{statistic}" for name in names for statistic in ("mean", "var"))


COLUMNS: tuple[str, ...] = (*_pairs((*_SERIES, "perceptr")), "tempo", *_pairs(_MFCC))


class Handcrafted(Extractor):
    """The 57 columns of ``features_30_sec.csv`` (GTZAN 2.0, made with librosa 0.7), in its order: see `COLUMNS`.

    ``harmony`` and ``perceptr`` are the harmonic and the percussive waveform, ``tempo`` that of librosa's beat
    tracker, and the ends of a clip are mirrored: with these the table is met best.

    Parameters
    ----------
    sample_rate
        Samples a second of what it is given, in Hz; the table was made at 22 050.
    pieces
        Equal pieces a clip is cut into; each gives its 57 columns. ``features_3_sec.csv`` is ten pieces of a clip.

    Raises
    ------
    RecipeError
        `pieces` is below 1.
    """

    def __init__(self, sample_rate: int = 22050, pieces: int = 1) -> None:
        super().__init__(sample_rate)
        if pieces < 1:
            raise RecipeError(f"frontend.pieces: {pieces} is not 1 or more")
        self.pieces = pieces
        self.size = pieces * len(COLUMNS)
        self._mel = mel_filterbank(sample_rate, N_FFT, N_MELS).T
        self._dct = dct_matrix(N_MFCC, N_MELS).T

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the columns (pieces * 57,), piece after piece, of mono samples (n,)."""
        length = len(samples) // self.pieces
        return np.concatenate([self._row(samples[i * length : (i + 1) * length]) for i in range(self.pieces)])

    def _row(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the 57 columns of one piece."""
        spectrum = stft(samples)
        magnitudes = np.abs(spectrum)
        shapes, bands, pitches = [], [], []
        for part in chunks(len(magnitudes)):
            power = magnitudes[part] ** 2
            shapes.append(shape(magnitudes[part], self.sample_rate))
            bands.append(power @ self._mel)
            pitches.append(peaks(power, self.sample_rate))
        level = decibels(np.concatenate(bands))
        tuning = tuning_of(*map(np.concatenate, zip(*pitches, strict=True)))
        series = (
            chroma(magnitudes, self.sample_rate, tuning),
            loudness(samples),
            *map(np.concatenate, zip(*shapes, strict=True)),
            zero_crossing_rate(samples),
            *separate(samples, spectrum, magnitudes),
        )
        statistics = [value for values in series for value in _statistics(values)]
        coefficients = [value for values in (level @ self._dct).T for value in _statistics(values)]
        return np.array([*statistics, tempo(level, self.sample_rate), *coefficients], np.float32)


def _statistics(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return mean and variance, summed in double precision: a waveform's mean is a millionth of its samples."""
    return float(values.mean(dtype=np.float64)), float(values.var(dtype=np.float64))
