"""An explanation of one clip as a page that plays, and what its maps say in words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genrelab.report.page import data_uri, embed, render

TITLES = {"gradcam": "Grad-CAM", "occlusion": "Occlusion"}
# Names of frequency ranges as sound engineers use them, and what is mostly heard there.
BANDS = (
    (0, 60, "sub-bass", "felt more than heard"),
    (60, 250, "bass", "bass lines, kick drums"),
    (250, 500, "low mids", "the body of voices, guitars and pianos"),
    (500, 2000, "mids", "melodies, voices, snare drums"),
    (2000, 4000, "upper mids", "consonants, strokes, distortion"),
    (4000, 8000, "presence", "brightness, hi-hats"),
    (8000, 1e9, "air", "cymbals, breath"),
)
_NAMED = 2
_STRETCH = 0.25  # seconds
_MOMENTS = 3
_EMBEDDED = 6_000_000  # bytes of a sound that a page may hold; a larger one is a link


def in_words(
    values: NDArray[np.floating],
    frequencies: NDArray[np.float64] | None,
    times: NDArray[np.float64],
    genre: str,
    start: float = 0.0,
) -> str:
    """Say in which frequency ranges and when a map speaks for a genre.

    Parameters
    ----------
    values, frequencies, times
        A saliency map, as in `genrelab.report.explanation.Layer`.
    genre
        What it speaks for.
    start
        Where in the file the clip begins, in seconds.
    """
    positive = np.maximum(values, 0)
    total = float(positive.sum())
    if not total:
        return f"Nothing here speaks for {genre}."
    sentences = []
    if frequencies is not None:
        found = []
        for low, high, name, heard in BANDS:
            inside = (frequencies >= low) & (frequencies < high)
            if inside.any():
                found.append((float(positive[inside].sum()) / total, float(inside.mean()), low, high, name, heard))
        best = sorted(found, reverse=True)[:_NAMED]
        named = [
            f"{100 * share:.0f} % lies in the {name} ({_hertz(low, high)}: {heard}), "
            f"which {'is' if name in ('bass', 'sub-bass', 'air', 'presence') else 'are'} {100 * size:.0f} % of the map"
            for share, size, low, high, name, heard in best
        ]
        sentences.append(f"Of what speaks for {genre}, " + "; ".join(named) + ".")
    moments = _moments(positive.sum(axis=0), times)
    if moments:
        listed = ", ".join(f"{start + moment:.1f}" for moment in moments)
        sentences.append(f"It speaks loudest around {listed} s.")
    return " ".join(sentences)


def costs(facts: Mapping[str, Any]) -> bool:
    """Return whether hiding what the map names cost the genre anything, and more than hiding any random part did.

    Parameters
    ----------
    facts
        What stands in ``explanation.json``.
    """
    return _lost(facts) and not facts["listening"]["random_as_good"]


def verdict(facts: Mapping[str, Any]) -> str:
    """Say whether the network rests on what the map names; `facts` as for `costs`."""
    heard = facts["listening"]
    if not _lost(facts):  # even where random parts raised it further: what is named was not missed
        return "No: hiding it costs the genre nothing"
    if costs(facts):
        return "Yes"
    if heard["probability"]["hidden"] < heard["probability_random"]["hidden"]:
        return "Rather"
    return "No more than on anything else: for this clip, do not trust the map"


def explanation_page(facts: Mapping[str, Any], figure: Figure, sounds: Mapping[str, bytes]) -> str:
    """Return the page.

    Parameters
    ----------
    facts
        What stands in ``explanation.json``.
    figure
        What `genrelab.report.explanation.explanation_figure` drew.
    sounds
        FLAC files: ``"whole"``, ``"kept"`` and ``"left-out"``. Large ones are left out, and the wav files beside the
        page played instead.
    """
    small = all(len(sound) < _EMBEDDED for sound in sounds.values())
    players = {name: data_uri("audio/flac", sound) for name, sound in sounds.items()}
    ranked = sorted(facts["probabilities"].items(), key=lambda item: -item[1])
    return render(
        "explanation.html",
        facts=facts,
        figure=embed(figure),
        linked=not small,
        players=players if small else {name: f"{name}.wav" for name in sounds if name != "whole"},
        ranked=ranked,
        verdict=verdict(facts),
        titles=TITLES,
    )


def _lost(facts: Mapping[str, Any]) -> bool:
    return bool(facts["listening"]["probability"]["hidden"] < facts["probabilities"][facts["genre"]])


def _moments(loudness: NDArray[np.floating], times: NDArray[np.float64]) -> list[float]:
    """Return the middles of the strongest stretches that do not overlap, in order of time."""
    if len(times) < 2 or times[-1] < 2 * _STRETCH or np.ptp(loudness) < 1e-6 * loudness.max():
        return []
    width = max(1, round(_STRETCH / (times[1] - times[0])))
    sums = np.convolve(loudness, np.ones(width), mode="same")
    found: list[float] = []
    peak = sums.max()
    while len(found) < _MOMENTS and sums.max() > 0.5 * peak:
        at = int(sums.argmax())
        found.append(float(times[at]))
        sums[max(0, at - 2 * width) : at + 2 * width + 1] = 0
    return sorted(found)


def _hertz(low: float, high: float) -> str:
    def one(value: float) -> str:
        return f"{value / 1000:g} kHz" if value >= 1000 else f"{value:g} Hz"

    if low == 0:
        return f"below {one(high)}"
    return f"above {one(low)}" if high > 1e6 else f"{one(low)} to {one(high)}"
