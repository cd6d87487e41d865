import numpy as np
import pytest
from scipy.signal import butter, sosfreqz

from genrelab.augment.waveform import BandStop, Gain, LowPass, Noise, RandomCrop, Reverse, TimeShift

CLIP = np.array([0.1, 0.2, -0.3, 0.4, 0.5], np.float32)


def drawn(augmentation, name, draws=2000):
    rng = np.random.default_rng(0)
    return np.array([augmentation.parameters(rng, (5,))[name] for _ in range(draws)])


def apply(augmentation, clip=CLIP, length=None, **parameters):
    return augmentation.apply(clip, {"applied": True} | parameters, length=length)


def test_twenty_decibels_are_ten_times_the_amplitude():
    np.testing.assert_allclose(apply(Gain(), decibels=20.0), [1, 2, -3, 4, 5], rtol=1e-6)
    np.testing.assert_allclose(apply(Gain(), decibels=-20.0), [0.01, 0.02, -0.03, 0.04, 0.05], rtol=1e-6)


def test_gains_are_uniform_in_their_range():
    gains = drawn(Gain(decibels=(-12.0, 3.0)), "decibels")
    assert -12 <= gains.min() < -11.9
    assert 2.9 < gains.max() <= 3
    assert gains.mean() == pytest.approx(-4.5, abs=0.3)


def test_noise_has_the_amplitude_that_was_drawn():
    silence = np.zeros(100_000, np.float32)
    noise = apply(Noise(), silence, amplitude=0.004, seed=1)
    assert noise.std() == pytest.approx(0.004, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=5e-5)
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.01
    np.testing.assert_allclose(apply(Noise(), silence + 0.5, amplitude=0.004, seed=1) - 0.5, noise, atol=1e-7)


