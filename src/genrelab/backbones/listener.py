"""Genrelab's own network on disk: its weights come with the package, its graph is written where extractors look."""

import importlib.resources
import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from genrelab.backbones.musicnn import Tapped, frontend
from genrelab.bundles.export import export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.errors import BackboneError
from genrelab.extractors.backbone import LISTENER, SAMPLE_RATE, WINDOW, backbone_file
from genrelab.files import atomic_path
from genrelab.networks.listener import Listener

LICENCE = (
    "MIT, by the genrelab developers; descended from MSD_musicnn and MSD_vgg, ISC, (c) 2019 Jordi Pons, Universitat "
    "Pompeu Fabra (see NOTICE)"
)
_SETTINGS, _TAGS = "settings", "tags"  # keys of the file's metadata


def listener_file() -> Path:
    """Return where the weights lie that come with the package."""
    return Path(str(importlib.resources.files("genrelab.backbones") / f"{LISTENER}.safetensors"))


def save_listener(listener: Listener, tags: list[str], path: str | os.PathLike[str]) -> None:
    """Write a listener: its weights, its sizes and the names of its tags."""
    with atomic_path(path) as temporary:
        said = {_SETTINGS: json.dumps(listener.settings), _TAGS: json.dumps(tags), "licence": LICENCE}
        save_file({key: value.contiguous() for key, value in listener.state_dict().items()}, temporary, said)


def load_listener(path: Path | None = None) -> Listener:
    """Read a listener, in evaluation mode.

    Parameters
    ----------
    path
        What `save_listener` wrote; None for the one that comes with the package.

    Raises
    ------
    BackboneError
        The file is missing, damaged or of something else.
    """
    path = listener_file() if path is None else path
    try:
        listener = Listener(**json.loads(_said(path)[_SETTINGS]))
        listener.load_state_dict(load_file(path))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"{path}: holds no listener that can be read ({reason}); install genrelab again") from None
    return listener.eval()


def tag_names(path: Path | None = None) -> list[str]:
    """Return the names of the tags that a listener knows; see `load_listener`."""
    return [str(tag) for tag in json.loads(_said(listener_file() if path is None else path)[_TAGS])]


def write_graph(listener: Listener, tags: list[str]) -> Path:
    """Write a listener's graph where the extractor ``backbone`` finds it, and return its path."""
    path = backbone_file(LISTENER)
    path.parent.mkdir(parents=True, exist_ok=True)
    says = Metadata(LISTENER, tuple(tags), SAMPLE_RATE, WINDOW, WINDOW, licence=LICENCE)
    export_bundle([Tapped(frontend(), listener)], says, path)
    return path


def _said(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}
