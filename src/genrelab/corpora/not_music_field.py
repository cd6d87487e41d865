"""Weather, engines and animals: what a recorder hears that was left outdoors."""

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
from genrelab.corpora.toy_sounds import Sound, decay, place

DROPLETS = 24  # different ones; the ear does not tell more apart in a shower


def _droplets(
    n: int, sample_rate: int, rng: Rng, rate: float, pitch: tuple[float, float], long: tuple[float, float]
) -> Sound:
    """Return drops that fall by chance, `rate` a second; each rings, and rises a little, as a bubble does."""
    track = np.zeros(n, np.float32)
    drops = []
    for _ in range(DROPLETS):
        seconds, start = rng.uniform(*long), rng.uniform(pitch[0], min(pitch[1], 0.4 * sample_rate))
        m = max(8, int(1.2 * seconds * sample_rate))
        rising = start * (1 + rng.uniform(0, 0.4) * np.linspace(0, 1, m))
        drops.append(oscillator(rising, m, sample_rate, rng) * decay(m, seconds, sample_rate))
    times = irregular(n / sample_rate, rate, rng)
    loud = rng.lognormal(-1.0, 0.8, len(times))
    for at, gain, which in zip(times, loud, rng.integers(0, DROPLETS, len(times)), strict=True):
        place(track, drops[which], int(at * sample_rate), float(gain))
    return track


def _rain(n: int, sample_rate: int, rng: Rng) -> Sound:
    shower = band(coloured(n, sample_rate, rng, 0.4), sample_rate, rng.uniform(200, 1200), rng.uniform(4000, 9000), 1)
    drops = _droplets(n, sample_rate, rng, rng.uniform(60, 900), (900, 8000), (0.004, 0.02))
    steady = 0.8 + 0.2 * wandering(n, sample_rate, rng, 1)
    return np.asarray(unit(shower) * steady + rng.uniform(0.2, 2) * drops, np.float32)


def _dripping(n: int, sample_rate: int, rng: Rng) -> Sound:
    drops = _droplets(n, sample_rate, rng, rng.uniform(1, 8), (500, 3000), (0.03, 0.15))
    return drops + np.float32(10 ** rng.uniform(-3, -1.5)) * coloured(n, sample_rate, rng, 1.0)


def _wind(n: int, sample_rate: int, rng: Rng) -> Sound:
    gusts = wandering(n, sample_rate, rng, rng.uniform(0.3, 1.5))
    noise = coloured(n, sample_rate, rng, 1.5)
    calm = band(noise, sample_rate, 30, rng.uniform(150, 400), 1)
    storm = band(noise, sample_rate, 80, rng.uniform(500, 1500), 1)
    return np.asarray(calm * (0.4 + 0.6 * gusts) + storm * gusts**2, np.float32)


def _whistling(n: int, sample_rate: int, rng: Rng) -> Sound:
    """Return wind in a gap: a narrow noise whose pitch follows the gusts."""
    gusts = wandering(n, sample_rate, rng, rng.uniform(0.4, 1.5))
    slow_noise = band(coloured(n, sample_rate, rng, 0.0), sample_rate, 1, rng.uniform(10, 40), 2)
    tone = oscillator(rng.uniform(250, 700) * (1 + gusts), n, sample_rate, rng)
    return unit(tone * slow_noise) * gusts + np.float32(rng.uniform(0.2, 1)) * unit(_wind(n, sample_rate, rng))


def _stream(n: int, sample_rate: int, rng: Rng) -> Sound:
    bubbles = _droplets(n, sample_rate, rng, rng.uniform(80, 400), (350, 2800), (0.01, 0.08))
    rush = band(coloured(n, sample_rate, rng, 1.0), sample_rate, 150, rng.uniform(1500, 6000), 1)
    return unit(bubbles) + np.float32(rng.uniform(0.2, 1.5)) * unit(rush)


def _surf(n: int, sample_rate: int, rng: Rng) -> Sound:
    swell = 0.5 + 0.5 * oscillator(rng.uniform(0.1, 0.3), n, sample_rate, rng)
    low = band(coloured(n, sample_rate, rng, 1.2), sample_rate, 40, 600, 1)
    foam = band(coloured(n, sample_rate, rng, 0.5), sample_rate, 800, rng.uniform(4000, 9000), 1)
    return low * (0.3 + swell) + foam * swell**3 * np.float32(rng.uniform(0.3, 1.5))


