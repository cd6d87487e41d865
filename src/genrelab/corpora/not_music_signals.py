"""Noise, tones, hum and clicks: sounds that machines make and nobody plays."""

from collections.abc import Mapping

import numpy as np

from genrelab.corpora.not_music_parts import (
    Maker,
    Rng,
    band,
    coloured,
    hits,
    irregular,
    oscillator,
    resonant,
    shaped,
    struck,
    unit,
    wandering,
)
from genrelab.corpora.toy_sounds import Sound, place

KEYPAD = ((697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0))  # Hz, ITU-T Q.23


def _noise(slope: float) -> Maker:
    return lambda n, sample_rate, rng: coloured(n, sample_rate, rng, slope + rng.uniform(-0.15, 0.15))


def _narrow(n: int, sample_rate: int, rng: Rng) -> Sound:
    centre = np.exp(rng.uniform(np.log(100), np.log(0.35 * sample_rate)))
    width = rng.uniform(1.05, 2.0)
    return band(coloured(n, sample_rate, rng, 0.5), sample_rate, centre / width, centre * width)


def _pulsing(n: int, sample_rate: int, rng: Rng) -> Sound:
    beat = 0.5 + 0.5 * oscillator(rng.uniform(0.5, 30), n, sample_rate, rng)
    return coloured(n, sample_rate, rng, rng.uniform(0, 2)) * (1 - np.float32(rng.uniform(0.4, 1)) * beat)


def _static(n: int, sample_rate: int, rng: Rng) -> Sound:
    """Return a radio between stations: hiss that breaks off and comes back."""
    tuned = wandering(n, sample_rate, rng, rng.uniform(2, 12)) > rng.uniform(0.2, 0.5)
    hiss = band(coloured(n, sample_rate, rng, 0.3), sample_rate, 300, rng.uniform(3000, 8000))
    return np.asarray(hiss * np.where(tuned, 1.0, 0.1) + 0.3 * _crackle(n, sample_rate, rng), np.float32)


def _crackle(n: int, sample_rate: int, rng: Rng) -> Sound:
    hits = rng.random(n, dtype=np.float32) < rng.uniform(5, 120) / sample_rate
    pops = hits * rng.lognormal(0, 1, n).astype(np.float32) * rng.choice([-1, 1], n)
    dull = shaped(np.asarray(pops, np.float32), sample_rate, lambda f: 1 / np.sqrt(1 + (f / 3500) ** 2))
    return unit(dull) + np.float32(0.02) * coloured(n, sample_rate, rng, 1.0)


def _sine(n: int, sample_rate: int, rng: Rng) -> Sound:
    return oscillator(np.exp(rng.uniform(np.log(60), np.log(0.4 * sample_rate))), n, sample_rate, rng)


def _sweep(n: int, sample_rate: int, rng: Rng) -> Sound:
    low, high = np.exp(rng.uniform(np.log(40), np.log(0.45 * sample_rate), 2))
    turns = rng.integers(1, 5)
    return oscillator(low * (high / low) ** (np.linspace(0, turns, n) % 1.0), n, sample_rate, rng)


def _square(n: int, sample_rate: int, rng: Rng) -> Sound:
    return np.sign(oscillator(np.exp(rng.uniform(np.log(60), np.log(2500))), n, sample_rate, rng))


def _unrelated(n: int, sample_rate: int, rng: Rng) -> Sound:
    pitches = np.exp(rng.uniform(np.log(80), np.log(0.35 * sample_rate), rng.integers(2, 7)))
    return np.asarray(sum(oscillator(f, n, sample_rate, rng) * np.float32(rng.uniform(0.3, 1)) for f in pitches))


def _keypad(n: int, sample_rate: int, rng: Rng) -> Sound:
    track = np.zeros(n, np.float32)
    long, pause = rng.uniform(0.06, 0.3, 2)
    for at in np.arange(rng.uniform(0, 0.3), n / sample_rate, long + pause):
        m = int(long * sample_rate)
        low, high = rng.choice(KEYPAD[0]), rng.choice(KEYPAD[1])
        place(
            track, oscillator(low, m, sample_rate, rng) + oscillator(high, m, sample_rate, rng), int(at * sample_rate)
        )
    return track


