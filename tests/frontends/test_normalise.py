import numpy as np
import pytest
import torch
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from genrelab.frontends import FRONTENDS
from genrelab.frontends.normalise import (
    NORMALISERS,
    BandClipped,
    BandMinMax,
    BandStandard,
    ClipMinMax,
    ClipStandard,
    Normaliser,
)

CLIPS = torch.tensor([[[[0.0, 1.0, 2.0], [3.0, 4.0, 8.0]]], [[[-50.0, -50.0, -50.0], [-50.0, -50.0, -50.0]]]])


def test_none_changes_nothing():
    assert Normaliser(2)(CLIPS) is CLIPS


def test_minmax_runs_from_minus_one_to_one_within_each_clip():
    scaled = ClipMinMax(2)(CLIPS)
    torch.testing.assert_close(scaled[0], torch.tensor([[[-1.0, -0.75, -0.5], [-0.25, 0.0, 1.0]]]))


def test_minmax_of_a_constant_clip_is_the_lowest_value():
    assert torch.equal(ClipMinMax(2)(CLIPS)[1], torch.full((1, 2, 3), -1.0))


def test_clip_standard_has_zero_mean_and_unit_variance_within_each_clip():
    scaled = ClipStandard(2)(CLIPS)
    assert scaled[0].mean() == pytest.approx(0, abs=1e-6)
    assert scaled[0].var(correction=0) == pytest.approx(1, rel=1e-5)
    assert torch.equal(scaled[1], torch.zeros(1, 2, 3))


def test_band_standard_is_the_mean_and_deviation_of_all_frames_of_the_training_part():
    normaliser = BandStandard(2)
    normaliser.fit([CLIPS[:1], CLIPS[1:, :, :, :2]])  # five frames: batches may differ in length
    assert normaliser.mean.flatten().tolist() == pytest.approx([(0 + 1 + 2 - 100) / 5, (3 + 4 + 8 - 100) / 5])
    expected = torch.tensor([[0.0, 1, 2, -50, -50], [3.0, 4, 8, -50, -50]]).std(dim=1, correction=0)
    torch.testing.assert_close(normaliser.deviation.flatten(), expected)


def test_band_standard_keeps_its_digits_far_from_zero():
    values = 1e4 + torch.arange(1000.0).remainder(2).reshape(10, 1, 1, 100)  # 10 000 and 10 001 in turn
    normaliser = BandStandard(1)
    normaliser.fit(values.split(1))
    assert normaliser.mean.item() == 10000.5
    assert normaliser.deviation.item() == pytest.approx(0.5, rel=1e-6)


def test_a_band_that_never_changes_comes_out_as_zeros():
    normaliser = BandStandard(2)
    normaliser.fit([CLIPS[1:]])
    assert torch.equal(normaliser(CLIPS[1:]), torch.zeros(1, 1, 2, 3))


def test_band_standard_without_training_clips_is_an_error():
    with pytest.raises(ValueError, match="no training clip"):
        BandStandard(2).fit([])
    with pytest.raises(ValueError, match="no training clip"):
        BandMinMax(2).fit([])


def test_band_minmax_runs_from_zero_to_one_over_the_training_part():
    normaliser = BandMinMax(2)
    normaliser.fit([CLIPS[:1], CLIPS[1:, :, :, :2]])
    scaled = normaliser(CLIPS[:1])
    torch.testing.assert_close(scaled[0, 0, 0], torch.tensor([50.0, 51.0, 52.0]) / 52)
    torch.testing.assert_close(scaled[0, 0, 1], torch.tensor([53.0, 54.0, 58.0]) / 58)


def test_band_minmax_of_a_band_that_never_changes_is_finite():
    normaliser = BandMinMax(2)
    normaliser.fit([CLIPS[1:]])
    assert torch.equal(normaliser(CLIPS[1:]), torch.zeros(1, 1, 2, 3))


@pytest.mark.parametrize("name", ["band-standard", "band-minmax"])
def test_a_band_that_never_changed_in_training_is_not_blown_up_where_it_does(name):
    scaler = {"band-standard": StandardScaler(), "band-minmax": MinMaxScaler()}[name]
    training, unseen = np.array([[120.0, 5.0], [120.0, 7.0]]), np.array([[117.5, 6.5]])
    normaliser = NORMALISERS[name](2)
    normaliser.fit([torch.from_numpy(training).float()[:, None, :, None]])
    scaled = normaliser(torch.from_numpy(unseen).float()[:, None, :, None])
    np.testing.assert_allclose(scaled[0, 0].T, scaler.fit(training).transform(unseen))


def test_a_fitted_front_end_carries_its_statistics_to_the_next(sound):
    waveforms = [torch.from_numpy(sound(8000, seconds))[None] for seconds in (1.0, 2.0)]
    options = {"sample_rate": 8000, "n_fft": 256, "hop_length": 128, "n_mels": 16, "normalise": "band-standard"}
    fitted = FRONTENDS["mel"](**options)
    fitted.fit(iter(waveforms))
    frames = torch.cat([fitted(waveform)[0, 0] for waveform in waveforms], dim=1)
    torch.testing.assert_close(frames.mean(dim=1), torch.zeros(16), rtol=0, atol=1e-4)
    torch.testing.assert_close(frames.std(dim=1, correction=0), torch.ones(16), rtol=0, atol=1e-4)

    restored = FRONTENDS["mel"](**options)
    restored.load_state_dict(fitted.state_dict())
    assert torch.equal(restored(waveforms[0]), fitted(waveforms[0]))


@pytest.mark.parametrize("name", [name for name in NORMALISERS if not name.startswith("band-")])
def test_scalings_within_a_clip_read_nothing_of_the_training_part(name):
    def never():
        raise AssertionError("the training part was read")
        yield

    NORMALISERS[name](2).fit(never())


def test_band_clipped_does_not_blow_up_what_never_varied():
    normaliser = NORMALISERS["band-clipped"](2)
    rounding = torch.tensor([0.0, 1e-7, -1e-7, 0.0])
    normaliser.fit([torch.stack([0.5 + rounding, torch.tensor([1.0, 2.0, 3.0, 4.0])])[None, None]])
    scaled = normaliser(torch.tensor([0.5 + 2e-7, 4.0]).reshape(1, 1, 2, 1)).flatten()
    assert abs(scaled[0]) < 1e-6
    assert scaled[1] == pytest.approx(1.5 / 1.25**0.5)


def test_band_clipped_keeps_what_lies_far_out_within_five_deviations():
    fitted, plain = BandClipped(2), BandStandard(2)
    for normaliser in (fitted, plain):
        normaliser.fit([CLIPS])
    assert torch.equal(fitted(CLIPS), plain(CLIPS))
    far = torch.tensor([1e6, -1e6]).reshape(1, 1, 2, 1)
    assert fitted(far).flatten().tolist() == [5.0, -5.0]
