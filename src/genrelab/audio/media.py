"""What libsndfile does not know (m4a, aac, wma, webm), by PyAV, which is FFmpeg's libraries; optional."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelab.audio.decoders import DamageError, to_mono
from genrelab.audio.id3 import tag_size
from genrelab.audio.source import Source
from genrelab.errors import AudioError

NEEDS_PYAV = "this format needs PyAV: pip install 'genrelab[media]'"

# Playlists and scripts, which FFmpeg also reads, name other files and addresses: only true sound containers are let in.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,aac,mp3,wav,w64,"
    "flac,ogg,aiff,au,caf,ac3,eac3,ape,wv,mpc,mpc8,tta,tak,dsf"
)
# Lossy codecs need what came before: begin this much early and throw it away.
_PREROLL = 0.25


def available() -> bool:
    """Return whether PyAV is installed."""
    return find_spec("av") is not None


def is_media(head: bytes) -> bool:
    """Return whether a file that begins with `head` (4 KiB) is one of the formats that only PyAV reads."""
    head = head[tag_size(head) :]
    adts = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    return (
        head[4:8] == b"ftyp"
        or head.startswith((b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"ADIF"))  # Matroska and WebM, ASF, AAC
        or adts
    )


class MediaDecoder:
    """A sound file opened by PyAV; see `decoders.Decoder`.

    A start inside the file is as exact as the container's clock: to the sample in m4a and aac, to a millisecond in
    webm, to some 5 milliseconds in ac3, to some 20 in wma. An ogg (of FLAC, say) is decoded from its beginning, or on
    from the part before: the clock that FFmpeg reads there is off by several frames in the last pages, and everywhere
    once another place was read.
    """

    exact = False

    def __init__(self, path: Source) -> None:
        if not available():
            raise AudioError(path, NEEDS_PYAV)
        import av

        self._av = av
        self._error: type[Exception] = av.FFmpegError
        self._origin: float | None = None
        self._used = False
        self._at = 0  # the sample that comes next
        # An open file instead of its name: no name is taken for an address, and none must be UTF-8.
        self._file = path.open("rb")
        try:
            self._container = self._open()
            self._stream = self._container.streams.audio[0]
            context = self._stream.codec_context
            if context is None:
                raise AudioError(path, "in a codec that this PyAV does not know")
        except IndexError as error:
            self.close()
            raise AudioError(path, "not audio: its container holds no stream of sound, as a silent film's") from error
        except (av.FFmpegError, UnicodeError) as error:
            self._file.close()
            raise AudioError(path, "not audio, or damaged beyond reading") from error
        except OSError:  # of the file: PyAV passes it on
            self._file.close()
            raise
        except AudioError:
            self.close()
            raise
        self._paged = self._container.format.name == "ogg"
        self.format: str = context.name
        self.sample_rate: int = context.rate or 0
        self.channels: int = context.channels
        if not self.sample_rate or not self.channels:  # FFmpeg sees a stream in some random bytes
            self.close()
            raise AudioError(path, "not audio, or damaged beyond reading")
        length = self._stream.duration
        seconds = length * self._stream.time_base if length else (self._container.duration or 0) / 1e6
        self.frames: int | None = round(float(seconds) * self.sample_rate) if seconds else None

    def _open(self) -> Any:
        return self._av.open(self._file, options={"format_whitelist": _CONTAINERS}, metadata_errors="replace")

    def blocks(self, start: int, count: int | None) -> Iterator[NDArray[np.float32]]:
        """Yield mono blocks; see `Decoder.blocks`."""
        left = count if count is not None else 1 << 62
        try:
            position = self._go_to(start)
            for frame in self._frames:
                if frame.sample_rate != self.sample_rate:
                    raise DamageError("the sample rate changes on the way")
                if position is None:
                    seconds = float((frame.pts or 0) * self._stream.time_base) - (self._origin or 0.0)
                    position = round(seconds * self.sample_rate)
                skip = max(0, start - position)
                position = self._at = position + frame.samples
                if skip >= frame.samples:
                    continue
                block = _frame_to_mono(frame)[skip : skip + left]
                left -= len(block)
                if len(block):
                    yield block
                if left <= 0:
                    return
        except self._error as error:
            self._at = 1 << 62  # nothing can be gone on with
            raise DamageError(str(error)) from error

    def _go_to(self, start: int) -> int | None:
        """Let frames come from a sample on, or from before it; return the first one's place, where that is known."""
        if self._paged:
            if start < self._at:
                self._container.close()
                self._file.seek(0)
                self._container = self._open()
                self._stream = self._container.streams.audio[0]
                self._used = False
            position: int | None = self._at if self._used else 0
        else:
            position = None if start else 0
            if start or self._used:
                if self._origin is None:  # the clock of the first sound that comes out; wma's does not begin at 0
                    first = next(self._container.decode(self._stream), None)
                    self._origin = float(((first and first.pts) or 0) * self._stream.time_base)
                at = self._origin + max(0.0, start / self.sample_rate - _PREROLL)
                self._container.seek(int(at / self._stream.time_base), stream=self._stream)
        if not (self._paged and self._used):
            self._frames = self._container.decode(self._stream)
        self._used = True
        return position

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()
        self._file.close()


def _frame_to_mono(frame: Any) -> NDArray[np.float32]:
    values = frame.to_ndarray()
    values = values.T if frame.format.is_planar else values.reshape(frame.samples, -1)
    if values.dtype == np.uint8:
        values = (values.astype(np.float32) - 128) / 128
    elif np.issubdtype(values.dtype, np.integer):
        values = values / np.float64(-float(np.iinfo(values.dtype).min))
    return to_mono(values.astype(np.float32, copy=False))
