"""Figures to sentences: what a number means, said plainly."""

import math
from collections.abc import Mapping
from typing import Any

from genrelab.evaluation.comparison import Comparison
from genrelab.evaluation.intervals import Interval

PROTOCOLS = {
    "random": (
        "Clips were dealt at random into training, validation and test. Clips of one track stay together, but an "
        "artist or an album may be on both sides, and a network can then recognise the singer or the studio instead "
        "of the genre. Expect lower figures for artists it has never heard."
    ),
    "artist-folds": (
        "No artist is on both sides: every clip was judged by a network that had never heard anything by its artist. "
        "This is the question that counts for new music, and its figures lie below those of random splits."
    ),
    "gtzan-filtered": (
        "The published fault-filtered split of GTZAN: repetitions, distortions and wrong labels are taken out, and no "
        "artist is in more than one part. Figures compare with other work on the same lists."
    ),
    "gtzan-train-validation": (
        "The published fault-filtered split of GTZAN without its test list: networks learn from the train list, a tenth"
        " of it held back to choose when to stop, and are judged on the validation list. Figures do not compare with "
        "those on the published test list."
    ),
    "fma-official": "The split that comes with the FMA data set, on which artists do not cross from part to part.",
    "column": (
        "The parts come from a column of the corpus table. Whether artists or albums cross from part to part is up to "
        "whoever filled that column in; the audit's findings, if any, stand above."
    ),
}
_OTHER = "This protocol is not one of genrelab's own; what its parts share is not known here."


def short(name: str, most: int) -> str:
    """Return a name in at most so many characters."""
    return name if len(name) <= most else name[: most - 1] + "…"


def protocol_words(protocol: str) -> str:
    """Return a paragraph on what a protocol's figures tell."""
    return PROTOCOLS.get(protocol, _OTHER)


def headline(value: float, interval: Interval, clips: int, info: Mapping[str, Any]) -> str:
    """Return the one sentence that must not be torn apart: accuracy, clips, interval, protocol, folds and seed."""
    return f"{percent(value)} of {clips} clips right ({interval_words(interval)}), {protocol_line(info)}"


def protocol_line(info: Mapping[str, Any]) -> str:
    """Return protocol, folds and seed, e.g. ``"artist-folds, 5 folds, seed 0"``."""
    folds = int(info.get("folds", 1))
    return f"{info.get('protocol', 'unknown protocol')}, {folds} fold{'s' * (folds != 1)}, seed {info.get('seed', '?')}"


def interval_words(interval: Interval) -> str:
    """Return ``"95 % interval 58\u201366"``, in percent."""
    if not math.isfinite(interval.low):
        return "too few tracks for an interval"
    return f"95 % interval {span(interval)}"


def span(interval: Interval, scale: float = 100.0, digits: int = 0) -> str:
    """Return the two ends of an interval with a dash, or a dash alone where it is not known."""
    if not math.isfinite(interval.low):
        return "\u2013"
    return f"{interval.low * scale:.{digits}f}\u2013{interval.high * scale:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return ``"62.1 %"`` with a space that does not break, or a dash where there is no value."""
    return "\u2013" if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f}\u00a0%"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with so many decimals, or a dash where there is no value."""
    return "\u2013" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def p_value(p: float) -> str:
    """Return ``"0.031"`` or ``"< 0.001"``."""
    return "< 0.001" if p < 0.001 else number(p)


def points(value: float) -> str:
    """Return a difference of fractions in percentage points, with its sign (a true minus)."""
    return f"{round(100 * value, 1) + 0.0:+.1f}".replace("-", "\u2212")  # no minus before a zero


def difference_words(comparison: Comparison, p: float | None = None) -> str:
    """Say whether a difference in accuracy is more than chance would make; `p` as for `Comparison.beyond_noise`."""
    if not math.isfinite(comparison.accuracy_interval.low):
        return "too few tracks to tell"
    return "larger than the noise" if comparison.beyond_noise(p) else "within the noise"


def calibration_words(confidence: float, accuracy: float, ece: float) -> str:
    """Say whether the model is too sure, too modest or neither.

    Parameters
    ----------
    confidence
        Mean probability of the predicted genres.
    accuracy
        Share of clips that are right.
    ece
        Expected calibration error.
    """
    gap = confidence - accuracy
    manner = "too sure of itself" if gap > 0.02 else "too modest" if gap < -0.02 else "about as sure as it should be"
    return (
        f"The model is {manner}: its mean probability for the genre it names is {percent(confidence)}, and it is right "
        f"in {percent(accuracy)}. Taken bin by bin, the two lie {100 * ece:.1f} percentage points apart."
    )


def duration(minutes: float) -> str:
    """Return minutes in the unit that a person would say."""
    if minutes < 2:
        return f"{60 * minutes:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
