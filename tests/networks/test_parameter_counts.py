"""The published rows, layer by layer: parameters counted by hand.

Convolution 3x3: 9 x in x out + out. Batch norm: 2 x channels. Linear: in x out + out. A direction of an LSTM: four
gates of units x (in + units) weights and, in torch, two bias vectors (Keras has one: 4 x units fewer a direction and
layer). A direction of a GRU: three gates, and two bias vectors in Keras (reset_after) as in torch.
"""

import pytest

from genrelab.networks import NETWORKS
from genrelab.networks.model import count_parameters

FMA_MEL = (1, 128, 1292)
FMA_MFCC = (1, 20, 1292)
GTZAN_MEL = (1, 96, 1366)

# conv 320, BN 64; conv 18 496, BN 128; conv 73 856, BN 256
THREE_CONVS, THREE_NORMS = 320 + 18_496 + 73_856, 64 + 128 + 256
# 512 -> 512, 512 -> 8
DENSE_512 = (512 * 512 + 512) + (512 * 8 + 8)
# 256 -> 256, 256 -> 8
DENSE_256 = (256 * 256 + 256) + (256 * 8 + 8)


def bilstm(inputs, units):
    return 2 * (4 * units * (inputs + units) + 2 * 4 * units)


def bigru(inputs, units):
    return 2 * (3 * units * (inputs + units) + 2 * 3 * units)


ROWS = [
    # conv 128 -> 256 295 168, BN 512; dense 256 -> 512 131 584; 512 -> 8 4 104
    ("fma-cnn", "cnn", FMA_MEL, {}, THREE_CONVS + THREE_NORMS + 295_168 + 512 + 131_584 + 4_104, 524_488),
    # Keras counts 2 408 968: 4 x 256 fewer for each of four directions.
    ("fma-lstm", "rnn", FMA_MFCC, {}, bilstm(20, 256) + bilstm(512, 256) + DENSE_512, 2_413_064),
    ("fma-gru", "rnn", FMA_MFCC, {"cell": "gru"}, bigru(20, 256) + bigru(512, 256) + DENSE_512, 1_876_488),
    (
        "fma-lstm-small",
        "rnn",
        FMA_MFCC,
        {"units": 128, "layers": 1, "dense_units": 256},
        bilstm(20, 128) + DENSE_256,
        221_448,
    ),
    # 128 bins pooled three times are 16, times 128 channels: 2048 values a time step.
    (
        "fma-cnn-lstm",
        "cnn-rnn",
        FMA_MEL,
        {},
        THREE_CONVS + THREE_NORMS + bilstm(2048, 256) + bilstm(512, 256) + DENSE_512,
        6_659_528,
    ),
    (
        "fma-cnn-gru",
        "cnn-rnn",
        FMA_MEL,
        {"cell": "gru"},
        THREE_CONVS + THREE_NORMS + bigru(2048, 256) + bigru(512, 256) + DENSE_512,
        5_084_616,
    ),
    (
        "fma-cnn-lstm-small",
        "cnn-rnn",
        FMA_MEL,
        {"batch_norm": False, "units": 128, "layers": 1, "dense_units": 256},
        THREE_CONVS + bilstm(2048, 128) + DENSE_256,
        2_390_792,
    ),
    # BN of the input 2; convs 640, 73 856, 147 584, 147 584 with BN 128, 256, 256, 256;
    # GRU 128 -> 32 3 x 32 x 160 + 192, GRU 32 -> 32 3 x 32 x 64 + 192; 32 -> 10 330
    (
        "gtzan-crnn",
        "crnn",
        GTZAN_MEL,
        {},
        2 + (640 + 73_856 + 147_584 + 147_584) + (128 + 256 + 256 + 256) + 15_552 + 6_336 + 330,
        392_780,
    ),
]


@pytest.mark.parametrize(("row", "kind", "shape", "options", "by_hand", "total"), ROWS, ids=[row[0] for row in ROWS])
def test_a_published_row_has_the_parameters_counted_by_hand(row, kind, shape, options, by_hand, total):
    network = NETWORKS[kind](input_shape=shape, n_classes=10 if row == "gtzan-crnn" else 8, **options)
    assert by_hand == total
    assert count_parameters(network) == total
