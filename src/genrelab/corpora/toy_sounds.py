"""Instruments of the toy corpus: drums and tones as arrays of samples."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]

TABLE = 2048  # samples of one period
PARTIALS = 24


def place(track: Sound, sound: Sound, at: int, gain: float = 1.0) -> None:
    """Add a sound to a track at a sample; what would stick out at either end is dropped."""
    start, stop = max(0, at), min(len(track), at + len(sound))
    if stop > start:
        track[start:stop] += np.float32(gain) * sound[start - at : stop - at]


def decay(n: int, seconds: float, sample_rate: int) -> Sound:
    """Return an envelope that falls by 60 dB in some seconds."""
    return np.asarray(np.exp(np.arange(n, dtype=np.float32) * np.float32(-6.9 / (seconds * sample_rate))), np.float32)


def partials(kind: str, rng: np.random.Generator) -> Sound:
    """Return the amplitudes of an instrument's partials; every player's instrument sounds a little its own way.

    Parameters
    ----------
    kind
        saw, square, organ, brass, reed, string, bell, flute or sub.
    rng
        Draws the differences between instruments of a kind.

    Returns
    -------
    array, (PARTIALS,)
        Amplitudes of the partials from the first.
    """
    number = np.arange(1, PARTIALS + 1)
    shapes = {
        "saw": 1.0 / number,
        "square": (number % 2) / number,
        "organ": np.isin(number, (1, 2, 3, 4, 6, 8)) * number**-0.6,
        "brass": np.exp(-(((number - 3.5) / 3.5) ** 2)),
        "reed": np.where(number % 2, 1.0, 0.35) * np.exp(-number / 5.0),
        "string": number**-1.3,
        "bell": np.isin(number, (1, 3, 4, 7, 10)) * number**-0.8,
        "flute": np.exp(-number / 0.9),
        "sub": np.exp(-number / 0.6),
    }
    own = np.exp(rng.normal(0.0, 0.45, PARTIALS))
    amplitudes = shapes[kind] * own
    return np.asarray(amplitudes / np.sqrt((amplitudes**2).sum()), dtype=np.float32)


def tone(
    amplitudes: Sound,
    frequency: float,
    n: int,
    sample_rate: int,
    *,
    attack: float = 0.01,
    fall: float | None = None,
    vibrato: float = 0.0,
) -> Sound:
    """Return a tone.

    Parameters
    ----------
    amplitudes
        Of its partials.
    frequency
        In Hz.
    n
        Length in samples.
    sample_rate
        In Hz.
    attack
        Seconds until it is fully there.
    fall
        Seconds in which it falls by 60 dB, as plucked strings do; the upper partials fall faster. None: it is held.
    vibrato
        Depth as a fraction of the frequency.
    """
    allowed = int(min(PARTIALS, 0.45 * sample_rate / frequency))
    time = np.arange(n, dtype=np.float32) / np.float32(sample_rate)
    phase = time * np.float32(frequency)
    if vibrato:
        phase = phase + np.float32(vibrato * frequency / (2 * np.pi * 5.5)) * np.sin(np.float32(2 * np.pi * 5.5) * time)
    position = (phase % 1.0 * TABLE).astype(np.int32) % TABLE
    sound = _period(amplitudes[:allowed])[position]
    if fall is not None:
        dull = amplitudes[:allowed] * np.exp(-0.5 * np.arange(allowed, dtype=np.float32))
        bright = decay(n, fall * 0.35, sample_rate)
        sound = (sound * bright + _period(dull)[position] * (1 - bright)) * decay(n, fall, sample_rate)
    rise = min(n, max(2, int(attack * sample_rate)))
    sound[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
    release = min(n, int(0.02 * sample_rate))
    sound[n - release :] *= np.linspace(1.0, 0.0, release, dtype=np.float32)
    return sound


def _period(amplitudes: Sound) -> Sound:
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * TABLE * amplitudes
    return np.fft.irfft(spectrum).astype(np.float32)


def drum_kit(rng: np.random.Generator, sample_rate: int) -> dict[str, list[Sound]]:
    """Return a kit: three hits each of kick, snare, clap, hat, ride and brush, tuned by `rng`."""
    tune = rng.uniform(0.75, 1.35)
    tightness = rng.uniform(0.6, 1.6)
    colour = rng.uniform(-0.9, 0.9)  # of all noises: dark to bright
    kit: dict[str, Callable[[], Sound]] = {
        "kick": lambda: _kick(48 * tune, 0.28 * tightness, rng, sample_rate),
        "snare": lambda: _noise_hit(0.17 * tightness, colour, 185 * tune, 0.6, rng, sample_rate),
        "clap": lambda: _noise_hit(0.14 * tightness, colour * 0.5, 0.0, 0.0, rng, sample_rate),
        "hat": lambda: _noise_hit(0.05 * tightness, 0.95, 0.0, 0.0, rng, sample_rate) * np.float32(0.6),
        "ride": lambda: _noise_hit(0.35 * tightness, 0.9, 3100 * tune, 0.25, rng, sample_rate) * np.float32(0.4),
        "brush": lambda: _noise_hit(0.22 * tightness, colour * 0.4, 0.0, 0.0, rng, sample_rate) * np.float32(0.35),
    }
    return {name: [hit() for _ in range(3)] for name, hit in kit.items()}


def _kick(frequency: float, seconds: float, rng: np.random.Generator, sample_rate: int) -> Sound:
    n = int(seconds * 1.2 * sample_rate)
    time = np.arange(n, dtype=np.float32) / np.float32(sample_rate)
    sweep = frequency * time + frequency * 3.0 * 0.03 * (1 - np.exp(-time / 0.03))
    click = rng.standard_normal(n).astype(np.float32) * np.float32(0.3) * decay(n, 0.01, sample_rate)
    return np.asarray((np.sin(2 * np.pi * sweep) + click) * decay(n, seconds, sample_rate), dtype=np.float32)


def _noise_hit(
    seconds: float, colour: float, frequency: float, tonal: float, rng: np.random.Generator, sample_rate: int
) -> Sound:
    n = int(seconds * 1.2 * sample_rate)
    noise = rng.standard_normal(n + 1).astype(np.float32)
    noise = noise[1:] - np.float32(colour) * noise[:-1]  # a first-order filter
    time = np.arange(n, dtype=np.float32) / np.float32(sample_rate)
    body = np.float32(tonal) * np.sin(np.float32(2 * np.pi * frequency) * time)
    return np.asarray((0.5 * noise + body) * decay(n, seconds, sample_rate), dtype=np.float32)
