"""Genrelab's own networks on disk: weights come with the package, graphs are written where extractors look."""

import importlib.resources
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from genrelab.backbones.cache import writing
from genrelab.backbones.musicnn import Tapped, frontend
from genrelab.bundles.export import export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.errors import BackboneError, one_line
from genrelab.extractors.backbone import LISTENER, OWN, SAMPLE_RATE, SMALL_YAMNET, WINDOW, backbone_file
from genrelab.files import atomic_path
from genrelab.frontends import FrontEnd
from genrelab.frontends.bands import YamnetBands
from genrelab.networks.eight_bits import is_large, join, split
from genrelab.networks.listener import Listener
from genrelab.networks.yamnet import SmallYamnet

_SETTINGS, _TAGS, _SCALES = "settings", "tags", ".scales"  # in the file and its metadata


@dataclass(frozen=True)
class _Kind:
    licence: str
    frontend: Callable[[], FrontEnd]
    make: Callable[..., Listener | SmallYamnet]  # of its settings
    eight_bits: bool  # what its large weights are kept in


_KINDS = {
    LISTENER: _Kind(
        "MIT, by the genrelab developers; descended from MSD_musicnn and MSD_vgg, ISC, (c) 2019 Jordi Pons, "
        "Universitat Pompeu Fabra (see NOTICE)",
        frontend,
        Listener,
        eight_bits=False,
    ),
    SMALL_YAMNET: _Kind(
        "Apache 2.0, by the genrelab developers; descended from YAMNet by M. Plakal and D. Ellis, Apache 2.0, (c) 2020 "
        "The TensorFlow Authors (see NOTICE)",
        partial(YamnetBands, SAMPLE_RATE),
        SmallYamnet,
        eight_bits=True,
    ),
}
LICENCES = {name: kind.licence for name, kind in _KINDS.items()}


def own_file(name: str) -> Path:
    """Return where the weights of one of `OWN` lie that come with the package."""
    return Path(str(importlib.resources.files("genrelab.backbones") / f"{name}.safetensors"))


def save_own(name: str, network: Listener | SmallYamnet, tags: Sequence[str], path: str | os.PathLike[str]) -> None:
    """Write one of `OWN`: its weights, its settings and the names of its tags."""
    tensors: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        if _KINDS[name].eight_bits and is_large(value):
            tensors[key], tensors[key + _SCALES] = split(value)
        else:
            tensors[key] = value
    said = {_SETTINGS: json.dumps(network.settings), _TAGS: json.dumps(list(tags)), "licence": LICENCES[name]}
    with atomic_path(path) as temporary:
        save_file({key: value.contiguous() for key, value in tensors.items()}, temporary, said)


def load_own(name: str, path: Path | None = None) -> Listener | SmallYamnet:
    """Read one of `OWN`, in evaluation mode.

    Parameters
    ----------
    name
        Which.
    path
        What `save_own` wrote; None for the one that comes with the package.

    Raises
    ------
    BackboneError
        The file is missing, damaged or of something else.
    """
    path = own_file(name) if path is None else path
    try:
        network = _KINDS[name].make(**json.loads(_said(path)[_SETTINGS]))
        tensors = load_file(path)
        for key in [key for key, value in tensors.items() if value.dtype == torch.int8]:
            tensors[key] = join(tensors[key], tensors.pop(key + _SCALES))
        network.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = one_line(error)[:200]
        raise BackboneError(f"{path}: holds no {name} that can be read ({reason}); install genrelab again") from None
    return network.eval()


def tag_names(name: str = LISTENER, path: Path | None = None) -> list[str]:
    """Return the names of the tags that one of `OWN` knows; see `load_own`."""
    return [str(tag) for tag in json.loads(_said(own_file(name) if path is None else path)[_TAGS])]


def write_graph(name: str, network: Listener | SmallYamnet, tags: Sequence[str]) -> Path:
    """Write the graph of one of `OWN` where the extractor ``backbone`` finds it, and return its path."""
    path = backbone_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    says = Metadata(name, tuple(tags), SAMPLE_RATE, WINDOW, WINDOW, licence=LICENCES[name])
    export_bundle([Tapped(_KINDS[name].frontend(), network)], says, path)
    return path


def write_graphs() -> list[Path]:
    """Write the graphs of all of `OWN`, as they come with the package, and return their paths.

    Raises
    ------
    BackboneError
        A network of this installation is missing or damaged.
    """
    with writing(backbone_file(LISTENER).parent):
        return [write_graph(name, load_own(name), tag_names(name)) for name in OWN]


def _said(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}
