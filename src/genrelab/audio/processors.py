"""How many threads of work are worth beginning."""

import os


def processors() -> int:
    """Return how many processors this process may use: a container or a cluster often lends fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
