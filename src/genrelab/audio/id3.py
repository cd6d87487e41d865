"""ID3v2 tags, titles and pictures in front of a file's sound."""

import os

from genrelab.audio.source import Source

LARGEST_FILE = 1 << 28
"""Bytes of sound that are read into memory to be mended: what is bigger is no song."""


def tag_size(head: bytes) -> int:
    """Return the bytes of the ID3v2 tag that a file begins with, pictures and all, told by its first ten; 0: none."""
    if head[:3] != b"ID3":
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))


def without_tag(path: Source) -> bytes | None:
    """Return what follows the tag that a file begins with, None where there is no tag, or too much to read it.

    Taggers put them before flacs, too; libsndfile then finds no place in the last bytes, as many as the tag has.
    """
    with path.open("rb") as file:
        begin = tag_size(file.read(10))
        size = file.seek(0, os.SEEK_END) - begin
        if not begin or size > LARGEST_FILE:
            return None
        file.seek(begin)
        return file.read()
