"""Grad-CAM: where in time and frequency a network's last convolution finds what speaks for a genre.

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization"
(arXiv:1610.02391), computed by captum. The map is as coarse as that layer: after four poolings of two, a cell of it is
sixteen bins by sixteen frames.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RunError, printable
from genrelab.explain.saliency import Saliency, overlay
from genrelab.explain.subject import Subject

_AT_ONCE = 16  # windows; their activations are what fills the memory
_SAMPLES_STEP = 0.01  # seconds: nobody could see a map of samples any finer


def gradcam(subject: Subject, samples: NDArray[np.float32], genre: int, layer: str | None = None) -> Saliency:
    """Explain a clip by Grad-CAM.

    Parameters
    ----------
    subject
        The network.
    samples
        The clip, (n,), at the network's sample rate.
    genre
        The code of the genre that is asked about.
    layer
        The name of a convolution of the network, e.g. ``blocks.2.conv``; None for the last.

    Returns
    -------
    Saliency
        At the resolution of the features, not below zero. Where their rows are no frequencies (MFCCs, chroma,
        samples), or the convolution runs over time alone, it tells times alone.

    Raises
    ------
    RunError
        The network has no convolution over time, or none of that name.
    """
    from captum.attr import LayerGradCam  # here, since it takes a second to import

    name, convolution = find_convolution(subject, layer)
    starts, windows = subject.windows(samples)
    attribution = LayerGradCam(subject.model.network, convolution)
    maps = []
    for first in range(0, len(windows), _AT_ONCE):
        features = subject.features(windows[first : first + _AT_ONCE]).requires_grad_()
        cam = attribution.attribute(features, target=genre, relu_attributions=True).detach()
        maps.append(_enlarge(subject, cam, *features.shape[2:]))
    found = subject.upright(np.concatenate(maps))
    frequencies = subject.row_frequencies()
    if frequencies is None or len(frequencies) != found.shape[1]:
        found, frequencies = found.mean(axis=1, keepdims=True), None
    step = subject.frame_seconds(len(samples), found.shape[2])
    rate = subject.sample_rate
    values, times = overlay(found, starts / rate, step, len(samples) / rate)
    return Saliency("gradcam", subject.genres[genre], values, frequencies, times, name)


def find_convolution(subject: Subject, layer: str | None = None) -> tuple[str, nn.Module]:
    """Return the name and the module of a network's last two-dimensional convolution, or of the one named.

    Raises
    ------
    RunError
        There is none, or what it works on is no picture of the sound.
    """
    network = subject.model.network
    kind = subject.recipe.network.kind
    found = {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    if not found or subject.recipe.frontend.kind in ("joint", "handcrafted"):
        reason = "has no convolution" if not found else "reads columns that have no place in time"
        raise RunError(f"{subject.folder}: the network {kind} {reason}, which Grad-CAM needs; take --method occlusion")
    name = list(found)[-1] if layer is None else layer
    if name not in found:
        known = ", ".join(found)
        raise RunError(f"{subject.folder}: the network {kind} has no convolution {printable(name)!r}; it has {known}")
    return name, found[name]


def _enlarge(subject: Subject, cam: Tensor, bins: int, frames: int) -> NDArray[np.float32]:
    """Bring maps of a layer (n, 1, height, width) to the size of the features, (n, bins, frames)."""
    if subject.recipe.frontend.kind == "waveform":
        frames = max(1, round(subject.recipe.audio.window / _SAMPLES_STEP))
    if cam.shape[2] == 1:  # over time alone
        bins = 1
    pad = int(getattr(subject.model.network, "pad", 0))  # frames of zeros that the network adds at both ends
    large = F.interpolate(cam.float(), (bins, frames + 2 * pad), mode="bilinear", align_corners=False)
    return large[:, 0, :, pad : pad + frames].numpy()
