"""What a bundle says about itself: one JSON object in the ONNX file's metadata, under the key ``genrelab``."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from genrelab import __version__
from genrelab.errors import BundleError

KEY = "genrelab"
FORMAT = 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Metadata:
    """What a bundle says about itself; every value is checked when it is made.

    Parameters
    ----------
    name
        What the bundle is called.
    genres
        One name for each column of the logits, in their order; at least two, all different.
    sample_rate
        Rate of the waveform that the graph takes, in Hz.
    window
        Length of the waveform that the graph takes, in samples.
    hop
        Distance between the windows that cover a whole clip, in samples; at most `window`.
    extractor
        What turns a window into the example that the graph takes instead: ``{"kind": ..., options}`` of
        `genrelab.extractors`; empty for a graph that takes the waveform.
    temperature
        What the logits are divided by before the softmax (Guo et al. 2017, "On calibration of modern neural networks").
    growth
        How much surer many windows of a sound are than one of them: by at most 1 + growth times; see
        `genrelab.bundles.answer.sureness`. 0 if they are no surer.
    unknown_below
        A clip whose largest probability is below this counts as unknown; 0 if that shall never happen.
    silence_dbfs
        A clip whose level (root mean square) is below this counts as silent, in dB of full scale.
    vocabularies
        Named choices among `genres` (each two or more), to which an answer can be confined; all of `genres` need no
        name.
    tags
        One name for each column of the graph's output ``tags``, in their order, all different; empty if it has none.
    unknown_above
        A clip whose mean strangeness over its windows (the graph's output ``strangeness``) is above this counts as
        unknown, too; None if that shall never happen.
    metrics
        How well it does on clips that it was not trained on: ``protocol``, ``corpus``, ``folds``, ``clips``, ``leaks``,
        and figures such as ``accuracy`` as ``{"value", "low", "high"}``, the bounds being those of the 95 % interval.
    licence
        Under what terms it may be used.
    recipe
        The resolved recipe of its training.
    created
        When it was made, in ISO 8601, UTC.
    genrelab_version
        What made it.

    Raises
    ------
    BundleError
        A value is of the wrong type or impossible; the message names its key.
    """

    name: str
    genres: tuple[str, ...]
    sample_rate: int
    window: int
    hop: int
    extractor: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    growth: float = 0.0
    unknown_below: float = 0.0
    silence_dbfs: float = -80.0
    vocabularies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    unknown_above: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=_now)
    genrelab_version: str = __version__

    def __post_init__(self) -> None:
        for key in ("name", "licence", "created", "genrelab_version"):
            _require(isinstance(getattr(self, key), str), key, getattr(self, key), "a text")
        for key in ("metrics", "recipe", "extractor", "vocabularies"):
            _require(isinstance(getattr(self, key), Mapping), key, getattr(self, key), "an object")
        for key, least, expected in (("genres", 2, "two or more names"), ("tags", 0, "names")):
            names = getattr(self, key)
            _require(isinstance(names, tuple) and len(names) >= least and _are_names(names), key, names, expected)
            _require(len(set(names)) == len(names), key, names, "names that all differ")
        for name, chosen in self.vocabularies.items():
            _require(_are_names([name]), "vocabularies", dict(self.vocabularies), "named by texts")
            _require(
                isinstance(chosen, list | tuple)
                and len(chosen) >= 2
                and _are_names(chosen)
                and len(set(chosen) & set(self.genres)) == len(chosen),
                f"vocabularies.{name}",
                chosen,
                "two or more of the genres, each of them once",
            )
        for key in ("sample_rate", "window", "hop"):
            value = getattr(self, key)
            _require(
                isinstance(value, int) and not isinstance(value, bool) and value > 0,
                key,
                value,
                "a whole number above 0",
            )
        _require(
            self.hop <= self.window,
            "hop",
            self.hop,
            f"at most the window, {self.window}: else some sound is never heard",
        )
        for key in ("temperature", "growth", "unknown_below", "silence_dbfs"):
            _require(_is_finite(getattr(self, key)), key, getattr(self, key), "a finite number")
        above = self.unknown_above
        _require(above is None or _is_finite(above), "unknown_above", above, "a finite number, or null")
        _require(self.temperature > 0, "temperature", self.temperature, "above 0")
        _require(self.growth >= 0, "growth", self.growth, "0 or above")
        _require(0 <= self.unknown_below <= 1, "unknown_below", self.unknown_below, "between 0 and 1")
        _require(self.silence_dbfs < 0, "silence_dbfs", self.silence_dbfs, "below 0")

    def columns(self, vocabulary: str | None = None) -> tuple[int, ...]:
        """Return which columns of the logits a vocabulary keeps, rising; all of them for None.

        Raises
        ------
        BundleError
            There is no such vocabulary; the message lists those that there are.
        """
        if vocabulary is None:
            return tuple(range(len(self.genres)))
        if vocabulary not in self.vocabularies:
            there_are = f"it has {', '.join(self.vocabularies)}" if self.vocabularies else "it has none"
            raise BundleError(f"no vocabulary {vocabulary!r}: {there_are}; without one, all genres are answered")
        chosen = self.vocabularies[vocabulary]
        return tuple(column for column, genre in enumerate(self.genres) if genre in chosen)

    def to_json(self) -> str:
        """Return the JSON object that `from_json` reads."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return json.dumps({"format": FORMAT, **values}, ensure_ascii=False, default=dict)

    @classmethod
    def from_json(cls, text: str) -> "Metadata":
        """Read the JSON object of a bundle.

        Parameters
        ----------
        text
            The JSON. Keys that this version does not know are passed over; what may not be, the format number tells.

        Raises
        ------
        BundleError
            It is no JSON object, is of another format, or a value is missing or impossible.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise BundleError(f"its metadata are not JSON ({error}); export it again") from error
        if not isinstance(values, dict):
            raise BundleError("its metadata are not a JSON object; export it again")
        if values.get("format") != FORMAT:
            made_by = values.get("genrelab_version", "another version")
            raise BundleError(
                f"it is of format {values.get('format')!r}, made by genrelab {made_by}; "
                f"genrelab {__version__} reads format {FORMAT}: install the version that made it, or export it again"
            )
        known = {entry.name for entry in dataclasses.fields(cls)}
        values = {key: value for key, value in values.items() if key in known}
        required = ("name", "genres", "sample_rate", "window", "hop")
        if missing := [key for key in required if key not in values]:
            raise BundleError(f"its metadata lack {', '.join(missing)}; export it again")
        for key in ("genres", "tags"):
            if isinstance(values.get(key), list):
                values[key] = tuple(values[key])
        # What an old file does not say was not known when it was made, least of all today's date.
        return cls(**{"created": "", "genrelab_version": "", **values})


def _require(condition: bool, key: str, value: object, expected: str) -> None:
    if not condition:
        raise BundleError(f"metadata: {key} is {value!r}, but must be {expected}")


def _are_names(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) and value for value in values)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
