"""A saliency map of a clip: how much each place in time and frequency speaks for a genre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

Float = NDArray[np.float32]

# A soft mask's edge, as shares of the rows and in seconds: hard edges would ring.
_EDGE_ROWS, _EDGE_SECONDS = 1 / 64, 0.02


@dataclass(frozen=True)
class Saliency:
    """A map of a clip.

    Parameters
    ----------
    method
        ``"gradcam"`` or ``"occlusion"``.
    genre
        What it speaks for.
    values
        (rows, frames), float32: the larger, the more that place speaks for the genre; below zero it speaks against it.
    frequencies
        The middle of each row in Hz, rising, (rows,); None: the map tells times alone, and has a single row.
    times
        The middle of each frame in seconds from the beginning of the clip, (frames,).
    layer
        The layer that was looked at, where there is one.
    partial
        Whether the network also listens past that layer, so that the map does not tell of all that it hears.
    """

    method: str
    genre: str
    values: Float
    frequencies: NDArray[np.float64] | None
    times: NDArray[np.float64]
    layer: str = ""
    partial: bool = False

    @property
    def step(self) -> float:
        """Seconds from one frame to the next."""
        return float(self.times[1] - self.times[0]) if len(self.times) > 1 else 1.0

    def top(self, keep: float) -> NDArray[np.bool_]:
        """Return the most salient share `keep` of the places, (rows, frames); less where fewer speak for the genre."""
        return most(self.values, keep) & (self.values > 0)


def most(values: NDArray[np.floating], share: float) -> NDArray[np.bool_]:
    """Return the places of the greatest values, in number the given share of all; of equals, the first."""
    chosen = np.zeros(values.size, bool)
    chosen[np.argsort(-values, axis=None, kind="stable")[: round(share * values.size)]] = True
    return chosen.reshape(values.shape)


def soften(mask: NDArray[np.bool_], step: float) -> Float:
    """Return a mask (rows, frames) with soft edges, 0 to 1; `step` is the seconds from one frame to the next."""
    edges = (_EDGE_ROWS * len(mask) if len(mask) > 1 else 0.0, _EDGE_SECONDS / step)
    soft: Float = np.clip(gaussian_filter(mask.astype(np.float32), edges, mode="nearest"), 0, 1)
    return soft


def moved(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the same mask somewhere else: of the same size and shape, rolled round in time and frequency."""
    by = [int(rng.integers(size)) for size in mask.shape]
    return np.roll(mask, by, axis=(0, 1))


def overlay(maps: Float, starts: NDArray[np.float64], step: float, seconds: float) -> tuple[Float, NDArray[np.float64]]:
    """Lay the maps of windows over one another: their mean wherever several windows cover a moment.

    Since a clip's logits are the mean of its windows', a map is not scaled before: a window that says more, shows more.

    Parameters
    ----------
    maps
        (windows, rows, frames).
    starts
        Where each window begins, in seconds.
    step
        Seconds from one frame to the next.
    seconds
        Length of the clip; what lies beyond is padding, and cut off.

    Returns
    -------
    values
        (rows, frames of the clip); 0 where no window reaches.
    times
        (frames of the clip), in seconds.
    """
    frames = max(1, round(seconds / step))
    total: Float = np.zeros((maps.shape[1], frames), np.float32)
    count = np.zeros(frames, np.float32)
    for values, start in zip(maps, starts, strict=True):
        first = round(start / step)
        part = values[:, : max(0, frames - first)]
        total[:, first : first + part.shape[1]] += part
        count[first : first + part.shape[1]] += 1
    total /= np.maximum(count, 1)
    return total, np.arange(frames, dtype=np.float64) * step


def similarity(one: Saliency, other: Saliency) -> float:
    """Return Spearman's rank correlation of two maps of a clip, -1 to 1; 0 where one of them is the same everywhere.

    Of maps of different rows, what they say of times is compared.
    """
    a, b = one.values, other.values
    if a.shape != b.shape:
        frames = nearest(other.times, one.times)
        if one.frequencies is not None and other.frequencies is not None:
            b = b[np.ix_(nearest(other.frequencies, one.frequencies), frames)]
        else:
            a, b = a.mean(axis=0), b.mean(axis=0)[frames]
    x, y = rankdata(a), rankdata(b)
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm else 0.0


def nearest(places: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each wanted number the index of the nearest of some rising numbers."""
    after = np.clip(np.searchsorted(places, wanted), 1, max(1, len(places) - 1))
    if len(places) == 1:
        return np.zeros(len(wanted), np.intp)
    return np.where(wanted - places[after - 1] <= places[after] - wanted, after - 1, after)
