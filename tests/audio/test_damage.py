"""Real damage to sound files: one clear sentence each, bounded time and memory, never a traceback or a hang."""

import os
import struct
import subprocess
import sys
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
import soundfile

from genrelab.audio.read import probe, read, require_sound
from genrelab.errors import AudioError

RATE = 44100


@pytest.fixture
def song(tmp_path):
    """Return a function that writes 4 s of noise in a format."""

    def write(kind, **how):
        path = tmp_path / f"song.{kind}"
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (4 * RATE, 2))
        soundfile.write(path, noise, RATE, **how)
        return path

    return write


def cut(path, fraction):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


def reason(path, **arguments):
    """Return why `read` refuses; `probe` must not crash either."""
    with suppress(AudioError):
        probe(path)
    with pytest.raises(AudioError) as caught:
        read(path, **arguments)
    assert str(caught.value).endswith(f": {caught.value.reason}")
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("kind", ["wav", "au", "aiff", "flac", "ogg", "opus", "mp3", "m4a", "aac", "wma", "webm"])
def test_an_empty_file(tmp_path, kind):
    path = tmp_path / f"song.{kind}"
    path.touch()
    assert reason(path) == "empty file"


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "m4a", "raw"])
@pytest.mark.parametrize("text", ["Hello.\n", "Straße, naïve 日本語\n" * 9999, "<html><body>404</body></html>"])
def test_text_under_the_name_of_a_sound_file(tmp_path, kind, text, capfd):
    path = tmp_path / f"song.{kind}"
    path.write_text(text, encoding="utf-8")
    assert reason(path) == "not audio: no decoder knows its content"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "bin", "raw"])
def test_random_bytes(tmp_path, kind):
    path = tmp_path / f"song.{kind}"
    path.write_bytes(np.random.default_rng(1).bytes(20_000))
    assert reason(path).startswith("not audio")


def test_a_picture_under_the_name_of_an_mp3(tmp_path):
    path = tmp_path / "song.mp3"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(5000))
    assert reason(path).startswith("not audio")


@pytest.mark.parametrize("kind", ["wav", "aiff", "au", "mp3", "ogg"])
def test_a_cut_file_gives_what_is_there(song, kind):
    path = song(kind)
    whole = read(path)
    samples = read(cut(path, 0.4))
    assert 0.35 * len(whole) < len(samples) < 0.42 * len(whole)
    np.testing.assert_allclose(samples[: len(samples) - 4608], whole[: len(samples) - 4608], atol=1e-6)


def test_a_cut_flac_gives_what_is_there_if_that_is_most_of_it(song):
    path = song("flac")
    whole = read(path)
    samples = read(cut(path, 0.9))
    assert 0.85 * len(whole) < len(samples) < 0.9 * len(whole)
    np.testing.assert_array_equal(samples, whole[: len(samples)])


def test_a_flac_that_lacks_more_than_half_says_how_much(song):
    path = cut(song("flac"), 0.45)
    assert reason(path).startswith("cut short: only 1.75 of 4 s can be decoded (flac decoder lost sync)")
    assert len(read(path, duration=1.0)) == RATE  # what was asked for is there


@pytest.mark.parametrize("kind", ["wav", "aiff", "au", "mp3", "ogg", "flac"])
def test_a_file_cut_within_its_header(song, kind):
    path = song(kind)
    path.write_bytes(path.read_bytes()[:20])
    assert reason(path).startswith(("not audio", "damaged beyond reading", "holds no sound"))


def test_an_excerpt_behind_the_cut_of_an_mp3(song):
    assert reason(cut(song("mp3"), 0.4), start=3.0).startswith("nothing to hear at 3 s")


@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_a_stream_that_breaks_gives_what_came_before_if_that_is_most_of_it(song, kind):
    path = song(kind)
    whole = read(path)
    data = bytearray(path.read_bytes())
    hole = int(0.8 * len(data))
    data[hole : hole + 10_000] = bytes(10_000)
    path.write_bytes(data)
    samples = read(path)
    assert 0.77 * len(whole) < len(samples) < 0.82 * len(whole)
    np.testing.assert_allclose(samples, whole[: len(samples)], atol=1e-6)


@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_a_stream_that_breaks_early_says_how_much_is_lost(song, kind):
    path = song(kind)
    data = bytearray(path.read_bytes())
    hole = int(0.3 * len(data))
    data[hole : hole + 10_000] = bytes(10_000)
    path.write_bytes(data)
    assert reason(path).startswith("cut short: only ")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 70_000, 88_199])
def test_a_sample_that_is_not_a_number(tmp_path, bad, place):
    path = tmp_path / "song.wav"
    samples = np.full(88_200, 0.1, np.float32)
    samples[place] = bad
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    assert reason(path).startswith("holds samples that are NaN or infinite")


def test_huge_but_finite_samples_are_clipped(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.full(1000, 3e38, np.float32), RATE, subtype="FLOAT")
    assert read(path).tolist() == [1.0] * 1000


@pytest.mark.parametrize("size", [1e10, 1e30, 3e38])
def test_huge_but_finite_samples_can_be_resampled(tmp_path, size):
    path = tmp_path / "song.wav"
    wave = np.sin(np.arange(RATE) / 5).astype(np.float32)
    soundfile.write(path, wave * np.float32(size), RATE, subtype="FLOAT")
    samples = read(path, 22050)
    assert np.abs(samples).max() == 1.0
    np.testing.assert_array_equal(np.sign(samples[200:-200:7]), np.sign(wave[400:-400:14]))


def test_one_sample(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.array([0.5]), RATE)
    assert read(path).tolist() == [0.5]
    assert len(read(path, 22050)) == 1
    with pytest.raises(AudioError, match="too short"):
        require_sound(read(path), RATE, path)


