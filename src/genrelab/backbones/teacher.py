"""Heads on frozen networks, as one graph from samples on: what listeners use needs no cache of layers.

The networks are others' and stay on the machine that fetched them; heads are ours. A file of heads holds one model a
fold, and what a bundle says of itself; `write_bundle` joins it to the networks.
"""

import importlib.resources
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genrelab.backbones import musicnn, own, yamnet
from genrelab.backbones.cache import writing
from genrelab.backbones.pruning import Pruned, prune
from genrelab.bundles.export import FoldAverage, export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.bundles.session import TEACHER, teacher_bundle
from genrelab.errors import BackboneError, one_line
from genrelab.extractors.backbone import OWN, SAMPLE_RATE, SMALL_YAMNET, WINDOW, YAMNET, backbone_file, bring
from genrelab.files import atomic_path
from genrelab.frontends.bands import MusicnnBands, Prepare, YamnetBands
from genrelab.networks.listener import Listener
from genrelab.networks.model import GenreModel, build_model
from genrelab.networks.musicnn import Musicnn, MusicnnVgg
from genrelab.networks.yamnet import Yamnet

_HEADS = "genrelab"  # the key of the metadata


def _ear(name: str) -> type[MusicnnBands | YamnetBands]:
    return YamnetBands if name in (YAMNET, SMALL_YAMNET) else MusicnnBands


class Whole(nn.Module):
    """Frozen networks and heads on their layers: what `genrelab.extractors.backbone` and a head do, in one graph.

    Parameters
    ----------
    networks
        Names of fetched networks, in the order of the heads' examples.
    level
        To which a window is brought first, in dB of full scale; None leaves it.
    head
        Takes examples (batch, size) and returns logits and embedding.

    Raises
    ------
    BackboneError
        A network is not on this machine, or damaged.
    """

    def __init__(self, networks: Sequence[str], level: float | None, head: nn.Module) -> None:
        super().__init__()
        self.prepare = Prepare(level)
        self.ears = nn.ModuleDict({ear.__name__: ear(SAMPLE_RATE) for ear in map(_ear, networks)})
        for ear in self.ears.values():
            ear.prepare = nn.Identity()  # once is enough
        self.networks = nn.ModuleDict({name: load_network(name) for name in networks})
        self.head = head

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, genres) and embedding of `waveform` (batch, `WINDOW`)."""
        found: tuple[Tensor, Tensor] = self.head(self.layers(waveform))
        return found

    def layers(self, waveform: Tensor) -> Tensor:
        """Return what a head is given of `waveform`: all layers of all networks in a row, (batch, size)."""
        prepared = self.prepare(waveform)
        heard = {name: ear(prepared) for name, ear in self.ears.items()}
        layers = [network.layers(heard[_ear(name).__name__]) for name, network in self.networks.items()]  # type: ignore[operator]
        return torch.cat([values for of_network in layers for values in of_network.values()], 1)


def save_heads(models: Sequence[GenreModel], metadata: Metadata, path: str | os.PathLike[str]) -> None:
    """Write heads, one a fold, and what their bundle shall say of itself.

    Parameters
    ----------
    models
        Of one recipe, with the front end ``backbone``.
    metadata
        Its recipe says front end and network.
    path
        The ``.safetensors`` file.
    """
    tensors = {
        f"{number}.{key}": value.contiguous()
        for number, model in enumerate(models)
        for key, value in model.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {_HEADS: metadata.to_json(), "models": str(len(models))})


def load_heads(path: Path) -> tuple[list[GenreModel], Metadata]:
    """Read what `save_heads` wrote.

    Raises
    ------
    BackboneError
        The file is missing, damaged or of something else.
    """
    try:
        with safe_open(path, "pt") as file:
            said = file.metadata() or {}
        metadata = Metadata.from_json(said[_HEADS])
        tensors = load_file(path)
        models = [_model(metadata) for _ in range(int(said["models"]))]
        for number, model in enumerate(models):
            own = f"{number}."
            model.load_state_dict({key[len(own) :]: tensors[key] for key in tensors if key.startswith(own)})
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        reason = one_line(error)[:200]
        raise BackboneError(f"{path}: holds no heads that can be read ({reason})") from None
    return models, metadata


def write_bundle(models: Sequence[GenreModel], metadata: Metadata, path: str | os.PathLike[str]) -> float:
    """Write heads and the networks under them as one bundle.

    Parameters
    ----------
    models
        Of one recipe, with the front end ``backbone``.
    metadata
        Of them; its extractor names the networks.
    path
        The ``.onnx`` file.

    Returns
    -------
    float
        The deviation from PyTorch (see `export_bundle`).

    Raises
    ------
    BackboneError
        A network is not on this machine.
    BundleError
        See `export_bundle`.
    """
    extractor = metadata.extractor
    head = FoldAverage(models) if len(models) > 1 else models[0]
    whole = Whole(extractor["networks"], extractor.get("level"), head)
    under = "; ".join([metadata.licence, *(f"in it {name}: {licence_of(name)}" for name in extractor["networks"])])
    return export_bundle([whole], replace(metadata, extractor={}, licence=under), path)


def build_teacher(say: Callable[[str], None] = lambda line: None) -> Path:
    """Join the heads that come with the package to the fetched networks, for ``--bundle teacher``.

    Parameters
    ----------
    say
        Told what is being done.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    BackboneError
        A network is not on this machine, or this installation has no heads.
    """
    models, metadata = load_heads(Path(str(importlib.resources.files("genrelab.backbones") / "teacher.safetensors")))
    path = teacher_bundle()
    with writing(path.parent):
        deviation = write_bundle(models, metadata, path)
    say(f"{TEACHER}: {path} (of PyTorch's values it is {deviation:.0e} off)")
    return path


def licence_of(name: str) -> str:
    """Return the licence of a network's weights."""
    return (own.LICENCES | {YAMNET: yamnet.LICENCE}).get(name, musicnn.LICENCE)


