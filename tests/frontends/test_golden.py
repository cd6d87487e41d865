"""Every front end against librosa, to 1e-4 of the feature's scale."""

import librosa
import numpy as np
import pytest
import torch

from genrelab.extractors.chroma import chroma_filterbank
from genrelab.frontends import FRONTENDS

TOLERANCE = 1e-4


def features(kind, clip, sample_rate, **options):
    frontend = FRONTENDS[kind](sample_rate=sample_rate, normalise="none", **options)
    made = frontend(torch.from_numpy(clip)[None])
    assert tuple(made.shape[1:]) == frontend.shape(len(clip))
    return made[0, 0].numpy()


def assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < TOLERANCE * np.ptp(theirs)


MELS = [
    (22050, 3.0, {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "fmax": 8000.0}),
    (22050, 30.0, {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "fmax": 8000.0}),
    (12000, 3.0, {"n_fft": 512, "hop_length": 256, "n_mels": 96}),
    (16000, 2.0, {"n_fft": 1024, "hop_length": 160, "n_mels": 40, "fmin": 30.0, "norm": None}),
]


@pytest.mark.parametrize(("sample_rate", "seconds", "options"), MELS)
@pytest.mark.parametrize("mel_scale", ["slaney", "htk"])
@pytest.mark.filterwarnings("ignore:.*mel bands lie between", "ignore:Empty filters")
def test_mel_power_and_decibels(sound, sample_rate, seconds, options, mel_scale):
    clip = sound(sample_rate, seconds)
    theirs = librosa.feature.melspectrogram(y=clip, sr=sample_rate, htk=mel_scale == "htk", **options)
    options = options | {"mel_scale": mel_scale}
    assert_close(features("mel", clip, sample_rate, log="none", **options), theirs)
    assert_close(features("mel", clip, sample_rate, log="db", **options), librosa.power_to_db(theirs, ref=np.max))
    everything = librosa.power_to_db(theirs, ref=np.max, top_db=None)
    assert_close(features("mel", clip, sample_rate, log="db", top_db=None, **options), everything)


def test_mel_of_amplitudes(sound):
    clip = sound(22050, 2.0)
    theirs = librosa.feature.melspectrogram(y=clip, sr=22050, power=1.0)
    assert_close(features("mel", clip, 22050, power=1.0, log="none"), theirs)
    decibels = librosa.amplitude_to_db(theirs, ref=np.max, amin=1e-5)
    assert_close(features("mel", clip, 22050, power=1.0, log_floor=1e-5), decibels)


def test_mel_in_natural_logarithms_with_a_floor(sound):
    clip = sound(12000, 2.0)
    clip[6000:9000] = 0  # digital silence: there the floor is all that is left
    options = {"n_fft": 512, "hop_length": 256, "n_mels": 96}
    theirs = np.log(np.maximum(librosa.feature.melspectrogram(y=clip, sr=12000, **options), 1e-9))
    ours = features("mel", clip, 12000, log="log", log_floor=1e-9, **options)
    assert_close(ours, theirs)
    assert ours.min() == pytest.approx(np.log(1e-9))


def test_spectrogram_power_and_decibels(sound):
    clip = sound(22050, 3.0)
    theirs = np.abs(librosa.stft(clip)) ** 2
    assert_close(features("spectrogram", clip, 22050, log="none"), theirs)
    assert_close(features("spectrogram", clip, 22050), librosa.power_to_db(theirs, ref=np.max))


def test_spectrogram_of_amplitudes(sound):
    clip = sound(22050, 3.0)
    theirs = np.abs(librosa.stft(clip, n_fft=512, hop_length=128))
    ours = features("spectrogram", clip, 22050, n_fft=512, hop_length=128, power=1.0, log="none")
    assert_close(ours, theirs)


def test_spectrogram_keeps_the_bins_up_to_fmax(sound):
    clip = sound(22050, 2.0)
    # 8000 Hz is bin 743.04 of a transform of 2048 at 22 050 Hz: bins 0 to 743.
    theirs = np.abs(librosa.stft(clip))[:744] ** 2
    assert_close(features("spectrogram", clip, 22050, fmax=8000.0, log="none"), theirs)


@pytest.mark.parametrize("n_fft", [1023, 2047])
def test_spectrogram_of_an_odd_length(sound, n_fft):
    clip = sound(22050, 2.0)
    theirs = np.abs(librosa.stft(clip, n_fft=n_fft, hop_length=300)) ** 2
    assert_close(features("spectrogram", clip, 22050, n_fft=n_fft, hop_length=300, log="none"), theirs)


@pytest.mark.parametrize(
    ("sample_rate", "n_mfcc", "options"),
    [
        (22050, 20, {"n_fft": 2048, "hop_length": 512, "n_mels": 128}),
        (22050, 40, {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "fmax": 8000.0}),
        (12000, 13, {"n_fft": 512, "hop_length": 256, "n_mels": 40}),
    ],
)
def test_mfcc(sound, sample_rate, n_mfcc, options):
    clip = sound(sample_rate, 3.0)
    theirs = librosa.feature.mfcc(y=clip, sr=sample_rate, n_mfcc=n_mfcc, **options)
    assert_close(features("mfcc", clip, sample_rate, n_mfcc=n_mfcc, **options), theirs)


