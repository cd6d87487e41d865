"""What a listener makes of sound files: the layers of the windows that a classifier would hear."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrelab.audio.processors import processors
from genrelab.audio.read import probe
from genrelab.bundles.answer import windows_apart
from genrelab.bundles.listening import hear_file
from genrelab.bundles.metadata import Metadata
from genrelab.bundles.parallel import in_order
from genrelab.errors import AudioError
from genrelab.extractors.backbone import WINDOW, Backbone

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """What a listener makes of sounds.

    Parameters
    ----------
    layers
        A row a window, (windows, size).
    clip
        The number of the sound that each window is of, (windows,).
    group
        What each sound shares with others that must not be on both sides of a division, by number: (sounds,).
    apart
        How many windows were heard of each, as `genrelab.bundles.answer.windows_apart` counts, (sounds,).
    """

    layers: Floats
    clip: NDArray[np.int64]
    group: NDArray[np.str_]
    apart: Floats

    def means(self, of_window: Floats) -> Floats:
        """Return the means over each sound's windows of values of each window: (windows, n) to (sounds, n)."""
        counts = np.bincount(self.clip)
        return np.stack([np.bincount(self.clip, column) / counts for column in of_window.T], 1)


def hear(listener: Backbone, metadata: Metadata, paths: Sequence[str | Path], group: Sequence[str]) -> Heard:
    """Return what a listener makes of the windows of sound files that a classifier would hear.

    Parameters
    ----------
    listener
        The extractor ``backbone`` with the bundle's networks.
    metadata
        Of the bundle to be: how long windows are, and how far apart.
    paths
        The files; what cannot be read or is silent is left out.
    group
        Of each.
    """
    layers: list[NDArray[np.float32]] = []
    clip: list[int] = []
    kept: list[str] = []
    apart: list[float] = []
    heard = in_order(partial(_rows, listener, metadata), paths, processors())
    for (rows, seconds), own in zip(heard, group, strict=True):
        if len(rows):
            layers.append(rows)
            clip += [len(kept)] * len(rows)
            kept.append(own)
            apart.append(windows_apart(len(rows), seconds, metadata))
    return Heard(np.concatenate(layers).astype(np.float64), np.array(clip), np.array(kept), np.array(apart))


def joined(one: Heard, other: Heard) -> Heard:
    """Return what was heard of two lists of sounds as one."""
    return Heard(
        np.concatenate([one.layers, other.layers]),
        np.concatenate([one.clip, other.clip + len(one.group)]),
        np.concatenate([one.group, other.group]),
        np.concatenate([one.apart, other.apart]),
    )


def _rows(listener: Backbone, metadata: Metadata, path: str | Path) -> tuple[NDArray[np.float32], float | None]:
    """Return the layers of a file's windows, (windows, size), none where there is nothing to hear, and its length."""
    try:
        claimed = probe(path).seconds
        windows, seconds = hear_file(Path(path), claimed if math.isfinite(claimed) else None, metadata, None)
    except AudioError:
        windows, seconds = np.zeros((0, WINDOW), np.float32), None
    rows = [listener.of_window(window) for window in windows]
    return np.stack(rows) if rows else np.zeros((0, listener.size), np.float32), seconds
