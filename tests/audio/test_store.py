"""Decoding a corpus once: what a store holds, what building it again costs, what it refuses."""

import csv
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from rich.progress import Progress

from genrelab.audio.index import BUILDING, FINISHED, load
from genrelab.audio.read import read
from genrelab.audio.store import ClipSource, SampleStore
from genrelab.errors import AudioError, CorpusError

RATE = 22050


@pytest.fixture
def music(tmp_path):
    """Return five clips: tones of rising pitch, one second and more."""
    folder = tmp_path / "music"
    folder.mkdir()
    return [tone(folder / f"{number}.flac", number) for number in range(5)]


def tone(path, number):
    at = np.arange(RATE + 100 * number) / RATE
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 220 * (number + 1) * at), RATE)
    return ClipSource(path.stem, path)


def build(folder, clips, sample_rate=RATE, **options):
    return SampleStore.build(folder, clips, sample_rate, progress=False, **options)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def decoded(monkeypatch):
    """Return the list of files decoded from here on; decoding itself stays real."""
    paths = []

    def reading(path, *arguments):
        paths.append(path.stem)
        return read(path, *arguments)

    monkeypatch.setattr("genrelab.audio.building.read", reading)
    return paths


def test_a_store_holds_the_clips_in_their_order(tmp_path, music):
    store = build(tmp_path / "store", music)
    assert store.clips == ["0", "1", "2", "3", "4"]
    assert len(store) == 5
    assert store.sample_rate == RATE
    assert "3" in store
    assert "x" not in store
    assert store.samples("3") == RATE + 300
    assert store.seconds("4") == (RATE + 400) / RATE
    assert store.quarantine == {}


def test_sixteen_bit_files_come_through_unchanged(tmp_path, music):
    store = build(tmp_path / "store", music)
    for clip in music:
        np.testing.assert_array_equal(store.read(clip.clip), soundfile.read(clip.path, dtype="float32")[0])


def test_resampled_clips_equal_what_read_gives_to_half_a_step(tmp_path, music):
    store = build(tmp_path / "store", music, 16000)
    expected = read(music[2].path, 16000)
    assert store.samples("2") == len(expected)
    assert np.abs(store.read("2") - expected).max() <= 0.5 / 32768 + 1e-7


def test_full_scale_does_not_wrap_around(tmp_path):
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.tile([1.0, -1.0, 2.0, -2.0], RATE), RATE, subtype="FLOAT")
    samples = build(tmp_path / "store", [ClipSource("loud", path)]).read("loud")
    assert samples[:4].tolist() == [32767 / 32768, -1.0, 32767 / 32768, -1.0]


def test_any_part_of_a_clip_is_read_as_a_float32_copy(tmp_path, music):
    store = build(tmp_path / "store", music)
    whole = store.read("3")
    part = store.read("3", 1000, 50)
    assert part.dtype == np.float32
    np.testing.assert_array_equal(part, whole[1000:1050])
    part[:] = 9
    np.testing.assert_array_equal(store.read("3"), whole)
    np.testing.assert_array_equal(store.read("3", 21000), whole[21000:])
    assert len(store.read("3", 5, 0)) == 0


def test_past_the_end_of_a_clip_come_zeros_and_not_the_next_clip(tmp_path, music):
    store = build(tmp_path / "store", music)
    part = store.read("0", RATE - 10, 30)
    np.testing.assert_array_equal(part[:10], store.read("0")[-10:])
    assert part[10:].tolist() == [0.0] * 20


@pytest.mark.parametrize(("start", "count"), [(-1, 5), (RATE + 1, 5), (0, -1)])
def test_a_part_that_cannot_be_is_an_error(tmp_path, music, start, count):
    store = build(tmp_path / "store", music)
    with pytest.raises(IndexError, match=f"clip '0' has {RATE} samples; asked for {count} from {start}"):
        store.read("0", start, count)


def test_an_unknown_clip_is_an_error_that_knows_the_quarantine(tmp_path, music):
    bad = ClipSource("bad", tmp_path / "gone.mp3")
    store = build(tmp_path / "store", [*music, bad])
    with pytest.raises(CorpusError, match="no clip 'nix' in this store; it has 5 others"):
        store.read("nix")
    with pytest.raises(CorpusError, match="no clip 'bad' in this store; it is quarantined: no such file"):
        store.samples("bad")


