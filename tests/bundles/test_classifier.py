"""A bundle at work, on a bundle whose arithmetic is known: see `make_bundle` in conftest.py."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from numpy.typing import NDArray

import genrelab
from genrelab.audio.read import read
from genrelab.audio.windows import window_starts
from genrelab.bundles.classifier import Classifier
from genrelab.bundles.listening import DEFAULT_WINDOWS
from genrelab.bundles.prediction import Prediction
from genrelab.errors import AudioError, BundleError

RATE = 22050
Tone = Callable[..., NDArray[np.float32]]


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Path) -> Classifier:
    return Classifier(tiny_bundle)


def known_logits(hz: float) -> NDArray[np.float64]:
    r = 2 * np.sin(np.pi * hz / RATE)
    return np.array([4 - 20 * r, 2, 20 * r - 6])


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(logits) / np.exp(logits).sum()


# The bundle file


def test_a_bundle_tells_its_genres_rate_and_window(classifier: Classifier):
    assert classifier.genres == ("bass", "voice", "whistle")
    assert (classifier.sample_rate, classifier.window, classifier.metadata.name) == (22050, 22050, "tiny")


def test_a_missing_bundle_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(BundleError, match=r"nowhere\.onnx: no such bundle; `genrelab export RUN -o FILE` makes one"):
        Classifier(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("content", [b"", b"just text", b"\x08\x0a" * 1000])
def test_a_file_that_is_not_onnx_is_not_a_bundle(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"bad\.onnx: "):
        Classifier(path)


def test_a_truncated_bundle_is_not_a_bundle(tmp_path: Path, tiny_bundle: Path):
    path = tmp_path / "cut.onnx"
    path.write_bytes(tiny_bundle.read_bytes()[:400])
    with pytest.raises(
        BundleError, match=r"cut\.onnx: not a bundle, or one for a newer ONNX Runtime: .* cannot open it"
    ):
        Classifier(path)


def test_a_bundle_for_a_newer_onnx_runtime_says_what_to_upgrade(tmp_path: Path, tiny_bundle: Path):
    model = onnx.load(tiny_bundle)
    model.ir_version = 999
    onnx.save(model, tmp_path / "new.onnx")
    with pytest.raises(BundleError, match=r"(?s)IR version.* or pip install --upgrade onnxruntime$"):
        Classifier(tmp_path / "new.onnx")


def test_an_onnx_file_without_our_metadata_is_not_a_bundle(tmp_path: Path, make_bundle: Callable[..., Path]):
    with pytest.raises(BundleError, match="an ONNX file, but not a bundle"):
        Classifier(make_bundle(tmp_path / "alien.onnx", metadata=None))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"window": 16000, "hop": 16000},
            r"waveform is of shape \['batch', 22050\], but the metadata's window is 16000",
        ),
        ({"genres": ["jazz", "rock"]}, r"logits is of shape \['batch', 3\], but the metadata's number of genres is 2"),
        ({"genres": None}, "lack genres"),
        ({"format": 2}, "format 2"),
        ({"tags": ["loud"]}, "tags needs the output tags, but its graph gives logits, embedding; export it again"),
        ({"unknown_above": 1.0}, "unknown_above needs the output strangeness, but its graph gives logits, embedding"),
        (
            {"tags": ["loud"], "outputs": ("tags",)},
            r"tags is of shape \['batch', 2\], but the metadata's number of tags is 1",
        ),
    ],
)
def test_metadata_that_contradict_the_graph_are_refused(
    tmp_path: Path, make_bundle: Callable[..., Path], changes: dict[str, object], message: str
):
    with pytest.raises(BundleError, match=rf"bad\.onnx: .*{message}"):
        Classifier(make_bundle(tmp_path / "bad.onnx", **changes))


def test_it_travels_to_a_process_that_is_not_forked(tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone):
    path = make_bundle(tmp_path / "b.onnx", vocabularies={"ends": ["whistle", "bass"]})
    classifier = Classifier(path, vocabulary="ends")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(classifier.classify, make_tone(1000, 1), RATE).result(timeout=60)
    assert there == classifier.classify(make_tone(1000, 1), RATE)


# From samples


@pytest.mark.parametrize(("hz", "genre"), [(220, "bass"), (1000, "voice"), (3000, "whistle")])
def test_the_logits_are_the_graphs(classifier: Classifier, make_tone: Tone, hz: float, genre: str):
    logits = classifier.logits(make_tone(hz, 1))
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, known_logits(hz), atol=2e-3)
    assert classifier.genres[int(logits.argmax())] == genre


def test_a_clips_logits_are_the_mean_over_its_windows(classifier: Classifier, make_tone: Tone):
    clip = np.concatenate([make_tone(220, 1), make_tone(1000, 1), make_tone(3000, 1)])
    expected = np.mean([known_logits(hz) for hz in (220, 1000, 3000)], axis=0)
    np.testing.assert_allclose(classifier.logits(clip), expected, atol=2e-3)


def test_more_windows_than_a_batch_give_the_same_mean(classifier: Classifier, make_tone: Tone):
    long = np.concatenate([make_tone(220, 30), make_tone(3000, 10)])
    expected = 0.75 * known_logits(220) + 0.25 * known_logits(3000)
    np.testing.assert_allclose(classifier.logits(long), expected, atol=2e-3)


def test_a_silent_window_does_not_count(classifier: Classifier, make_tone: Tone):
    clip = np.concatenate([make_tone(3000, 1), np.zeros(3 * RATE, np.float32)])
    np.testing.assert_allclose(classifier.logits(clip), known_logits(3000), atol=2e-3)


def test_of_nothing_but_silence_the_logits_are_those_of_all_windows(classifier: Classifier):
    np.testing.assert_allclose(classifier.logits(np.zeros(3 * RATE, np.float32)), [4, 2, -6], atol=1e-5)


def test_calibrated_logits_are_those_that_an_answer_goes_by(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    overlapping = Classifier(make_bundle(tmp_path / "b.onnx", hop=RATE // 4, growth=2.0))
    track = make_tone(1000, 2)  # five windows, of which two do not overlap
    np.testing.assert_allclose(overlapping.calibrated_logits(track), 1.5 * known_logits(1000), atol=4e-3)
    said = dict(overlapping.classify(track, RATE).genres)
    expected = softmax(1.5 * known_logits(1000))
    np.testing.assert_allclose([said[genre] for genre in overlapping.genres], expected, atol=2e-3)


def test_the_embedding_is_the_graphs(classifier: Classifier, make_tone: Tone):
    embedding = classifier.embedding(make_tone(1000, 2, amplitude=0.5))
    np.testing.assert_allclose(embedding, [0.5 * 2 / np.pi, 2 * np.sin(np.pi * 1000 / RATE)], rtol=2e-3)


def test_a_tone_is_classified_with_the_softmax_of_its_logits(classifier: Classifier, make_tone: Tone):
    prediction = classifier.classify(make_tone(1000, 1), RATE)
    bass, voice, whistle = softmax(known_logits(1000))
    assert (prediction.path, prediction.genre, prediction.seconds, prediction.error) == (None, "voice", 1.0, None)
    assert prediction.probability == pytest.approx(voice, abs=1e-3)
    assert [genre for genre, _ in prediction.genres] == ["voice", "whistle", "bass"]
    assert [probability for _, probability in prediction.genres] == pytest.approx([voice, whistle, bass], abs=1e-3)


def test_the_temperature_softens_probabilities(tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone):
    warm = Classifier(make_bundle(tmp_path / "warm.onnx", temperature=2.0))
    expected = softmax(known_logits(1000) / 2)[1]
    assert warm.classify(make_tone(1000, 1), RATE).probability == pytest.approx(expected, abs=1e-3)


def test_below_the_bundles_threshold_a_sound_is_unknown_but_keeps_its_best_guess(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    probability = softmax(known_logits(1000))[1]
    for threshold, unknown in ((probability - 0.01, False), (probability + 0.01, True)):
        wary = Classifier(make_bundle(tmp_path / "wary.onnx", unknown_below=threshold))
        prediction = wary.classify(make_tone(1000, 1), RATE)
        assert (prediction.unknown, prediction.genre) == (unknown, "voice")


def test_top_keeps_the_most_probable_genres(classifier: Classifier, make_tone: Tone):
    prediction = classifier.classify(make_tone(1000, 1), RATE, top=2)
    assert [genre for genre, _ in prediction.genres] == ["voice", "whistle"]


def test_any_sample_rate_is_resampled(classifier: Classifier, make_tone: Tone):
    expected = softmax(known_logits(1000))[1]
    for rate in (8000, 16000, 44100, 192000):
        prediction = classifier.classify(make_tone(1000, 2, rate), rate)
        assert prediction.seconds == 2.0
        assert prediction.probability == pytest.approx(expected, abs=0.02)


def test_channels_are_averaged(classifier: Classifier, make_tone: Tone):
    tone, silence = make_tone(1000, 1), np.zeros(RATE, np.float32)
    for channels in ([tone, silence], [silence, tone]):
        stereo = classifier.classify(np.stack(channels, axis=1), RATE)
        assert stereo.probability == pytest.approx(classifier.classify(tone, RATE).probability, abs=1e-5)


def test_channels_that_cancel_are_not_silent(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    tone = make_tone(1000, 1)
    upside_down = np.stack([tone, -tone], axis=1)
    assert classifier.classify(upside_down, RATE) == classifier.classify(tone, RATE)
    path = write(tmp_path / "a.wav", upside_down)
    assert classifier.classify_file(path).probability == pytest.approx(
        classifier.classify(tone, RATE).probability, abs=1e-3
    )


def test_whole_numbers_are_scaled(classifier: Classifier, make_tone: Tone):
    tone = make_tone(1000, 1)
    expected = classifier.classify(tone, RATE).probability
    assert classifier.classify((tone * 32768).astype(np.int16), RATE).probability == pytest.approx(expected, abs=1e-3)
    assert classifier.classify((tone * 32768).astype(">i2"), RATE).probability == pytest.approx(expected, abs=1e-3)
    assert classifier.classify((tone * 2**31).astype(np.int32), RATE).probability == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(classifier.logits((tone * 32768).astype(np.int16)), known_logits(1000), atol=5e-3)
    np.testing.assert_allclose(classifier.embedding((tone * 2**31).astype(np.int32)), classifier.embedding(tone))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.full(100, 0.5, np.float32), "too short"),
        (np.full(RATE, np.nan, np.float32), "NaN or infinity"),
        (np.full(RATE, np.inf), "NaN or infinity"),
        (np.zeros(0, np.float32), r"the shape is \(0,\)"),
        (np.zeros((2, RATE), np.float32), "transpose them"),
        (np.zeros((2, 2, 2), np.float32), "the shape is"),
        (np.full(RATE, 100, np.uint8), "are uint8"),
        (np.full(RATE, 1j), "are complex128"),
    ],
)
def test_samples_that_are_no_sound_are_refused(classifier: Classifier, samples: NDArray[np.generic], message: str):
    with pytest.raises(AudioError, match=message):
        classifier.classify(samples, RATE)


@pytest.mark.parametrize("rate", [0, -RATE, float("nan")])
def test_a_sample_rate_that_cannot_be_is_a_mistake(classifier: Classifier, make_tone: Tone, rate: int):
    with pytest.raises(ValueError, match=f"sample_rate must be at least 1 Hz, got {rate}"):
        classifier.classify(make_tone(1000, 1), rate)


def test_one_path_is_not_taken_for_many(classifier: Classifier):
    with pytest.raises(TypeError, match=r"takes many paths, but was given one, 'song\.wav'; classify_file takes one"):
        classifier.classify_files("song.wav")


@pytest.mark.parametrize("top", [0, -1])
def test_no_genres_are_a_mistake(classifier: Classifier, make_tone: Tone, tmp_path: Path, top: int):
    path = write(tmp_path / "a.wav", make_tone(1000, 1))
    for classify in (
        lambda: classifier.classify(make_tone(1000, 1), RATE, top=top),
        lambda: classifier.classify_file(path, top=top),
        lambda: classifier.try_file(path, top=top),
        lambda: classifier.classify_files([path], top=top),
        lambda: classifier.classify_folder(tmp_path, top=top),
        lambda: classifier.timeline(path, top=top),
    ):
        with pytest.raises(ValueError, match=f"top must be at least 1 genre, or None for all, got {top}"):
            classify()


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 10), np.float32), np.zeros(0, np.float32), np.full(9, np.nan, np.float32)]
)
def test_logits_are_not_made_of_what_is_no_clip(classifier: Classifier, samples: NDArray[np.float32]):
    with pytest.raises(AudioError, match="must be finite and of shape"):
        classifier.logits(samples)


def test_logits_are_not_made_of_whole_numbers_without_a_scale(classifier: Classifier):
    with pytest.raises(AudioError, match=r"must be floats in .*, int16 or int32, but are int64"):
        classifier.logits(np.full(RATE, 100))


# From files


def write(path: Path, samples: NDArray[np.float32], rate: int = RATE, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def test_a_file_gives_what_its_samples_give(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    tone = make_tone(1000, 3.5)
    path = write(tmp_path / "tone.wav", tone, subtype="FLOAT")
    prediction = classifier.classify_file(path)
    assert (prediction.path, prediction.seconds) == (str(path), 3.5)
    assert prediction.genres == classifier.classify(tone, RATE).genres


def test_an_open_file_gives_what_the_same_file_gives_by_its_name(
    classifier: Classifier, make_tone: Tone, tmp_path: Path
):
    path = write(tmp_path / "a.flac", np.concatenate([make_tone(220, 20), make_tone(3000, 20)]))
    named, data = classifier.classify_file(path), path.read_bytes()
    assert classifier.classify_file(io.BytesIO(data)) == replace(named, path=None)
    assert list(classifier.classify_files([io.BytesIO(data), path])) == [replace(named, path=None), named]
    assert [span[:2] for span in classifier.timeline(io.BytesIO(data))] == [s[:2] for s in classifier.timeline(path)]
    bad = classifier.try_file(io.BytesIO(b"no sound"))
    assert (bad.path, bad.error) == (None, "not audio: no decoder knows its content")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff", "a.au"])
def test_every_format_of_libsndfile_is_heard(classifier: Classifier, make_tone: Tone, tmp_path: Path, name: str):
    prediction = classifier.classify_file(write(tmp_path / name, make_tone(3000, 5, 44100), 44100))
    assert prediction.genre == "whistle"
    assert prediction.seconds == pytest.approx(5, abs=0.1)


def test_by_default_twelve_windows_are_spread_over_a_long_track(
    classifier: Classifier, make_tone: Tone, tmp_path: Path
):
    # 36 s: windows of 1 s lie at 1, 4, 7 ... 34 s. Only there, the tone is a whistle.
    track = make_tone(220, 36)
    for start in range(1, 36, 3):
        track[start * RATE : (start + 1) * RATE] = make_tone(3000, 1)
    path = write(tmp_path / "track.wav", track)
    assert classifier.classify_file(path).genre == "whistle"
    heard = classifier.classify_file(path).genres
    assert heard == classifier.classify_file(path, windows=DEFAULT_WINDOWS).genres
    # Heard whole, it is a whistle for a third of the time, and the mean of the logits is highest for neither.
    assert classifier.classify_file(path, windows=36).genre == "voice"


def test_a_short_track_is_heard_whole(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    track = np.concatenate([make_tone(220, 6), make_tone(3000, 2)])
    path = write(tmp_path / "short.wav", track, subtype="FLOAT")
    assert classifier.classify_file(path).genres == classifier.classify(track, RATE).genres


def test_a_short_track_is_heard_at_the_bundles_hop_or_in_as_many_windows_as_are_asked_for(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    overlapping = Classifier(make_bundle(tmp_path / "b.onnx", hop=RATE // 4))
    track = make_tone(220, 2.5)
    for start in window_starts(len(track), RATE, count=2):  # three windows do not fit side by side
        track[start : start + RATE] = make_tone(3000, 1)
    path = write(tmp_path / "a.wav", track, subtype="FLOAT")
    assert overlapping.classify_file(path).genres == overlapping.classify(track, RATE).genres
    asked = dict(overlapping.classify_file(path, windows=3).genres)
    assert asked["whistle"] == pytest.approx(softmax(known_logits(3000))[2], abs=1e-3)


def test_windows_of_another_length_than_a_second_lie_where_they_should(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    # Windows of 2 s at 11 025 Hz: of 72 s, twelve lie at 2, 8, 14 ... 68 s. Only there, the tone is a whistle.
    classifier = Classifier(make_bundle(tmp_path / "b.onnx", sample_rate=RATE // 2))
    track = make_tone(110, 72, RATE // 2)
    for start in range(2, 72, 6):
        track[start * RATE // 2 : (start + 2) * RATE // 2] = make_tone(1500, 2, RATE // 2)
    prediction = classifier.classify_file(write(tmp_path / "a.wav", track, RATE // 2))
    assert dict(prediction.genres)["whistle"] == pytest.approx(softmax(known_logits(3000))[2], abs=1e-3)


def test_one_window_is_the_middle_of_the_track(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    track = np.concatenate([make_tone(220, 10), make_tone(3000, 1), make_tone(220, 10)])
    assert classifier.classify_file(write(tmp_path / "a.wav", track), windows=1).genre == "whistle"


def test_no_windows_is_a_mistake(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    path = write(tmp_path / "a.wav", make_tone(220, 3))
    for ask in (classifier.classify_file, classifier.try_file, classifier.classify_folder):
        with pytest.raises(ValueError, match="windows must be at least 1, or None for as many"):
            ask(path, windows=0)
    with pytest.raises(ValueError, match="windows must be at least 1"):
        classifier.classify_files([path], windows=0)


def test_a_ten_hour_file_is_read_in_excerpts_alone(classifier: Classifier, tmp_path: Path):
    # Sparse: 10 h of zeros take no space on disk; only the middle is a tone.
    path, rate, seconds = tmp_path / "long.wav", 8000, 36000
    soundfile.write(path, np.zeros(1, np.int16), rate)
    header = bytearray(path.read_bytes()[:44])
    header[4:8] = (36 + 2 * rate * seconds).to_bytes(4, "little")
    header[40:44] = (2 * rate * seconds).to_bytes(4, "little")
    tone = np.sin(np.arange(20 * rate) * 2 * np.pi * 3000 / rate) * 16000
    with path.open("wb") as file:
        file.write(header)
        file.seek(44 + 2 * rate * (seconds // 2 - 10))
        file.write(tone.astype("<i2").tobytes())
        file.truncate(44 + 2 * rate * seconds)
    prediction = classifier.classify_file(path, windows=3)
    assert (prediction.genre, prediction.seconds) == ("whistle", 36000.0)


def test_silent_windows_of_a_long_track_do_not_count(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    track = np.zeros(60 * RATE, np.float32)
    track[: 10 * RATE] = make_tone(3000, 10)
    path = write(tmp_path / "a.wav", track, subtype="FLOAT")
    expected = classifier.classify(make_tone(3000, 1), RATE).probability
    assert classifier.classify_file(path).probability == pytest.approx(expected, abs=1e-3)


def test_a_long_track_that_is_cut_off_is_judged_by_what_is_there(
    classifier: Classifier, make_tone: Tone, tmp_path: Path
):
    whole = write(tmp_path / "whole.mp3", make_tone(3000, 60, 44100), 44100)
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    assert classifier.classify_file(cut).genre == "whistle"


@pytest.mark.parametrize(("share", "left"), [(0.2, "10"), (0.4, "25")])
def test_a_long_flac_that_lacks_more_than_half_is_refused_as_a_short_one_is(
    classifier: Classifier, make_tone: Tone, tmp_path: Path, share: float, left: str
):
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 60 * RATE).astype(np.float32)
    path = write(tmp_path / "a.flac", make_tone(3000, 60) + noise)  # of the same bit rate throughout
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    reason = f"cut short: only about {left} of 60 s can be decoded; get the file anew"
    assert classifier.try_file(path).error == reason


@pytest.mark.parametrize("seconds", [10, 60])
def test_a_flac_that_lacks_less_than_half_is_judged_by_what_is_there_and_has_its_length(
    classifier: Classifier, make_tone: Tone, tmp_path: Path, seconds: int
):
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, seconds * RATE).astype(np.float32)
    path = write(tmp_path / "a.flac", make_tone(3000, seconds) + noise)
    path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
    prediction = classifier.classify_file(path)
    assert prediction.genre == "whistle"
    assert prediction.seconds == pytest.approx(len(read(path)) / RATE, abs=0.3)  # a block of flac


def test_a_flac_with_a_hole_is_as_long_as_it_says(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    path = write(tmp_path / "a.flac", make_tone(3000, 60))
    data = path.read_bytes()
    hole = int(0.55 * len(data))
    path.write_bytes(data[:hole] + bytes(5000) + data[hole + 5000 :])
    prediction = classifier.classify_file(path)
    assert (prediction.genre, prediction.seconds) == ("whistle", 60.0)


def test_a_header_that_claims_hours_is_not_believed(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    path = write(tmp_path / "claim.flac", make_tone(3000, 20))
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the total number of samples: 36 bits from the middle of byte 21 on
    path.write_bytes(content)
    prediction = classifier.classify_file(path)
    assert (prediction.genre, prediction.seconds) == ("whistle", None)


# Samples beyond [-1, 1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("gain", [3, 1e30, 3e38])
def test_samples_from_memory_are_clipped_as_those_of_a_file(
    classifier: Classifier, make_tone: Tone, tmp_path: Path, rate: int, channels: int, gain: float
):
    track = np.stack([make_tone(3000, 3, rate, amplitude=1.0)] * channels, axis=1) * np.float32(gain)
    prediction = classifier.classify(track, rate)
    expected = classifier.classify_file(write(tmp_path / "a.wav", track, rate, subtype="FLOAT"))
    assert prediction.genre == "whistle"
    assert dict(prediction.genres) == pytest.approx(dict(expected.genres), abs=1e-6)


def test_logits_are_those_of_clipped_samples(classifier: Classifier, make_tone: Tone):
    track = make_tone(1000, 2, amplitude=1.0) * np.float32(1e38)
    np.testing.assert_array_equal(classifier.logits(track), classifier.logits(np.clip(track, -1, 1)))
    assert classifier.embedding(track)[0] == pytest.approx(1, abs=0.01)  # the mean level


# Silence: there is nothing to hear, which is an answer and no failure.


def test_silent_samples_are_unknown(classifier: Classifier):
    assert classifier.classify(np.zeros((2 * RATE, 2), np.float32), RATE) == Prediction(None, unknown=True, seconds=2.0)


@pytest.mark.parametrize("seconds", [0.5, 5, 60])
@pytest.mark.parametrize("windows", [None, 1, 4])
def test_a_silent_file_is_unknown_whatever_its_length(
    classifier: Classifier, tmp_path: Path, seconds: float, windows: int | None
):
    path = write(tmp_path / "silence.flac", np.zeros(round(seconds * RATE), np.float32))
    expected = Prediction(str(path), unknown=True, seconds=seconds)
    assert classifier.classify_file(path, windows) == classifier.try_file(path, windows) == expected
    assert all(span.silent for _, _, span in classifier.timeline(path))


def test_a_single_audible_second_is_heard_however_long_the_silence_around_it(
    classifier: Classifier, make_tone: Tone, tmp_path: Path
):
    track = np.zeros(10 * RATE, np.float32)
    track[2 * RATE : 3 * RATE] = make_tone(3000, 1, amplitude=3e-4)  # -73.5 dB of full scale, and of the whole, -83.5
    path = write(tmp_path / "a.wav", track, subtype="FLOAT")
    assert classifier.classify(track, RATE).genre == "whistle"
    assert classifier.classify_file(path).genre == "whistle"
    assert classifier.classify_file(path, windows=1).silent  # the middle second is
    assert [span.genre for _, _, span in classifier.timeline(path)] == [*[None] * 2, "whistle", *[None] * 7]


def test_a_short_sound_is_no_softer_for_what_its_window_is_padded_with(
    classifier: Classifier, make_tone: Tone, tmp_path: Path
):
    track = make_tone(3000, 0.15, amplitude=3e-4)  # -73.5 dB of full scale; with the padding, -81.7
    assert classifier.classify_file(write(tmp_path / "a.wav", track, subtype="FLOAT")).genre == "whistle"


# Vocabularies, blends, tags and strangeness


def test_a_vocabulary_confines_the_answer_to_its_genres(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    path = make_bundle(tmp_path / "b.onnx", vocabularies={"ends": ["whistle", "bass"]}, temperature=2.0)
    confined = Classifier(path, vocabulary="ends")
    logits = known_logits(1000)[[0, 2]]
    assert confined.genres == ("bass", "whistle")
    np.testing.assert_allclose(confined.logits(make_tone(1000, 1)), logits, atol=2e-3)
    prediction = confined.classify(make_tone(1000, 1), RATE)
    assert dict(prediction.genres) == pytest.approx(
        dict(zip(("bass", "whistle"), softmax(logits / 2), strict=True)), abs=1e-3
    )
    assert Classifier(path).genres == ("bass", "voice", "whistle")
    assert genrelab.load(path, vocabulary="ends").genres == confined.genres


def test_a_vocabulary_that_is_not_there_is_an_error_that_names_the_bundle(tiny_bundle: Path):
    with pytest.raises(BundleError, match=r"tiny\.onnx: no vocabulary 'gtzan': it has none"):
        Classifier(tiny_bundle, vocabulary="gtzan")


def test_two_genres_that_are_about_as_likely_are_a_blend_however_few_are_asked_for(
    classifier: Classifier, make_tone: Tone
):
    between = make_tone(351, 1)  # r = 0.1: bass and voice weigh the same
    assert set(classifier.classify(between, RATE).blend) == {"bass", "voice"}
    assert len(classifier.classify(between, RATE, top=1).blend) == 2
    assert classifier.classify(make_tone(220, 1), RATE).blend == ()


def test_tags_are_independent_and_averaged_over_windows(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    tagger = Classifier(make_bundle(tmp_path / "b.onnx", outputs=("tags",), tags=["loud", "high"]))
    prediction = tagger.classify(np.concatenate([make_tone(220, 1), make_tone(3000, 1)]), RATE)
    loud = 1 / (1 + np.exp(4 - 20 * 0.5 * 2 / np.pi))
    high = np.mean([1 / (1 + np.exp(6 - 40 * np.sin(np.pi * hz / RATE))) for hz in (220, 3000)])
    assert [tag for tag, _ in prediction.tags] == ["loud", "high"]
    assert [probability for _, probability in prediction.tags] == pytest.approx([loud, high], abs=1e-3)


def test_what_is_like_nothing_that_the_model_knows_is_unknown_however_probable(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    wary = Classifier(make_bundle(tmp_path / "b.onnx", outputs=("strangeness",), unknown_above=1.0))
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    strange = wary.classify(noise, RATE)
    assert (strange.unknown, strange.genre, strange.blend) == (True, "whistle", ())
    assert strange.probability == pytest.approx(1, abs=1e-3)
    assert not wary.classify(make_tone(3000, 1), RATE).unknown


def test_strangeness_is_averaged_over_a_clip_and_judged_window_by_window_along_it(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone
):
    wary = Classifier(make_bundle(tmp_path / "b.onnx", outputs=("strangeness",), unknown_above=1.0))
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    path = write(tmp_path / "a.wav", np.concatenate([noise, np.zeros(RATE, np.float32), make_tone(220, 1)]))
    assert not wary.classify_file(path).unknown  # (1.4 + 0.06) / 2
    assert [span.unknown for _, _, span in wary.timeline(path)] == [True, True, False]
    assert [span.genre for _, _, span in wary.timeline(path)] == ["whistle", None, "bass"]


def test_the_graph_runs_once_whatever_is_asked_of_it(
    tmp_path: Path, make_bundle: Callable[..., Path], make_tone: Tone, monkeypatch: pytest.MonkeyPatch
):
    rich = {"outputs": ("tags", "strangeness"), "tags": ["loud", "high"], "unknown_above": 1.0}
    classifier, runs = Classifier(make_bundle(tmp_path / "b.onnx", **rich)), []

    class Counted:
        def run(self, names: list[str], given: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
            runs.append(names)
            return session.run(names, given)

    session = classifier._session
    monkeypatch.setattr(classifier, "_session", Counted())
    prediction = classifier.classify(make_tone(220, 3), RATE)
    assert (prediction.genre, len(prediction.tags)) == ("bass", 2)
    assert runs == [["logits", "tags", "strangeness"]]


# Damage: every file says in a sentence what is wrong with it, and the batch goes on.


def damaged(folder: Path, tone: NDArray[np.float32]) -> dict[str, str | None]:
    """Write files of all kinds of damage; return by name what the error must say ('' where they can be heard).

    None stands for a file with nothing to hear.
    """
    good = write(folder / "good.wav", tone)
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("Dear Sir or Madam,\n" * 100)
    (folder / "header.wav").write_bytes(good.read_bytes()[:30])
    (folder / "cut.wav").write_bytes(good.read_bytes()[:50000])
    claims = bytearray(good.read_bytes())
    claims[4:8] = claims[40:44] = (2**31 - 1).to_bytes(4, "little")
    (folder / "claims 2 GB.wav").write_bytes(claims)
    write(folder / "flac.flac", tone)
    (folder / "flac cut.flac").write_bytes((folder / "flac.flac").read_bytes()[:60])
    nan, infinite = tone.copy(), tone.copy()
    nan[1000], infinite[-1] = np.nan, np.inf
    write(folder / "nan.wav", nan, subtype="FLOAT")
    write(folder / "inf.wav", infinite, subtype="FLOAT")
    write(folder / "one sample.wav", tone[:1])
    write(folder / "silence.flac", np.zeros(2 * RATE, np.float32))
    write(folder / "eight channels.wav", np.stack([tone] * 8, axis=1))
    write(folder / "192 kHz.wav", np.repeat(tone, 8), 8 * RATE)
    write(folder / "8 bit.wav", tone, subtype="PCM_U8")
    (folder / "broken link.wav").symlink_to(folder / "nothing")
    (folder / "a folder.wav").mkdir()
    write(folder / "a folder.wav" / "inside.wav", tone)
    return {
        "good.wav": "",
        "empty.wav": "empty file",
        "text.mp3": "not audio",
        "header.wav": "damaged|not audio",
        "cut.wav": "",
        "claims 2 GB.wav": "",
        "flac.flac": "",
        "flac cut.flac": "no sound|damaged|cut short|not audio",
        "nan.wav": "NaN or infinite",
        "inf.wav": "NaN or infinite",
        "one sample.wav": "too short",
        "silence.flac": None,
        "eight channels.wav": "",
        "192 kHz.wav": "",
        "8 bit.wav": "",
        "broken link.wav": "a link whose target is missing",
        "a folder.wav/inside.wav": "",
    }


def test_a_folder_of_damaged_files_is_gone_through_to_the_end(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    expected = damaged(tmp_path, make_tone(3000, 2))
    predictions = {os.path.relpath(str(p.path), tmp_path): p for p in classifier.classify_folder(tmp_path, jobs=2)}
    assert sorted(predictions) == sorted(expected)
    for name, reason in expected.items():
        prediction = predictions[name]
        if reason is None:
            assert prediction.silent, name
        elif reason:
            assert prediction.genre is None, name
            assert any(part in str(prediction.error) for part in reason.split("|")), (name, prediction.error)
        else:
            assert (prediction.error, prediction.genre) == (None, "whistle"), name


def test_one_damaged_file_raises_an_error_that_names_it(classifier: Classifier, tmp_path: Path):
    path = tmp_path / "empty.mp3"
    path.touch()
    with pytest.raises(AudioError, match=r"empty\.mp3: empty file"):
        classifier.classify_file(path)
    assert classifier.try_file(path) == Prediction(str(path), error="empty file")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.wav", "no such file"), ("a\0b.wav", "cannot be read"), ("x" * 300 + ".wav", "cannot be read")],
)
def test_a_name_that_leads_nowhere_is_an_error_like_any_other(
    classifier: Classifier, tmp_path: Path, name: str, reason: str
):
    assert reason in str(classifier.try_file(tmp_path / name).error)


def test_a_disk_that_fails_on_the_way_does_not_end_the_batch(
    classifier: Classifier, make_tone: Tone, tmp_path: Path, bad_disk: Callable[[int], None]
):
    for name in ("a.wav", "b.mp3", "c.wav"):
        write(tmp_path / name, make_tone(3000, 5))
    song = tmp_path / "b.mp3"  # without the tag that tells its length, so that its frames are counted
    song.write_bytes(song.read_bytes().replace(b"Xing", bytes(4)).replace(b"Info", bytes(4)))
    bad_disk(5_000)
    first, second, third = classifier.classify_folder(tmp_path, jobs=1)
    assert (first.genre, third.genre) == ("whistle", "whistle")
    assert (second.genre, second.error) == (None, "cannot be read: Input/output error")
    with pytest.raises(AudioError, match=r"b\.mp3: cannot be read: Input/output error"):
        classifier.timeline(song)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    path = write(tmp_path / "a.wav", make_tone(220, 1))
    path.chmod(0)
    assert classifier.try_file(path).error == "no permission to read it"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf8_is_heard(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    good = write(tmp_path / "good.wav", make_tone(3000, 1))
    shutil.copy(good, os.fsencode(tmp_path) + b"/caf\xe9.wav")
    good.unlink()
    (prediction,) = classifier.classify_folder(tmp_path)
    assert (prediction.genre, prediction.error) == ("whistle", None)
    assert os.fsencode(str(prediction.path)).endswith(b"caf\xe9.wav")


def test_hidden_files_and_other_kinds_are_passed_over(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    write(tmp_path / "a.wav", make_tone(220, 1))
    (tmp_path / "._a.wav").touch()
    (tmp_path / "cover.jpg").touch()
    assert [p.path for p in classifier.classify_folder(tmp_path)] == [str(tmp_path / "a.wav")]


def test_files_come_in_order_whatever_the_number_of_jobs(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    for number in range(20):
        write(tmp_path / f"{number:02}.wav", make_tone(220 if number % 2 else 3000, 1 + number % 3))
    alone, together = ([p.to_json() for p in classifier.classify_folder(tmp_path, jobs=jobs)] for jobs in (1, 4))
    assert alone == together
    assert len(alone) == 20


# Along a file


def test_a_timeline_follows_the_music(classifier: Classifier, make_tone: Tone, tmp_path: Path):
    track = np.concatenate([make_tone(220, 2), np.zeros(RATE, np.float32), make_tone(3000, 1.5)])
    spans = classifier.timeline(write(tmp_path / "a.wav", track))
    assert [(start, end) for start, end, _ in spans] == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 4.5)]
    assert [prediction.genre for _, _, prediction in spans] == ["bass", "bass", None, "whistle", "whistle"]
    assert [prediction.seconds for _, _, prediction in spans] == [1, 1, 1, 1, 0.5]
    assert spans[2][2].silent
    assert spans[2][2].error is None


def test_a_timeline_goes_on_past_the_block_that_is_decoded_at_a_time(
    classifier: Classifier, make_tone: Tone, tmp_path: Path
):
    track = np.concatenate([make_tone(220, 64), make_tone(3000, 64)])
    spans = classifier.timeline(write(tmp_path / "a.flac", track), top=1)
    assert [end - start for start, end, _ in spans] == [1.0] * 128
    assert [prediction.genre for _, _, prediction in spans] == ["bass"] * 64 + ["whistle"] * 64
    assert len(spans[0][2].genres) == 1


@pytest.mark.parametrize("rate", [1000, 8000, 11025, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("windows", [64, 128, 130.5])
def test_a_timeline_has_no_gaps_and_overlaps_whatever_the_rate_of_the_file(
    tmp_path: Path, make_bundle: Callable[..., Path], rate: int, windows: float
):
    # Windows of 1.0023 s: in none of these rates is a block of 64 a whole number of samples.
    classifier = Classifier(make_bundle(tmp_path / "b.onnx", sample_rate=22000))
    window = 22050 / 22000
    tone = 0.5 * np.sin(2 * np.pi * 220 / rate * np.arange(round(windows * window * rate)))
    spans = classifier.timeline(write(tmp_path / "a.wav", tone.astype(np.float32), rate))
    edges = [0.0, *(end for _, end, _ in spans)]
    assert [start for start, _, _ in spans] == pytest.approx(edges[:-1], abs=1e-9)
    lengths = [window] * int(windows) + ([window / 2] if windows % 1 else [])
    assert np.diff(edges) == pytest.approx(lengths, abs=0.001)
    assert all(prediction.genre == "bass" for _, _, prediction in spans)


def test_a_timeline_says_where_a_file_cannot_be_decoded_any_further(
    classifier: Classifier, make_tone: Tone, tmp_path: Path
):
    track = make_tone(220, 100)
    track[70 * RATE] = np.nan
    spans = classifier.timeline(write(tmp_path / "a.wav", track, subtype="FLOAT"))
    assert [prediction.genre for _, _, prediction in spans] == ["bass"] * 64 + [None]
    assert spans[-1][:2] == (64, 100)
    assert "NaN" in str(spans[-1][2].error)


# Without the training half


def test_a_bundle_is_used_with_the_base_install_alone(tiny_bundle: Path, make_tone: Tone, tmp_path: Path):
    path = write(tmp_path / "a.mp3", make_tone(3000, 3))
    program = f"""
import sys
for name in "torch lightning torchmetrics pandas scipy sklearn onnx matplotlib pydantic yaml librosa av".split():
    sys.modules[name] = None  # what makes an import fail
import genrelab
classifier = genrelab.load({str(tiny_bundle)!r})
print(classifier.classify_file({str(path)!r}).genre, len(classifier.timeline({str(path)!r})))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "whistle", "")


def test_classifying_tells_nobody_and_leaves_nothing_behind(tiny_bundle: Path, make_tone: Tone, tmp_path: Path):
    path = write(tmp_path / "a.wav", make_tone(3000, 3))
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}  # CI=… would silence it, too
    program = f"import genrelab; print(genrelab.load({str(tiny_bundle)!r}).classify_file({str(path)!r}).genre)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, env=kept | {"HOME": str(home)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("whistle\n", "")
    assert list(home.rglob("*")) == []  # where ONNX Runtime reports, an identifier lies there


def test_real_music_is_heard_without_a_failure(classifier: Classifier, shared_data: Path):
    predictions = list(classifier.classify_folder(shared_data / "fma-mp3"))
    assert len(predictions) == 30
    assert {prediction.error for prediction in predictions} == {None}
    assert all(29 < (prediction.seconds or 0) < 31 for prediction in predictions)
