"""One opened sound file as a stream of mono blocks; here by libsndfile, in `media.py` by PyAV."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from genrelab.audio import id3, mp3
from genrelab.audio.source import InMemory, Source

# Samples of all channels in one block: big enough that Python's share is small, small enough for a core's cache,
# and a bound on memory whatever number of channels the header claims.
BLOCK = 1 << 17
# Samples per channel in one step through a damaged file: an mp3's frame.
_STEP = 1152
# Lossy codecs need what came before: begin so many samples early and throw them away. An mp3's frame borrows bits of
# those before it.
_PREROLL = {"mp3": 4 * _STEP, "ogg": 1 << 14}
# libsndfile finds no place within the last page of an ogg: 255 packets of at most 1024 samples, as encoders write them.
_LAST_PAGE = {"ogg": 1 << 18}
# Two channels whose mean has less than this share of one's power, 40 dB less, cancel.
_CANCELLED = 1e-4
# Bytes of a longer name libsndfile cuts off, and looks for another file.
_LONGEST_NAME = 1023
# A header that knows no length is given the largest number there is; no music is 2**50 samples long.
_UNKNOWN_LENGTH = 1 << 50


class DamageError(Exception):
    """The stream cannot be decoded from here on; what came before is sound."""


class Decoder(Protocol):
    """What `read` needs of an opened file.

    Attributes
    ----------
    format
        The codec or container in lower case, e.g. ``"mp3"``.
    sample_rate, channels
        As the header says.
    frames
        Samples per channel as the header claims; None where it does not say.
    exact
        Whether there is a claim, and it is more than an estimate from the size of the file.
    """

    format: str
    sample_rate: int
    channels: int
    frames: int | None
    exact: bool

    def blocks(self, start: int, count: int | None) -> Iterator[NDArray[np.float32]]:
        """Yield `count` samples from `start` on (None: all), mixed to mono; fewer where the file ends before."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no type information
    """A file that is not sought after every block, which soundfile does and which makes an mp3 decode frames twice."""

    def seekable(self) -> bool:
        return False


class SndfileDecoder:
    """Wav, au, aiff, flac, ogg, opus and mp3, sample-accurate from any start. See `Decoder`.

    Of an mp3 of 8 kbit/s the first quarter of a second of an excerpt may be wrong: its frames borrow from further back.
    """

    def __init__(self, path: Source) -> None:
        # As bytes, a name that is not UTF-8 opens too; Windows names are text.
        self._name: Any = os.fsencode(path) if os.name == "posix" and isinstance(path, Path) else str(path)
        self._data = path.data if isinstance(path, InMemory) else None
        self._file = self._open()
        data = None
        if self._file.format == "MP3":
            data = mp3.with_length(path, self._file.frames)
        elif self._file.format == "FLAC":
            data = id3.without_tag(path)
        if data:
            self._data = data
            self._file.close()
            self._file = self._open()
        kind = self._file.subtype if self._file.subtype == "OPUS" else self._file.format
        self.format = kind.lower()
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int | None = self._file.frames if self._file.frames < _UNKNOWN_LENGTH else None
        self.exact = self.format != "mp3" and self.frames is not None

    def _open(self) -> "_ForwardFile":
        self._at = 0  # the sample that is read next; of some telephone codecs libsndfile does not tell
        file = self._name if self._data is None else io.BytesIO(self._data)
        if isinstance(file, bytes) and len(file) > _LONGEST_NAME:
            file = os.open(file, os.O_RDONLY)  # which libsndfile closes
        return _ForwardFile(file)

    def blocks(self, start: int, count: int | None) -> Iterator[NDArray[np.float32]]:
        """Yield mono blocks; see `Decoder.blocks`."""
        if self.frames is not None and start >= self.frames:
            return
        end = start + count if count is not None else 1 << 62
        position = start
        try:
            for block in self._read(start, end, max(1, BLOCK // self.channels)):
                position += len(block)
                yield to_mono(block)
            return
        except soundfile.LibsndfileError:
            self._file.close()
        # libsndfile dropped the whole block in which it met damage: come again in small steps to lose little.
        self._file = self._open()
        skip = position - start
        try:
            for block in self._read(start, end, _STEP):
                if skip < len(block):
                    yield to_mono(block[skip:])
                skip = max(0, skip - len(block))
        except soundfile.LibsndfileError as error:
            self._file.close()
            self._file = self._open()  # for the next part: where it stands now is not known
            raise DamageError(error.error_string.removeprefix("Error : ").rstrip(".")) from error

    def _read(self, start: int, end: int, frames: int) -> Iterator[NDArray[np.float32]]:
        if start != self._at:
            self._go_towards(start)
        buffer = np.empty((frames, self.channels), np.float32)
        while self._at < end:
            block = self._file.read(min((start if self._at < start else end) - self._at, frames), out=buffer)
            if not len(block):
                return
            self._at += len(block)
            if self._at > start:
                yield block

    def _go_towards(self, start: int) -> None:
        """Go to where reading has to begin for the samples from `start` on to be right."""
        sought = soundfile.SoundFile.seekable(self._file)
        # In an ogg libsndfile may go astray once it has read another place.
        if self._at and (self.format == "ogg" or (not sought and self._at > start)):
            self._file.close()
            self._file = self._open()
        if sought:
            last_page = self._file.frames - _LAST_PAGE.get(self.format, 0)
            self._at = self._file.seek(max(0, min(start - _PREROLL.get(self.format, 0), last_page)))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def to_mono(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the channels of a block (frames, channels) as a new array (frames,).

    Two channels that cancel, one being the other upside down by a mistaken cable, are not silence: the first is taken.
    """
    channels = block.shape[1]
    if channels == 1:
        return block[:, 0].copy()
    if channels == 2:  # two thirds of the time of adding columns, a sixth of mean's
        mono: NDArray[np.float32] = block @ np.full(2, 0.5, np.float32)
        first = block[:, 0]
        with np.errstate(over="ignore"):  # samples too large to square: what they may be is judged after this
            cancelled = np.dot(mono, mono) < _CANCELLED * np.dot(first, first)
        return first.copy() if cancelled else mono
    return np.asarray(block.mean(axis=1, dtype=np.float32))