def test_mfcc_of_a_clip_with_silence_in_it_keeps_librosas_80_decibels(sound):
    clip = sound(22050, 2.0)
    clip[:20000] = 0
    assert_close(features("mfcc", clip, 22050), librosa.feature.mfcc(y=clip, sr=22050))


def test_mfcc_of_all_decibels(sound):
    clip = sound(22050, 2.0)
    everything = librosa.power_to_db(librosa.feature.melspectrogram(y=clip, sr=22050), top_db=None)
    assert_close(features("mfcc", clip, 22050, top_db=None), librosa.feature.mfcc(S=everything))


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_chroma", "tuning"),
    [(22050, 2048, 12, 0.0), (22050, 2048, 24, 0.3), (12000, 512, 12, -0.2), (16000, 1023, 10, 0.0)],
)
def test_chroma_filterbanks_are_those_of_librosa(sample_rate, n_fft, n_chroma, tuning):
    ours = chroma_filterbank(sample_rate, n_fft, n_chroma, tuning)
    theirs = librosa.filters.chroma(sr=sample_rate, n_fft=n_fft, n_chroma=n_chroma, tuning=tuning)
    assert ours.shape == theirs.shape == (n_chroma, n_fft // 2 + 1)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("sample_rate", "seconds", "options"),
    [
        (22050, 3.0, {}),
        (22050, 30.0, {"tuning": 0.25}),
        (12000, 3.0, {"n_fft": 1024, "hop_length": 256, "n_chroma": 24}),
    ],
)
def test_chroma_of_a_given_tuning(sound, sample_rate, seconds, options):
    clip = sound(sample_rate, seconds)
    clip[:5000] = 0  # a frame without any power stays zero
    theirs = librosa.feature.chroma_stft(y=clip, sr=sample_rate, **({"tuning": 0.0} | options))
    assert_close(features("chroma", clip, sample_rate, **options), theirs)


CONTRASTS = pytest.mark.parametrize(
    ("sample_rate", "seconds", "options"),
    [
        (22050, 3.0, {}),
        (22050, 30.0, {}),
        (22050, 3.0, {"quantile": 0.1, "fmin": 100.0, "n_bands": 4}),
        (16000, 3.0, {"n_fft": 1024, "hop_length": 256, "n_bands": 5}),
    ],
)


@CONTRASTS
def test_spectral_contrast_of_one_and_the_same_spectrum(sound, sample_rate, seconds, options):
    clip = sound(sample_rate, seconds)
    clip[:5000] = 0  # keeps librosa's 80 decibels
    grid = {key: options[key] for key in options.keys() & {"n_fft", "hop_length"}}
    power = torch.from_numpy((np.abs(librosa.stft(clip, **grid)) ** 2).T.copy())[None]
    frontend = FRONTENDS["contrast"](sample_rate=sample_rate, **options)
    ours = frontend.contrast(frontend.rows(power).transpose(1, 2)[:, None])[0, 0].numpy()
    theirs = librosa.feature.spectral_contrast(y=clip, sr=sample_rate, **options)
    assert np.abs(ours - theirs).max() < 1e-6 * np.ptp(theirs)


def assert_contrast_close(ours, theirs):
    # A valley may be a single bin that happens to vanish: there librosa's transform in double precision tells more
    # than ours. One value in a thousand is off by more than the tolerance, none by more than a fiftieth of a decibel.
    assert ours.shape == theirs.shape
    errors = np.abs(ours - theirs)
    assert np.quantile(errors, 0.999) < TOLERANCE * np.ptp(theirs)
    assert errors.max() < 0.02


@CONTRASTS
def test_spectral_contrast(sound, sample_rate, seconds, options):
    clip = sound(sample_rate, seconds)
    theirs = librosa.feature.spectral_contrast(y=clip, sr=sample_rate, **options)
    assert_contrast_close(features("contrast", clip, sample_rate, **options), theirs)


def test_the_stack_of_row_gtzan_fusion_cnn(sound):
    clip = sound(22050, 3.0)
    mel = librosa.power_to_db(librosa.feature.melspectrogram(y=clip, sr=22050), ref=np.max)
    mfcc = librosa.feature.mfcc(y=clip, sr=22050, n_mfcc=40)
    chroma = librosa.feature.chroma_stft(y=clip, sr=22050, tuning=0.0)
    contrast = librosa.feature.spectral_contrast(y=clip, sr=22050)
    stack = features("stack", clip, 22050)
    assert stack.shape == (187, 130)
    for ours, theirs in zip(np.split(stack[:180], [128, 168]), [mel, mfcc, chroma], strict=True):
        assert_close(ours, theirs)
    assert_contrast_close(stack[180:], contrast)
