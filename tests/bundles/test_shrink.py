"""Graphs keep in 8 bits what fits 8 bits, and say the same."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx.numpy_helper import to_array
from torch import nn

from genrelab.bundles.shrink import shrink
from genrelab.networks.eight_bits import join, split


def graph(path, rounded):
    """Write two layers of which the first is large, and return them and their graph."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 4)).eval()
    if rounded:
        with torch.no_grad():
            network[0].weight.copy_(join(*split(network[0].weight)))
    torch.onnx.export(network, (torch.randn(2, 64),), path, dynamo=True, verbose=False, external_data=False)
    return network, onnx.load(path)


@pytest.mark.parametrize("rounded", [True, False])
def test_what_fits_exactly_is_shrunk_and_nothing_else(rounded, tmp_path):
    network, model = graph(tmp_path / "one.onnx", rounded)
    whole = len(model.SerializeToString())
    shrink(model.graph)
    onnx.checker.check_model(model, full_check=True)
    small = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.INT8]
    assert len(small) == rounded
    assert (len(model.SerializeToString()) < whole / 2) is rounded
    if rounded:
        assert to_array(small[0]).shape == (128, 64)
    said = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    heard = torch.randn(2, 64)
    with torch.inference_mode():
        expected = network(heard).numpy()
    name = said.get_inputs()[0].name
    np.testing.assert_allclose(said.run(None, {name: heard.numpy()})[0], expected, atol=1e-6)
