"""What a graph's outputs say about a sound: genres, blends, tags, or that it is unknown. Arithmetic alone."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genrelab.bundles.metadata import Metadata
from genrelab.bundles.prediction import Prediction
from genrelab.bundles.session import LOGITS, STRANGENESS, TAGS

# Two genres are a blend where the first is at most half as likely again as the second, so that naming one alone would
# be little better than tossing a coin, and where both together are at least as likely as all the others: else the
# classifier is at a loss, and has not heard two genres.
BLEND_LEAST_RATIO = 2 / 3
BLEND_LEAST_SUM = 1 / 2

Outputs = Mapping[str, NDArray[np.float32]]


def needed_outputs(metadata: Metadata) -> tuple[str, ...]:
    """Return the names of the outputs that `answer` needs of a bundle's graph."""
    tags = (TAGS,) if metadata.tags else ()
    strangeness = (STRANGENESS,) if metadata.unknown_above is not None else ()
    return LOGITS, *tags, *strangeness


def answer(
    outputs: Outputs,
    metadata: Metadata,
    columns: Sequence[int],
    path: str | None,
    seconds: float | None,
    top: int | None = None,
) -> Prediction:
    """Return what the outputs for a sound's windows say about it.

    Logits (see `calibrated`) and strangeness are averaged over the windows; a tag's probability is the mean of what the
    windows give it, since a voice that is heard in half of them is there.

    Parameters
    ----------
    outputs
        Those of `needed_outputs`, each of shape (windows, size), windows > 0.
    metadata
        The bundle's.
    columns
        Which of its genres may be answered; the probabilities of these add up to 1.
    path, seconds
        Go into the prediction.
    top
        How many genres to return; None for all.
    """
    probabilities = _softmax(calibrated(outputs[LOGITS], seconds, metadata)[list(columns)])
    genres = _ranked([metadata.genres[column] for column in columns], probabilities)
    genre, probability = genres[0]
    unknown = probability < metadata.unknown_below or _is_strange(outputs, metadata)
    return Prediction(
        path,
        genre,
        probability,
        unknown,
        genres[:top],
        seconds,
        tags=_ranked(metadata.tags, _sigmoid(outputs[TAGS].astype(np.float64)).mean(0)) if metadata.tags else (),
        blend=() if unknown else blend(genres),
    )


def calibrated(logits: NDArray[np.float32], seconds: float | None, metadata: Metadata) -> NDArray[np.float64]:
    """Return logits of a sound whose softmax are its probabilities, shape (genres,).

    Parameters
    ----------
    logits
        Of its windows, (windows, genres), windows > 0.
    seconds
        The sound's length; None where it is not known.
    metadata
        Says how sure one window is, and how much surer many are.
    """
    surer = float(sureness(windows_apart(len(logits), seconds, metadata), metadata.growth))
    return np.asarray(surer / metadata.temperature * logits.mean(0).astype(np.float64))


def sureness(apart: ArrayLike, growth: float) -> NDArray[np.float64]:
    """Return what the mean logits of windows are multiplied by, since many windows know more than one.

    Logits are taken for a sound's own, common to its windows, and what each window adds by chance; `growth` is how many
    times the first's variance the second's is. The mean over n windows has an nth of the chance left, and may be
    trusted (1 + growth) / (1 + growth / n) times as much as one window: never more than 1 + growth times.

    Parameters
    ----------
    apart
        How many windows were heard, as `windows_apart` counts.
    growth
        See `genrelab.bundles.metadata.Metadata`.
    """
    return (1 + growth) / (1 + growth / np.asarray(apart, np.float64))


def windows_apart(windows: int, seconds: float | None, metadata: Metadata) -> float:
    """Return how many windows were heard of a sound, those that overlap not counted twice.

    Parameters
    ----------
    windows
        How many were heard.
    seconds
        The sound's length; None where it is not known.
    metadata
        Says how long a window is.
    """
    room = math.inf if seconds is None else seconds * metadata.sample_rate / metadata.window
    return min(float(windows), max(1.0, room))


def silence(path: str | None, seconds: float | None) -> Prediction:
    """Return what is said of a sound in which there is nothing to hear: it is unknown, and no genre is likeliest."""
    return Prediction(path, unknown=True, seconds=seconds)


def blend(genres: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    """Return the two genres that a sound is a blend of; none where one leads clearly, or nothing is likely.

    Parameters
    ----------
    genres
        (genre, probability) pairs, two or more, the most probable first.
    """
    (first, p_first), (second, p_second) = genres[:2]
    close = p_second >= BLEND_LEAST_RATIO * p_first
    return (first, second) if close and p_first + p_second >= BLEND_LEAST_SUM else ()


def _is_strange(outputs: Outputs, metadata: Metadata) -> bool:
    limit = metadata.unknown_above
    return limit is not None and float(outputs[STRANGENESS].mean(dtype=np.float64)) > limit


def _ranked(names: Sequence[str], probabilities: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-probabilities, kind="stable")
    return tuple((names[index], float(probabilities[index])) for index in order)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum())


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((1 + np.tanh(logits / 2)) / 2)  # as 1 / (1 + exp(-x)), which overflows
