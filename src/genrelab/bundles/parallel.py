"""Work on many files at once: results in order, few of them in memory, stopped at once by Ctrl-C."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# So many files may be waiting or done per worker: enough that a slow file holds nobody up, far from holding 50 000.
AHEAD = 8


def in_order(work: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """Yield ``work(item)`` for each item, in the items' order, computed by threads.

    Items are taken only as they are needed, so there may be any number of them. Leaving early (an error, Ctrl-C, a
    closed iterator) drops what has not begun.

    Parameters
    ----------
    work
        Must let go of the interpreter's lock to gain anything: decoding, resampling and ONNX Runtime do.
    items
        What to work on.
    jobs
        Number of threads.
    """
    if jobs <= 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="genrelab")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            # What is ready goes out even though there is room for more: people watch.
            while pending and (pending[0].done() or len(pending) >= AHEAD * jobs):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
