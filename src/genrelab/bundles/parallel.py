"""Work on many files at once: results in order, few of them in memory, stopped at once by Ctrl-C."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# So many files may be waiting or done per worker: enough that a slow file holds nobody up, far from holding 50 000.
AHEAD = 8


def in_order(work: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """Yield ``work(item)`` for each item, in the items' order, computed by threads.

    Items are taken only as they are needed, so there may be any number of them. A result comes out as soon as it is
    there and those before it are out, even while the next item is waited for: whoever asks one question after another
    gets an answer to each. Leaving early (an error, Ctrl-C, a closed iterator) drops what has not begun.

    Parameters
    ----------
    work
        Must let go of the interpreter's lock to gain anything: decoding, resampling and ONNX Runtime do.
    items
        What to work on; with several jobs, a thread of its own iterates over them.
    jobs
        Number of threads.
    """
    if jobs <= 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="genrelab")
    # Ctrl-C strikes the caller anywhere, also where `threading`'s semaphores and a future that is not done have just
    # taken their lock, which nobody then lets go of. Of these queues it takes none.
    pending: SimpleQueue[SimpleQueue[Future[Result]] | None] = SimpleQueue()  # None: there are no more
    room: SimpleQueue[None] = SimpleQueue()
    for _ in range(AHEAD * jobs - 1):
        room.put(None)
    left = threading.Event()

    def expect(future: Future[Result]) -> None:
        done: SimpleQueue[Future[Result]] = SimpleQueue()
        future.add_done_callback(done.put)
        pending.put(done)

    def take() -> None:
        try:
            for item in items:
                if left.is_set():
                    return
                expect(pool.submit(work, item))
                room.get()
                if left.is_set():
                    return
            pending.put(None)
        except BaseException as error:  # noqa: BLE001 (whatever it is: raised where the results are taken)
            failed: Future[Result] = Future()
            failed.set_exception(error)
            expect(failed)

    # A daemon: it may wait for an item that never comes, and nobody shall wait for it.
    taker = threading.Thread(target=take, name="genrelab items", daemon=True)
    taker.start()
    try:
        while (done := pending.get()) is not None:
            room.put(None)
            yield done.get().result()
    finally:
        left.set()
        room.put(None)
        pool.shutdown(cancel_futures=True)
        taker.join(0.2)  # gone by then unless it waits for an item
