"""How many threads of work are worth beginning."""

import math
import os
from pathlib import Path

# What a container may use, as the kernel tells it: "quota period" in one file (version 2) or in two (version 1).
_QUOTAS = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))


def processors(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processors this process may use: a container or a cluster often lends fewer than there are."""
    return max(1, math.ceil(min(_allowed(), _quota(cgroup))))


def has_quota(cgroup: Path = Path("/sys/fs/cgroup")) -> bool:
    """Return whether a container lends less time than that of the processors it shows: libraries count these."""
    return _quota(cgroup) < _allowed()


def _allowed() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota(cgroup: Path) -> float:
    """Return how many processors' time is lent; infinity where nothing says so."""
    for names in _QUOTAS:
        try:
            quota, period = map(float, " ".join((cgroup / name).read_text() for name in names).split())
        except (OSError, ValueError):  # no such files, or "max": no limit
            continue
        if quota > 0 and period > 0:  # version 1 says -1 where there is none
            return quota / period
    return math.inf