def test_another_seed_is_another_noise():
    one, other = (apply(Noise(), np.zeros(10_000, np.float32), amplitude=0.1, seed=seed) for seed in (1, 2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


def test_a_clip_that_is_left_as_it_is_gives_its_beginning():
    np.testing.assert_array_equal(Gain().apply(CLIP, {"applied": False}, length=3), CLIP[:3])


def test_noise_amplitudes_lie_in_their_range():
    amplitudes = drawn(Noise(), "amplitude")
    assert 0.001 <= amplitudes.min() < 0.00101
    assert 0.00499 < amplitudes.max() <= 0.005
    assert amplitudes.mean() == pytest.approx(0.003, abs=1e-4)


@pytest.mark.parametrize(
    ("fill", "fraction", "expected"),
    [
        ("circular", 0.4, [0.4, 0.5, 0.1, 0.2, -0.3]),
        ("circular", -0.2, [0.2, -0.3, 0.4, 0.5, 0.1]),
        ("circular", 0.0, [0.1, 0.2, -0.3, 0.4, 0.5]),
        ("zero", 0.4, [0, 0, 0.1, 0.2, -0.3]),
        ("zero", -0.2, [0.2, -0.3, 0.4, 0.5, 0]),
        ("zero", 0.0, [0.1, 0.2, -0.3, 0.4, 0.5]),
        ("zero", 1.0, [0, 0, 0, 0, 0]),
    ],
)
def test_a_shift_moves_samples_later_or_earlier(fill, fraction, expected):
    np.testing.assert_array_equal(apply(TimeShift(fill=fill), fraction=fraction), np.float32(expected))


def test_shifts_go_both_ways_and_wrap_round_unless_told():
    fractions = drawn(TimeShift(), "fraction")
    assert -0.1 <= fractions.min() < -0.099
    assert 0.099 < fractions.max() <= 0.1
    assert TimeShift().fill == "circular"


def test_reversed_the_last_sample_is_the_first():
    np.testing.assert_array_equal(apply(Reverse()), np.float32([0.5, 0.4, -0.3, 0.2, 0.1]))


@pytest.mark.parametrize(
    ("place", "length", "expected"),
    [
        (0.0, 3, [0.1, 0.2, -0.3]),
        (0.34, 3, [0.2, -0.3, 0.4]),
        (0.999, 3, [-0.3, 0.4, 0.5]),
        (0.999, 5, [0.1, 0.2, -0.3, 0.4, 0.5]),
        (0.999, 7, [0.1, 0.2, -0.3, 0.4, 0.5, 0, 0]),
    ],
)
def test_a_crop_is_a_part_of_the_clip(place, length, expected):
    np.testing.assert_array_equal(apply(RandomCrop(), place=place, length=length), np.float32(expected))


def test_every_crop_is_as_likely_as_another():
    crop = RandomCrop()
    rng = np.random.default_rng(0)
    firsts = np.array([crop(CLIP, rng, length=3)[0] for _ in range(3000)])
    values, counts = np.unique(firsts, return_counts=True)
    np.testing.assert_array_equal(values, np.float32([-0.3, 0.1, 0.2]))
    np.testing.assert_allclose(counts, 1000, atol=100)


def test_a_crop_asks_for_its_margin():
    assert RandomCrop(margin=0.5).input_for(1001, {"applied": True, "place": 0.1}) == 1502
    assert RandomCrop(margin=0.5).input_for(1001, {"applied": False}) == 1001
    assert Gain().input_for(1001, {"applied": True, "decibels": 3.0}) == 1001


def test_an_impulse_through_the_band_stop_has_the_response_of_a_butterworth_filter():
    impulse = np.zeros(22050, np.float32)
    impulse[11025] = 1
    filtered = apply(BandStop(sample_rate=22050), impulse, centre=1000.0, octaves=1.0)
    response = np.abs(np.fft.rfft(filtered))
    edges = 1000 * 2**-0.5, 1000 * 2**0.5
    assert response[1000] < 1e-3
    assert response[[round(edge) for edge in edges]] == pytest.approx([0.5**0.5] * 2, abs=0.01)
    assert response[[50, 400, 2500, 10000]] == pytest.approx([1, 1, 1, 1], abs=1e-2)
    sections = butter(4, edges, "bandstop", fs=22050, output="sos")
    hertz = [600, 650, 800, 1250, 1500, 1600]
    expected = np.abs(sosfreqz(sections, hertz, fs=22050)[1])
    assert response[hertz] == pytest.approx(expected, abs=0.03)  # the digital filter's frequencies are bent a little
    # No delay: as much before the impulse as after it.
    np.testing.assert_allclose(filtered[11025 - 2000 : 11025], filtered[11026:13026][::-1], atol=1e-5)


def test_the_band_stop_does_not_carry_the_end_over_to_the_beginning():
    clip = np.zeros(22050, np.float32)
    clip[-1] = 1
    filtered = apply(BandStop(sample_rate=22050), clip, centre=1000.0, octaves=1.0)
    assert np.abs(filtered[:1000]).max() < 1e-4


@pytest.mark.parametrize(
    ("hertz", "kept"), [(500, 1.0), (900, 1.0), (960, 0.95), (1000, 0.5), (1150, 0.0), (4000, 0.0)]
)
def test_the_low_pass_keeps_what_is_low_and_takes_what_is_high(hertz, kept):
    tone = np.sin(2 * np.pi * hertz * np.arange(22050) / 22050).astype(np.float32)
    filtered = LowPass(22050).augment(tone, {"cutoff": 1000.0}, len(tone))
    assert filtered.shape == tone.shape
    assert np.abs(filtered[5000:15000]).max() == pytest.approx(kept, abs=0.03)


def test_bands_are_drawn_evenly_in_octaves():
    cutoffs = np.log2(drawn(LowPass(sample_rate=22050, cutoff=(100.0, 1600.0)), "cutoff") / 100)
    assert cutoffs.mean() == pytest.approx(2, abs=0.1)
    band_stop = BandStop(sample_rate=22050, centre=(100.0, 1600.0), octaves=(0.5, 1.0))
    octaves = np.log2(drawn(band_stop, "centre") / 100)
    assert 0 <= octaves.min() < 0.02
    assert 3.98 < octaves.max() <= 4
    assert octaves.mean() == pytest.approx(2, abs=0.1)
    widths = drawn(band_stop, "octaves")
    assert widths.min() >= 0.5
    assert widths.max() <= 1
