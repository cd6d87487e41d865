"""Sounds that are no music, synthesised: noise, tones, hum, clicks, weather, engines, animals, speech, crowds.

What a classifier of music must not call by a genre. The kind of sound stands where other corpora have the genre, and
the variant (the colour of a noise, the speaker) where they have the artist, so that folds by artist hold variants out.
"""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from genrelab.corpora.corpus import Corpus
from genrelab.corpora.made import Row, claim, read_table, synthesise, write_clip
from genrelab.corpora.not_music_field import FIELD
from genrelab.corpora.not_music_parts import Maker, Rng, band, coloured, unit
from genrelab.corpora.not_music_signals import SIGNALS
from genrelab.corpora.not_music_speech import PROGRAM, crowd, installed, speaker, speech
from genrelab.corpora.toy_sounds import Sound, decay
from genrelab.errors import CorpusError

VERSION = 1  # of the sounds: raise it whenever the same seed would sound different
SECONDS = (3.0, 10.0)
CITATION = "genrelab's sounds that are no music, synthesised"
LICENCE = "CC0: nobody recorded them"

MAKERS: Mapping[str, Mapping[str, Maker]] = {**SIGNALS, **FIELD}
CROWDS: Mapping[str, tuple[int, int]] = {  # people, languages
    "two people": (2, 1),
    "a table": (5, 1),
    "a room": (10, 3),
    "a hall": (16, 5),
}
SPOKEN = ("speech", "crowd")
# Kinds take turns; what a microphone meets most often comes more than once.
TURNS = (
    *("noise", "speech", "tones", "weather", "clicks", "speech", "engines", "noise"),
    *("hum", "speech", "animals", "crowd", "weather", "speech", "quiet"),
)
KINDS = tuple(sorted(set(TURNS)))


def load(
    root: str | os.PathLike[str], clips: int = 600, seed: int = 0, sample_rate: int = 22050, progress: bool = True
) -> Corpus:
    """Return the corpus, after synthesising what of it is not there yet.

    Every clip depends on the seed and its own number alone, as in the toy corpus. Speech needs the program espeak-ng,
    and depends on its version; where it is not installed, speech and crowds are left out, a note says so, and the
    other clips are the same.

    Parameters
    ----------
    root
        Where the sound files (``audio/<kind>/<clip>.flac``) and ``clips.csv`` lie or shall lie.
    clips
        How many; kinds take turns (`TURNS`), and within a kind its variants do.
    seed
        Which sounds.
    sample_rate
        In Hz.
    progress
        Show a progress bar while synthesising.

    Raises
    ------
    CorpusError
        The folder holds something else, or sounds made with other settings; too few clips; espeak-ng says no.
    """
    root = Path(root).expanduser().absolute()
    if clips < len(TURNS) or sample_rate < 8000 or seed < 0:
        raise CorpusError(
            f"not-music: {clips} clips, {sample_rate} Hz, seed {seed}: it takes at least {len(TURNS)} clips, 8000 Hz "
            "and a seed that is not negative"
        )
    claim(root, "not-music", "sounds", {"version": VERSION, "seed": seed, "sample_rate": sample_rate})
    known = read_table(root / "clips.csv")
    names = _names(clips)
    there = {clip for clip, path in zip(known["clip"], known["path"], strict=True) if (root / path).is_file()}
    speaks = installed()
    needed = [number for number, (kind, _) in enumerate(names) if speaks or kind not in SPOKEN]
    if not there.issuperset(_clip(*names[number]) for number in needed):
        known = synthesise(
            root, lambda number: _make(root, *names[number], number, seed, sample_rate), needed, progress
        )
    table = known[known["clip"].isin({_clip(*name) for name in names})].reset_index(drop=True)
    table["path"] = [str(root / path) for path in table["path"]]
    missing = clips - len(table)
    note = (
        f"{missing} clips of speech and crowds are left out, because {PROGRAM} is not installed; install it "
        f"(Debian: apt-get install {PROGRAM}) and load the corpus again."
    )
    return Corpus("not-music", table, CITATION, LICENCE, root=root, notes=(note,) if missing else ())


