"""Grad-CAM: the formula of the paper, and every network that has convolutions."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from genrelab.errors import RunError
from genrelab.explain.gradcam import find_convolution, gradcam

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
    wanted = F.interpolate(cam, features.shape[2:], mode="bilinear", align_corners=False)[0, 0].detach()
    assert found.layer == "blocks.1.conv"
    np.testing.assert_allclose(found.values, wanted[:, : found.values.shape[1]], rtol=1e-4, atol=1e-6)


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


def test_a_network_without_convolutions_is_sent_to_occlusion(make_subject) -> None:
    frontend, options = NETWORKS["rnn"]
    with pytest.raises(RunError, match="rnn has no convolution, which Grad-CAM needs; take --method occlusion"):
        find_convolution(make_subject(frontend, "rnn", options))


def test_an_unknown_layer_is_answered_with_those_there_are(make_subject) -> None:
    with pytest.raises(RunError, match=r"no convolution 'conv9'; it has blocks\.0\.conv, blocks\.1\.conv"):
        find_convolution(make_subject(), "conv9")
