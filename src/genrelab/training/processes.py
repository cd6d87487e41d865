"""The processes that train one run together: one, those that Lightning starts, or those that SLURM's srun has started.

srun starts the whole program several times, on several machines. All processes load and learn; the first one alone
decodes, predicts and writes, and the others wait for its word. They ask it, not the disk: network file systems answer
late.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from torch.distributed import (  # type: ignore[attr-defined] # both are public, but made by compiled code
    DistError,
    TCPStore,
)

from genrelab.errors import RunError

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

_PATIENCE = timedelta(days=1)  # the first process may have a large corpus to decode
_PORTS = 10_000  # between Lightning's own port and ours


class Processes:
    """What a process knows of those beside it.

    Parameters
    ----------
    srun
        Whether srun started them, as ``SLURM_STEP_NUM_TASKS`` tells: other variables of SLURM are there in an
        interactive shell and in a batch script, too.
    """

    def __init__(self, srun: bool) -> None:
        self._slurm = _slurm_environment() if srun else None
        self._words = None if self._slurm is None else self._meet(self._slurm)
        self._asked = 0

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self._slurm is None or self._slurm.global_rank() == 0

    def devices(self, wanted: int) -> int:
        """Return how many devices of a machine are used: `wanted`, or as many as srun started processes on it."""
        return wanted if self._slurm is None else self._slurm.world_size() // self._nodes

    def trainer_options(self, wanted: int) -> dict[str, Any]:
        """Return what Lightning's trainer has to know of them, for a recipe that wants so many devices."""
        if self._slurm is not None:
            return {"devices": self.devices(wanted), "num_nodes": self._nodes, "strategy": "ddp"}
        return {"devices": wanted, "strategy": "ddp_spawn" if wanted > 1 else "auto"}

    @property
    def environment(self) -> "LightningEnvironment | SLURMEnvironment":
        """Lightning's plugin; without it, Lightning would take any job of SLURM for one that srun started."""
        from lightning.fabric.plugins.environments.lightning import LightningEnvironment

        return self._slurm or LightningEnvironment()

    def agreed(self, ask: Callable[[], bool] = lambda: True) -> bool:
        """Ask in the first process, and return its answer in all of them; the others wait for it.

        Raises
        ------
        RunError
            The first process has ended.
        """
        if self._words is None:
            return ask()
        self._asked += 1
        if self.first:
            answer = ask()
            self._words.set(f"answer {self._asked}", str(answer))
            return answer
        try:
            return self._words.get(f"answer {self._asked}") == b"True"
        except DistError:
            raise RunError("the first process of this job step has ended early; its own message says why") from None

    def part(self) -> None:
        """Let the first process stay until all others have heard what it had to say."""
        if self._slurm is None or self._words is None:
            return
        if self.first:
            self._words.wait([f"heard {rank}" for rank in range(1, self._slurm.world_size())], _PATIENCE)
        else:
            self._words.set(f"heard {self._slurm.global_rank()}", "")

    @property
    def _nodes(self) -> int:
        return int(os.environ["SLURM_NNODES"])

    def _meet(self, slurm: "SLURMEnvironment") -> TCPStore:
        """Wait until all processes are there, and return where the first one leaves word."""
        place = (slurm.main_address, slurm.main_port + _PORTS, slurm.world_size(), self.first)
        return TCPStore(*place, timeout=_PATIENCE)


@contextmanager
def together() -> Iterator[Processes]:
    """Yield what this process knows of those beside it, and let none go before all have done their part."""
    processes = Processes(srun=int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1)
    yield processes
    processes.part()


def _slurm_environment() -> "SLURMEnvironment":
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

    # Lightning would ask SLURM itself to requeue, from within an epoch; our job scripts do it between two.
    return SLURMEnvironment(auto_requeue=False)