def _names(clips: int) -> list[tuple[str, int]]:
    """Return of every clip its kind and the how-manieth of the kind it is."""
    seen: Counter[str] = Counter()
    names = []
    for number in range(clips):
        kind = TURNS[number % len(TURNS)]
        names.append((kind, seen[kind]))
        seen[kind] += 1
    return names


def _clip(kind: str, nth: int) -> str:
    return f"{kind}.{nth:04d}"


def _make(root: Path, kind: str, nth: int, number: int, seed: int, sample_rate: int) -> Row:
    rng = np.random.default_rng([seed, number, VERSION])
    path = Path("audio", kind, f"{_clip(kind, nth)}.flac")
    seconds = write_clip(root / path, sample_rate, lambda: render(kind, nth, sample_rate, rng))
    return {
        "clip": _clip(kind, nth),
        "path": path.as_posix(),
        "seconds": seconds,
        "genre": kind,
        "track": _clip(kind, nth),
        "artist": f"{kind}: {variant(kind, nth)}",
    }


def variant(kind: str, nth: int) -> str:
    """Return which variant of its kind a clip is."""
    if kind == "speech":
        return " ".join(speaker(nth))
    variants = list(CROWDS if kind == "crowd" else MAKERS[kind])
    return variants[nth % len(variants)]


def render(kind: str, nth: int, sample_rate: int, rng: Rng) -> Sound:
    """Return the nth clip of a kind, as a microphone would have heard it.

    Parameters
    ----------
    kind
        One of `KINDS`.
    nth
        From 0; variants take turns.
    sample_rate
        In Hz.
    rng
        Draws everything else.

    Returns
    -------
    (samples,), its peak between -40 and -6 dB of full scale; of the kind quiet between -66 and -46
    """
    n = int(rng.uniform(*SECONDS) * sample_rate)
    if kind == "speech":
        sound = speech(n, sample_rate, rng, *speaker(nth))
    elif kind == "crowd":
        sound = crowd(n, sample_rate, rng, *CROWDS[variant(kind, nth)])
    else:
        sound = MAKERS[kind][variant(kind, nth)](n, sample_rate, rng)
    return _recorded(sound, sample_rate, rng, (-66.0, -46.0) if kind == "quiet" else (-40.0, -6.0))


def _recorded(sound: Sound, sample_rate: int, rng: Rng, peak_db: tuple[float, float]) -> Sound:
    """Add the room, the noise behind and the limits of the recorder, each by chance, and turn it up or down."""
    n = len(sound)
    sound = unit(sound)
    if rng.random() < 0.3:
        sound = sound + np.float32(rng.uniform(0.3, 1.5)) * _echo(sound, sample_rate, rng)
    if rng.random() < 0.35:
        behind = coloured(n, sample_rate, rng, rng.uniform(0, 2))
        sound = unit(sound) + np.float32(10 ** (rng.uniform(-45, -12) / 20)) * behind
    limits = rng.random()
    if limits < 0.2:  # a telephone
        sound = band(sound, sample_rate, 300, 3400, 6)
    elif limits < 0.45:
        sound = band(sound, sample_rate, rng.uniform(15, 120), rng.uniform(1500, 0.45 * sample_rate), 3)
    peak = 10 ** (rng.uniform(*peak_db) / 20)
    return np.asarray(sound * np.float32(peak / max(float(np.abs(sound).max()), 1e-9)), np.float32)


def _echo(sound: Sound, sample_rate: int, rng: Rng) -> Sound:
    """Return what comes back from the walls of a small or a large room."""
    seconds = rng.uniform(0.2, 1.8)
    m = int(seconds * sample_rate)
    walls = rng.standard_normal(m, dtype=np.float32) * decay(m, seconds, sample_rate)
    size = len(sound) + m
    dull = 1 / np.sqrt(1 + (np.fft.rfftfreq(size, 1 / sample_rate) / rng.uniform(1500, 6000)) ** 2)
    back = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(walls, size) * dull, size)
    return unit(np.asarray(back[: len(sound)], np.float32))
