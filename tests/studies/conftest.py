"""What the studies' tests share."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def wait_for() -> "Callable[[Path, subprocess.Popen[bytes]], None]":
    """Return what waits until a process has written a file: killing it then hits it amid its work, however slow."""
    return _wait_for


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 300
    while not path.is_file():
        assert process.poll() is None or path.is_file(), f"{path}: not written, and its process has ended"
        assert time.monotonic() < until
        time.sleep(0.02)
