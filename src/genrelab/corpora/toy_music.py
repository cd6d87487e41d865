"""Composes and renders the clips of the toy corpus.

An artist is drawn from the ranges of a genre and keeps kit, instruments, room and habits in all clips; a clip is
drawn from the habits of its artist. What an artist's sound has of its own says nothing of the genre: that is the trap
a random split sets.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from genrelab.corpora.toy_sounds import Sound, drum_kit, partials, place, tone
from genrelab.corpora.toy_styles import CHORDS, SCALES, STYLES, Pattern, Style

SECONDS = (8.0, 12.0)
GOLDEN = 0.618  # its multiples keep apart: no two pieces of an artist have the same tempo, which would make them copies
KEYS = (0, 5, 7, 2, 10, 3)
EQUALISER_DB = 4.0  # how far artists' sounds lie apart
EQUALISER_CENTRES = np.asarray([60.0, 150.0, 400.0, 1000.0, 2200.0, 4500.0, 9000.0])


@dataclass(frozen=True)
class Artist:
    """The habits of one artist; see `Style` for what they are drawn from."""

    style: Style
    sample_rate: int
    tempo: float
    swing: float
    key: int
    register: int
    drums: tuple[Pattern, ...]
    bass: tuple[str, ...]
    comp: tuple[str, ...]
    progressions: tuple[tuple[tuple[int, str], ...], ...]
    scale: str
    kit: dict[str, list[Sound]]
    lead_partials: Sound
    comp_partials: Sound
    bass_partials: Sound
    pluck: float | None
    drum_level: float
    bass_level: float
    comp_level: float
    lead: float
    drive: float
    lowpass: float
    wet: float
    room: Sound
    equaliser: npt.NDArray[np.float64]
    hiss: float


def make_artist(genre: str, number: int, seed: int, sample_rate: int) -> Artist:
    """Draw an artist; the same arguments give the same one."""
    style = STYLES[genre]
    rng = np.random.default_rng([seed, sorted(STYLES).index(genre), number])

    def some(options: tuple, at_most: int = 1) -> tuple:  # type: ignore[type-arg]  # of whatever the style holds
        order = rng.permutation(len(options))[: rng.integers(1, at_most + 1)]
        return tuple(options[i] for i in order)

    n_room = int(rng.uniform(0.15, 0.9) * sample_rate)
    room = rng.standard_normal(n_room) * np.exp(-6.9 * np.arange(n_room) / n_room)
    return Artist(
        style=style,
        sample_rate=sample_rate,
        tempo=float(rng.uniform(*style.tempo)),
        swing=float(rng.uniform(*style.swing)),
        key=int(rng.integers(12)),
        register=int(rng.integers(style.register[0], style.register[1] + 1)),
        drums=some(style.drums),
        bass=some(style.bass),
        comp=some(style.comp),
        progressions=some(style.progressions, 2),
        scale=str(rng.choice(style.scale)),
        kit=drum_kit(rng, sample_rate),
        lead_partials=partials(str(rng.choice(style.voices)), rng),
        comp_partials=partials(str(rng.choice(style.comp_voices)), rng),
        bass_partials=partials(str(rng.choice(["sub", "string", "square", "saw"])), rng),
        pluck=None if rng.random() < 0.4 else float(rng.uniform(0.3, 1.5)),
        drum_level=float(rng.uniform(*style.drum_level)),
        bass_level=float(rng.uniform(*style.bass_level)),
        comp_level=float(rng.uniform(0.12, 0.3)),
        lead=float(rng.uniform(*style.lead)),
        drive=float(rng.uniform(*style.drive)),
        lowpass=float(np.exp(rng.uniform(*np.log(style.lowpass)))),
        wet=float(rng.uniform(*style.reverb)),
        room=np.asarray(room / np.sqrt((room**2).sum()), dtype=np.float32),
        equaliser=rng.normal(0.0, EQUALISER_DB, len(EQUALISER_CENTRES)),
        hiss=float(10 ** rng.uniform(-4.5, -2.3)),
    )


def render(artist: Artist, nth: int, rng: np.random.Generator) -> tuple[Sound, float]:
    """Compose a clip and play it.

    Parameters
    ----------
    artist
        Who plays.
    nth
        Which of the artist's pieces, from 0; tempo and key follow from it.
    rng
        Draws everything else that differs between them.

    Returns
    -------
    (samples,) in [-1, 1], and the tempo in beats a minute
    """
    clip = _Clip(artist, nth, rng)
    clip.play_drums()
    clip.play_bass()
    clip.play_chords()
    clip.play_melody()
    return _produce(clip, artist, rng), clip.tempo


class _Clip:
    """One clip in the making: a grid of steps in time and a track to play on."""

    def __init__(self, artist: Artist, nth: int, rng: np.random.Generator) -> None:
        self.artist = artist
        self.rng = rng
        self.sample_rate = artist.sample_rate
        self.tempo = artist.tempo * (0.94 + 0.12 * (nth * GOLDEN % 1.0))
        self.key = (artist.key + KEYS[nth % len(KEYS)]) % 12
        self.progression = artist.progressions[rng.integers(len(artist.progressions))]
        self.steps_per_bar = artist.style.beats * 4
        n = int(rng.uniform(*SECONDS) * self.sample_rate)
        self.track = np.zeros(n, np.float32)
        beat = 60.0 / self.tempo * self.sample_rate
        # Clips are cut out of longer pieces: the first sample lies somewhere within the first bar.
        self.start = -rng.uniform(0, artist.style.beats) * beat
        self.n_bars = int(np.ceil((n - self.start) / (beat * artist.style.beats)))
        self.step = beat / 4
        number = np.arange(self.n_bars * self.steps_per_bar)
        within = np.interp(number % 4, [0, 2, 4], [0.0, artist.swing, 1.0])
        self.times = self.start + (number // 4 + within) * beat + rng.normal(0, 0.003 * self.sample_rate, len(number))

    def at(self, bar: int, step: int) -> int:
        """Return the sample at which a step of a bar begins."""
        return int(self.times[bar * self.steps_per_bar + step])

    def chord(self, bar: int) -> list[int]:
        """Return the MIDI notes of a bar's chord, near the artist's register."""
        root, kind = self.progression[bar % len(self.progression)]
        lowest = self.artist.register - 6
        first = lowest + (self.key + root - lowest) % 12
        return [first + interval for interval in CHORDS[kind]]

    def play_drums(self) -> None:
        level = self.artist.drum_level * self.rng.uniform(0.8, 1.2)
        pattern = self.artist.drums[self.rng.integers(len(self.artist.drums))]
        for name, line in pattern.items():
            for bar in range(self.n_bars):
                for step, mark in enumerate(line):
                    if mark != "." and self.rng.random() > 0.04:
                        hit = self.artist.kit[name][self.rng.integers(3)]
                        loud = (1.0 if mark == "x" else 0.45) * self.rng.uniform(0.8, 1.0)
                        place(self.track, hit, self.at(bar, step), level * loud)

    def play_bass(self) -> None:
        line = self.artist.bass[self.rng.integers(len(self.artist.bass))]
        steps = [step for step, mark in enumerate(line) if mark != "."]
        ends = [*steps[1:], self.steps_per_bar]
        for bar in range(self.n_bars):
            notes = self.chord(bar)
            low = 30 + (notes[0] - 30) % 12
            for step, end in zip(steps, ends, strict=True):
                degree = int(line[step])
                note = low + 12 if degree == 8 else low + notes[degree % len(notes)] - notes[0]
                length = min((end - step) * 0.9, 8.0)
                self.play(self.artist.bass_partials, note, bar, step, length, self.artist.bass_level * 0.5, fall=1.2)

    def play_chords(self) -> None:
        line = self.artist.comp[self.rng.integers(len(self.artist.comp))]
        length = self.artist.style.comp_length * self.rng.uniform(0.8, 1.2)
        held = length > 8
        for bar in range(self.n_bars):
            notes = self.chord(bar)
            turn = 0
            for step, mark in enumerate(line):
                if mark == ".":
                    continue
                struck = notes if mark == "x" else [notes[(0, 2, 1, 2)[turn % 4] % len(notes)] + 12 * (turn % 3 == 2)]
                turn += 1
                for note in struck:
                    self.play(
                        *(self.artist.comp_partials, note, bar, step, length, self.artist.comp_level),
                        fall=None if held else self.artist.pluck,
                        attack=0.4 if held else 0.008,
                    )

    def play_melody(self) -> None:
        scale = SCALES[self.artist.scale]
        degree = int(self.rng.integers(len(scale)))
        top = self.artist.register + 7
        base = top + (self.key - top) % 12
        share = self.artist.lead * self.rng.uniform(0.7, 1.3)
        for bar in range(self.n_bars):
            for step in range(0, self.steps_per_bar, 2):
                if self.rng.random() < share * (1.6 if step % 4 == 0 else 1.0):
                    degree = int(np.clip(degree + self.rng.integers(-2, 3), 0, 2 * len(scale) - 1))
                    octave, place_in_scale = divmod(degree, len(scale))
                    note = base + 12 * octave + scale[place_in_scale]
                    length = float(self.rng.choice([1.5, 2.0, 4.0]))
                    self.play(self.artist.lead_partials, note, bar, step, length, 0.3, fall=None, vibrato=0.006)

    def play(
        self,
        amplitudes: Sound,
        note: int,
        bar: int,
        step: int,
        steps: float,
        level: float,
        *,
        fall: float | None,
        attack: float = 0.008,
        vibrato: float = 0.0,
    ) -> None:
        """Play one note."""
        frequency = 440.0 * 2.0 ** ((note - 69) / 12)
        n = max(64, int(steps * self.step))
        sound = tone(amplitudes, frequency, n, self.sample_rate, attack=attack, fall=fall, vibrato=vibrato)
        place(self.track, sound, self.at(bar, step), level * self.rng.uniform(0.85, 1.0))


def _produce(clip: _Clip, artist: Artist, rng: np.random.Generator) -> Sound:
    """Distort, filter and add the room: what a studio does, and what tells artists apart more than genres."""
    sound = clip.track
    n = len(sound)
    sound = sound / max(float(np.sqrt(np.mean(sound**2))), 1e-6) * np.float32(0.2)
    drive = np.float32(1.0 + 20.0 * max(artist.drive * rng.uniform(0.85, 1.15) - 0.15, 0.0))
    sound = np.tanh(drive * sound) / np.float32(drive**0.5)
    size = next_fast_len(n + len(artist.room), real=True)
    frequency = np.fft.rfftfreq(size, 1 / clip.sample_rate)
    gain_db = np.interp(np.log(frequency + 1.0), np.log(EQUALISER_CENTRES), artist.equaliser + rng.normal(0, 0.4, 7))
    gain = 10.0 ** (gain_db / 20.0) / np.sqrt(1.0 + (frequency / artist.lowpass) ** 6)
    wet = np.float32(artist.wet) * rfft(artist.room, size)
    spectrum = rfft(sound, size) * gain.astype(np.float32) * (np.float32(1.0 - artist.wet * 0.5) + wet)
    sound = irfft(spectrum, size)[:n]
    sound = sound / np.abs(sound).max() + np.float32(artist.hiss) * rng.standard_normal(n, dtype=np.float32)
    # Loudness is the engineer's choice and tells nothing.
    return np.asarray(sound / np.abs(sound).max() * np.float32(rng.uniform(0.35, 0.98)), dtype=np.float32)
