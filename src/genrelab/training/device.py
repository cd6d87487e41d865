"""The device a recipe asks for, or an error: never silently another one; and how precisely it can reckon."""

import warnings
from typing import Literal

import torch

from genrelab.errors import GenrelabWarning, RunError

Precision = Literal["32", "16-mixed", "bf16-mixed"]


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


def usable_precision(wanted: Precision, device: str) -> Precision:
    """Return the precision that a recipe wants, or ``"32"`` where the CPU would be slowed by half precision.

    A CPU without instructions for bfloat16 imitates them: a convolution takes six times as long as in single precision,
    and PyTorch has no LSTM for it at all. A warning says so.

    Parameters
    ----------
    wanted
        ``"32"``, ``"16-mixed"`` (bfloat16, too, on a CPU) or ``"bf16-mixed"``.
    device
        As `choose_device` says.
    """
    if wanted == "32" or device != "cpu" or cpu_has_bfloat16():
        return wanted
    warnings.warn(
        f"train.precision: {wanted} was asked for, and this CPU has no bfloat16; training in single precision",
        GenrelabWarning,
        stacklevel=2,
    )
    return "32"


def cpu_has_bfloat16() -> bool:
    """Return whether this CPU reckons with bfloat16 itself: AVX-512 on Intel's and AMD's."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(available and torch.ops.mkldnn._is_mkldnn_bf16_supported())
