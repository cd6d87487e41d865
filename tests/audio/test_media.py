"""Formats that only PyAV reads; the files are made with PyAV here."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from genrelab.audio.excerpts import read_excerpts
from genrelab.audio.read import probe, read
from genrelab.errors import AudioError

av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'genrelab[media]'")

# suffix: codec, container, sample rate, how exact an excerpt's place is in seconds
KINDS = {
    "m4a": ("aac", "ipod", 44100, 0.0),
    "aac": ("aac", "adts", 44100, 0.0),
    "wma": ("wmav2", "asf", 44100, 0.025),
    "webm": ("libopus", "webm", 48000, 0.0015),
}


def encode(path, kind, seconds=4.0):
    """Write a tone of rising pitch, stereo, so that a shift in time shows."""
    codec, container, rate, _ = KINDS[kind]
    at = np.arange(round(seconds * rate)) / rate
    sweep = (0.4 * np.sin(2 * np.pi * (300 + 100 * at) * at)).astype(np.float32)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo")
        stream.bit_rate = 128_000
        size = {"wmav2": 2048, "libopus": 960}.get(codec, 1024)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="stereo", rate=rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray(np.stack([sweep, sweep]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return path


def delay(part, whole, around):
    """Return by how many samples `part` lies later in `whole` than at `around`."""
    reach = 3000
    search = whole[around - reach : around + reach + len(part)]
    return int(np.correlate(search, part, "valid").argmax()) - reach


@pytest.mark.parametrize("kind", KINDS)
def test_a_media_file_is_read_as_mono(tmp_path, kind):
    path = encode(tmp_path / f"song.{kind}", kind)
    rate = KINDS[kind][2]
    samples = read(path)
    assert samples.dtype == np.float32
    assert len(samples) / rate == pytest.approx(4.0, abs=0.06)  # codecs fill their last frame
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.02)
    told = probe(path)
    assert (told.sample_rate, told.channels) == (rate, 2)
    assert told.seconds == pytest.approx(4.0, abs=0.3)  # adts has no length, only an estimate
    assert len(read(path, 16000)) == pytest.approx(len(samples) * 16000 / rate, abs=2)


@pytest.mark.parametrize("kind", KINDS)
def test_an_excerpt_comes_from_its_place_as_exactly_as_the_clock_of_the_container(tmp_path, kind):
    path = encode(tmp_path / f"song.{kind}", kind)
    _, _, rate, exact = KINDS[kind]
    part = read(path, start=2.0, duration=0.5)
    assert len(part) == rate // 2
    assert abs(delay(part, read(path), 2 * rate)) <= exact * rate


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_parts_of_an_ogg_by_ffmpeg_equal_the_same_slices_of_the_whole(tmp_path, kind):
    # FFmpeg's pages last a second: who begins within the last one of Vorbis, or the last few of FLAC, finds no place.
    path, rate = tmp_path / f"song.{kind}", 44100
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, round(8.9 * rate))
    soundfile.write(path, noise, rate)
    with av.open(str(path)) as source, av.open(str(tmp_path / "song.oga"), "w", format="ogg") as file:
        stream = file.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    path = tmp_path / "song.oga"
    whole = read(path)
    assert len(whole) == len(noise)
    starts = [3.0, 4.0, 8.3, 1.0, 0.0, 8.8, 7.8, 8.1]
    for start, part in zip(starts, read_excerpts(path, rate, starts, 0.5), strict=True):
        first = round(start * rate)
        np.testing.assert_allclose(part, whole[first : first + rate // 2], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_open_file_is_read_as_the_same_file_by_its_name(tmp_path, kind):
    path = encode(tmp_path / f"song.{kind}", kind)
    file = io.BytesIO(path.read_bytes())
    np.testing.assert_array_equal(read(file, start=1.0), read(path, start=1.0))
    assert not file.closed


def test_a_wav_whose_recorder_wrote_no_length_is_read_to_its_end(tmp_path):
    path = tmp_path / "song.wav"
    tone = np.sin(np.arange(44100 * 4) / 20).astype(np.float32)
    soundfile.write(path, tone, 44100, subtype="FLOAT")
    data = bytearray(path.read_bytes())
    at = data.find(b"data")
    data[4:8] = data[at + 4 : at + 8] = bytes(4)
    path.write_bytes(data)
    np.testing.assert_allclose(read(path), tone, atol=1e-6)
    np.testing.assert_allclose(read(path, start=1.0, duration=2.0), tone[44100 : 3 * 44100], atol=1e-6)
    path.write_bytes(data[: at + 8])
    with pytest.raises(AudioError, match="holds no sound that can be decoded"):
        read(path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_tells_the_format_not_the_name(tmp_path, kind):
    path = encode(tmp_path / f"song.{kind}", kind)
    expected = read(path)
    np.testing.assert_array_equal(read(path.rename(tmp_path / "song.mp3")), expected)


def test_a_media_file_past_its_end_says_so(tmp_path):
    path = encode(tmp_path / "song.m4a", "m4a")
    with pytest.raises(AudioError, match="nothing to hear at 30 s: its header says 4 s"):
        read(path, start=30)


def test_a_cut_aac_gives_what_is_there(tmp_path):
    path = encode(tmp_path / "song.aac", "aac")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert len(read(path)) / 44100 == pytest.approx(2.0, abs=0.1)


def test_a_cut_m4a_without_its_table_is_refused(tmp_path):
    path = encode(tmp_path / "song.m4a", "m4a")  # its table (moov) stands at the end
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"song\.m4a: not audio, or damaged beyond reading"):
        read(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_disk_that_fails_on_the_way_is_an_error_that_names_the_file(tmp_path, bad_disk, kind, share):
    path = encode(tmp_path / f"song.{kind}", kind, seconds=20)
    bad_disk(max(4096, round(share * path.stat().st_size)))
    with pytest.raises(AudioError, match=rf"song\.{kind}: cannot be read: Input/output error"):
        read(path)
    with pytest.raises(AudioError, match=rf"song\.{kind}: cannot be read: Input/output error"):
        list(read_excerpts(path, 16000, [0.5, 19.0], 0.5))


def test_a_playlist_is_not_followed(tmp_path):
    song = encode(tmp_path / "song.aac", "aac")
    for head in ("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:4,\n", "ffconcat version 1.0\nfile "):
        playlist = tmp_path / "list.m4a"
        playlist.write_text(f"{head}{song}\n")
        with pytest.raises(AudioError, match="not audio"):
            read(playlist)


def test_a_film_without_sound_is_refused(tmp_path):
    path = tmp_path / "film.webm"
    with av.open(str(path), "w", format="webm") as file:
        stream = file.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode(None))
    with pytest.raises(AudioError, match=r"film\.webm: not audio: its container holds no stream of sound"):
        read(path)


def test_without_pyav_the_error_says_what_to_install(tmp_path):
    path = encode(tmp_path / "song.m4a", "m4a")
    code = (
        "import sys\n"
        "sys.modules['av'] = None  # what an interpreter without PyAV does on import\n"
        "from genrelab.audio.read import read\n"
        "from genrelab.errors import AudioError\n"
        "try: read(sys.argv[1])\n"
        "except AudioError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == f"{path}: this format needs PyAV: pip install 'genrelab[media]'\n"
