"""Ogg files that hold several streams after one another: radio that was recorded, songs that were joined.

libsndfile hears the first of such links, as RFC 3533 (section 4) calls them, and FFmpeg finds no places in the others.
Here each is cut out and opened by itself.
"""

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from genrelab.audio.decoders import Decoder
from genrelab.audio.joining import joined
from genrelab.audio.source import InMemory, Source
from genrelab.errors import AudioError

_HEADER, _LARGEST_PAGE = 27, 27 + 255 + 255 * 255


class _Page(NamedTuple):
    """A page's stream, whether it is the first of it, and its size in bytes."""

    serial: bytes
    begins: bool
    size: int


def links(path: Source) -> list[tuple[int, int]]:
    """Return where the links of an ogg begin and end, in bytes; nothing where there is one alone, as nearly always.

    Parameters
    ----------
    path
        A file that begins with ``OggS``.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if _last_serial(file, size) in _first_serials(file):
            return []
        begins, place, headers = [0], 0, True
        while place < size:
            page = _page(file, place)
            if page is None:  # damage
                place = _next_page(file, place + 1, size)
                continue
            if page.begins and not headers:
                begins.append(place)
            headers = page.begins  # of a film, several streams begin together
            place += page.size
    return list(zip(begins, [*begins[1:], size], strict=True)) if len(begins) > 1 else []


def _page(file: BinaryIO, place: int) -> _Page | None:
    file.seek(place)
    head = file.read(_HEADER + 255)
    if len(head) < _HEADER or head[:4] != b"OggS":
        return None
    segments = head[_HEADER : _HEADER + head[26]]
    return _Page(head[14:18], bool(head[5] & 2), _HEADER + head[26] + sum(segments))


def _first_serials(file: BinaryIO) -> set[bytes]:
    serials, place = set(), 0
    while (page := _page(file, place)) and page.begins:
        serials.add(page.serial)
        place += page.size
    return serials


def _last_serial(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _LARGEST_PAGE))
    _, _, page = file.read().rpartition(b"OggS")
    return page[10:14]


def _next_page(file: BinaryIO, place: int, size: int) -> int:
    while place < size:
        file.seek(place)
        found = file.read(_LARGEST_PAGE).find(b"OggS")
        if found >= 0:
            return place + found
        place += _LARGEST_PAGE - 3
    return size


class ChainDecoder:
    """The links of an ogg end to end, one of them in memory at a time; see `decoders.Decoder`.

    Links that cannot be opened are left out: the last may have been cut within its headers. Those of another sample
    rate are resampled to the first's.

    Parameters
    ----------
    path
        The file.
    places
        Its `links`.
    open_one
        Opens a link by itself.

    Raises
    ------
    AudioError
        None of them can be opened.
    """

    def __init__(self, path: Source, places: list[tuple[int, int]], open_one: Callable[[InMemory], Decoder]) -> None:
        self._path, self._open_one = path, open_one
        self._places: list[tuple[int, int]] = []
        self._lengths: list[int] = []
        self._link: tuple[tuple[int, int], Decoder] | None = None
        self.exact = True
        for place in places:
            try:
                decoder = self._opened(place)
            except AudioError:
                if place == places[-1] and not self._places:
                    raise
                continue
            if not self._places:
                self.format, self.sample_rate, self.channels = decoder.format, decoder.sample_rate, decoder.channels
            frames = sum(map(len, decoder.blocks(0, None))) if decoder.frames is None else decoder.frames
            self._places.append(place)
            self._lengths.append(round(frames * self.sample_rate / decoder.sample_rate))
            self.exact = self.exact and decoder.exact
        self.frames: int | None = sum(self._lengths)

    def _opened(self, place: tuple[int, int]) -> Decoder:
        if self._link is not None and self._link[0] == place:
            return self._link[1]
        self.close()
        with self._path.open("rb") as file:
            file.seek(place[0])
            data = file.read(place[1] - place[0])
        self._link = place, self._open_one(InMemory(data, str(self._path)))
        return self._link[1]

    def blocks(self, start: int, count: int | None) -> Iterator[NDArray[np.float32]]:
        """Yield mono blocks; see `Decoder.blocks`."""
        left = count if count is not None else 1 << 62
        for place, length in zip(self._places, self._lengths, strict=True):
            if start < length and left > 0:
                for block in self._blocks_of(self._opened(place), start, left):
                    left -= len(block)
                    yield block
            start = max(0, start - length)

    def _blocks_of(self, decoder: Decoder, start: int, count: int) -> Iterator[NDArray[np.float32]]:
        if decoder.sample_rate == self.sample_rate:
            yield from decoder.blocks(start, count)
        else:
            with joined() as link:
                for block in decoder.blocks(0, None):
                    link.append(block)
                samples = soxr.resample(link.samples, decoder.sample_rate, self.sample_rate, quality="HQ")
            yield samples[start : start + count]

    def close(self) -> None:
        """Let go of the file."""
        if self._link is not None:
            self._link[1].close()
            self._link = None
