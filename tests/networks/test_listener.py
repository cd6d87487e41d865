"""The listener: two towers, looked at everywhere or in steps."""

import pytest
import torch

from genrelab.networks.listener import Listener
from genrelab.networks.musicnn import compress

SIZES = {"timbral": (3, 2), "temporal": (1, 2, 1), "blocks": (4, 3, 5, 4, 6)}


@pytest.mark.parametrize("coarse", [False, True])
def test_layers_are_as_large_however_coarsely_it_looks(coarse):
    listener = Listener(**SIZES, coarse=coarse)
    with torch.inference_mode():
        layers = listener.layers(torch.rand(2, 1, 96, 187))
    assert {name: tuple(values.shape) for name, values in layers.items()} == {
        "tags": (2, 50),
        "penultimate": (2, 200),
        "mean_pool": (2, 9 + 3 * 64),
        "max_pool": (2, 9 + 3 * 64),
        "blocks": (2, 2 * 6),
    }
    assert {name: values.shape[1] for name, values in layers.items()} == listener.sizes


def test_forward_gives_the_layers_in_a_row():
    listener = Listener(**SIZES).eval()
    power = torch.rand(2, 1, 96, 187)
    with torch.inference_mode():
        assert torch.equal(listener(power), torch.cat(list(listener.layers(power).values()), 1))


def test_power_is_compressed_as_musicnn_does_with_frames_first():
    power = torch.tensor([[[[0.0, 0.01], [1.0, 0.0]]]])
    expected = torch.tensor([[[[0.0, 4.0000434], [2.0043213, 0.0]]]])
    assert compress(power) == pytest.approx(expected, abs=1e-5)


def test_a_coarse_listener_costs_less_than_half():
    from torch.utils.flop_counter import FlopCounterMode

    cost = []
    for coarse in (False, True):
        with FlopCounterMode(display=False) as counter:
            Listener(**SIZES, coarse=coarse).layers(torch.rand(1, 1, 96, 187))
        cost.append(counter.get_total_flops())
    assert cost[1] < 0.5 * cost[0]
