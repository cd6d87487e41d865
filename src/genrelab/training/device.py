"""The device a recipe asks for, or an error: never silently another one."""

import torch

from genrelab.errors import RunError


def available_devices() -> dict[str, int]:
    """Return the kinds of device on this machine and how many there are of each."""
    found = {"cpu": 1}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.device_count()
    if torch.backends.mps.is_available():
        found["mps"] = 1
    return found


def choose_device(wanted: str, count: int = 1) -> str:
    """Return ``"cuda"``, ``"mps"`` or ``"cpu"`` for what a recipe wants.

    Parameters
    ----------
    wanted
        One of these, or ``"auto"`` for the fastest there is.
    count
        How many devices are needed. On the CPU these are processes.

    Raises
    ------
    RunError
        The device is not there, or not that many.
    """
    found = available_devices()
    if wanted == "auto":
        wanted = next(kind for kind in ("cuda", "mps", "cpu") if kind in found)
    if wanted not in found:
        raise RunError(f"train.device: {wanted} was asked for, and this machine has only {', '.join(found)}")
    if wanted != "cpu" and count > found[wanted]:
        raise RunError(
            f"train.devices: {count} were asked for, and this machine has {found[wanted]} {wanted} device(s)"
        )
    return wanted
