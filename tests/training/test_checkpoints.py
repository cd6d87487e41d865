import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from genrelab.errors import RunError
from genrelab.training.checkpoints import SafetensorsIO
from genrelab.training.weights import load_weights, save_weights


def test_a_tree_of_tensors_numbers_and_odd_keys_comes_back(tmp_path: Path) -> None:
    shared = torch.arange(3.0)
    tree: dict[str, Any] = {
        "optimizer": {"state": {0: {"step": torch.tensor(7.0), "moment": shared}, 1: {"moment": shared}}},
        "betas": (0.9, 0.999),
        "nothing": None,
        "list": [1, "two", True, [torch.ones(2, 2, dtype=torch.int64)]],
    }
    SafetensorsIO().save_checkpoint(tree, tmp_path / "c.safetensors")
    back = SafetensorsIO().load_checkpoint(tmp_path / "c.safetensors")
    assert back["betas"] == (0.9, 0.999)
    assert back["nothing"] is None
    assert back["list"][:3] == [1, "two", True]
    assert torch.equal(back["list"][3][0], torch.ones(2, 2, dtype=torch.int64))
    assert torch.equal(back["optimizer"]["state"][1]["moment"], shared)
    assert back["optimizer"]["state"][0]["step"].item() == 7.0


def test_a_checkpoint_refuses_what_it_could_not_give_back(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        SafetensorsIO().save_checkpoint({"odd": {1, 2}}, tmp_path / "c.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there, files have no largest size")
def test_a_full_disk_is_told_in_a_sentence_and_leaves_the_old_file(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "c.safetensors"
    save_weights(nn.Linear(2, 2), path)
    before, limit = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(RunError, match=r"c\.safetensors: cannot be written .*; make room, and go on with --resume"):
            save_weights(nn.Linear(99, 99), path)
        with pytest.raises(RunError, match=r"c\.safetensors: cannot be written"):
            SafetensorsIO().save_checkpoint({"weights": torch.ones(999)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_truncated_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    SafetensorsIO().save_checkpoint({"weights": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(RunError, match=r"c\.safetensors: not a readable checkpoint .*delete it"):
        SafetensorsIO().load_checkpoint(path)


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    save_weights(nn.Linear(2, 3), tmp_path / "w.safetensors")
    with pytest.raises(RunError, match=r"w\.safetensors: cannot be loaded into this recipe's network") as caught:
        load_weights(nn.Linear(2, 4), tmp_path / "w.safetensors")
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match="missing"):
        load_weights(nn.Linear(2, 3), tmp_path / "missing.safetensors")
