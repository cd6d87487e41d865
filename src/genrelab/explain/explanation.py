"""A run and a sound file to an explanation: maps, the sound parted by them, and whether the network rests on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from genrelab.audio.read import probe, read, require_sound
from genrelab.errors import RunError
from genrelab.explain.gradcam import find_convolution, gradcam
from genrelab.explain.listen import Answers, answers, listen, random_answers
from genrelab.explain.occlusion import Fill, occlusion
from genrelab.explain.saliency import Saliency, similarity
from genrelab.explain.subject import Subject
from genrelab.extractors.mel_scale import hz_to_mel, mel_to_hz
from genrelab.frontends.mel import Mel
from genrelab.report.explanation import Layer

METHODS = ("gradcam", "occlusion")
RANDOM_MASKS = 8
_SHOWN_BANDS = 96


@dataclass(frozen=True)
class Ways:
    """How a clip shall be explained.

    Parameters
    ----------
    genre
        The genre that is asked about; None for the one that the network names.
    methods
        Of `METHODS`; None for both, Grad-CAM only where the network allows it.
    layer
        For Grad-CAM, see `genrelab.explain.gradcam.gradcam`.
    patch, fill
        For occlusion, see `genrelab.explain.occlusion.occlusion`.
    keep
        The share of the places in time and frequency that is kept for listening.
    start, seconds
        The part of the file that is explained.
    """

    genre: str | None = None
    methods: Sequence[str] | None = None
    layer: str | None = None
    patch: tuple[int, int] | None = None
    fill: Fill = "median"
    keep: float = 0.25
    start: float = 0.0
    seconds: float = 30.0


@dataclass(frozen=True)
class Explanation:
    """Why a network names a genre.

    Parameters
    ----------
    subject
        The network.
    file, start
        The sound file and where in it the clip begins, in seconds.
    sample_rate, samples
        The clip (n,) at the file's own rate.
    genre
        Explained.
    probabilities
        Each genre's, for the clip.
    maps
        By method.
    refused
        Why a method was left out, by method.
    sound
        The clip's mel spectrogram in decibels.
    ways
        How it was asked for.
    kept, left_out
        The sound of the share that was kept, and the rest, (n,) each.
    listened
        The method whose map says what is kept.
    answers, randomly
        What the network says of the genre in those parts, and in random parts of the same size and shape.
    """

    subject: Subject
    file: Path
    start: float
    sample_rate: int
    samples: NDArray[np.float32]
    genre: str
    probabilities: dict[str, float]
    maps: dict[str, Saliency]
    refused: dict[str, str]
    sound: Layer
    ways: Ways
    kept: NDArray[np.float32]
    left_out: NDArray[np.float32]
    listened: str
    answers: Answers
    randomly: list[Answers]

    @property
    def agreement(self) -> float | None:
        """The rank correlation of both maps, None where there is one."""
        return similarity(*self.maps.values()) if len(self.maps) == 2 else None


def explain(
    subject: Subject, file: Path, ways: Ways = Ways(), advance: Callable[[int, int], None] = lambda done, of: None
) -> Explanation:
    """Explain what a network says of a sound file.

    Parameters
    ----------
    subject
        See `genrelab.explain.subject.load_subject`.
    file
        The sound file.
    ways
        How.
    advance
        Is told how many parts of the sound have been hidden, and of how many.

    Raises
    ------
    AudioError
        The file cannot be read, or is silent or too short.
    RunError
        The network does not know the genre, or does not allow the method.
    """
    methods, refused = _methods(subject, ways)
    asked = None if ways.genre is None else subject.genre(ways.genre)
    samples = read(file, subject.sample_rate, ways.start, ways.seconds)
    require_sound(samples, subject.sample_rate, file)
    probabilities = subject.probabilities(samples)
    code = int(probabilities.argmax()) if asked is None else asked
    maps: dict[str, Saliency] = {}
    if "gradcam" in methods:
        maps["gradcam"] = gradcam(subject, samples, code, ways.layer)
    if "occlusion" in methods:
        maps["occlusion"] = occlusion(subject, samples, code, ways.patch, ways.fill, advance)
    listened = _to_listen(maps)
    saliency = maps[listened]
    mask = saliency.top(ways.keep)
    rate = probe(file).sample_rate
    original = read(file, None, ways.start, ways.seconds)
    kept, left_out = listen(original, rate, saliency, mask, subject.range)
    rng = np.random.default_rng(0)
    said = answers(subject, samples, saliency, mask, code)
    randomly = random_answers(subject, samples, saliency, mask, code, rng, RANDOM_MASKS)
    return Explanation(
        subject=subject,
        file=file,
        start=ways.start,
        sample_rate=rate,
        samples=original,
        genre=subject.genres[code],
        probabilities={genre: float(p) for genre, p in zip(subject.genres, probabilities, strict=True)},
        maps=maps,
        refused=refused,
        sound=_spectrogram(samples, subject.sample_rate),
        ways=ways,
        kept=kept,
        left_out=left_out,
        listened=listened,
        answers=said,
        randomly=randomly,
    )


def _methods(subject: Subject, ways: Ways) -> tuple[list[str], dict[str, str]]:
    """Return the methods to use, and why not the others; refuse those that were asked for and cannot be."""
    if ways.methods is not None or ways.layer is not None:
        chosen = list(ways.methods or METHODS)
        if "gradcam" in chosen:
            find_convolution(subject, ways.layer)
        return chosen, {}
    return allowed_methods(subject)


def allowed_methods(subject: Subject) -> tuple[list[str], dict[str, str]]:
    """Return the methods that a network allows, and why not the others, by method."""
    try:
        find_convolution(subject)
    except RunError as error:
        return ["occlusion"], {"gradcam": str(error)}
    return list(METHODS), {}


def _to_listen(maps: dict[str, Saliency]) -> str:
    """Return the method to listen to: occlusion where it is there, since it asked the network itself."""
    return "occlusion" if "occlusion" in maps else "gradcam"


def _spectrogram(samples: NDArray[np.float32], sample_rate: int) -> Layer:
    n_fft = 2 ** round(np.log2(0.09 * sample_rate))
    hop = max(1, n_fft // 8)
    mel = Mel(sample_rate, n_fft, hop, min(_SHOWN_BANDS, n_fft // 8), normalise="none")
    with torch.no_grad():
        decibels = mel(torch.from_numpy(samples)[None])[0, 0].numpy()
    places = np.linspace(0, float(hz_to_mel(sample_rate / 2)), mel.bins + 2)[1:-1]
    return Layer("The sound", decibels, mel_to_hz(places), np.arange(decibels.shape[1]) * hop / sample_rate)
