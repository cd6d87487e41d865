"""Mp3s of variable bit rate that do not tell their length, as streams recorded from the radio."""

import numpy as np
import pytest
import soundfile

from genrelab.audio.mp3 import with_length
from genrelab.audio.read import probe, read
from genrelab.errors import AudioError

RATE = 44100


def mp3(path, rate=RATE, channels=2, mode="VARIABLE", tagged=False, before=b""):
    """Write 12 s: four of near silence, four of noise, four of near silence; the bit rate follows."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.5, 0.5, (12 * rate, channels))
    noise[: 4 * rate] *= 1e-5
    noise[8 * rate :] *= 1e-5
    with soundfile.SoundFile(path, "w", rate, channels, format="MP3", bitrate_mode=mode, compression_level=0.3) as file:
        file.write(noise)
    data = path.read_bytes()
    if not tagged:
        tag = next(at for at in (data.find(b"Xing"), data.find(b"Info")) if at >= 0)
        data = data[data.find(data[:2], tag) :]  # without the first frame, which is the tag
    path.write_bytes(before + data)
    return path


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (48000, 1), (22050, 2), (16000, 1)])
def test_none_of_an_untagged_file_of_variable_bit_rate_is_lost(tmp_path, rate, channels):
    path = mp3(tmp_path / "song.mp3", rate, channels)
    assert abs(soundfile.info(path).duration - 12) > 1  # what libsndfile alone would make of it
    samples = read(path)
    assert probe(path).seconds == pytest.approx(12, abs=0.1)
    assert len(samples) / rate == pytest.approx(12, abs=0.1)
    level = [np.sqrt(np.mean(part**2)) for part in np.array_split(samples, 12)]
    assert [value > 0.1 for value in level] == [False] * 4 + [True] * 4 + [False] * 4


def test_its_excerpts_come_from_their_place(tmp_path):
    path = mp3(tmp_path / "song.mp3")
    np.testing.assert_allclose(read(path, start=5.0, duration=1.0), read(path)[5 * RATE : 6 * RATE], atol=1e-5)


def test_a_tag_with_a_picture_before_the_music_is_passed_over(tmp_path):
    picture = b"ID3\x04\0\0" + bytes([0, 0, 0x40, 0]) + bytes(range(256)) * 32
    path = mp3(tmp_path / "song.mp3", before=picture)
    assert len(read(path)) / RATE == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize("how", [{"tagged": True}, {"mode": "CONSTANT"}, {"mode": "CONSTANT", "tagged": True}])
def test_a_length_that_is_right_is_left_alone(tmp_path, how):
    path = mp3(tmp_path / "song.mp3", **how)
    assert with_length(path, soundfile.info(path).frames) is None


def test_what_has_no_frames_is_left_alone(tmp_path):
    path = tmp_path / "song.mp3"
    for data in (b"", b"\xff", b"\xff" * 5000, b"ID3", bytes(5000)):
        path.write_bytes(data)
        assert with_length(path, 1000) is None


def test_a_disk_that_fails_on_the_way_is_an_error_that_names_the_file(tmp_path, bad_disk):
    path = mp3(tmp_path / "song.mp3")
    bad_disk(50_000)
    with pytest.raises(AudioError, match=r"song\.mp3: cannot be read: Input/output error"):
        read(path)
