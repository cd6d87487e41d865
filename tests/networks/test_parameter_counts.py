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
GTZAN_STACK = (1, 187, 130)
IMAGE = (4, 288, 432)
CROPPED = (4, 217, 335)

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


def lstm(inputs, units):
    return bilstm(inputs, units) // 2


IMAGE_1 = {
    "filters": (64, 128, 256),
    "kernels": (6, 4, 4),
    "pools": (6, 4, 4),
    "dropout": 0.5,
    "dense_dropout": 0.3,
    "l1": 1e-3,
    "l2": 1e-3,
}
# conv 6x6 36 x 4 x 64 + 64; conv 4x4 16 x 64 x 128 + 128; conv 4x4 16 x 128 x 256 + 256
IMAGE_1_CONVS = 9_280 + 131_200 + 524_544

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
    # 40 x 130, conv 38 x 128, pool 19 x 64, conv 17 x 62, pool 8 x 31: 15 872 values -> 128 -> 10
    ("gtzan-mfcc-cnn", "flat-cnn", (1, 40, 130), {}, 320 + 18_496 + 2_031_744 + 1_290, 2_051_850),
    # convs 640, 73 856, 295 168 with BN 128, 256, 512; 256 -> 256 65 792, BN 512; 256 -> 10 2 570
    (
        "gtzan-fusion-cnn",
        "fusion-cnn",
        GTZAN_STACK,
        {},
        (640 + 73_856 + 295_168) + (128 + 256 + 512) + 65_792 + 512 + 2_570,
        439_434,
    ),
    # convs 80 x 128 + 128, 3 x 128 x 128 + 128, 3 x 128 x 256 + 256, 3 x 256 x 512 + 512; BN; 512 -> 256; 256 -> 10
    (
        "gtzan-m5",
        "m5",
        (1, 1, 110_250),
        {},
        (10_368 + 49_280 + 98_560 + 393_728) + (256 + 256 + 512 + 1_024) + 131_328 + 2_570,
        687_882,
    ),
    # 187 x 130 is left as 21 x 14: 294 positions of 128. A block: three times 128 -> 512 and 512 -> 128, 128 -> 256 ->
    # 128, and two layer norms of 2 x 128. 128 -> 128 -> 10.
    (
        "gtzan-cnn-transformer",
        "cnn-transformer",
        GTZAN_STACK,
        {},
        THREE_CONVS + 294 * 128 + 2 * (3 * 66_048 + 65_664 + 33_024 + 32_896 + 2 * 256) + 16_512 + 1_290,
        808_586,
    ),
    # convs 160, 4 640, 18 496 with BN 32, 64, 128; 30 -> 10. Keras counts 42 550.
    (
        "gtzan-cnn-lstm",
        "cnn-lstm",
        (1, 23, 130),
        {},
        (160 + 4_640 + 18_496) + (32 + 64 + 128) + lstm(64, 30) + lstm(30, 30) + 310,
        42_790,
    ),
    # conv 9 x 4 x 32 + 32; 288 x 432, conv 286 x 430, pool 143 x 215, conv 141 x 213, pool 70 x 106: 474 880 values
    ("image-cnn-0.0", "flat-cnn", IMAGE, {"dense_units": None}, 1_184 + 18_496 + 4_748_810, 4_768_490),
    # left are 2 x 3 x 256 values of the original -> 128 -> 10, and 1 x 2 x 256 of the cropped
    ("image-cnn-1.0", "flat-cnn", IMAGE, IMAGE_1, IMAGE_1_CONVS + 196_736 + 1_290, 863_050),
    ("image-cnn-1.1", "flat-cnn", CROPPED, IMAGE_1, IMAGE_1_CONVS + 65_664 + 1_290, 731_978),
    # 128 -> 10. Keras counts 1 045 258.
    (
        "table-lstm-0.0",
        "table-lstm",
        (1, 57, 10),
        {},
        lstm(57, 256) + lstm(256, 256) + lstm(256, 128) + 1_290,
        1_047_818,
    ),
    # 16 -> 10
    (
        "table-lstm-1.0",
        "table-lstm",
        (1, 57, 10),
        {"units": (64, 32, 16), "input_dropout": 0.2, "dropout": 0.3},
        lstm(57, 64) + lstm(64, 32) + lstm(32, 16) + 170,
        47_402,
    ),
    # 128 activations and 57 columns -> 128 -> 64 -> 10
    ("hybrid-2.0", "mlp", (1, 185, 1), {}, 23_808 + 8_256 + 650, 32_714),
]


@pytest.mark.parametrize(("row", "kind", "shape", "options", "by_hand", "total"), ROWS, ids=[row[0] for row in ROWS])
def test_a_published_row_has_the_parameters_counted_by_hand(row, kind, shape, options, by_hand, total):
    network = NETWORKS[kind](input_shape=shape, n_classes=8 if row.startswith("fma") else 10, **options)
    assert by_hand == total
    assert count_parameters(network) == total
