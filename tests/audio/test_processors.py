import os
import subprocess
import sys

import pytest

from genrelab.audio.processors import processors


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not lend single processors")
def test_only_processors_that_this_process_may_use_are_counted():
    one = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{one}}}); from genrelab.audio.processors import processors; "
        "print(processors())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_without_affinities_all_processors_are_counted(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert processors() == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1
