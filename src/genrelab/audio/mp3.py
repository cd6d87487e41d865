"""How long an mp3 really is whose header does not tell its length, or tells that of another file.

libsndfile estimates a length that is not told from the first frame's bit rate and stops there, so of a file of variable
bit rate it may lose half. One that is told it believes: of several mp3s joined to one it hears the first alone, and a
file that was cut it takes for whole. Here such a file's frames are counted (ISO/IEC 11172-3, section 2.4.2.3), and the
count is told where encoders tell it: in the first frame (the Xing header), which is put in front if need be.
"""

import os
from typing import NamedTuple

from genrelab.audio.id3 import LARGEST_FILE, tag_size
from genrelab.audio.source import Source

_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG 1, layer III
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG 2 and 2.5
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
# Where encoders leave the length: within the first frame, at most this long.
_FIRST = 1441
_TAGS = (b"Xing", b"Info", b"VBRI")


def with_length(path: Source, length: int) -> bytes | None:
    """Return the frames of a file with their true length in front, or None where `length` needs no correction.

    Parameters
    ----------
    path
        An mp3 that libsndfile opens.
    length
        Its length in samples as libsndfile takes it.
    """
    with path.open("rb") as file:
        begin = tag_size(file.read(10))
        size = file.seek(0, os.SEEK_END) - begin
        file.seek(begin)
        head = file.read(_FIRST)
        told = _told(head)
        tagged = any(tag in head for tag in _TAGS)
        if size > LARGEST_FILE or (tagged and (told is None or abs(told.size - size) <= 0.01 * told.size)):
            return None
        file.seek(begin)
        frames = _frames(file.read())
    if not frames:
        return None
    if told := _told(frames[0]):
        count = len(frames) - 1  # this one holds no music
        # Where the frames are as many as it says, the bytes that are too many are none of theirs: a tag with a picture.
        if not count or abs(count - told.frames) <= 0.01 * told.frames:
            return None
        head = frames[0][: told.place] + count.to_bytes(4) + sum(map(len, frames)).to_bytes(4)
        return head + frames[0][told.place + 8 :] + b"".join(frames[1:])
    header = frames[0][:4]
    samples = 1152 if header[1] >> 3 & 3 == 3 else 576
    if abs(len(frames) * samples - length) <= 0.01 * length:
        return None
    mono = header[3] >> 6 == 3
    side = (17 if mono else 32) if samples == 1152 else (9 if mono else 17)
    # Without checksum and padding, at a middling bit rate, so that the frame is long enough.
    header = bytes([0xFF, header[1] | 1, 0x80 | header[2] & 0x0C, header[3]])
    tag = header + bytes(side) + b"Xing" + (1).to_bytes(4) + (len(frames) + 1).to_bytes(4)
    return tag.ljust(_frame_size(header, 0), b"\0") + b"".join(frames)


class _Told(NamedTuple):
    """What the Xing header tells of the whole file: frames and bytes, as two numbers of four bytes at `place`."""

    place: int
    frames: int
    size: int


def _told(head: bytes) -> _Told | None:
    """Return what the first frame tells, None where that is not both numbers."""
    name = next((at for at in (head.find(b"Xing"), head.find(b"Info")) if at >= 0), None)
    if name is None or len(head) < name + 16 or head[name + 7] & 3 != 3:
        return None
    return _Told(name + 8, int.from_bytes(head[name + 8 : name + 12]), int.from_bytes(head[name + 12 : name + 16]))


def _frames(data: bytes) -> list[bytes]:
    """Return the frames of a stream, without what lies between them: tags, pictures, damage."""
    frames: list[bytes] = []
    follows = False
    place = data.find(b"\xff")
    while 0 <= place < len(data) - 4:
        # One of another kind belongs to another mp3 that was joined to this one: libsndfile ends there.
        alien = bool(frames) and _kind(data, place) != _kind(frames[0], 0)
        size = 0 if alien else _frame_size(data, place)
        # A frame is one when it follows another, or another follows it, or the end: its header's bits occur by chance.
        if size and (follows or place + size >= len(data) - 4 or _frame_size(data, place + size)):
            frames.append(data[place : place + size])
            place += size
            follows = True
        else:
            place = data.find(b"\xff", place + 1)
            follows = False
    return frames


def _kind(data: bytes, place: int) -> tuple[int, int, bool]:
    """Return what all frames of a stream share: version, sample rate, and whether it is mono."""
    return data[place + 1] & 0x18, data[place + 2] & 0x0C, data[place + 3] >> 6 == 3


def _frame_size(data: bytes, place: int) -> int:
    """Return the size in bytes of the layer III frame at `place`, 0 where there is none."""
    if data[place] != 0xFF or data[place + 1] & 0xE6 != 0xE2:
        return 0
    version, rate, kbps = data[place + 1] >> 3 & 3, data[place + 2] >> 2 & 3, data[place + 2] >> 4
    if version == 1 or rate == 3 or kbps in (0, 15):
        return 0
    bits = 144_000 * _KBPS_1[kbps] if version == 3 else 72_000 * _KBPS_2[kbps]
    return bits // _RATES[version][rate] + (data[place + 2] >> 1 & 1)