def _thunder(n: int, sample_rate: int, rng: Rng) -> Sound:
    rumble = band(coloured(n, sample_rate, rng, 2.0), sample_rate, 25, rng.uniform(120, 800), 1)
    loud = np.full(n, 0.02, np.float32)
    for at in irregular(n / sample_rate, 0.8, rng):
        place(loud, decay(n, rng.uniform(2, 6), sample_rate), int(at * sample_rate), float(rng.uniform(0.3, 1)))
    rolling = rumble * loud * (0.5 + wandering(n, sample_rate, rng, 6))
    return np.asarray(rolling + 0.01 * _rain(n, sample_rate, rng), np.float32)


def _fire(n: int, sample_rate: int, rng: Rng) -> Sound:
    def crack() -> Sound:
        return struck(rng.uniform(0.003, 0.03), rng.uniform(500, 4000, 2).tolist(), 3.0, sample_rate, rng)

    cracks = hits(n, sample_rate, rng, irregular(n / sample_rate, rng.uniform(5, 30), rng), crack)
    roar = band(coloured(n, sample_rate, rng, 1.5), sample_rate, 40, rng.uniform(200, 900), 1)
    return unit(cracks) + np.float32(rng.uniform(0.1, 0.6)) * unit(roar) * (0.6 + wandering(n, sample_rate, rng, 4))


def _engine(low: tuple[float, float], high: tuple[float, float], course: str) -> Maker:
    """Return the maker of an engine: firing cylinders, no two alike, through the resonances of an exhaust.

    Parameters
    ----------
    low, high
        Ranges of its slowest and its fastest turning, in revolutions a second.
    course
        How it turns: ``"idle"`` (as slowly as it can), ``"drive"`` (up and down) or ``"start"`` (faster and faster).
    """

    def make(n: int, sample_rate: int, rng: Rng) -> Sound:
        slow, fast = rng.uniform(*low), rng.uniform(*high)
        way = {
            "idle": 0.04 * wandering(n, sample_rate, rng, 3),
            "drive": wandering(n, sample_rate, rng, rng.uniform(0.3, 1)),
            "start": np.linspace(0, rng.integers(1, 4), n) % 1.0,
        }[course]
        cylinders = int(rng.integers(1, 9))
        firings = np.cumsum((slow + (fast - slow) * way) * cylinders / 2) / sample_rate
        at = np.flatnonzero(np.diff(np.floor(firings), prepend=0) > 0)
        strength = np.exp(rng.normal(0, 0.35, cylinders))[np.arange(len(at)) % cylinders] * rng.uniform(
            0.8, 1.2, len(at)
        )
        pulses = np.zeros(n, np.float32)
        pulses[at] = strength
        bang = struck(0.012, [], 1.0, sample_rate, rng) + decay(int(0.0144 * sample_rate), 0.006, sample_rate)
        fired = np.convolve(pulses, bang)[:n].astype(np.float32)
        exhaust = resonant(fired, sample_rate, np.sort(rng.uniform(60, 1400, 5)).tolist(), rng.uniform(0.1, 0.4))
        gears = coloured(n, sample_rate, rng, 1.0) * (0.5 + way).astype(np.float32)
        muffled = shaped(unit(exhaust), sample_rate, lambda f: 1 / np.sqrt(1 + (f / 1800) ** 2))
        return muffled + np.float32(rng.uniform(0.02, 0.3)) * gears

    return make


def _fan(n: int, sample_rate: int, rng: Rng) -> Sound:
    blades = rng.uniform(10, 180)
    beat = 1 + np.float32(rng.uniform(0.1, 0.8)) * oscillator(blades, n, sample_rate, rng)
    air = band(coloured(n, sample_rate, rng, 1.0), sample_rate, 50, rng.uniform(800, 5000), 1)
    return unit(air * beat) + np.float32(rng.uniform(0, 0.5)) * oscillator(2 * blades, n, sample_rate, rng)


def _whine(n: int, sample_rate: int, rng: Rng) -> Sound:
    """Return a jet, a vacuum cleaner or a drill: whines over the noise of air."""
    pitch = rng.uniform(180, 1500) * (1 + 0.3 * rng.random() * wandering(n, sample_rate, rng, 0.5))
    lines = np.zeros(n, np.float32)
    for number in range(1, 6):
        if number * pitch.max() < 0.45 * sample_rate:
            lines += np.float32(rng.uniform(0.1, 1) / number) * oscillator(number * pitch, n, sample_rate, rng)
    return unit(lines) * np.float32(rng.uniform(0.1, 1)) + coloured(n, sample_rate, rng, rng.uniform(0.5, 1.5))