def can_be_whole(metadata: Metadata) -> bool:
    """Return whether a bundle reads one patch of frozen networks a window, so that one graph can do it all."""
    return metadata.extractor.get("kind") == "backbone" and metadata.window == WINDOW


def _model(metadata: Metadata) -> GenreModel:
    parts = []
    for name in ("frontend", "network"):
        options = dict(metadata.recipe[name])
        parts.append((str(options.pop("kind")), options))
    return build_model(parts[0], parts[1], metadata.sample_rate, metadata.window, len(metadata.genres)).eval()


def load_network(name: str) -> nn.Module:
    """Return a network as ``layers`` of bands, in evaluation mode: what never fires in fetched ones is left out.

    Raises
    ------
    BackboneError
        It is not on this machine, or damaged.
    """
    if name in OWN:
        return own.load_own(name)
    original = load_original(name)
    return Pruned(original) if isinstance(original, Musicnn | MusicnnVgg) else original


def load_teacher(coarse: bool = False) -> Listener:
    """Return MSD_musicnn and MSD_vgg as one listener; a coarse one has still to learn.

    Raises
    ------
    BackboneError
        One is not on this machine, or damaged.
    """
    shaped, small = load_original("MSD_musicnn"), load_original("MSD_vgg")
    assert isinstance(shaped, Musicnn)  # noqa: S101 (for the type checker)
    assert isinstance(small, MusicnnVgg)  # noqa: S101
    return prune(shaped, small, coarse)


def load_original(name: str) -> Musicnn | MusicnnVgg | Yamnet:
    """Return a fetched network whole, in evaluation mode; see `load_network`."""
    path = backbone_file(name).with_suffix(".safetensors")
    if not path.is_file():
        raise BackboneError(f"{path}: this network is not here yet; `{bring(name)}` brings it")
    network = yamnet.build() if name == YAMNET else musicnn.build(name)
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = one_line(error)[:200]
        raise BackboneError(f"{path}: damaged ({reason}); `{bring(name)}` writes it anew") from None
    return network.eval()
