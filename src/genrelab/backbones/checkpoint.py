"""Reads TensorFlow's checkpoints (version 2, "tensor bundles") without TensorFlow.

A checkpoint is two files. ``.index`` is a sorted-string table (LevelDB's format) from the names of tensors to where
they lie; ``.data-00000-of-00001`` holds them as they are in memory. See tensorflow/core/util/tensor_bundle and
tensorflow/core/protobuf/tensor_bundle.proto; every block and every tensor carries a CRC-32C.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from genrelab.errors import BackboneError

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # two block handles, padded, and the magic number
_TRAILER = 5  # behind a block: its compression, and a checksum of both
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}  # of tensorflow/core/framework/types.proto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
_SHAPE = 2  # number of the shape in an entry, and of a dimension in a shape


@dataclass(frozen=True)
class _Entry:
    """Where a tensor lies."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


def read_checkpoint(index: bytes, data: bytes) -> dict[str, NDArray[Any]]:
    """Return the tensors of a checkpoint by name.

    Parameters
    ----------
    index
        What ``NAME.index`` holds.
    data
        What ``NAME.data-00000-of-00001`` holds.

    Raises
    ------
    BackboneError
        They are damaged, or no such checkpoint, or one of several data files.
    """
    try:
        return {name: _tensor(name, _entry(value), data) for name, value in _table(index) if name}
    except (IndexError, ValueError, struct.error) as error:
        raise BackboneError(f"a checkpoint that ends too soon or is none ({error}); fetch it anew") from error


def _tensor(name: str, entry: _Entry, data: bytes) -> NDArray[Any]:
    raw = data[entry.offset : entry.offset + entry.size]
    if entry.dtype not in _DTYPES:
        raise BackboneError(f"{name}: a tensor of type {entry.dtype}, which no such network holds")
    dtype = np.dtype(_DTYPES[entry.dtype])
    if entry.shard or entry.size != dtype.itemsize * int(np.prod(entry.shape)):
        raise BackboneError(f"{name}: lies in another file, or is not as large as its shape {entry.shape} says")
    _check(raw, entry.checksum, f"the tensor {name}")
    return np.frombuffer(raw, dtype).reshape(entry.shape)


def _check(data: bytes, stored: int, what: str) -> None:
    """Compare a checksum as it is stored: turned and shifted, lest a checksum of data with checksums be trivial."""
    plain = google_crc32c.value(data)
    if stored != ((plain >> 15 | plain << 17) + 0xA282EAD8) & 0xFFFFFFFF:
        raise BackboneError(f"{what} is damaged: its checksum is another; fetch it anew")


def _table(index: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the keys and values of a sorted-string table."""
    if len(index) < _FOOTER or struct.unpack("<Q", index[-8:])[0] != _MAGIC:
        raise BackboneError("no checkpoint of TensorFlow: its index does not end as one; fetch it anew")
    place = len(index) - _FOOTER
    for _ in range(2):  # the handle of what there is to know of the table, of which there is nothing
        _, place = _varint(index, place)
    for _, handle in _block(index, place):
        for key, value in _block(handle, 0, index):
            yield key.decode(), value


def _block(handle: bytes, place: int, file: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of the block at which the handle at `place` points; keys share what they begin with."""
    file = handle if file is None else file
    offset, place = _varint(handle, place)
    size, place = _varint(handle, place)
    end = offset + size
    if file[end]:
        raise BackboneError("a compressed index, which TensorFlow does not write; fetch it anew")
    _check(file[offset : end + 1], struct.unpack("<I", file[end + 1 : end + _TRAILER])[0], "the index")
    (restarts,) = struct.unpack("<I", file[end - 4 : end])
    end -= 4 * (restarts + 1)
    key = b""
    while offset < end:
        shared, offset = _varint(file, offset)
        fresh, offset = _varint(file, offset)
        length, offset = _varint(file, offset)
        key = key[:shared] + file[offset : offset + fresh]
        offset += fresh
        yield key, file[offset : offset + length]
        offset += length


def _entry(message: bytes) -> _Entry:
    """Read a BundleEntryProto."""
    fields = {number: value for number, value, _ in _fields(message)}
    shape = b"".join(text for number, _, text in _fields(message) if number == _SHAPE)
    sizes = tuple(
        next((value for number, value, _ in _fields(dimension) if number == 1), 0)
        for number, _, dimension in _fields(shape)
        if number == _SHAPE
    )
    dtype, shard, offset, size, checksum = (fields.get(number, 0) for number in (1, 3, 4, 5, 6))
    return _Entry(dtype, sizes, shard, offset, size, checksum)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield each field of a protocol buffer: its number, its value if it is one, its bytes if it is those."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value, b""
        elif wire == _BYTES:
            length, place = _varint(message, place)
            yield number, 0, message[place : place + length]
            place += length
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
            yield number, int.from_bytes(message[place : place + size], "little"), b""
            place += size
        else:
            raise ValueError(f"wire type {wire}")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
