"""Lightning checkpoints as safetensors: tensors in the file, everything else as JSON in its header. No pickle.

A checkpoint is a tree of dicts, lists, numbers and tensors. Encoding replaces each tensor by a reference to its name in
the file; dicts with keys other than strings (the optimiser's state has integers) become lists of pairs.
"""

import json
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from safetensors import SafetensorError, safe_open
from torch import Tensor

from genrelab.errors import RunError
from genrelab.training.weights import write_tensors


class SafetensorsIO(CheckpointIO):
    """Reads and writes Lightning's checkpoints whole or not at all."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path` atomically.

        Raises
        ------
        RunError
            The disk is full.
        """
        tensors: dict[str, Tensor] = {}
        tree = _encode(checkpoint, tensors)
        write_tensors(tensors, path, {"checkpoint": json.dumps(tree)})

    def load_checkpoint(self, path: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the tree that was saved to `path`, its tensors on the CPU."""
        try:
            with safe_open(path, framework="pt") as file:
                tree = json.loads((file.metadata() or {})["checkpoint"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise RunError(f"{path}: not a readable checkpoint ({error}); delete it to train this fold anew") from None
        decoded: dict[str, Any] = _decode(tree, tensors)
        return decoded

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint; a missing one is fine."""
        Path(path).unlink(missing_ok=True)


def _encode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = f"t{len(tensors)}"
        # A copy each: safetensors refuses tensors that share memory, and cloning costs little beside the write.
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"$tensor": name}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _encode(item, tensors) for key, item in value.items()}
        return {"$pairs": [[_encode(key, tensors), _encode(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"$tuple": [_encode(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_encode(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "$tensor" in value:
        return torch.clone(tensors[value["$tensor"]])
    if "$pairs" in value:
        return {_decode(key, tensors): _decode(item, tensors) for key, item in value["$pairs"]}
    if "$tuple" in value:
        return tuple(_decode(item, tensors) for item in value["$tuple"])
    return {key: _decode(item, tensors) for key, item in value.items()}
