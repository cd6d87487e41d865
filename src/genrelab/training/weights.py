"""A module's parameters and buffers as a safetensors file."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genrelab.errors import RunError, one_line
from genrelab.files import atomic_path


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's parameters and buffers to `path`, whole or not at all.

    Raises
    ------
    RunError
        The disk is full.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    write_tensors(state, path)


def load_weights(module: nn.Module, path: Path, part: str = "") -> None:
    """Fill `module` from `path`, or from the part of it whose names begin with `part`.

    Raises
    ------
    RunError
        The file is missing, damaged or of another network.
    """
    try:
        weights = load_file(path)
        module.load_state_dict({name[len(part) :]: weights[name] for name in weights if name.startswith(part)})
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = one_line(error)[:200]
        raise RunError(
            f"{path}: cannot be loaded into this recipe's network ({reason}); copy it anew, or train again"
        ) from None


def write_tensors(tensors: dict[str, Tensor], path: Any, metadata: dict[str, str] | None = None) -> None:
    """Write a file whole or not at all; a full disk is an error of safetensors' own, which knows no errno."""
    try:
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata)
    except SafetensorError as error:
        raise RunError(f"{path}: cannot be written ({error}); make room, and go on with --resume") from None
