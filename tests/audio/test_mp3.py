"""Mp3s that do not tell their length, as streams recorded from the radio, and such as tell that of another file."""

import io

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


PICTURE = np.random.default_rng(1).bytes(50_000)
BETWEEN = [b"", b"TAG".ljust(128, b"x"), b"ID3\x04\0\0" + bytes([0, 3, 6, 80]) + PICTURE, b"APETAGEX" + PICTURE]


@pytest.mark.parametrize("between", BETWEEN, ids=["nothing", "ID3v1", "ID3v2", "APE"])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_several_joined_to_one_are_heard_whole(tmp_path, mode, between):
    song = mp3(tmp_path / "song.mp3", mode=mode, tagged=True)
    once, alone = song.read_bytes(), read(song)
    song.write_bytes(once + between + once + between)
    samples = read(song)
    assert probe(song).seconds == pytest.approx(24, abs=0.1)
    assert len(samples) == pytest.approx(24 * RATE, abs=0.1 * RATE)
    np.testing.assert_allclose(samples[: 11 * RATE], alone[: 11 * RATE], atol=1e-5)  # not even shifted
    loud = [bool(np.sqrt(np.mean(part**2)) > 0.1) for part in np.array_split(samples, 24)]
    assert loud[:16] + loud[17:20] == [False] * 4 + [True] * 4 + [False] * 8 + [True] * 3


def test_an_open_one_is_counted_like_a_file(tmp_path):
    song = mp3(tmp_path / "song.mp3")
    assert probe(io.BytesIO(song.read_bytes())) == probe(song)


def test_one_that_was_cut_does_not_claim_what_it_lost(tmp_path):
    song = mp3(tmp_path / "song.mp3", mode="CONSTANT", tagged=True)
    whole = song.read_bytes()
    song.write_bytes(whole[: len(whole) // 3])
    assert soundfile.info(song).duration == pytest.approx(12, abs=0.1)  # what its header says
    assert probe(song).seconds == pytest.approx(4, abs=0.1)
    assert len(read(song)) / RATE == pytest.approx(4, abs=0.1)


def test_what_libsndfile_cannot_go_on_with_is_not_counted(tmp_path):
    song, mono = mp3(tmp_path / "song.mp3", tagged=True), mp3(tmp_path / "mono.mp3", channels=1, tagged=True)
    song.write_bytes(song.read_bytes() + mono.read_bytes())
    assert probe(song).seconds == len(read(song)) / RATE == 12


@pytest.mark.parametrize("after", [PICTURE, b"APETAGEX" + PICTURE])
def test_what_follows_the_music_is_no_music(tmp_path, after):
    song = mp3(tmp_path / "song.mp3", tagged=True)
    song.write_bytes(song.read_bytes() + after)
    assert with_length(song, soundfile.info(song).frames) is None


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
