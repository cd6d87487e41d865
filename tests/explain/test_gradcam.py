"""Grad-CAM: the formula of the paper, and every network that has convolutions."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from torch import nn
from torch.nn import functional as F

from genrelab.errors import RunError
from genrelab.explain.explanation import Ways, explain
from genrelab.explain.folder import write_explanation
from genrelab.explain.gradcam import _Grid, find_convolution, gradcam
from genrelab.networks import NETWORKS as CLASSES
from genrelab.networks.network import Network

from .conftest import NETWORKS, RATE


def test_the_map_is_that_of_the_paper(make_subject, noise) -> None:
    subject = make_subject(hop=1.0)
    found = gradcam(subject, noise[:RATE], 1)
    network = subject.model.network
    features = subject.features(noise[None, :RATE])
    activations: list[torch.Tensor] = []
    network.blocks[1].conv.register_forward_hook(lambda module, taken, made: activations.append(made))
    logits = network(features)
    (gradient,) = torch.autograd.grad(logits[0, 1], activations[-1])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = torch.relu((weights * activations[-1]).sum(1, keepdim=True))
    # Behind one pooling of two, cell `i` lies between places 2i and 2i + 1.
    wanted = cam[0, 0].detach().numpy()
    for size in features.shape[:1:-1]:
        cells = (np.arange(size) - 0.5) / 2
        wanted = np.stack([np.interp(cells, np.arange(len(row)), row) for row in wanted]).T
    assert found.layer == "blocks.1.conv"
    np.testing.assert_allclose(found.values, wanted[:, : found.values.shape[1]], rtol=1e-4, atol=1e-6)


IMAGES = {"filters": [2, 3, 4], "kernels": [7, 4, 3], "pools": [3, 2, 2]}
LAYERS: dict[str, tuple[str, dict, tuple[int, int, int]]] = {
    "padded": ("cnn", {"filters": [4, 8, 8], "dense_units": 8}, (1, 64, 70)),
    "zeros before and after": ("crnn", {"filters": [4] * 4, "pools": [[2, 2]] * 4, "pad": 9, "units": 4}, (1, 99, 90)),
    "unpadded": ("flat-cnn", IMAGES | {"dense_units": 8}, (4, 90, 101)),
    "even kernels, padded": ("flat-cnn", IMAGES | {"padding": "same", "dense_units": 8}, (1, 95, 101)),
    "samples": ("m5", {"filters": [4, 8], "dense_units": 8}, (1, 1, 2000)),
    "averaged before": (
        "committee",
        {"members": [{"kind": "cnn"}, {"kind": "cnn", "filters": [4, 4], "dense_units": 8, "shrink": 3}]},
        (1, 66, 72),
    ),
    "frames first": ("adapted", {"temporal": (2, 2, 2), "blocks": (4, 4, 4, 4, 4), "layers": ()}, (1, 96, 187)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("case", LAYERS)
def test_cells_lie_in_the_middle_of_what_they_see(monkeypatch, case) -> None:
    kind, options, shape = LAYERS[case]
    network: Network = CLASSES[kind](shape, 3, **options).eval()
    features = torch.rand(1, *shape).requires_grad_()
    layers = {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    grids = {name: _Grid.of(_made(network, layer, features)) for name, layer in layers.items()}
    # Without a maximum or a value below zero, whatever can move a cell does.
    monkeypatch.setattr(F, "max_pool2d", lambda maps, size, step=None, *_, **__: F.avg_pool2d(maps, size, step))
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)
    seen = 0
    for name, layer in layers.items():
        made, grid = _made(network, layer, features), grids[name]
        assert grid.turned == (case == "frames first")
        for cell in {(0, 0), (1, 1), tuple(size // 2 for size in made.shape[2:])}:
            if any(place >= size for place, size in zip(cell, made.shape[2:], strict=True)):
                continue
            (moving,) = torch.autograd.grad(made[0, :, *cell].sum(), features, retain_graph=True)
            for axis, place in enumerate(cell[::-1] if grid.turned else cell):
                found = np.flatnonzero(moving[0].abs().sum((0, 2 - axis)))
                # What reaches an edge may see less than all it could: zeros are beyond it.
                if len(found) and found[0] > 0 and found[-1] < shape[axis + 1] - 1:
                    assert grid.start[axis] + grid.jump[axis] * place == (found[0] + found[-1]) / 2, (name, cell, axis)
                    seen += 1
    assert seen >= len(layers)


def _made(network: nn.Module, layer: nn.Module, features: torch.Tensor) -> torch.Tensor:
    made: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda module, taken, given: made.append(given))
    network(features)
    hook.remove()
    return made[0]


def test_a_map_of_unpadded_layers_is_drawn_where_its_cells_look(make_subject, noise) -> None:
    options = {"filters": [4, 4], "kernels": [7, 7], "pools": [2, 2], "dense_units": 8}
    subject = make_subject("mel", "flat-cnn", options, window=2.0, hop=2.0)
    _, layer = find_convolution(subject)
    column = 2
    layer.register_forward_hook(lambda module, taken, made: made * (torch.arange(made.shape[3]) == column))
    features = subject.features(noise[None]).requires_grad_()
    (moving,) = torch.autograd.grad(_made(subject.model.network, layer, features).sum(), features)
    sees = np.flatnonzero(moving.abs().sum((0, 1, 2)))
    maps = [gradcam(subject, noise, genre).values.sum(axis=0) for genre in range(3)]
    drawn = np.flatnonzero(max(maps, key=np.max))
    assert abs(drawn.mean() - sees.mean()) < 1


@pytest.mark.parametrize("kind", [kind for kind in NETWORKS if kind != "rnn"])
def test_every_convolutional_network_has_a_map_over_the_clip(make_subject, noise, kind) -> None:
    frontend, options = NETWORKS[kind]
    subject = make_subject(frontend, kind, options)
    found = [gradcam(subject, noise, genre) for genre in range(3)]
    for one in found:
        assert np.isfinite(one.values).all()
        assert one.values.min() >= 0
        assert one.times[-1] == pytest.approx(2.0, abs=0.02)
        assert one.values.shape == (32 if frontend == "mel" else 1, len(one.times))
        assert (one.frequencies is None) == (frontend != "mel")
    # An untrained network may find nothing for a genre, but not for any.
    assert max(one.values.max() for one in found) > 0


def test_an_earlier_layer_can_be_asked(make_subject, noise) -> None:
    assert gradcam(make_subject(), noise, 0, "blocks.0.conv").layer == "blocks.0.conv"


def test_a_picture_has_times_and_frequencies(make_subject, noise) -> None:
    subject = make_subject("picture", "flat-cnn", {"filters": [4, 4], "dense_units": 8}, window=2.0)
    found = gradcam(subject, noise, 0)
    assert found.values.shape == (55, 84)  # the axes, 217 x 335 pixels, in squares of four
    assert found.frequencies[0] < 50
    assert 3900 < found.frequencies[-1] < 4000
    assert found.times[-1] == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize(
    ("frontend", "kind", "share"), [("mel", "cnn", 0.0), ("waveform", "m5", 0.5), ("picture", "cnn", 0.5)]
)
def test_times_are_the_middles_of_frames(make_subject, noise, frontend, kind, share) -> None:
    options = NETWORKS[kind][1]
    found = gradcam(make_subject(frontend, kind, options, window=2.0, hop=2.0), noise, 0)
    assert found.times[0] == pytest.approx(share * found.step)
    assert found.times[-1] <= 2.0


def test_a_network_without_convolutions_is_sent_to_occlusion(make_subject) -> None:
    frontend, options = NETWORKS["rnn"]
    with pytest.raises(RunError, match="rnn has no convolution, which Grad-CAM needs; take --method occlusion"):
        find_convolution(make_subject(frontend, "rnn", options))


def test_an_unknown_layer_is_answered_with_those_there_are(make_subject) -> None:
    with pytest.raises(RunError, match=r"no convolution 'conv9'; it has blocks\.0\.conv, blocks\.1\.conv"):
        find_convolution(make_subject(), "conv9")


@pytest.mark.parametrize(("kind", "partial"), [("cnn", False), ("crnn", False), ("committee", True)])
def test_a_map_of_one_network_of_several_is_told_to_be_partial(make_subject, noise, tmp_path, kind, partial) -> None:
    cnn = {"kind": "cnn", "filters": [4, 8], "dense_units": 8}
    options = {"members": [cnn, cnn]} if kind == "committee" else NETWORKS[kind][1]
    subject = make_subject("mel", kind, options)
    known = {"name": "x", "corpus": "x", "protocol": "random", "seed": 0, "leaks": []}
    soundfile.write(tmp_path / "noise.wav", noise, RATE)
    found = explain(
        replace(subject, summary=subject.summary | known), tmp_path / "noise.wav", Ways(methods=("gradcam",))
    )
    assert found.maps["gradcam"].partial is partial
    words = write_explanation(found, tmp_path / "out")["methods"]["gradcam"]["words"]
    assert (f"listens past the layer {found.maps['gradcam'].layer}, too" in words) is partial
