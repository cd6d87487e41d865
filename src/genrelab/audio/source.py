"""Where a sound comes from: a file by its path, or one that is open already, such as an upload."""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class InMemory:
    """The bytes of a sound file, which stand where its path would.

    Parameters
    ----------
    data
        All of them.
    name
        What errors call it.
    """

    data: bytes = field(repr=False)
    name: str

    def __str__(self) -> str:
        return self.name

    def open(self, mode: str = "rb") -> BinaryIO:
        """Return them as an open file, as a path's method of this name does; each has a place of its own."""
        return io.BytesIO(self.data)


Source = Path | InMemory
Sound = PathLike | BinaryIO | InMemory


def source(sound: Sound) -> Source:
    """Return what decoders open: a path, or what an open file holds from where it stands, read to its end.

    Raises
    ------
    TypeError
        It is neither, or the file is open as text.
    """
    if isinstance(sound, InMemory):
        return sound
    if isinstance(sound, str | os.PathLike):
        return Path(sound)
    if not hasattr(sound, "read"):
        raise TypeError(
            f"a sound is a path or an open binary file (io.BytesIO(…) of bytes), not {type(sound).__name__}"
        )
    name, data = getattr(sound, "name", None), sound.read()
    if not isinstance(data, bytes):
        raise TypeError(
            f"an open file must give bytes, but this gives {type(data).__name__}; open it in binary mode ('rb')"
        )
    return InMemory(data, name if isinstance(name, str) else "open file")


def path_of(sound: Sound) -> str | None:
    """Return a sound's path as it was named, None for an open file."""
    return os.fspath(sound) if isinstance(sound, str | os.PathLike) else None
