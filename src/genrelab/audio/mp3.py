"""How long an mp3 without a length in its header really is.

libsndfile estimates such a length from the first frame's bit rate and stops there, so of a file of variable bit rate
it may lose half. Here its frames are counted (ISO/IEC 11172-3, section 2.4.2.3), and a frame that tells the count, as
encoders write it (the Xing header), is put in front.
"""

from pathlib import Path

_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG 1, layer III
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG 2 and 2.5
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
# Where encoders leave the length: within the first frame, at most this long.
_FIRST = 1441
_TAGS = (b"Xing", b"Info", b"VBRI")
# An mp3 this big is no song; reading it whole would not be bounded memory.
_LARGEST = 1 << 28


def with_length(path: Path, frames: int) -> bytes | None:
    """Return the whole file with its true length in front, or None where `frames` needs no correction.

    Parameters
    ----------
    path
        An mp3 that libsndfile opens.
    frames
        Its length in samples as libsndfile takes it.
    """
    with path.open("rb") as file:
        begin = _tag_size(file.read(10))
        file.seek(begin)
        head = file.read(_FIRST)
        if any(tag in head for tag in _TAGS) or path.stat().st_size > _LARGEST:
            return None
        file.seek(begin)
        data = file.read()
    first, count, samples = _count(data)
    if first is None or abs(count * samples - frames) <= 0.01 * frames:
        return None
    header = data[first : first + 4]
    mono = header[3] >> 6 == 3
    side = (17 if mono else 32) if samples == 1152 else (9 if mono else 17)
    # Without checksum and padding, at a middling bit rate, so that the frame is long enough.
    header = bytes([0xFF, header[1] | 1, 0x80 | header[2] & 0x0C, header[3]])
    tag = header + bytes(side) + b"Xing" + (1).to_bytes(4) + (count + 1).to_bytes(4)
    return tag.ljust(_frame_size(header, 0), b"\0") + data[first:]


def _tag_size(head: bytes) -> int:
    """Return the size of the ID3v2 tag that the file begins with, pictures and all."""
    if head[:3] != b"ID3":
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))


def _count(data: bytes) -> tuple[int | None, int, int]:
    """Return where the first frame begins, how many there are, and samples per frame."""
    first, count, samples = None, 0, 1152
    place = data.find(b"\xff")
    while 0 <= place < len(data) - 4:
        size = _frame_size(data, place)
        # A frame is one when another follows, or the end: the bits of a header also occur by chance.
        if size and (place + size >= len(data) - 4 or _frame_size(data, place + size) or first is not None):
            if first is None:
                first, samples = place, 1152 if data[place + 1] >> 3 & 3 == 3 else 576
            count += 1
            place += size
        else:
            place = data.find(b"\xff", place + 1)
    return first, count, samples


def _frame_size(data: bytes, place: int) -> int:
    """Return the size in bytes of the layer III frame at `place`, 0 where there is none."""
    if data[place] != 0xFF or data[place + 1] & 0xE6 != 0xE2:
        return 0
    version, rate, kbps = data[place + 1] >> 3 & 3, data[place + 2] >> 2 & 3, data[place + 2] >> 4
    if version == 1 or rate == 3 or kbps in (0, 15):
        return 0
    bits = 144_000 * _KBPS_1[kbps] if version == 3 else 72_000 * _KBPS_2[kbps]
    return bits // _RATES[version][rate] + (data[place + 2] >> 1 & 1)
