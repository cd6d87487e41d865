import numpy as np
import pytest
import torch

from genrelab.augment.feature_noise import FeatureNoise
from genrelab.augment.spectrogram import PixelNoise, RandomFrames, ReverseFrames, SpecAugment


def one(**parameters):
    return {"examples": [{"applied": True} | parameters]}


@pytest.mark.parametrize(("fill", "value"), [("mean", 4.0), (0.0, 0.0), (-80.0, -80.0)])
def test_masks_cover_frames_and_bands(fill, value):
    features = torch.arange(9.0).reshape(1, 1, 3, 3)
    masked = SpecAugment(fill=fill).apply(features, one(time=[[0, 1]], frequency=[[2, 3]]))
    assert masked.tolist() == [[[[value, 1, 2], [value, 4, 5], [value, value, value]]]]


def test_all_channels_are_masked_alike():
    features = torch.ones(1, 3, 2, 2)
    masked = SpecAugment(fill=0.0).apply(features, one(time=[[1, 2]], frequency=[]))
    assert masked.tolist() == [[[[1, 0], [1, 0]]] * 3]


def test_the_mean_is_that_of_the_example_before_it_was_masked():
    features = torch.stack([torch.arange(4.0), torch.arange(4.0) + 10]).reshape(2, 1, 1, 4)
    drawn = {"examples": [{"applied": True, "time": [[0, 2], [3, 4]], "frequency": []}] * 2}
    masked = SpecAugment().apply(features, drawn)
    assert masked.flatten(1).tolist() == [[1.5, 1.5, 2, 1.5], [11.5, 11.5, 12, 11.5]]


def test_mask_widths_and_places_are_uniform():
    augmentation = SpecAugment(time_masks=1, max_frames=4, frequency_masks=2, max_bands=3)
    rng = np.random.default_rng(0)
    drawn = [augmentation.parameters(rng, (1, 10, 6)) for _ in range(5000)]
    first, end = np.array([d["time"][0] for d in drawn]).T
    np.testing.assert_allclose(np.bincount(end - first), 1000, atol=120)
    np.testing.assert_allclose(np.bincount(first[end - first == 4], minlength=3), 1000 / 3, atol=60)
    assert end.max() == 6
    bands = np.array([d["frequency"] for d in drawn])
    assert bands.shape == (5000, 2, 2)
    assert set(np.unique(bands[..., 1] - bands[..., 0])) == {0, 1, 2, 3}
    assert bands.max() == 10


def test_a_mask_is_no_wider_than_the_features():
    drawn = SpecAugment(max_frames=1000).draw(np.random.default_rng(0), (64, 1, 8, 5))
    assert {end for example in drawn["examples"] for _, end in example["time"]} == {0, 1, 2, 3, 4, 5}


def test_each_example_is_cut_to_frames_of_its_own():
    features = torch.arange(12.0).reshape(2, 1, 1, 6)
    cut, targets = RandomFrames().apply((features, torch.eye(2)), {"applied": True, "length": 3, "first": [0, 2]})
    assert cut.tolist() == [[[[0, 1, 2]]], [[[8, 9, 10]]]]
    assert targets.tolist() == [[1, 0], [0, 1]]


def test_a_part_of_the_frames_is_rounded_to_the_nearest_number():
    assert [RandomFrames(part=0.5).left_of(frames) for frames in (4, 6, 7)] == [2, 3, 4]


def test_stretches_begin_wherever_they_fit():
    drawn = RandomFrames(part=0.4).draw(np.random.default_rng(0), (4000, 1, 2, 5))
    assert drawn["length"] == 2
    np.testing.assert_allclose(np.bincount(drawn["first"], minlength=4), 1000, atol=120)


def test_one_frame_is_always_left():
    cut, _ = RandomFrames(part=0.01)((torch.ones(2, 1, 3, 5), torch.eye(2)), np.random.default_rng(0))
    assert cut.shape == (2, 1, 3, 1)


def test_reversed_the_last_frame_is_the_first():
    features = torch.tensor([[[[1.0, 2, 3, 4, 5]]]])
    assert ReverseFrames().apply(features, one()).tolist() == [[[[5, 4, 3, 2, 1]]]]


def test_pixel_noise_has_its_amplitude():
    noisy = PixelNoise(amplitude=0.2).apply(torch.ones(1, 1, 200, 200), one(seed=3))
    assert noisy.mean().item() == pytest.approx(1, abs=0.005)
    assert noisy.std().item() == pytest.approx(0.2, rel=0.02)


def test_another_seed_is_another_noise():
    noises = [PixelNoise().apply(torch.zeros(1, 1, 100, 100), one(seed=seed)).flatten() for seed in (1, 2)]
    assert abs(np.corrcoef(*noises)[0, 1]) < 0.05


def test_pixel_noise_keeps_the_type_of_the_features():
    assert PixelNoise().apply(torch.ones(1, 1, 2, 2, dtype=torch.float16), one(seed=3)).dtype == torch.float16


def test_the_spread_is_measured_for_each_genre_and_feature():
    noise = FeatureNoise()
    features = torch.tensor([[[[1.0, 3], [5, 5]]], [[[5.0, 7], [5, 5]]], [[[0.0, 1], [2, 6]]]])
    noise.fit(features, torch.tensor([0, 0, 2]))
    # Genre 0: 1, 3, 5, 7 and constant; genre 1 has no examples; genre 2: 0, 1 and 2, 6.
    deviation = noise.fitted()["deviation"]
    assert np.squeeze(deviation).tolist() == pytest.approx(np.array([[5**0.5, 0], [0, 0], [0.5, 2]]), rel=1e-6)


def test_the_noise_is_as_wide_as_factor_and_spread_say():
    noise = FeatureNoise(factor=0.5, p=1.0)
    noise.restore({"deviation": [[[1.0, 0.0]], [[4.0, 2.0]]]})
    features = torch.zeros(2, 1, 2, 10_000)
    noisy = noise(features, np.random.default_rng(0), genres=torch.tensor([1, 0]))
    deviations = noisy.std(dim=3).flatten().tolist()
    assert deviations == pytest.approx([2.0, 1.0, 0.5, 0.0], rel=0.03)


def test_feature_noise_without_fit_or_genres_says_so():
    noise = FeatureNoise(p=1.0)
    features = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    genres = torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"call fit\(\) first"):
        noise(features, np.random.default_rng(0), genres=genres)
    noise.fit(features, genres)
    with pytest.raises(ValueError, match="pass the genres"):
        noise(features, np.random.default_rng(0))
