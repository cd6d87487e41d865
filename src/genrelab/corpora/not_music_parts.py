"""What sounds that are no music are made of: coloured noise, filters, slow curves, sines, things that are struck."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from genrelab.corpora.toy_sounds import Sound, decay, place

Rng = np.random.Generator
Maker = Callable[[int, int, Rng], Sound]  # of a number of samples at a rate in Hz, of any loudness
Curve = npt.NDArray[np.floating]


def shaped(sound: Sound, sample_rate: int, gain: Callable[[Curve], Curve]) -> Sound:
    """Return a sound filtered by a gain that is a function of the frequency in Hz."""
    n = len(sound)
    size = next_fast_len(n, real=True)
    spectrum = rfft(sound, size) * gain(np.fft.rfftfreq(size, 1 / sample_rate)).astype(np.float32)
    return np.asarray(irfft(spectrum, size)[:n], np.float32)


def coloured(n: int, sample_rate: int, rng: Rng, slope: float) -> Sound:
    """Return noise whose power falls as frequency to the power of `slope`: 0 white, 1 pink, 2 brown, -1 blue."""
    white = rng.standard_normal(n, dtype=np.float32)
    return unit(shaped(white, sample_rate, lambda f: np.maximum(f, 20.0) ** (-slope / 2)))


def band(sound: Sound, sample_rate: int, low: float, high: float, order: int = 4) -> Sound:
    """Return what of a sound lies between two frequencies in Hz, by Butterworth slopes."""
    return shaped(
        sound,
        sample_rate,
        lambda f: 1 / np.sqrt((1 + (f / high) ** (2 * order)) * (1 + (low / np.maximum(f, 1e-3)) ** (2 * order))),
    )


def resonant(sound: Sound, sample_rate: int, centres: Sequence[float], width: float) -> Sound:
    """Return a sound as heard through resonances at some frequencies, each `width` of its frequency wide."""

    def gain(f: Curve) -> Curve:
        return np.asarray(sum(1 / np.sqrt(1 + ((f - c) / (width * c)) ** 2) for c in centres))

    return shaped(sound, sample_rate, gain)


def wandering(n: int, sample_rate: int, rng: Rng, hertz: float) -> Sound:
    """Return a curve from 0 to 1 that turns at random about `hertz` times a second."""
    points = max(4, int(n / sample_rate * hertz) + 2)
    curve = np.interp(np.linspace(0, points - 1, n), np.arange(points), rng.random(points))
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * curve), np.float32)


def unit(sound: Sound) -> Sound:
    """Return a sound at a root mean square of 1."""
    return np.asarray(sound / max(float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))), 1e-9), np.float32)


def oscillator(frequency: npt.NDArray[np.floating] | float, n: int, sample_rate: int, rng: Rng) -> Sound:
    """Return a sine of a frequency in Hz, or of one a sample, that starts anywhere."""
    cycles = np.cumsum(np.broadcast_to(np.asarray(frequency, np.float64), n)) / sample_rate + rng.random()
    return np.sin(2 * np.pi * (cycles % 1.0)).astype(np.float32)


def hits(n: int, sample_rate: int, rng: Rng, times: Sequence[float], hit: Callable[[], Sound]) -> Sound:
    """Return a track with a hit at each time in seconds, no two equally loud."""
    track = np.zeros(n, np.float32)
    for at in times:
        place(track, hit(), int(at * sample_rate), float(rng.uniform(0.4, 1.0)))
    return track + np.float32(1e-4) * coloured(n, sample_rate, rng, 1.0)


def struck(seconds: float, pitches: Sequence[float], noise: float, sample_rate: int, rng: Rng) -> Sound:
    """Return something struck once: decaying sines and a decaying noise of the share `noise`."""
    m = max(8, int(1.2 * seconds * sample_rate))
    body = sum((oscillator(f, m, sample_rate, rng) for f in pitches), np.zeros(m, np.float32))
    return (body + np.float32(noise) * rng.standard_normal(m, dtype=np.float32)) * decay(m, seconds, sample_rate)


def irregular(seconds: float, rate: float, rng: Rng) -> list[float]:
    """Return times at which something happens by chance, `rate` times a second, at least once."""
    return sorted(rng.uniform(0, seconds, max(1, int(rng.poisson(rate * seconds)))).tolist())
