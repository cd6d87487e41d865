"""What a classifier says about one sound."""

import json
import os
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Prediction:
    """What a classifier says about one sound; all genres, or why there are none.

    A sound that is silent throughout has no genre and no error: it is unknown, and there is nothing to be likeliest.

    Parameters
    ----------
    path
        The sound file as it was named; None for an open file and for samples from memory.
    genre
        The most probable genre, also where `unknown` is true; None where the file failed or is silent.
    probability
        Its calibrated probability; None where the file failed or is silent.
    unknown
        True if `probability` is below the bundle's ``unknown_below`` (none of the genres it knows fits well), if the
        sound is stranger than its ``unknown_above`` (it is not like music that it knows), or if it is silent.
    genres
        (genre, probability) pairs, the most probable first.
    seconds
        Length of the whole sound as its header claims it, however little of it was heard, or as far as it was found to
        reach where the file is cut; None where that is not known.
    error
        Why the file failed, in a sentence; None if it did not.
    tags
        (tag, probability) pairs, the most probable first, each true or not by itself; empty if the bundle has none.
    blend
        The first two genres where they are about as likely (see `genrelab.bundles.answer.blend`), else empty.
    """

    path: str | None
    genre: str | None = None
    probability: float | None = None
    unknown: bool = False
    genres: tuple[tuple[str, float], ...] = ()
    seconds: float | None = None
    error: str | None = None
    tags: tuple[tuple[str, float], ...] = ()
    blend: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether there was nothing to hear."""
        return self.unknown and self.genre is None

    def as_dict(self, tags: bool = False) -> dict[str, Any]:
        """Return what `to_json` writes, as plain Python values."""
        values = {
            "path": None if self.path is None else as_utf8(self.path),
            "genre": self.genre,
            "probability": None if self.probability is None else round(self.probability, 6),
            "unknown": self.unknown,
            "genres": [{"genre": genre, "probability": round(probability, 6)} for genre, probability in self.genres],
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "error": None if self.error is None else as_utf8(self.error),
            "blend": list(self.blend),
        }
        if tags:
            values["tags"] = [{"tag": tag, "probability": round(probability, 6)} for tag, probability in self.tags]
        return values

    def to_json(self, tags: bool = False) -> str:
        """Return one line of JSON.

        Its keys are path, genre, probability, unknown, genres (a list of {genre, probability}), seconds, error, blend
        (a list of no or two genres) and, if asked for, tags (a list of {tag, probability}). Bytes of a path that are
        not UTF-8 stand as U+FFFD, since many JSON readers refuse what Python puts in their place.

        Parameters
        ----------
        tags
            Whether to write the tags.
        """
        return json.dumps(self.as_dict(tags), ensure_ascii=False)


def as_utf8(text: str | os.PathLike[str]) -> str:
    """Return a path as text that every UTF-8 stream takes: bytes that are not UTF-8 become U+FFFD."""
    return os.fspath(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