def _train(n: int, sample_rate: int, rng: Rng) -> Sound:
    pair, period = rng.uniform(0.08, 0.2), rng.uniform(0.5, 1.4)
    starts = np.arange(rng.uniform(0, period), n / sample_rate, period)
    times = np.sort(np.concatenate([starts, starts + pair])).tolist()
    pitches = rng.uniform(80, 500, 3).tolist()
    clacks = hits(n, sample_rate, rng, times, lambda: struck(0.15, pitches, 2.0, sample_rate, rng))
    rolling = band(coloured(n, sample_rate, rng, 1.5), sample_rate, 30, rng.uniform(300, 1500), 1)
    return unit(clacks) + np.float32(rng.uniform(0.4, 2)) * unit(rolling)


def _calls(
    pitch: tuple[float, float], glide: float, long: tuple[float, float], gap: tuple[float, float], overtones: int = 1
) -> Maker:
    """Return the maker of an animal's calls: tones that glide and tremble, in phrases, each clip another animal."""

    def make(n: int, sample_rate: int, rng: Rng) -> Sound:
        top = 0.4 * sample_rate / overtones
        track = np.float32(10 ** rng.uniform(-3, -1.5)) * coloured(n, sample_rate, rng, 1.0)
        home, syllables = rng.uniform(min(pitch[0], top / 2), min(pitch[1], top)), int(rng.integers(1, 7))
        turn, flutter = rng.uniform(-glide, glide, syllables), rng.uniform(8, 60)
        at = rng.uniform(0, 0.5)
        while at < n / sample_rate:
            for syllable in range(syllables):
                m = int(rng.uniform(*long) * sample_rate)
                way = np.linspace(0, 1, m)
                course = home * 2.0 ** (
                    turn[syllable] * way + 0.1 * np.sin(2 * np.pi * flutter * way * m / sample_rate)
                )
                call = np.zeros(m, np.float32)
                for number in range(1, overtones + 1):
                    high = np.minimum(number * course, 0.45 * sample_rate)
                    call += oscillator(high, m, sample_rate, rng) / np.float32(number**0.7)
                place(track, call * np.sin(np.pi * way).astype(np.float32), int(at * sample_rate))
                at += m / sample_rate + rng.uniform(0.01, 0.08)
            at += rng.uniform(*gap)
        return track

    return make


def _crickets(n: int, sample_rate: int, rng: Rng) -> Sound:
    track = np.float32(10 ** rng.uniform(-2.5, -1)) * coloured(n, sample_rate, rng, 1.0)
    for _ in range(rng.integers(1, 6)):
        song = oscillator(rng.uniform(0.2, 0.4) * sample_rate, n, sample_rate, rng)
        wing = np.maximum(oscillator(rng.uniform(20, 70), n, sample_rate, rng), 0)
        verse = oscillator(rng.uniform(0.8, 3), n, sample_rate, rng) > rng.uniform(-0.7, 0.5)
        track += np.float32(rng.uniform(0.1, 1)) * song * wing * verse.astype(np.float32)
    return track


def _insects(n: int, sample_rate: int, rng: Rng) -> Sound:
    wings = rng.uniform(90, 600) * (0.85 + 0.3 * wandering(n, sample_rate, rng, 4))
    buzz = np.zeros(n, np.float32)
    for number in range(1, 9):
        high = np.minimum(number * wings, 0.45 * sample_rate)
        buzz += oscillator(high, n, sample_rate, rng) * np.float32(rng.uniform(0.3, 1) / number)
    near = 0.1 + wandering(n, sample_rate, rng, 1.5)
    return np.asarray(buzz * near + 0.01 * coloured(n, sample_rate, rng, 1.0), np.float32)


FIELD: Mapping[str, Mapping[str, Maker]] = {
    "weather": {
        "rain": _rain,
        "dripping": _dripping,
        "wind": _wind,
        "whistling wind": _whistling,
        "stream": _stream,
        "surf": _surf,
        "thunder": _thunder,
        "fire": _fire,
    },
    "engines": {
        "idling": _engine((8, 18), (18, 30), "idle"),
        "driving": _engine((12, 25), (50, 110), "drive"),
        "accelerating": _engine((12, 25), (60, 130), "start"),
        "fan": _fan,
        "whine": _whine,
        "train": _train,
    },
    "animals": {
        "birds": _calls((1800, 6500), 0.7, (0.04, 0.2), (0.2, 1.5)),
        "owls": _calls((280, 600), 0.15, (0.2, 0.7), (0.5, 2.0), 2),
        "dogs": _calls((250, 700), 0.4, (0.08, 0.25), (0.2, 1.5), 12),
        "frogs": _calls((120, 350), 0.3, (0.08, 0.3), (0.1, 0.8), 15),
        "crickets": _crickets,
        "insects": _insects,
    },
}
