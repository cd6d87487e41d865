"""Fingerprints: which clips are the same sound, whatever their loudness, coding, sample rate or offset.

A fingerprint is a word of 32 bits a frame: whether the energy difference between neighbouring bands rises or falls in
time. After J. Haitsma and T. Kalker: A Highly Robust Audio Fingerprinting System. ISMIR 2002. Ours compares frames
further apart than neighbours, which keeps bits of slow music apart from the noise of coding. It does not see through
changes of pitch or tempo.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr
from scipy.fft import rfft

Words = npt.NDArray[np.uint32]

SAMPLE_RATE = 8000
FRAME = 2048  # samples: 256 ms, so that an offset of half a hop changes few bits
HOP = 160  # samples: 20 ms
LAG = 4  # frames between the two that are compared
BANDS = 33
FMIN, FMAX = 200.0, 3000.0  # what every sample rate and codec keeps
SILENCE = 1e-6  # power relative to the loudest frame below which a frame says nothing

# How much must be common, beside the third of a second that a frame and its lag take: half of the shorter clip, but
# not more than 3 s (as in the paper), nor less than what could agree by chance. A loop shared for a moment is no copy.
MIN_SHARE, MIN_SECONDS, ENOUGH_SECONDS = 0.5, 0.7, 3.0
# Share of equal bits from which two clips are the same sound. Exact repeats in GTZAN have 0.96 and more, the worst
# mp3 and vorbis settings 0.76 to 0.9, other recordings less than 0.6; two pieces over one drum machine can reach 0.7.
SAME = 0.75
CROWD = 40  # a word found in more clips than this tells none of them apart
# but many such words at one offset do: those of a sound that has more copies (a notice that there is no preview, say)
VOTES = 5


@dataclass(frozen=True)
class Match:
    """Two clips with the same sound.

    Parameters
    ----------
    a, b
        Their places in the list of fingerprints, a < b.
    similarity
        The share of equal bits, from 0.5 (nothing in common) to 1.
    offset
        How much later the sound comes in `b`, in seconds.
    """

    a: int
    b: int
    similarity: float
    offset: float


def fingerprint(samples: npt.NDArray[np.float32], sample_rate: int) -> Words:
    """Return the fingerprint of a sound.

    Parameters
    ----------
    samples
        Mono, (samples,).
    sample_rate
        In Hz.

    Returns
    -------
    array of uint32, (frames,)
        A word every 20 ms; 0 where it is silent; empty where the sound is shorter than a third of a second.
    """
    if len(samples) < 2 or sample_rate < 1:
        return np.empty(0, np.uint32)
    sound = np.asarray(samples, dtype=np.float32)
    if sample_rate != SAMPLE_RATE:
        sound = soxr.resample(sound, sample_rate, SAMPLE_RATE, quality="MQ")
    n_frames = 1 + (len(sound) - FRAME) // HOP
    if n_frames <= LAG:
        return np.empty(0, np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::HOP][:n_frames]
    low, high = (int(f * FRAME / SAMPLE_RATE) for f in (FMIN, FMAX))
    power = np.empty((n_frames, high + 1), np.float32)
    window = np.hanning(FRAME).astype(np.float32)
    for start in range(0, n_frames, 256):  # in blocks, so that a long track needs little memory
        spectrum = rfft(frames[start : start + 256] * window, axis=1)[:, : high + 1]
        power[start : start + 256] = spectrum.real**2 + spectrum.imag**2
    edges = np.unique(np.round(np.geomspace(low, high, BANDS + 1)).astype(int))
    energy = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    level = energy.sum(axis=1)
    # Log energies make the bits independent of how loud a band is, and of any fixed equaliser.
    across = np.diff(np.log(energy + SILENCE * 1e-3 * max(float(level.max()), 1e-20)), axis=1)
    bits = across[LAG:] > across[:-LAG]
    words = bits.astype(np.uint32) @ (np.uint32(1) << np.arange(BANDS - 1, dtype=np.uint32))
    loud = level > SILENCE * level.max()
    return np.asarray(np.where(loud[LAG:] & loud[:-LAG], words, 0), dtype=np.uint32)


def matches(fingerprints: Sequence[Words]) -> list[Match]:
    """Find all pairs of clips that are the same sound, at whatever offset.

    Words that two clips have in common propose a pair and an offset; the share of equal bits over the whole overlap
    decides. The cost grows with the number of frames, not with the number of pairs. Of a sound that is there more than
    `CROWD` times not all pairs are found, but each of its clips in some pair.

    Parameters
    ----------
    fingerprints
        One a clip, from `fingerprint`.

    Returns
    -------
    list of Match
        The best offset of each pair, ordered by place.
    """
    best: dict[tuple[int, int], Match] = {}
    for a, b, lag in _proposals(fingerprints):
        similarity = _agreement(fingerprints[a], fingerprints[b], lag)
        known = best.get((a, b))
        if similarity >= SAME and (known is None or similarity > known.similarity):
            best[a, b] = Match(a, b, similarity, lag * HOP / SAMPLE_RATE)
    return [best[pair] for pair in sorted(best)]


def _proposals(fingerprints: Sequence[Words]) -> list[tuple[int, int, int]]:
    """Return (a, b, frames that b is later), for pairs that share words at the same offset.

    All pairs that share a rare word; of those that share common ones, neighbours alone, which finds each of a hundred
    copies with the next.
    """
    if not fingerprints:
        return []
    words = np.concatenate(fingerprints).astype(np.int64)
    clip = np.repeat(np.arange(len(fingerprints)), [len(words) for words in fingerprints])
    longest = max(1, *map(len, fingerprints))
    frame = np.concatenate([np.arange(len(words)) for words in fingerprints])
    # A held sound repeats its word; the first time is enough to find it.
    n = len(fingerprints)
    _, first = np.unique(words * n + clip, return_index=True)
    first = first[words[first] != 0]
    words, clip, frame = words[first], clip[first], frame[first]
    _, place, crowd = np.unique(words, return_inverse=True, return_counts=True)

    def shared(some: npt.NDArray[np.bool_], steps: int) -> Iterator[npt.NDArray[np.int64]]:
        """Yield pairs and lags by which words meet the next one, the next but one … of their kind."""
        word, of, at = words[some], clip[some], frame[some]
        for step in range(1, steps + 1):  # the words are sorted: equal ones are neighbours, ordered by clip
            same = np.flatnonzero(word[step:] == word[:-step])
            lag = at[same + step] - at[same]
            yield (of[same] * n + of[same + step]) * 2 * longest + lag + longest

    rare = (crowd[place] > 1) & (crowd[place] <= CROWD)
    (common,) = shared(crowd[place] > CROWD, 1)
    common, votes = np.unique(common, return_counts=True)
    found = np.concatenate([*shared(rare, CROWD - 1), common[votes >= VOTES]])
    pairs, lags = np.divmod(np.unique(found), 2 * longest)
    return [(*divmod(int(pair), n), int(lag) - longest) for pair, lag in zip(pairs, lags, strict=True)]


def _agreement(a: Words, b: Words, lag: int) -> float:
    """Return the share of equal bits where frame t of `a` meets frame t + lag of `b`; 0 where too little meets."""
    needed = np.clip(MIN_SHARE * min(len(a), len(b)) * HOP / SAMPLE_RATE, MIN_SECONDS, ENOUGH_SECONDS)
    start, stop = max(0, -lag), min(len(a), len(b) - lag)
    if stop <= start:
        return 0.0
    a, b = a[start:stop], b[start + lag : stop + lag]
    sounding = (a != 0) & (b != 0)
    if np.count_nonzero(sounding) * HOP < needed * SAMPLE_RATE:
        return 0.0
    differing = np.unpackbits((a ^ b)[sounding].view(np.uint8)).mean()
    return 1.0 - float(differing)
