"""Locks that die with their process."""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from genrelab.locks import reserved

HOLD = """
import sys, time
from pathlib import Path
from genrelab.locks import reserved
wait = len(sys.argv) > 2
if wait:
    print("waits", flush=True)
with reserved(Path(sys.argv[1]), wait) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_a_place_is_held_by_one_process_until_it_dies_and_bears_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "place"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with reserved(place) as mine:
            assert not mine
        holder.kill()
    with reserved(place) as mine:
        assert mine
    assert not place.exists()
    assert list((tmp_path / "cache" / "locks").iterdir()) == []


def test_who_waited_for_a_lock_that_is_removed_holds_the_place_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "place"
    with ExitStack() as held:
        assert held.enter_context(reserved(place))
        command = [sys.executable, "-c", HOLD, str(place), "wait"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == "waits\n"
            time.sleep(0.3)  # by now it has opened the lock's file
            held.close()
            assert waiting.stdout.readline() == "True\n"
            with reserved(place) as mine:
                assert not mine
            waiting.kill()


@pytest.mark.usefixtures("no_home")
def test_without_a_cache_everyone_is_told_yes(tmp_path: Path) -> None:
    with reserved(tmp_path) as mine, reserved(tmp_path) as again:
        assert (mine, again) == (True, True)
