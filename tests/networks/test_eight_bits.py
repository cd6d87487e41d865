"""Weights in 8 bits: near what they were, and found again exactly."""

import pytest
import torch

from genrelab.networks.eight_bits import is_large, join, split


@pytest.mark.parametrize("shape", [(5, 7), (16, 3, 3, 3), (64, 1, 1, 1)])
@pytest.mark.parametrize("size", [1e-6, 1.0, 3e4])
def test_numbers_and_scales_are_found_again_in_what_they_make(shape, size):
    torch.manual_seed(0)
    weight = size * torch.randn(shape)
    numbers, scales = split(weight)
    assert numbers.dtype == torch.int8
    assert scales.shape == (shape[0], *[1] * (len(shape) - 1))
    near = join(numbers, scales)
    assert ((near - weight).abs() <= 0.51 * scales).all()
    again, same = split(near)
    assert torch.equal(again, numbers)
    assert torch.equal(same, scales)
    assert torch.equal(join(again, same), near)


def test_each_channel_has_a_scale_of_its_own():
    numbers, _ = split(torch.tensor([[1.0, -0.25], [0.001, 0.00025]]))
    assert numbers.tolist() == [[127, -32], [127, 32]]


def test_a_channel_that_says_nothing_goes_on_saying_nothing():
    weight = torch.zeros(2, 4)
    weight[1] = 3.0
    assert torch.equal(join(*split(weight))[0], weight[0])


def test_what_is_small_or_no_weight_is_left():
    assert is_large(torch.zeros(64, 64))
    assert not is_large(torch.zeros(63, 64))
    assert not is_large(torch.zeros(10000))
    assert not is_large(torch.zeros(100, 100, dtype=torch.int64))
    assert not is_large(torch.zeros(100, 100, dtype=torch.float64))  # joined, it would be of another type
