"""What the parts of the published networks do, and where they say no."""

import pytest
import torch
from torch import nn

from genrelab.errors import RecipeError
from genrelab.networks import NETWORKS
from genrelab.networks.cnn import Cnn
from genrelab.networks.crnn import Crnn
from genrelab.networks.layers import ConvBlock, Recurrent, initialise


def test_the_crnn_leaves_fifteen_steps_of_128_values_of_a_published_clip():
    network = Crnn((1, 96, 1366), 10).eval()
    steps = []
    network.recurrent.register_forward_pre_hook(lambda _, inputs: steps.append(tuple(inputs[0].shape)))
    network(torch.zeros(1, 1, 96, 1366))
    assert steps == [(1, 15, 128)]


def test_the_crnn_fits_short_clips_with_less_pooling():
    network = Crnn((1, 96, 113), 10, pools=((2, 2), (3, 2), (4, 2), (4, 1)), pad=0).eval()
    steps = []
    network.recurrent.register_forward_pre_hook(lambda _, inputs: steps.append(tuple(inputs[0].shape)))
    network(torch.zeros(1, 1, 96, 113))
    assert steps == [(1, 14, 128)]


def test_blocks_come_in_the_order_of_their_row():
    fma = [type(layer).__name__ for layer in ConvBlock(1, 4, (2, 2), 0.25).rest]
    gtzan = [type(layer).__name__ for layer in ConvBlock(1, 4, (2, 2), 0.1, activation="elu").rest]
    assert fma == ["ReLU", "BatchNorm2d", "MaxPool2d", "Dropout"]
    assert gtzan == ["BatchNorm2d", "ELU", "MaxPool2d", "Dropout"]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_last_step_is_forward_at_the_end_and_backward_at_the_beginning(cell):
    recurrent = Recurrent(3, cell, 4, layers=2, bidirectional=True, dropout=0.3).eval()
    sequence = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    every_step, _ = recurrent.rnn(sequence)
    last = recurrent(sequence)
    assert last.shape == (2, 8)
    torch.testing.assert_close(last[:, :4], every_step[:, -1, :4])
    torch.testing.assert_close(last[:, 4:], every_step[:, 0, 4:])


def test_weights_start_as_in_keras():
    network = NETWORKS["cnn-rnn"](input_shape=(1, 32, 32), n_classes=4, filters=(8, 16), units=8, dense_units=32)
    conv = network.blocks[1].conv
    bound = (6 / (9 * 8 + 9 * 16)) ** 0.5  # Glorot and Bengio 2010
    assert 0.9 * bound < conv.weight.abs().max() <= bound
    assert conv.bias.abs().max() == 0
    lstm = network.recurrent.rnn
    torch.testing.assert_close(lstm.weight_hh_l0.T @ lstm.weight_hh_l0, torch.eye(8), rtol=0, atol=1e-5)
    gates = (lstm.bias_ih_l0 + lstm.bias_hh_l0).reshape(4, 8)  # input, forget, cell, output
    assert gates.mean(dim=1).tolist() == [0, 1, 0, 0]


def test_the_biases_of_a_gru_start_at_zero():
    gru = nn.GRU(3, 4)
    initialise(gru)
    assert torch.cat([gru.bias_ih_l0, gru.bias_hh_l0]).abs().max() == 0


@pytest.mark.parametrize(
    ("kind", "shape", "options", "message"),
    [
        ("cnn", (1, 128, 15), {}, r"network\.filters: features of 128 bins x 15 frames .* at least 16 x 16"),
        ("cnn-rnn", (1, 7, 100), {}, r"network\.filters: features of 7 bins x 100 frames .* at least 8 x 8"),
        ("crnn", (1, 96, 113), {"pad": 0, "pools": [(2, 2), (3, 4), (4, 4), (4, 4)]}, r"network\.pools: .* 96 x 128"),
        ("crnn", (1, 40, 1366), {}, r"network\.pools: features of 40 bins x 1440 frames"),
        ("crnn", (1, 96, 1366), {"pools": [(2, 2), (3, 3)]}, r"network\.filters, network\.pools: 4 .* and 2 pools"),
        ("crnn", (1, 96, 1366), {"pools": [(2, 2), (3, 3), (4, 4), (4, 0)]}, r"network\.pools: .* a pool below 1"),
        ("crnn", (1, 96, 1366), {"pad": -1}, r"network\.pad: -1"),
        ("cnn", (1, 128, 112), {"filters": ()}, r"network\.filters"),
        ("cnn", (1, 128, 112), {"filters": (8, 0)}, r"at least one filter"),
        ("cnn", (1, 128, 112), {"dense_units": 0}, r"0 units are too few"),
        ("rnn", (1, 20, 100), {"cell": "tanh"}, r"network\.cell: 'tanh' is not one of lstm, gru"),
        ("rnn", (1, 20, 100), {"layers": 0}, r"network\.units, network\.layers: 256 units in 0 layers"),
    ],
)
def test_what_cannot_be_built_names_the_key_to_change(kind, shape, options, message):
    with pytest.raises(RecipeError, match=message):
        NETWORKS[kind](input_shape=shape, n_classes=4, **options)


def test_the_smallest_features_that_fit():
    network = Cnn((1, 16, 16), 4).eval()
    assert network(torch.zeros(1, 1, 16, 16)).shape == (1, 4)
