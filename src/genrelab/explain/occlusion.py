"""Occlusion: hide a patch of the sound, and see how much less sure the network is of the genre.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks" (arXiv:1311.2901), section 4.2. It asks
the network alone, not its inside, so it serves every network. The patches are hidden in the features where their rows
are frequencies (mel, spectrogram), and in the sound itself where they are not: then even a network of MFCCs, of samples
or of hand-made columns has a map over time and frequency.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelab.audio.windows import window_starts
from genrelab.errors import RunError
from genrelab.explain.saliency import Saliency, overlay
from genrelab.explain.sound import gains, murmur, restore, transform, usual
from genrelab.explain.subject import Subject, log_odds
from genrelab.extractors.mel_scale import hz_to_mel, mel_to_hz

_BATCH = 32  # hidden patches at a time
_SOUND_ROWS, _SOUND_STEP = 64, 0.02  # mel rows and seconds of the map where the sound itself is hidden
_PARTS = 8  # a patch is so large a part of the rows and of the window ...
_LONGEST = 0.25  # ... or so many seconds, if that is less ...
_MOST_PARTS = 32  # ... but of a long window no smaller part than this, or a map takes thousands of patches

Fill = Literal["median", "mean", "silence"]
Patch = tuple[slice, slice]


def occlusion(
    subject: Subject,
    samples: NDArray[np.float32],
    genre: int,
    patch: tuple[int, int] | None = None,
    fill: Fill = "median",
    advance: Callable[[int, int], None] = lambda done, of: None,
) -> Saliency:
    """Explain a clip by occlusion.

    Parameters
    ----------
    subject
        The network.
    samples
        The clip, (n,), at the network's sample rate.
    genre
        The code of the genre that is asked about.
    patch
        Rows and frames of a patch; patches lie half their size apart. None for an eighth of the rows and a quarter of a
        second, but no more than an eighth of the window and no less than a thirty-second of it.
    fill
        What a patch is replaced by: ``"median"`` or ``"mean"`` of its row over the window, as far as the clip reaches,
        or ``"silence"``. The mean goes on telling of the very stroke that is hidden, and a network that averages over
        time hardly misses it.
    advance
        Is told, after every few, how many patches of all windows have been hidden, and of how many.

    Returns
    -------
    Saliency
        By how much a place's patches, on average, lowered the genre's log odds when hidden.

    Raises
    ------
    RunError
        The patch is larger than the map.
    """
    starts, windows = subject.windows(samples)
    in_features = subject.recipe.frontend.kind in ("mel", "spectrogram")
    frequencies = subject.row_frequencies() if in_features else _sound_rows(subject)
    rate = subject.sample_rate
    maps = []
    for number, (begin, window) in enumerate(zip(starts, windows, strict=True)):
        heard = min(len(window), len(samples) - int(begin))  # in a clip shorter than the window, zeros follow
        hidden, *shape = (_in_features if in_features else _in_sound)(subject, window, heard, frequencies, fill)
        step = subject.frame_seconds(len(samples), shape[1]) if in_features else _SOUND_STEP
        size = patch or (max(1, shape[0] // _PARTS), _patch_frames(subject, shape[1]))
        patches = [place for place in _patches(shape, size) if place[1].start * step * rate < heard]
        before = float(log_odds(subject.logits(window[None]), genre)[0])
        total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for first in range(0, len(patches), _BATCH):
            some = patches[first : first + _BATCH]
            for place, after in zip(some, log_odds(hidden(some), genre), strict=True):
                total[place] += before - after
                count[place] += 1
            advance(number * len(patches) + first + len(some), len(windows) * len(patches))
        maps.append(total / np.maximum(count, 1))
    found = np.stack(maps).astype(np.float32)
    values, times = overlay(found, starts / rate, step, len(samples) / rate)
    return Saliency("occlusion", subject.genres[genre], values, frequencies, times)


def _patch_frames(subject: Subject, frames: int) -> int:
    part = np.clip(_LONGEST / subject.recipe.audio.window, 1 / _MOST_PARTS, 1 / _PARTS)
    return max(1, round(frames * float(part)))


def _sound_rows(subject: Subject) -> NDArray[np.float64]:
    low, high = subject.range
    return mel_to_hz(np.linspace(hz_to_mel(low), hz_to_mel(high), _SOUND_ROWS + 2)[1:-1])


def _patches(shape: Sequence[int], patch: tuple[int, int]) -> list[Patch]:
    """Return patches that cover a map of rows and frames, half their size apart."""
    if not all(0 < small <= large for small, large in zip(patch, shape, strict=True)):
        raise RunError(
            f"--patch: {patch[0]} x {patch[1]} is no patch of this network's map, "
            f"which has {shape[0]} rows x {shape[1]} frames"
        )
    tops, lefts = (
        window_starts(large, small, hop=max(1, small // 2)).tolist() for small, large in zip(patch, shape, strict=True)
    )
    return [(slice(top, top + patch[0]), slice(left, left + patch[1])) for top in tops for left in lefts]


Hidden = tuple[Callable[[list[Patch]], NDArray[np.float64]], int, int]


def _in_features(
    subject: Subject, window: NDArray[np.float32], heard: int, frequencies: NDArray[np.float64] | None, fill: Fill
) -> Hidden:
    """Return what the network says, (patches, genres), when patches of the features are hidden, and their size.

    Of a window, `heard` samples are sound; what is usual in it, the zeros that follow shall not say.
    """
    features = subject.features(window[None])
    sounding = -(-features.shape[3] * heard // len(window))
    heard_part = features[..., :sounding]
    instead = features.amin(dim=(2, 3), keepdim=True) if fill == "silence" else usual(heard_part, fill)
    instead = instead.expand_as(features)[0]

    def hidden(patches: list[Patch]) -> NDArray[np.float64]:
        batch = features.repeat(len(patches), 1, 1, 1)
        for one, (rows, frames) in zip(batch, patches, strict=True):
            one[:, rows, frames] = instead[:, rows, frames]
        with torch.inference_mode():
            return np.asarray(subject.model.network(batch).double().numpy())

    return hidden, features.shape[2], features.shape[3]


def _in_sound(
    subject: Subject, window: NDArray[np.float32], heard: int, frequencies: NDArray[np.float64] | None, fill: Fill
) -> Hidden:
    """Return the same of patches over the rows at `frequencies` and steps of time, hidden in the sound itself.

    The zeros that follow it stay zeros: an extractor would take what a transform makes of them for more sound.
    """
    assert frequencies is not None  # noqa: S101 - `_sound_rows` gave them
    rate, frames = subject.sample_rate, max(1, round(len(window) / subject.sample_rate / _SOUND_STEP))
    spectrum = transform(torch.from_numpy(window[:heard]), rate)
    change = -spectrum if fill == "silence" else murmur(spectrum, fill) - spectrum
    times = np.arange(frames, dtype=np.float64) * _SOUND_STEP

    def masked(place: Patch) -> Tensor:
        mask = np.zeros((len(frequencies), frames), np.float32)
        mask[place] = 1
        return gains(mask, frequencies, times, subject.range, rate, spectrum.shape[1])

    def hidden(patches: list[Patch]) -> NDArray[np.float64]:
        batch = torch.stack([spectrum + change * masked(place) for place in patches])
        sounds = np.zeros((len(patches), len(window)), np.float32)
        sounds[:, :heard] = restore(batch, rate, heard).numpy()
        return subject.logits(sounds)

    return hidden, len(frequencies), frames