def test_a_sound_file_without_a_sample(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros(0), RATE)
    assert reason(path) == "holds no sound that can be decoded"


def test_silence_is_read_and_then_refused(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(AudioError, match="silent"):
        require_sound(read(path), RATE, path)


def wav_header(rate=RATE, channels=1, bits=16, data=0x7FFFFF00):
    size = channels * bits // 8
    fmt = struct.pack("<IHHIIHH", 16, 1, channels, rate, min(rate * size, 2**32 - 1), size, bits)
    return b"RIFF" + struct.pack("<I", data + 36) + b"WAVEfmt " + fmt + b"data" + struct.pack("<I", data)


def test_a_wav_header_that_claims_2_gb_costs_no_memory(tmp_path):
    path = tmp_path / "song.wav"
    path.write_bytes(wav_header() + b"\x00\x10" * 5000)
    read(path)  # whatever is imported on first use
    tracemalloc.start()
    try:
        samples = read(path, 22050)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(samples) == 2500
    assert peak < 4_000_000


def claim_length(path, frames):
    """Write another length into the header of a flac."""
    data = bytearray(path.read_bytes())
    data[21] = (data[21] & 0xF0) | frames >> 32
    data[22:26] = struct.pack(">I", frames & 0xFFFFFFFF)
    path.write_bytes(data)
    return path


def test_a_claim_of_ten_hours_is_refused_without_decoding(song):
    path = claim_length(song("flac"), 36_000 * RATE)
    assert probe(path).seconds == 36_000
    assert reason(path).startswith("too long: 36000 s or more, at most 7200 s are read; ask for a part")
    assert len(read(path, start=1, duration=1)) == RATE


def test_a_claim_of_an_hour_that_is_not_there_costs_no_memory_in_a_fresh_process(song):
    path = claim_length(song("flac"), 7000 * RATE)
    code = (
        "import resource, sys\n"
        "from genrelab.audio.read import read\n"
        "from genrelab.errors import AudioError\n"
        "try: read(sys.argv[1], start=0.1, duration=0.1)\n"
        "finally: before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read(sys.argv[1])\n"
        "except AudioError as error: print(error.reason)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    told, kilobytes = done.stdout.splitlines()
    assert told.startswith("cut short: only")
    assert int(kilobytes) < 30_000


@pytest.mark.parametrize(("rate", "channels"), [(1, 1), (999, 2), (2_000_000_000, 1)])
def test_a_header_whose_sample_rate_cannot_be(tmp_path, rate, channels):
    path = tmp_path / "song.wav"
    path.write_bytes(wav_header(rate, channels) + bytes(100_000))
    assert reason(path) == f"its header claims {channels} channels at {rate} Hz"


def test_a_thousand_channels_are_read_in_bounded_memory(tmp_path):
    path = tmp_path / "song.wav"
    path.write_bytes(wav_header(channels=1000) + b"\x00\x40" * 1_000_000)
    tracemalloc.start()
    try:
        samples = read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert samples.tolist() == [0.5] * 1000
    assert peak < 4_000_000


def test_a_folder_named_like_a_sound_file(tmp_path):
    (tmp_path / "song.wav").mkdir()
    assert reason(tmp_path / "song.wav") == "a folder, not a sound file"


def test_a_missing_file(tmp_path):
    assert reason(tmp_path / "song.wav") == "no such file"


def test_a_link_whose_target_is_missing(tmp_path):
    link = tmp_path / "song.wav"
    link.symlink_to(tmp_path / "gone.wav")
    assert reason(link) == "a link whose target is missing"


def test_a_link_to_itself(tmp_path):
    link = tmp_path / "song.wav"
    link.symlink_to(link)
    assert "symbolic links" in reason(link)


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "song.wav")
    assert reason(tmp_path / "song.wav") == "not a regular file (a pipe, a device or a socket)"


def test_a_device_is_refused_at_once():
    assert reason("/dev/zero") == "not a regular file (a pipe, a device or a socket)"


@pytest.mark.parametrize("name", ["so\0ng.wav", "x" * 300 + ".wav"])
def test_a_name_no_file_can_have(tmp_path, name):
    assert reason(tmp_path / name).startswith("cannot be read: ")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_may_not_be_read(song, kind):
    path = song("wav")
    if kind == "folder":
        path.unlink()
        path.mkdir()
    path.chmod(0)
    path.parent.chmod(0o755)  # it is this one alone that may not be read
    code = (
        "import os, sys\n"
        "from genrelab.audio.read import read\n"
        "from genrelab.errors import AudioError\n"
        "os.chdir(os.path.dirname(sys.argv[1]))\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"  # root may read everything
        "try: read(os.path.basename(sys.argv[1]))\n"
        "except AudioError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == "song.wav: no permission to read it\n"


def test_the_error_of_a_name_that_is_not_utf8_can_be_printed_anywhere(tmp_path):
    path = str(tmp_path / os.fsdecode(b"caf\xe9\n\x1b[31m.wav"))
    with pytest.raises(AudioError) as caught:
        read(path)
    assert str(caught.value) == f"{tmp_path}/caf\\udce9\\n\\x1b[31m.wav: no such file"
    assert caught.value.path == path  # the real name, to find the file again
    str(caught.value).encode("ascii")


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_flipped_bytes_never_crash(song, kind, seed):
    path = song(kind)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    near = 200 if seed % 2 else len(data)  # every other time in the header
    for place in rng.integers(4, near, 20):
        data[place] = rng.integers(256)
    path.write_bytes(data[: rng.integers(near, len(data) + 1)])
    with suppress(AudioError):
        samples = read(path, 22050, max_seconds=60)
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 1.0
