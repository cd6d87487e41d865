import os
import subprocess
import sys

import pytest

from genrelab.audio.processors import has_quota, processors


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


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 99),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 99),
        ({"cpu.max": "\n"}, 99),
        ({}, 99),
    ],
)
def test_a_container_lends_no_more_than_its_quota(monkeypatch, tmp_path, files, most):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(99)), raising=False)
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert (processors(tmp_path), has_quota(tmp_path)) == (most, most < 99)