def _beeps(n: int, sample_rate: int, rng: Rng) -> Sound:
    pitch = rng.uniform(400, 3500)
    period, share, group = rng.uniform(0.12, 1.2), rng.uniform(0.15, 0.7), int(rng.integers(1, 5))
    time = np.arange(n) / sample_rate
    on = (time % period < share * period) & (time // period % (group + 1) < group)
    tone = oscillator(pitch, n, sample_rate, rng)
    return np.asarray((np.sign(tone) if rng.random() < 0.4 else tone) * on, np.float32)


def _siren(n: int, sample_rate: int, rng: Rng) -> Sound:
    low = rng.uniform(350, 900)
    high = low * rng.uniform(1.2, 2.2)
    sway = oscillator(rng.uniform(0.2, 4), n, sample_rate, rng)
    if rng.random() < 0.5:
        sway = np.sign(sway)
    tone = oscillator(low + (high - low) * (0.5 + 0.5 * sway), n, sample_rate, rng)
    return np.asarray(np.tanh(rng.uniform(0.5, 6) * tone), np.float32)


def _telephone(n: int, sample_rate: int, rng: Rng) -> Sound:
    """Return a line that rings, is engaged or waits for a number: two tones, on and off."""
    pair = ((350, 440), (480, 620), (440, 480), (400, 425))[rng.integers(4)]
    on, off = rng.uniform(0.2, 2.0, 2)
    gate = (np.arange(n) / sample_rate + rng.random()) % (on + off) < on
    return np.asarray(sum(oscillator(f, n, sample_rate, rng) for f in pair) * gate, np.float32)


def _modem(n: int, sample_rate: int, rng: Rng) -> Sound:
    bits = rng.integers(0, 2, n)[(np.arange(n) * rng.uniform(45, 1200) / sample_rate).astype(int)]
    low = rng.uniform(900, 1700)
    return oscillator(np.where(bits, low, low + rng.uniform(170, 1000)), n, sample_rate, rng)


def _hum(mains: float, buzz: float) -> Maker:
    """Return the maker of a mains hum; `buzz` is how slowly its harmonics fall."""

    def make(n: int, sample_rate: int, rng: Rng) -> Sound:
        track = np.float32(10 ** rng.uniform(-3, -1)) * coloured(n, sample_rate, rng, 1.0)
        for number in range(1, int(min(60, 0.45 * sample_rate / mains))):
            strong = np.exp(-number / buzz + rng.normal(0, 0.8)) * (1.0 if number % 2 else rng.uniform(0.1, 1))
            track = track + np.float32(strong) * oscillator(mains * number, n, sample_rate, rng)
        return track * (1 + np.float32(rng.uniform(0, 0.2)) * wandering(n, sample_rate, rng, 2))

    return make


def _compressor(n: int, sample_rate: int, rng: Rng) -> Sound:
    rattle = resonant(coloured(n, sample_rate, rng, 1.0), sample_rate, rng.uniform(150, 1500, 3).tolist(), 0.1)
    return unit(_hum(rng.choice([50.0, 60.0]), 3)(n, sample_rate, rng)) + np.float32(rng.uniform(0.1, 1)) * unit(rattle)


def _ticking(n: int, sample_rate: int, rng: Rng) -> Sound:
    pitches, period = rng.uniform(1500, 0.4 * sample_rate, 2).tolist(), rng.uniform(0.2, 1.0)
    times = np.arange(rng.uniform(0, period), n / sample_rate, period).tolist()
    return hits(n, sample_rate, rng, times, lambda: struck(rng.uniform(0.01, 0.03), pitches, 0.5, sample_rate, rng))


def _chance(
    rate: tuple[float, float], long: tuple[float, float], pitch: tuple[float, float], noise: float, bunch: int = 1
) -> Maker:
    """Return the maker of things struck by chance: how often, how long (s), how high (Hz), how noisy, how many each."""

    def make(n: int, sample_rate: int, rng: Rng) -> Sound:
        top = min(pitch[1], 0.4 * sample_rate)
        pitches = rng.uniform(min(pitch[0], top / 2), top, 3)
        gap = rng.uniform(0.12, 0.35)
        starts = irregular(n / sample_rate, rng.uniform(*rate), rng)
        times = [at + k * gap * rng.uniform(0.9, 1.1) for at in starts for k in range(rng.integers(1, bunch + 1))]

        def hit() -> Sound:
            mistuned = (pitches * rng.uniform(0.9, 1.1, 3)).tolist()
            return struck(rng.uniform(*long), mistuned, noise, sample_rate, rng)

        return hits(n, sample_rate, rng, times, hit)

    return make


def _faint(slope: float) -> Maker:
    return lambda n, sample_rate, rng: coloured(n, sample_rate, rng, slope)


SIGNALS: Mapping[str, Mapping[str, Maker]] = {
    "noise": {
        "white": _noise(0.0),
        "pink": _noise(1.0),
        "brown": _noise(2.0),
        "blue": _noise(-1.0),
        "violet": _noise(-2.0),
        "narrow": _narrow,
        "pulsing": _pulsing,
        "static": _static,
        "crackle": _crackle,
    },
    "tones": {
        "sine": _sine,
        "sweep": _sweep,
        "square": _square,
        "unrelated sines": _unrelated,
        "keypad": _keypad,
        "beeps": _beeps,
        "siren": _siren,
        "telephone": _telephone,
        "modem": _modem,
    },
    "hum": {
        "mains 50": _hum(50.0, 2.0),
        "mains 60": _hum(60.0, 2.0),
        "transformer 100": _hum(100.0, 6.0),
        "transformer 120": _hum(120.0, 6.0),
        "buzz": _hum(50.0, 20.0),
        "compressor": _compressor,
    },
    "clicks": {
        "clicks": _chance((0.5, 8), (0.002, 0.01), (1000, 9000), 3.0),
        "ticking": _ticking,
        "bursts": _chance((0.5, 4), (0.05, 0.5), (200, 6000), 20.0),
        "knocks": _chance((0.3, 1), (0.05, 0.2), (80, 400), 0.4, bunch=5),
        "typing": _chance((3, 9), (0.02, 0.06), (1500, 5000), 4.0),
        "steps": _chance((0.8, 2), (0.05, 0.15), (60, 250), 1.0),
        "clatter": _chance((2, 8), (0.1, 0.5), (800, 7000), 0.3, bunch=4),
        "applause": _chance((80, 300), (0.02, 0.05), (700, 2500), 6.0),
    },
    "quiet": {"white": _faint(0.0), "pink": _faint(1.0), "brown": _faint(2.0), "hum": _hum(50.0, 2.0)},
}
