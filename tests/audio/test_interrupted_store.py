"""Killed, crowded out, out of disk: a store that is being built loses nothing."""

import fcntl
import os
import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from genrelab.audio.index import BUILDING, load
from genrelab.audio.store import ClipSource, SampleStore
from genrelab.errors import CorpusError

RATE = 22050
BUILD = """
import sys
from pathlib import Path
from genrelab.audio.store import ClipSource, SampleStore
from genrelab.errors import CorpusError
store, music = map(Path, sys.argv[1:3])
clips = [ClipSource(path.stem, path) for path in sorted(music.iterdir())]
print("begun", flush=True)
try:
    SampleStore.build(store, clips, 22050, jobs=2, progress=False)
except CorpusError as error:
    sys.exit(str(error))
"""


def music(folder, clips, seconds, kind="mp3"):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(clips):
        soundfile.write(folder / f"{number:02d}.{kind}", rng.uniform(-0.5, 0.5, (round(seconds * 44100), 2)), 44100)
    return [ClipSource(path.stem, path) for path in sorted(folder.iterdir())]


def begin(store, folder, **options):
    arguments = [sys.executable, "-c", BUILD, store, folder]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    assert process.stdout.readline() == "begun\n"
    return process


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_killed_at_twenty_random_moments_a_store_comes_out_the_same_byte_for_byte(tmp_path):
    clips = music(tmp_path / "music", clips=60, seconds=5.0)
    clips[20].path.write_bytes(b"")  # the quarantine must survive too
    clips[40].path.write_bytes(b"")
    began = time.perf_counter()
    SampleStore.build(tmp_path / "undisturbed", clips, RATE, jobs=2, progress=False)
    duration = time.perf_counter() - began
    undisturbed = content(tmp_path / "undisturbed")

    moments = random.Random(2)
    kills = finished = stores = 0
    resumed = set()
    while kills < 20:
        store = tmp_path / f"store-{stores}"
        process = begin(store, tmp_path / "music")
        time.sleep(moments.uniform(0, 0.4 * duration))
        process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            kills += 1
            partial = load(store / BUILDING, torn=True)
            resumed.add(len(partial.records) if partial else None)
        if process.returncode == 0 or kills == 20:
            SampleStore.build(store, clips, RATE, jobs=2, progress=False)
            assert content(store) == undisturbed
            finished += 1
            stores += 1
    assert finished >= 1
    assert len(resumed) > 5  # they were killed at different moments indeed


def test_a_store_that_is_not_finished_cannot_be_opened(tmp_path):
    clips = music(tmp_path / "music", clips=12, seconds=5.0)
    process = begin(tmp_path / "store", tmp_path / "music")
    while not (tmp_path / "store" / BUILDING).exists():
        time.sleep(0.001)
    process.kill()
    process.communicate()
    with pytest.raises(CorpusError, match="its build was interrupted; build again, it goes on from there"):
        SampleStore(tmp_path / "store")
    assert len(SampleStore.build(tmp_path / "store", clips, RATE, progress=False)) == 12


def test_two_processes_cannot_build_one_store(tmp_path):
    clips = music(tmp_path / "music", clips=2, seconds=0.5, kind="wav")
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / ".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = begin(tmp_path / "store", tmp_path / "music")
        _, told = process.communicate()
        assert process.returncode == 1
        assert told.endswith(
            "store: another process is building this sample store; wait for it or take another folder\n"
        )
    assert len(SampleStore.build(tmp_path / "store", clips, RATE, progress=False)) == 2


def test_a_full_disk_is_one_clear_sentence_and_building_goes_on_when_there_is_room(tmp_path):
    """Every file may have 200 000 bytes: the samples file hits that limit, as it would a full disk's."""
    clips = music(tmp_path / "music", clips=12, seconds=1.0, kind="wav")
    store = tmp_path / "store"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))  # Python ignores SIGXFSZ: write says EFBIG

    process = begin(store, tmp_path / "music", preexec_fn=limit)
    _, told = process.communicate()
    assert process.returncode == 1
    assert told == (
        f"{store}: the sample store cannot be written (File too large); "
        "mend that (make room?) and build again: what is written is kept\n"
    )
    kept = load(store / BUILDING, torn=True)
    assert [record.clip for record in kept.records] == ["00", "01", "02", "03"]  # 44 100 bytes each
    SampleStore.build(store, clips, RATE, progress=False)
    SampleStore.build(tmp_path / "undisturbed", clips, RATE, progress=False)
    assert content(store) == content(tmp_path / "undisturbed")


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_on_a_disk_that_really_is_full_nothing_is_lost_either(tmp_path, small_disk):
    clips = music(tmp_path / "music", clips=40, seconds=1.0, kind="wav")
    store = small_disk / "store"
    with pytest.raises(CorpusError, match="cannot be written \\(No space left on device\\)"):
        SampleStore.build(store, clips, RATE, progress=False)
    kept = load(store / BUILDING, torn=True)
    assert 5 < len(kept.records) < 24
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    SampleStore.build(store, clips, RATE, progress=False)
    SampleStore.build(tmp_path / "undisturbed", clips, RATE, progress=False)
    assert content(store) == content(tmp_path / "undisturbed")
