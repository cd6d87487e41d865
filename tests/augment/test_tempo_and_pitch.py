"""The vocoder against librosa's and against what a tone must become."""

import librosa
import numpy as np
import pytest

from genrelab.augment.tempo_and_pitch import PitchShift, TimeStretch
from genrelab.augment.vocoder import pitch_shift, time_stretch

SAMPLE_RATE = 22050


def peak_hz(clip):
    """Return the frequency of the loudest partial; a grid of 0.02 Hz."""
    spectrum = np.abs(np.fft.rfft(clip * np.hanning(len(clip)), 2**20))
    return spectrum.argmax() * SAMPLE_RATE / 2**20


def cents(hz, expected):
    return 1200 * np.log2(hz / expected)


def inner(clip):
    """Leave out the ends, where a window reaches into the silence around the clip."""
    return clip[2048:-2048]


def energy(clip):
    return np.mean(np.square(clip, dtype=np.float64))


@pytest.mark.parametrize("hz", [110, 440, 5000])
@pytest.mark.parametrize("rate", [0.8, 0.93, 1.2])
def test_a_stretched_tone_keeps_pitch_and_loudness(make_tone, hz, rate):
    stretched = time_stretch(make_tone(hz, 2.0), rate)
    reference = librosa.effects.time_stretch(make_tone(hz, 2.0), rate=rate)
    assert len(stretched) == len(reference) == round(44100 / rate)
    assert cents(peak_hz(inner(stretched)), hz) == pytest.approx(0, abs=0.5)
    assert peak_hz(inner(stretched)) == pytest.approx(peak_hz(inner(reference)), abs=0.05)
    assert energy(inner(stretched)) == pytest.approx(0.125, rel=0.01)


@pytest.mark.parametrize("hz", [110, 440, 5000])
@pytest.mark.parametrize("semitones", [-2, 0.7, 12])
def test_a_shifted_tone_moves_by_exactly_so_many_semitones(make_tone, hz, semitones):
    shifted = pitch_shift(make_tone(hz, 2.0), semitones)
    reference = librosa.effects.pitch_shift(make_tone(hz, 2.0), sr=SAMPLE_RATE, n_steps=semitones)
    assert len(shifted) == len(reference) == 44100
    assert cents(peak_hz(inner(shifted)), hz * 2 ** (semitones / 12)) == pytest.approx(0, abs=0.5)
    assert peak_hz(inner(shifted)) == pytest.approx(peak_hz(inner(reference)), abs=0.05)
    assert energy(inner(shifted)) == pytest.approx(0.125, rel=0.01)


@pytest.mark.parametrize("rate", [0.8, 1.2])
def test_a_glide_keeps_the_energy_that_an_unlocked_vocoder_loses(rate):
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    glide = (0.5 * np.sin(2 * np.pi * (200 * time + 100 * time**2))).astype(np.float32)
    assert energy(inner(time_stretch(glide, rate))) == pytest.approx(0.125, rel=0.07)
    assert energy(inner(librosa.effects.time_stretch(glide, rate=rate))) < 0.11


def test_at_its_own_tempo_and_pitch_a_sound_is_itself():
    noise = np.random.default_rng(0).standard_normal(10_000, np.float32)
    np.testing.assert_allclose(time_stretch(noise, 1.0), noise, atol=1e-5)
    np.testing.assert_allclose(pitch_shift(noise, 0.0), noise, atol=1e-5)


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25])
def test_what_happens_in_the_sound_happens_at_its_stretched_time(rate):
    clip = np.zeros(2 * SAMPLE_RATE, np.float32)
    clip[SAMPLE_RATE] = 1
    # A quarter of a window is as sharp as a vocoder is.
    assert abs(np.abs(time_stretch(clip, rate)).argmax() - SAMPLE_RATE / rate) < 512


def test_sound_after_digital_silence_is_heard(make_tone):
    clip = np.concatenate([np.zeros(8000, np.float32), make_tone(440, 1.0)])
    stretched = time_stretch(clip, 0.8)
    assert np.abs(stretched[:7000]).max() == 0
    assert energy(stretched[12500:-2048]) == pytest.approx(0.125, rel=0.01)


def test_a_window_is_the_beginning_of_the_whole_stretched_sound():
    noise = np.random.default_rng(0).standard_normal(20_000, np.float32)
    whole = time_stretch(noise, 0.8)
    np.testing.assert_allclose(time_stretch(noise, 0.8, 12_000)[:11_000], whole[:11_000], atol=1e-5)
    fast = time_stretch(noise, 2.0, 20_000)
    assert len(fast) == 20_000
    assert np.abs(fast[12_000:]).max() == 0


def test_the_rate_decides_how_much_is_wanted():
    assert TimeStretch().input_for(66150, {"applied": True, "rate": 1.2}) == 79380
    assert TimeStretch().input_for(66150, {"applied": True, "rate": 0.8}) == 66150
    assert TimeStretch().input_for(66150, {"applied": False}) == 66150
    assert PitchShift().input_for(66150, {"applied": True, "semitones": 3}) == 66150


def test_how_long_a_clip_is_afterwards():
    stretch = TimeStretch()
    assert stretch.length_after(1000, {"applied": True, "rate": 1.25}) == 800
    assert stretch.length_after(1000, {"applied": False}) == 1000
    assert PitchShift().length_after(1000, {"applied": True, "semitones": 3}) == 1000


@pytest.mark.parametrize(
    ("augmentation", "name", "low", "high"),
    [(TimeStretch(), "rate", 0.8, 1.2), (PitchShift(), "semitones", -2, 2)],
)
def test_draws_fill_their_range(augmentation, name, low, high):
    rng = np.random.default_rng(0)
    drawn = np.array([augmentation.parameters(rng, (5,))[name] for _ in range(2000)])
    assert low <= drawn.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < drawn.max() <= high
    assert drawn.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))


def test_the_augmentations_are_the_vocoder(make_tone):
    clip = make_tone(440, 1.0)
    stretched = TimeStretch().apply(clip, {"applied": True, "rate": 1.1})
    np.testing.assert_array_equal(stretched, time_stretch(clip, 1.1, len(clip)))
    shifted = PitchShift().apply(clip, {"applied": True, "semitones": 1.5})
    np.testing.assert_array_equal(shifted, pitch_shift(clip, 1.5)[: len(clip)])
