"""Several short parts of one sound file, opened once."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from genrelab.audio.decoders import DamageError
from genrelab.audio.read import decode, opened
from genrelab.audio.source import Sound, source
from genrelab.errors import AudioError


def read_excerpts(
    path: Sound, sample_rate: int, starts: Sequence[float], duration: float
) -> Iterator[NDArray[np.float32] | AudioError]:
    """Yield parts of a sound file, as `read` would give them one by one.

    An mp3 has no table of contents: who opens it anew for each part counts its frames from the beginning each time, and
    twelve parts of 40 minutes take five times as long.

    Parameters
    ----------
    path
        The file.
    sample_rate
        In Hz.
    starts
        Where the parts begin, in seconds, rising.
    duration
        Length of each part in seconds.

    Yields
    ------
    samples
        Shape (n_samples,), float32 in [-1, 1], mono; or the error where this part cannot be decoded, since in a damaged
        file others often can (a `BeyondError` where that is no damage, the file being shorter than it seemed).

    Raises
    ------
    AudioError
        The file cannot be opened at all, or the system fails to read it.
    """
    path = source(path)
    with opened(path) as decoder:
        for start in starts:
            try:
                samples = decode(path, decoder, sample_rate, start, duration, duration + 1)
            except AudioError as error:
                yield error
                continue
            yield np.clip(samples, -1.0, 1.0, out=samples)


def end_of(path: Sound, start: float) -> float:
    """Return where the sound of a file that is cut or damaged ends, in seconds: how far it can be decoded.

    Parameters
    ----------
    path
        The file.
    start
        Where to begin to decode, in seconds.

    Raises
    ------
    AudioError
        The file cannot be opened at all, or the system fails to read it.
    """
    with opened(source(path)) as decoder:
        position = round(start * decoder.sample_rate)
        with suppress(DamageError):
            for block in decoder.blocks(position, None):
                position += len(block)
        return position / decoder.sample_rate
