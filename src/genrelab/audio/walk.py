"""Folders to the sound files in them."""

import os
from collections.abc import Iterator
from pathlib import Path

from genrelab.audio.read import EXTENSIONS


def sound_files(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield what looks like a sound file by its name, in a folder and all below it.

    Files come as they are found, each folder's in alphabetical order before those of its subfolders. What begins with
    a dot is passed over (``._song.mp3`` is not music), and links to folders are not followed (they may lead in
    circles). A link whose target is missing and a folder that may not be listed are yielded: reading them tells.

    Parameters
    ----------
    folder
        Where to begin.
    """
    unlisted: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: unlisted.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in EXTENSIONS:  # noqa: PTH122 (50 000 of them)
                yield Path(place, name)
    yield from unlisted