def test_excerpts_of_one_file_are_clips_of_their_own(tmp_path, music):
    path = music[4].path
    store = build(tmp_path / "store", [ClipSource("a", path, 0.25, 0.5), ClipSource("b", path, 0.5)])
    whole = soundfile.read(path, dtype="float32")[0]
    first = round(0.25 * RATE)
    np.testing.assert_array_equal(store.read("a"), whole[first : first + 11025])
    np.testing.assert_array_equal(store.read("b"), whole[11025:])


def test_bad_files_are_quarantined_with_their_reasons(tmp_path, music):
    music[1].path.write_bytes(b"")
    music[3].path.write_text("not music")
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(RATE), RATE)
    odd = ClipSource("caf\udce9\n", tmp_path / "caf\udce9\n.mp3")
    store = build(tmp_path / "store", [*music, ClipSource("silent", silent), odd])
    assert store.clips == ["0", "2", "4"]
    assert store.quarantine == {
        "1": "empty file",
        "3": "not audio: no decoder knows its content",
        "silent": "silent: below -80 dB of full scale throughout",
        "caf\udce9\n": "no such file",
    }
    with (tmp_path / "store" / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["clip", "path", "reason"]
    assert rows[1] == ["1", str(music[1].path), "empty file"]
    assert rows[4] == ["caf\\udce9\\n", f"{tmp_path}/caf\\udce9\\n.mp3", "no such file"]
    np.testing.assert_array_equal(store.read("4"), soundfile.read(music[4].path, dtype="float32")[0])


def test_a_clip_longer_than_the_cap_is_quarantined(tmp_path, music):
    store = build(tmp_path / "store", music, max_seconds=(RATE + 250) / RATE)
    assert store.clips == ["0", "1", "2"]
    assert store.quarantine["3"].startswith("too long: 1.01361 s")


def test_a_store_of_nothing_but_bad_files_has_no_clips(tmp_path):
    store = build(tmp_path / "store", [ClipSource("x", tmp_path / "gone.wav")])
    assert len(store) == 0
    assert store.quarantine == {"x": "no such file"}
    assert len(build(tmp_path / "empty", [])) == 0


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_the_number_of_threads_changes_no_byte(tmp_path, music, jobs):
    build(tmp_path / "one", music, jobs=1)
    build(tmp_path / "many", music, jobs=jobs)
    assert content(tmp_path / "one") == content(tmp_path / "many")


def test_a_store_can_be_sent_to_a_worker_process_without_its_samples(tmp_path, music):
    store = build(tmp_path / "store", music)
    sent = pickle.dumps(store)
    assert len(sent) < 500
    np.testing.assert_array_equal(pickle.loads(sent).read("2"), store.read("2"))


def test_progress_is_shown_on_a_given_bar(tmp_path, music):
    progress = Progress(disable=True)
    SampleStore.build(tmp_path / "store", music, RATE, progress=progress)
    assert [(task.description, task.completed, task.total) for task in progress.tasks] == [("Decoding", 5, 5)]


def test_progress_goes_to_stderr(tmp_path, music, capsys):
    SampleStore.build(tmp_path / "store", music, RATE, progress=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert "5/5" in told.err


# Building again


def test_building_again_decodes_nothing_and_changes_nothing(tmp_path, music, decoded):
    build(tmp_path / "store", music)
    before = content(tmp_path / "store")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").iterdir()}
    decoded.clear()
    build(tmp_path / "store", music)
    assert decoded == []
    assert content(tmp_path / "store") == before
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_new_clips_at_the_end_are_appended(tmp_path, music, decoded):
    build(tmp_path / "store", music[:3])
    decoded.clear()
    build(tmp_path / "store", music)
    assert sorted(decoded) == ["3", "4"]
    build(tmp_path / "fresh", music)
    assert content(tmp_path / "store") == content(tmp_path / "fresh")


def test_only_a_file_with_other_content_is_decoded_again(tmp_path, music, decoded):
    store = build(tmp_path / "store", music)
    tone(music[1].path, 9)
    decoded.clear()
    again = build(tmp_path / "store", music)
    assert decoded == ["1"]
    for clip in music:
        np.testing.assert_array_equal(again.read(clip.clip), soundfile.read(clip.path, dtype="float32")[0])
    assert store.samples("1") == RATE + 100  # who has the old store open still reads the old one
    assert len(store.read("4")) == RATE + 400
    assert sorted(path.suffix for path in (tmp_path / "store").iterdir() if path.name != ".lock") == [
        ".csv",
        ".i16",
        ".jsonl",
    ]


def test_a_file_that_was_only_touched_or_moved_is_not_decoded_again(tmp_path, music, decoded):
    build(tmp_path / "store", music)
    os.utime(music[1].path, ns=(1, 1))
    moved = music[2].path.rename(tmp_path / "elsewhere.flac")
    clips = [*music[:2], ClipSource("2", moved), *music[3:]]
    decoded.clear()
    store = build(tmp_path / "store", clips)
    assert decoded == []
    np.testing.assert_array_equal(store.read("2"), soundfile.read(moved, dtype="float32")[0])


def test_clips_in_another_order_or_fewer_are_copied(tmp_path, music, decoded):
    build(tmp_path / "store", music)
    decoded.clear()
    store = build(tmp_path / "store", [music[4], music[0], music[2]])
    assert decoded == []
    assert store.clips == ["4", "0", "2"]
    for number in (0, 2, 4):
        np.testing.assert_array_equal(store.read(str(number)), soundfile.read(music[number].path, dtype="float32")[0])


def test_another_excerpt_is_decoded(tmp_path, music, decoded):
    build(tmp_path / "store", music)
    decoded.clear()
    store = build(tmp_path / "store", [*music[:4], ClipSource("4", music[4].path, 0.5)])
    assert decoded == ["4"]
    assert store.samples("4") == RATE + 400 - 11025


def test_another_sample_rate_decodes_everything(tmp_path, music, decoded):
    build(tmp_path / "store", music)
    decoded.clear()
    assert build(tmp_path / "store", music, 16000).sample_rate == 16000
    assert len(decoded) == 5


def test_a_bad_file_that_was_mended_leaves_the_quarantine(tmp_path, music, decoded):
    sound = music[2].path.read_bytes()
    music[2].path.write_bytes(b"")
    assert build(tmp_path / "store", music).quarantine == {"2": "empty file"}
    decoded.clear()
    assert build(tmp_path / "store", music).quarantine == {"2": "empty file"}
    assert decoded == []
    music[2].path.write_bytes(sound)
    store = build(tmp_path / "store", music)
    assert decoded == ["2"]
    assert store.quarantine == {}
    assert store.clips == ["0", "1", "2", "3", "4"]


def test_clips_decoded_by_an_interrupted_build_are_kept_though_the_plan_changed(tmp_path, music, decoded, monkeypatch):
    folder = tmp_path / "store"

    def until_three(path, *arguments):
        if path.stem == "3":
            raise KeyboardInterrupt
        return read(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr("genrelab.audio.building.read", until_three)
        with pytest.raises(KeyboardInterrupt):
            build(folder, music, jobs=1)
    assert [record.clip for record in load(folder / BUILDING, torn=True).records] == ["0", "1", "2"]
    new = tone(tmp_path / "music" / "00.flac", 7)
    decoded.clear()
    store = build(folder, [music[0], new, *music[1:]])
    assert sorted(decoded) == ["00", "3", "4"]
    assert store.clips == ["0", "00", "1", "2", "3", "4"]
    for clip in [new, *music]:
        np.testing.assert_array_equal(store.read(clip.clip), soundfile.read(clip.path, dtype="float32")[0])


# What is refused


def test_a_folder_without_a_store_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match="no sample store here: build it first"):
        SampleStore(tmp_path)


def test_two_clips_of_one_name_are_an_error(tmp_path, music):
    with pytest.raises(CorpusError, match="two clips are called '1'; names must be unique"):
        build(tmp_path / "store", [*music, ClipSource("1", music[0].path)])


@pytest.mark.parametrize("options", [{"sample_rate": 0}, {"max_seconds": 0}, {"max_seconds": float("nan")}])
def test_impossible_settings_are_an_error(tmp_path, music, options):
    with pytest.raises(CorpusError, match="both must be > 0"):
        build(tmp_path / "store", music, **options)


def test_a_store_that_lost_samples_is_an_error_and_is_built_anew(tmp_path, music):
    folder = tmp_path / "store"
    build(folder, music)
    whole = content(folder)
    os.truncate(folder / "samples-1.i16", 1000)
    with pytest.raises(CorpusError, match=r"samples-1\.i16 holds 500 samples, the index tells of 111250"):
        SampleStore(folder)
    store = build(folder, music)
    np.testing.assert_array_equal(store.read("4"), soundfile.read(music[4].path, dtype="float32")[0])
    assert sorted(content(folder)) != sorted(whole)  # another samples file


@pytest.mark.parametrize(
    "text",
    ["", "{}\n", "nonsense\n", '{"genrelab_store": 99}\n', '["a"]\n'],
)
def test_a_damaged_index_is_an_error(tmp_path, music, text):
    folder = tmp_path / "store"
    build(folder, music)
    (folder / FINISHED).write_text(text)
    with pytest.raises(CorpusError, match="not the index of a sample store, or damaged; delete"):
        SampleStore(folder)


def test_an_index_that_points_outside_its_store_is_an_error(tmp_path, music):
    folder = tmp_path / "store"
    build(folder, music)
    index = folder / FINISHED
    index.write_text(index.read_text().replace("samples-1.i16", "../../secret", 1))
    with pytest.raises(CorpusError, match="damaged"):
        SampleStore(folder)


def test_a_store_where_a_file_is_in_the_way_is_an_error(tmp_path, music):
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(CorpusError, match="the sample store cannot be written"):
        build(tmp_path / "store", music)


def test_an_audio_error_is_the_only_one_that_is_quarantined(tmp_path, music, monkeypatch):
    def broken(path, *arguments):
        raise AudioError(path, "as usual") if path.stem == "1" else RuntimeError("a fault in our own code")

    monkeypatch.setattr("genrelab.audio.building.read", broken)
    with pytest.raises(RuntimeError, match="a fault in our own code"):
        build(tmp_path / "store", music)


_AS_A_STRANGER = """
import mmap, os  # mmap is imported late, from a folder that only root may enter
from pathlib import Path
from genrelab.audio.store import ClipSource, SampleStore
from genrelab.errors import CorpusError
if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)  # root may write everything
clips = [ClipSource(name, Path("music", name + ".flac")) for name in "01234"]
try: print(len(SampleStore.build("store", clips, 22050, progress=False)))
except CorpusError as error: print(error)
"""


@pytest.fixture
def built_by_a_stranger(tmp_path, music, monkeypatch):
    """Return what builds a store of the music as one who may only read it, and returns what that prints."""
    monkeypatch.chdir(tmp_path)  # paths are relative, since a stranger may not pass the folders above
    tmp_path.chmod(0o755)

    def run():
        for path in tmp_path.rglob("*"):  # to be read by all, whatever the umask
            path.chmod(0o755 if path.is_dir() else 0o644)
        (tmp_path / "store").chmod(0o555)
        try:
            command = [sys.executable, "-c", _AS_A_STRANGER]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout
        finally:
            (tmp_path / "store").chmod(0o755)

    return run


def nearby(music):
    return [ClipSource(clip.clip, clip.path.relative_to(clip.path.parents[1])) for clip in music]


@pytest.mark.parametrize("killed_while_tidying", [False, True])
def test_a_finished_store_that_may_not_be_written_is_used_as_it_is(
    tmp_path, music, built_by_a_stranger, killed_while_tidying
):
    build("store", nearby(music))
    if killed_while_tidying:
        (tmp_path / "store" / BUILDING).touch()
    before = content(tmp_path / "store")
    assert built_by_a_stranger() == "5\n"
    assert content(tmp_path / "store") == before


def test_a_store_that_may_not_be_written_and_lacks_clips_is_an_error(music, built_by_a_stranger):
    build("store", nearby(music[:3]))
    assert "store: the sample store cannot be written (Permission denied)" in built_by_a_stranger()


def test_a_finished_store_is_tidied_up_by_who_may(tmp_path, music):
    build(tmp_path / "store", music)
    before = content(tmp_path / "store")
    for name in (BUILDING, "samples-9.i16", ".genrelab-left"):
        (tmp_path / "store" / name).touch()
    (tmp_path / "store" / "quarantine.csv").unlink()
    build(tmp_path / "store", music)
    assert content(tmp_path / "store") == before
