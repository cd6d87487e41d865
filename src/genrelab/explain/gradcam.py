"""Grad-CAM: where in time and frequency a network's last convolution finds what speaks for a genre.

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization"
(arXiv:1610.02391), computed by captum. The map is as coarse as that layer: after four poolings of two, a cell of it is
sixteen bins by sixteen frames. Each cell is drawn at the middle of what it sees, which without padding is not what
stretching the map over the features would make of it: the first cell then sees more than its share.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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
    grids: list[_Grid] = []
    partial = _listens_past(subject, convolution, windows[:1])
    hook = convolution.register_forward_hook(lambda module, taken, made: grids.append(_Grid.of(made)))
    try:
        for first in range(0, len(windows), _AT_ONCE):
            features = subject.features(windows[first : first + _AT_ONCE]).requires_grad_()
            cam = attribution.attribute(features, target=genre, relu_attributions=True).detach()
            maps.append(_enlarge(subject, cam, grids[-1], *features.shape[2:]))
    finally:
        hook.remove()
    found = subject.upright(np.concatenate(maps))
    frequencies = subject.row_frequencies()
    if frequencies is None or len(frequencies) != found.shape[1]:
        found, frequencies = found.mean(axis=1, keepdims=True), None
    step = subject.frame_seconds(len(samples), found.shape[2])
    rate = subject.sample_rate
    values, times = overlay(found, starts / rate, step, len(samples) / rate)
    if not hasattr(subject.model.frontend, "hop_length"):
        times += step / 2  # columns lie side by side, while the frames of a transform are centred on a window's begin
    return Saliency("gradcam", subject.genres[genre], values, frequencies, times, name, partial)


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


def _listens_past(subject: Subject, convolution: nn.Module, windows: NDArray[np.float32]) -> bool:
    """Return whether a network hears what goes past a layer: with what that makes held fast, silence sounds different.

    So it is with members of a committee, and with towers side by side: the last layer of one knows nothing of the rest.
    """
    network, features = subject.model.network, subject.features(windows)
    made: list[Tensor] = []
    with torch.inference_mode():
        with convolution.register_forward_hook(lambda module, taken, found: made.append(found)):
            said = network(features)
        with convolution.register_forward_hook(lambda module, taken, found: made[0]):
            return not torch.equal(network(torch.zeros_like(features)), said)


@dataclass(frozen=True)
class _Grid:
    """Where the cells of a layer lie in the features: the middle of what cell `i` sees is ``start + jump * i``.

    Parameters
    ----------
    start, jump
        By bins and by frames.
    turned
        Whether the layer has the frames first.
    """

    start: tuple[float, float]
    jump: tuple[float, float]
    turned: bool

    @classmethod
    def of(cls, made: Tensor) -> "_Grid":
        """Follow what a layer made back to the features, by all that moves or widens places on the way.

        That way is autograd's: it knows functions as well as modules, and the branch alone that leads to the layer.
        """
        start, jump, turned = [0.0, 0.0], [1.0, 1.0], False
        node: Any = made.grad_fn
        while node is not None:
            kind = node.name()
            if kind.startswith("Convolution"):
                size = node._saved_weight.shape[2:]
                _back(start, jump, size, node._saved_dilation, node._saved_stride, node._saved_padding)
            elif kind.startswith(("MaxPool2D", "AvgPool2D")):
                size = node._saved_kernel_size
                _back(start, jump, size, (1,), node._saved_stride or size, node._saved_padding)
            elif kind.startswith("ConstantPad"):
                before = node._saved_pad[::2]  # the last axis first
                for axis, pad in zip((1, 0), before, strict=False):
                    start[axis] -= pad
            elif kind.startswith("Transpose") and {node._saved_dim0 % 4, node._saved_dim1 % 4} == {2, 3}:
                start, jump, turned = start[::-1], jump[::-1], not turned
            node = node.next_functions[0][0] if node.next_functions else None  # what is worked on comes first
        return cls((start[0], start[1]), (jump[0], jump[1]), turned)


def _back(start: list[float], jump: list[float], size: Any, dilation: Any, stride: Any, pad: Any) -> None:
    """Take places behind a kernel, bins and frames, to places before it."""
    for axis in (0, 1):
        # A single number is for both.
        wide, apart, step, added = (one[axis % len(one)] for one in (size, dilation, stride, pad))
        start[axis] = start[axis] * step + (wide - 1) * apart / 2 - added
        jump[axis] *= step


def _enlarge(subject: Subject, cam: Tensor, grid: _Grid, bins: int, frames: int) -> NDArray[np.float32]:
    """Bring maps of a layer (n, 1, height, width) to the size of the features, (n, bins, frames)."""
    cells = (cam[:, 0].transpose(1, 2) if grid.turned else cam[:, 0]).numpy()
    drawn = frames
    if subject.recipe.frontend.kind == "waveform":
        drawn = max(1, round(subject.recipe.audio.window / _SAMPLES_STEP))
    rows = np.arange(1 if cells.shape[1] == 1 else bins)  # a layer of a single row runs over time alone
    columns = (np.arange(drawn) + 0.5) * frames / drawn - 0.5
    down, along = (rows - grid.start[0]) / grid.jump[0], (columns - grid.start[1]) / grid.jump[1]
    large = _shares(down, cells.shape[1]) @ cells @ _shares(along, cells.shape[2]).T
    return np.asarray(large, np.float32)


def _shares(places: NDArray[np.floating], cells: int) -> NDArray[np.float64]:
    """Return what each cell has in each place between cells, (places, cells); beyond the ends the last has all."""
    return np.stack([np.interp(places, np.arange(cells), one) for one in np.eye(cells)], axis=1)
