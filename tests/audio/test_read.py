"""Every format, any part of it: what `read` gives for sound files. Damage is in test_damage.py."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.audio.excerpts import read_excerpts
from genrelab.audio.read import EXTENSIONS, Probe, probe, read, require_sound
from genrelab.errors import AudioError

RATE = 44100
LOSSLESS = ["wav", "au", "aiff", "flac"]
LOSSY = ["mp3", "ogg", "opus"]
FORMAT = {"opus": {"format": "OGG", "subtype": "OPUS"}}


def sound(seconds=4.0, channels=2, rate=RATE, seed=0):
    """Return two tones over noise, (samples, channels)."""
    at = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    tones = np.stack([0.3 * np.sin(2 * np.pi * pitch * at) for pitch in np.linspace(440, 660, channels)], axis=1)
    return (tones + 0.02 * rng.standard_normal(tones.shape)).astype(np.float32)


def write(folder, kind, samples=None, rate=RATE):
    path = folder / f"song.{kind}"
    rate = 48000 if kind == "opus" else rate
    soundfile.write(path, sound(rate=rate) if samples is None else samples, rate, **FORMAT.get(kind, {}))
    return path


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_lossless_file_is_the_mean_of_its_channels(tmp_path, kind):
    path = write(tmp_path, kind)
    there, _ = soundfile.read(path, dtype="float32")
    samples = read(path)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, there.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("kind", LOSSY)
def test_a_lossy_file_is_what_libsndfile_decodes(tmp_path, kind):
    path = write(tmp_path, kind)
    there, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(read(path), there.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("kind", LOSSLESS + LOSSY)
def test_an_open_file_is_read_as_the_same_file_by_its_name(tmp_path, kind):
    path = write(tmp_path, kind)
    assert probe(io.BytesIO(path.read_bytes())) == probe(path)
    with path.open("rb") as file:
        np.testing.assert_array_equal(read(file, 16000, start=1.0), read(path, 16000, start=1.0))
        assert not file.closed


def without_length(flac):
    """Return a flac as one is written that nobody can go back in: its header does not say how long it is."""
    return flac[:21] + bytes([flac[21] & 0xF0, 0, 0, 0, 0]) + flac[26:]


def test_of_a_file_that_does_not_tell_its_length_there_is_just_less(tmp_path):
    path = write(tmp_path, "flac")
    path.write_bytes(without_length(path.read_bytes()))
    assert np.isnan(probe(path).seconds)
    assert len(read(path, duration=60.0)) == 4 * RATE


@pytest.mark.parametrize("kind", ["ogg", "opus"])
@pytest.mark.parametrize("rate", [48000, 24000])
def test_oggs_after_one_another_in_a_file_are_heard_end_to_end(tmp_path, kind, rate):
    # As radio stations send them. libsndfile knows no length of such a file, and hears the first.
    paths = [tmp_path / f"{number}.{kind}" for number in range(3)]
    for number, path in enumerate(paths):
        other = rate if number == 1 else 48000
        soundfile.write(path, sound(2.0 + number, 1 + number, other, number), other, **FORMAT.get(kind, {}))
    whole = np.concatenate([read(path, 48000) for path in paths])
    song = tmp_path / "song.ogg"
    song.write_bytes(b"".join(path.read_bytes() for path in paths))
    assert probe(song) == Probe(kind, 48000, 1, 9.0)
    np.testing.assert_array_equal(read(song), whole)
    starts = [7.0, 1.8, 0.5, 2.5, 4.9, 5.5]
    for start, part in zip(starts, read_excerpts(song, 48000, starts, 0.5), strict=True):
        first = round(start * 48000)
        np.testing.assert_allclose(part, whole[first : first + 24000], atol=1e-4)
    with pytest.raises(AudioError, match="nothing to hear at 9 s: its header says 9 s"):
        read(song, start=9.0)
    # Damage between two is passed over; of a last one that was cut within its headers, nothing is left.
    song.write_bytes(paths[0].read_bytes() + bytes(99_999) + paths[1].read_bytes() + paths[2].read_bytes()[:60])
    np.testing.assert_array_equal(read(song), whole[: 5 * 48000])


def test_an_open_file_is_named_in_errors_if_it_has_a_name(tmp_path):
    (tmp_path / "song.wav").write_bytes(b"RIFF, or so it says")
    with (tmp_path / "song.wav").open("rb") as file, pytest.raises(AudioError, match=r"song\.wav: not audio"):
        read(file)
    with pytest.raises(AudioError, match="open file: empty file"):
        read(io.BytesIO())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (io.StringIO("RIFF"), "must give bytes, but this gives str; open it in binary mode"),
        (b"RIFF", r"a path or an open binary file \(io\.BytesIO\(…\) of bytes\), not bytes"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_sound_at_all_is_a_mistake(wrong, message):
    with pytest.raises(TypeError, match=message):
        read(wrong)


@pytest.mark.parametrize("kind", LOSSLESS + LOSSY)
@pytest.mark.parametrize(("start", "duration"), [(0.0, 0.57), (0.37, 1.0), (2.5, 0.01), (3.5, None)])
def test_an_excerpt_equals_the_same_slice_of_the_whole(tmp_path, kind, start, duration):
    path = write(tmp_path, kind)
    rate = probe(path).sample_rate
    first = round(start * rate)
    end = None if duration is None else first + round(duration * rate)
    expected = read(path)[first:end]
    part = read(path, start=start, duration=duration)
    assert part.shape == expected.shape
    np.testing.assert_allclose(part, expected, atol=1e-6)


def test_an_excerpt_of_a_real_mp3_equals_the_same_slice_of_the_whole(shared_data):
    for path in sorted((shared_data / "fma-mp3").glob("*.mp3"))[:5]:
        whole = read(path)
        part = read(path, start=12.3, duration=2.0)
        first = round(12.3 * RATE)
        np.testing.assert_allclose(part, whole[first : first + 2 * RATE], atol=1e-5)


@pytest.mark.parametrize("kind", LOSSY)
def test_parts_of_one_lossy_file_equal_the_same_slices_of_the_whole_from_their_first_sample(tmp_path, kind):
    path = tmp_path / f"song.{kind}"
    # Of few bits, so that frames borrow of those before them; and long enough for a last page that begins late.
    fewest = {"mp3": {"compression_level": 0.99, "bitrate_mode": "CONSTANT"}}
    soundfile.write(path, sound(8.0, 1, 48000), 48000, **FORMAT.get(kind, {}), **fewest.get(kind, {}))
    whole = read(path)
    starts = [*np.arange(0.1, 7.5, 0.3), 7.9]
    for start, part in zip(starts, read_excerpts(path, 48000, starts, 0.5), strict=True):
        first = round(start * 48000)
        np.testing.assert_allclose(part, whole[first : first + 24000], atol=1e-4)


def test_a_flac_behind_a_tag_with_a_picture_is_read_to_its_end(tmp_path):
    path = write(tmp_path, "flac")
    whole = read(path)
    picture = bytes(4) * (len(path.read_bytes()) // 8)
    size = bytes(len(picture) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + picture + path.read_bytes())
    np.testing.assert_array_equal(read(path), whole)
    for start in (1.0, 2.5, 3.9):
        np.testing.assert_array_equal(read(path, start=start), whole[round(start * RATE) :])


def test_parts_of_an_ogg_in_any_order_equal_the_same_slices_of_the_whole(tmp_path):
    path = tmp_path / "song.ogg"
    rng = np.random.default_rng(1)
    # Loud and quiet seconds: libsndfile, which looks for a place by halves, goes astray where pages differ in length.
    noise = rng.standard_normal(20 * RATE) * np.repeat(rng.choice([1e-4, 0.3], 20), RATE)
    soundfile.write(path, noise, RATE)
    whole = read(path)
    starts = rng.uniform(0, 19.4, 60)
    for start, part in zip(starts, read_excerpts(path, RATE, starts, 0.5), strict=True):
        first = round(start * RATE)
        np.testing.assert_allclose(part, whole[first : first + RATE // 2], atol=1e-4)


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "GSM610"), ("au", "G721_32"), ("wav", "NMS_ADPCM_32")])
def test_a_telephones_codec_that_cannot_be_sought_is_read_from_any_start(tmp_path, suffix, codec):
    path = tmp_path / f"call.{suffix}"
    soundfile.write(path, sound(4.0, 1, 8000), 8000, subtype=codec)
    whole, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(read(path), whole)
    for start, part in zip([0.5, 2.0, 1.0], read_excerpts(path, 8000, [0.5, 2.0, 1.0], 1.5), strict=True):
        np.testing.assert_array_equal(part, whole[round(start * 8000) :][:12000])


@pytest.mark.parametrize("kind", LOSSLESS + LOSSY)
def test_a_resampled_excerpt_differs_from_the_whole_at_its_edges_only(tmp_path, kind):
    path = write(tmp_path, kind)
    part = read(path, 22050, start=1.0, duration=2.0)
    whole = read(path, 22050)[22050 : 3 * 22050]
    assert len(part) == 2 * 22050
    np.testing.assert_allclose(part[200:-200], whole[200:-200], atol=1e-4)


def test_resampling_happens_after_the_downmix_and_is_soxr_hq(tmp_path):
    soxr = pytest.importorskip("soxr")
    path = write(tmp_path, "wav")
    mono = soundfile.read(path, dtype="float32")[0].mean(axis=1)
    expected = soxr.resample(mono, RATE, 16000, quality="HQ")
    samples = read(path, 16000)
    assert len(samples) == 4 * 16000
    np.testing.assert_allclose(samples, expected, atol=1e-5)


def test_a_tone_keeps_its_pitch_and_level_when_resampled(tmp_path):
    at = np.arange(2 * 48000) / 48000
    path = write(tmp_path, "wav", 0.5 * np.sin(2 * np.pi * 1000 * at), 48000)
    spectrum = np.abs(np.fft.rfft(read(path, 22050) * np.hanning(44100)))
    assert spectrum.argmax() == 2000  # half-hertz bins
    assert spectrum.max() == pytest.approx(0.5 * 44100 / 4, rel=1e-3)


def test_reading_past_the_end_returns_what_there_is(tmp_path):
    path = write(tmp_path, "flac")
    assert len(read(path, start=3.0, duration=60.0)) == RATE


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "ogg"])
def test_nothing_at_the_start_asked_for_is_an_error(tmp_path, kind):
    path = write(tmp_path, kind)
    with pytest.raises(AudioError, match=r"nothing to hear at 9 s: its header says 4(\.\d+)? s"):
        read(path, start=9)


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_any_number_of_channels_becomes_one(tmp_path, channels):
    path = write(tmp_path, "wav", sound(1.0, channels))
    there = soundfile.read(path, dtype="float32", always_2d=True)[0]
    np.testing.assert_allclose(read(path), there.mean(axis=1), atol=1e-6)


def test_192_khz_is_read_and_resampled(tmp_path):
    path = write(tmp_path, "wav", sound(1.0, 1, 192_000), 192_000)
    assert probe(path).sample_rate == 192_000
    assert len(read(path)) == 192_000
    assert len(read(path, 22050)) == 22050


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_every_depth_of_a_wav_is_scaled_to_one(tmp_path, subtype):
    path = tmp_path / "song.wav"
    soundfile.write(path, sound(0.5, 1), RATE, subtype=subtype)
    coarsest = 0.02 if subtype in ("PCM_U8", "ULAW", "ALAW") else 1e-4
    np.testing.assert_allclose(read(path), sound(0.5, 1)[:, 0], atol=coarsest)


def test_louder_than_full_scale_is_clipped(tmp_path):
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([0.5, 1.5, -3.0]), RATE, subtype="FLOAT")
    assert read(path).tolist() == [0.5, 1.0, -1.0]


def test_where_samples_are_not_finite_is_told_from_the_beginning_of_the_file(tmp_path):
    samples = sound(4.0, 1)
    samples[round(3.5 * RATE)] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"the first in the block at (3|3\.\d+) s"):
        read(tmp_path / "nan.wav", start=3)


def test_probe_tells_what_the_header_says(tmp_path):
    assert probe(write(tmp_path, "wav")) == Probe("wav", RATE, 2, 4.0)
    assert probe(write(tmp_path, "mp3")) == Probe("mp3", RATE, 2, 4.0)
    assert probe(write(tmp_path, "opus")) == Probe("opus", 48000, 2, 4.0)


@pytest.mark.parametrize("kind", LOSSLESS + LOSSY)
def test_the_content_tells_the_format_not_the_name(tmp_path, kind):
    path = write(tmp_path, kind)
    expected = read(path)
    for name in ("song.bin", "song.txt", "song", "song.m4a", "song.wav"):
        np.testing.assert_array_equal(read(path.rename(tmp_path / name)), expected)
        path = tmp_path / name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": -1}, "start must be a number of seconds from 0 up, got -1"),
        ({"start": float("nan")}, "start must be a number of seconds from 0 up, got nan"),
        ({"duration": 0}, "duration must be a number of seconds above 0, got 0"),
        ({"duration": float("inf")}, "duration must be a number of seconds above 0, got inf"),
        ({"sample_rate": 0}, "the sample rate must be above 0, got 0"),
    ],
)
def test_impossible_excerpts_are_refused(tmp_path, arguments, message):
    with pytest.raises(AudioError, match=message):
        read(write(tmp_path, "wav"), **arguments)


def test_a_file_longer_than_the_cap_is_refused_before_it_is_decoded(tmp_path):
    path = write(tmp_path, "wav")
    with pytest.raises(AudioError, match=r"too long: 4 s or more, at most 3 s are read; ask for a part"):
        read(path, max_seconds=3)
    assert len(read(path, start=1, duration=3, max_seconds=3)) == 3 * RATE
    assert len(read(path, 8000, duration=3, max_seconds=3)) == 3 * 8000  # seconds are seconds at any rate


def test_the_shortest_excerpt_is_a_sample(tmp_path):
    assert len(read(write(tmp_path, "wav"), duration=1e-6)) == 1


def test_the_suffixes_of_all_formats_are_known():
    assert {f".{kind}" for kind in [*LOSSLESS, *LOSSY, "m4a", "aac", "wma", "webm", "aif"]} <= EXTENSIONS
    rarer = {"mp2", "mka", "ac3", "eac3", "ape", "wv", "mpc", "tta", "tak", "dsf"}
    assert {f".{kind}" for kind in rarer} <= EXTENSIONS
    assert not {".mp4", ".3gp", ".mkv"} & EXTENSIONS  # films, mostly
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in EXTENSIONS)


def test_require_sound_names_silence_and_shortness(tmp_path):
    tone = sound(1.0, 1)[:, 0]
    require_sound(tone, RATE, "a.wav")
    with pytest.raises(AudioError, match=r"a\.wav: silent: below -80 dB of full scale throughout"):
        require_sound(np.zeros(RATE, np.float32), RATE, "a.wav")
    with pytest.raises(AudioError, match=r"a\.wav: too short: 0\.05 s of sound, at least 0\.1 s are needed"):
        require_sound(tone[:2205], RATE, "a.wav")
    with pytest.raises(AudioError, match="too short: 0 s"):
        require_sound(tone[:0], RATE, "a.wav")


def test_the_silence_threshold_is_the_root_mean_square_in_decibels():
    constant = np.full(RATE, 10 ** (-60 / 20), np.float32)
    require_sound(constant, RATE, "a", silence_dbfs=-60.01)
    with pytest.raises(AudioError, match="silent"):
        require_sound(constant, RATE, "a", silence_dbfs=-59.99)


def test_reading_needs_none_of_the_heavy_packages(tmp_path):
    path = write(tmp_path, "mp3")
    code = "import sys; from genrelab.audio.read import read; read(sys.argv[1], 22050); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert {"torch", "scipy", "pandas", "rich", "av", "librosa"} & {*done.stdout.split()} == set()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no names as long")
def test_a_name_longer_than_libsndfile_knows_is_read(tmp_path):
    short = write(tmp_path, "mp3")
    expected = read(short)
    folder = tmp_path.joinpath(*["d" * 200] * 6)
    folder.mkdir(parents=True)
    long = short.rename(folder / short.name)
    open_files = [*Path("/proc/self/fd").iterdir()]
    np.testing.assert_array_equal(read(long), expected)
    assert [*Path("/proc/self/fd").iterdir()] == open_files


def test_a_name_that_is_not_utf8_is_read(tmp_path):
    path = write(tmp_path, "flac")
    odd = tmp_path / os.fsdecode(b"caf\xe9.flac")
    try:
        shutil.copy(path, odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    np.testing.assert_array_equal(read(odd), read(path))
