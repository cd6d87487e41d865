"""The explanation one can hear: the sound without all that the decision does not rest on, and that rest by itself."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelab.explain.saliency import Saliency, moved, soften
from genrelab.explain.sound import gains, murmur, restore, transform
from genrelab.explain.subject import Subject

Float = NDArray[np.float32]


def listen(
    samples: Float,
    sample_rate: int,
    saliency: Saliency,
    mask: NDArray[np.bool_],
    heard: tuple[float, float],
) -> tuple[Float, Float]:
    """Part a sound by a mask.

    The mask gets soft edges and multiplies the short-time Fourier transform, so the two parts add up to the sound. What
    the network cannot hear, beyond its lowest and highest frequency, is left out.

    Parameters
    ----------
    samples
        The sound, (n,), at any rate: its own quality is kept.
    sample_rate
        In Hz.
    saliency
        Says where the mask's rows and frames lie.
    mask
        What is kept, (rows, frames).
    heard
        The lowest and the highest frequency that the network hears, in Hz.

    Returns
    -------
    kept, left_out
        Both (n,).
    """
    spectrum, by = _through(samples, sample_rate, saliency, mask, heard)
    kept = restore(spectrum * by, sample_rate, len(samples)).numpy()
    return kept, samples - kept


def hide(
    samples: Float, sample_rate: int, saliency: Saliency, mask: NDArray[np.bool_], heard: tuple[float, float]
) -> Float:
    """Return a sound (n,) with what a mask covers as loud as its frequencies are half of the time; see `listen`."""
    spectrum, by = _through(samples, sample_rate, saliency, mask, heard)
    return restore(spectrum + (murmur(spectrum) - spectrum) * by, sample_rate, len(samples)).numpy()


class Answers(NamedTuple):
    """A genre's probability for what a mask keeps, for what it leaves out, and where what it covers is hidden."""

    kept: float
    left_out: float
    hidden: float


def answers(subject: Subject, samples: Float, saliency: Saliency, mask: NDArray[np.bool_], genre: int) -> Answers:
    """Ask the network about the parts that a mask makes of a clip (n,) at its rate."""
    place = (samples, subject.sample_rate, saliency, mask, subject.range)
    return Answers(*(float(subject.probabilities(part)[genre]) for part in (*listen(*place), hide(*place))))


def random_answers(
    subject: Subject,
    samples: Float,
    saliency: Saliency,
    mask: NDArray[np.bool_],
    genre: int,
    rng: np.random.Generator,
    count: int,
) -> list[Answers]:
    """Return what the network answers when the mask is moved somewhere else, `count` times."""
    return [answers(subject, samples, saliency, moved(mask, rng), genre) for _ in range(count)]


def mean_answers(several: Sequence[Answers]) -> Answers:
    """Return the mean of some answers."""
    return Answers(*map(float, np.mean(several, axis=0)))


def _through(
    samples: Float, sample_rate: int, saliency: Saliency, mask: NDArray[np.bool_], heard: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Return the transform of a sound and the gains of the softened mask over it."""
    spectrum = transform(torch.from_numpy(samples), sample_rate)
    soft = soften(mask, saliency.step)
    by = gains(soft, saliency.frequencies, saliency.times, heard, sample_rate, spectrum.shape[1])
    return spectrum, by
