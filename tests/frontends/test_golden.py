"""Every front end against librosa, to 1e-4 of the feature's scale."""

import librosa
import numpy as np
import pytest
import torch

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
