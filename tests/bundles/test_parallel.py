"""Many files at once, in order."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import count, islice, repeat
from queue import SimpleQueue

import pytest

from genrelab.bundles.parallel import AHEAD, in_order


def test_results_come_in_the_order_of_the_items_whoever_is_done_first():
    def work(number: int) -> int:
        time.sleep(0.02 if number % 4 == 0 else 0)
        return number

    assert list(in_order(work, range(40), jobs=4)) == list(range(40))


@pytest.mark.parametrize("jobs", [1, 3])
def test_items_are_taken_only_as_they_are_needed(jobs: int):
    taken = []

    def items():
        for number in count():
            taken.append(number)
            yield number

    results = in_order(lambda number: number, items(), jobs)
    assert list(islice(results, 5)) == [0, 1, 2, 3, 4]
    results.close()
    assert len(taken) <= 5 + AHEAD * jobs


def test_leaving_early_drops_what_has_not_begun():
    gate, begun = threading.Event(), []

    def work(number: int) -> int:
        begun.append(number)
        if number:
            gate.wait(5)
        return number

    results = in_order(work, range(100), jobs=2)
    assert next(results) == 0
    gate.set()
    results.close()
    assert len(begun) < 20
    assert threading.active_count() == 1 or not any("genrelab" in thread.name for thread in threading.enumerate())


def test_an_error_in_the_work_is_raised_where_the_results_are_taken():
    def work(number: int) -> float:
        return 1 / (3 - number)

    results = in_order(work, range(10), jobs=2)
    assert list(islice(results, 3)) == [1 / 3, 1 / 2, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_result_is_there_before_the_next_item_comes(jobs: int):
    questions: SimpleQueue[int | None] = SimpleQueue()
    answers = in_order(lambda number: 2 * number, iter(partial(questions.get, timeout=5), None), jobs)
    for number in range(3):
        questions.put(number)
        assert next(answers) == 2 * number
    questions.put(None)
    assert list(answers) == []


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_error_of_the_items_is_raised_after_the_results_before_it(jobs: int):
    def items() -> Iterator[int]:
        yield from range(3)
        raise KeyError("no more")

    results = in_order(lambda number: number, items(), jobs)
    assert list(islice(results, 3)) == [0, 1, 2]
    with pytest.raises(KeyError, match="no more"):
        next(results)


def test_leaving_does_not_wait_for_an_item_that_never_comes():
    gate, taken = threading.Event(), []

    def items() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number
            gate.wait(20)

    results = in_order(lambda number: number, items(), jobs=2)
    assert next(results) == 0
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 5
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "genrelab items":
            thread.join(5)
    assert len(taken) <= 2


@pytest.mark.parametrize("entry", range(4))
def test_an_interruption_that_strikes_where_a_lock_was_just_taken_leaves_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, entry: int
):
    enter, entries = threading.Condition.__enter__, count()

    def struck(condition: threading.Condition) -> bool:
        taken = enter(condition)
        if threading.current_thread() is caller and next(entries) == entry:
            raise KeyboardInterrupt
        return taken

    def call() -> None:
        with suppress(KeyboardInterrupt), closing(in_order(time.sleep, repeat(0.01, 60), jobs=2)) as results:
            next(results)
            monkeypatch.setattr(threading.Condition, "__enter__", struck)
            for _ in results:
                pass

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(10)
    assert not caller.is_alive()
