"""What the parts of the published networks do, and where they say no."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.frontends.band_statistics import STATISTICS, correlations, levels
from genrelab.networks import NETWORKS
from genrelab.networks.cnn import Cnn
from genrelab.networks.cnn_transformer import EncoderBlock, sinusoids
from genrelab.networks.crnn import Crnn
from genrelab.networks.flat_cnn import FlatCnn
from genrelab.networks.layers import ConvBlock, Recurrent, initialise
from genrelab.networks.texture import Texture


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
    assert gtzan == ["BatchNorm2d", "MaxPool2d", "ELU", "Dropout"]


def test_pooling_before_the_activation_changes_no_value_and_no_gradient():
    block = ConvBlock(1, 4, (2, 2), 0.1, activation="elu").eval()
    flat = FlatCnn((1, 9, 8), 4, (3,), (2,), (2,), dense_units=None)
    norm, conv = block.rest[0], flat.blocks[0][0]
    seen = torch.randn(2, 1, 9, 8, generator=torch.Generator().manual_seed(0))
    for network, weight, published in [
        (block, block.conv.weight, lambda: F.max_pool2d(F.elu(norm(block.conv(seen))), 2)),
        (flat.blocks, conv.weight, lambda: F.max_pool2d(F.relu(conv(seen)), 2)),
    ]:
        ours, theirs = network(seen), published()
        torch.testing.assert_close(ours, theirs)
        gradients = [torch.autograd.grad(found.square().sum(), weight)[0] for found in (ours, theirs)]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_last_step_is_forward_at_the_end_and_backward_at_the_beginning(cell):
    recurrent = Recurrent(3, cell, 4, layers=2, bidirectional=True, dropout=0.3).eval()
    sequence = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    every_step, _ = recurrent.rnn(sequence)
    last = recurrent(sequence)
    assert last.shape == (2, 8)
    torch.testing.assert_close(last[:, :4], every_step[:, -1, :4])
    torch.testing.assert_close(last[:, 4:], every_step[:, 0, 4:])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_reading_the_mean_averages_every_step_of_the_last_layer(cell):
    recurrent = Recurrent(3, cell, 4, layers=2, bidirectional=True, dropout=0.3, read="mean").eval()
    sequence = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(recurrent(sequence), recurrent.rnn(sequence)[0].sum(1) / 7)


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
        ("flat-cnn", (1, 9, 130), {}, r"network\.filters: features of 9 bins x 130 frames .* at least 10 x 10"),
        ("flat-cnn", (1, 40, 130), {"filters": (8,)}, r"network\.filters, network\.kernels, network\.pools: \[8\]"),
        ("flat-cnn", (1, 40, 130), {"pools": (2, 0)}, r"all at least 1"),
        ("flat-cnn", (1, 40, 130), {"padding": "full"}, r"network\.padding: 'full' is not one of valid, same"),
        ("flat-cnn", (1, 40, 130), {"dense_units": 0}, r"0 units are too few"),
        ("flat-cnn", (1, 40, 130), {"l1": -1.0}, r"network\.l1, network\.l2: -1\.0"),
        ("fusion-cnn", (1, 17, 130), {}, r"features of 17 bins x 130 frames .* at least 18 x 18"),
        ("fusion-cnn", (1, 187, 130), {"filters": ()}, r"network\.filters"),
        ("fusion-cnn", (1, 187, 130), {"l2": -1.0}, r"network\.l2: -1\.0"),
        ("m5", (1, 1, 1771), {}, r"network\.filters: 1771 samples are too few .* at least 1772"),
        ("m5", (1, 1, 110250), {"stride": 0}, r"network\.filters, network\.kernel, network\.stride"),
        ("cnn-transformer", (1, 187, 21), {}, r"features of 187 bins x 21 frames .* at least 22 x 22"),
        (
            "cnn-transformer",
            (1, 187, 130),
            {"tokens": "bins"},
            r"network\.tokens: 'bins' is not one of positions, frames",
        ),
        ("cnn-transformer", (1, 187, 130), {"positions": "none"}, r"network\.positions: 'none' is not one of learned"),
        ("cnn-transformer", (1, 187, 130), {"width": 7}, r"network\.blocks, heads, .* the width is even"),
        ("cnn-lstm", (1, 21, 130), {}, r"features of 21 bins x 130 frames .* at least 22 x 22"),
        ("cnn-lstm", (1, 23, 130), {"layers": 0}, r"network\.units, network\.layers: 30 units in 0 layers"),
        ("table-lstm", (1, 57, 10), {"units": ()}, r"network\.units: \[\]"),
        ("table-lstm", (1, 57, 10), {"units": (8, 0)}, r"network\.units: \[8, 0\]"),
        ("mlp", (1, 57, 1), {"units": (8,)}, r"network\.units, network\.activations: \[8\] and \['gelu', 'relu'\]"),
        ("mlp", (1, 57, 1), {"activations": ("gelu", "tanh")}, r"one activation of relu, gelu"),
        ("rnn", (1, 20, 100), {"cell": "tanh"}, r"network\.cell: 'tanh' is not one of lstm, gru"),
        ("rnn", (1, 20, 100), {"layers": 0}, r"network\.units, network\.layers: 256 units in 0 layers"),
    ],
)
def test_what_cannot_be_built_names_the_key_to_change(kind, shape, options, message):
    with pytest.raises(RecipeError, match=message):
        NETWORKS[kind](input_shape=shape, n_classes=4, **options)


def order(block):
    return [type(layer).__name__ for layer in block]


def test_blocks_come_in_the_order_of_rows_c_and_d():
    fusion = NETWORKS["fusion-cnn"](input_shape=(1, 187, 130), n_classes=10).blocks
    assert order(fusion[0]) == ["Conv2d", "MaxPool2d", "ReLU", "BatchNorm2d", "Dropout"]
    assert order(fusion[2]) == ["Conv2d", "ReLU", "BatchNorm2d", "Dropout"]
    m5 = NETWORKS["m5"](input_shape=(1, 1, 2000), n_classes=10).blocks
    assert order(m5)[:4] == ["Conv2d", "BatchNorm2d", "MaxPool2d", "ReLU"]


@pytest.mark.parametrize(("padding", "positions"), [("valid", 14), ("same", 32)])
def test_the_cnn_lstm_reads_positions_of_64_values(padding, positions):
    network = NETWORKS["cnn-lstm"](input_shape=(1, 23, 130), n_classes=10, padding=padding).eval()
    steps = []
    network.recurrent.register_forward_pre_hook(lambda _, inputs: steps.append(tuple(inputs[0].shape)))
    network(torch.zeros(1, 1, 23, 130))
    assert steps == [(1, positions, 64)]


def test_same_padding_keeps_the_size_for_even_kernels_too():
    network = NETWORKS["flat-cnn"](input_shape=(1, 12, 12), n_classes=2, kernels=(4, 6), padding="same")
    assert network.dense[0].in_features == 64 * 3 * 3
    assert network.eval()(torch.zeros(1, 1, 12, 12)).shape == (1, 2)


def test_the_penalty_is_that_of_keras():
    flat = NETWORKS["flat-cnn"](input_shape=(1, 10, 10), n_classes=2, l1=0.5, l2=0.25)
    nn.init.constant_(flat.dense[0].weight, -2.0)  # 128 x 64 weights of amount 2 and square 4
    assert flat.penalty().item() == 128 * 64 * (0.5 * 2 + 0.25 * 4)
    fusion = NETWORKS["fusion-cnn"](input_shape=(1, 20, 20), n_classes=2, l2=0.5)
    nn.init.constant_(fusion.dense.weight, -2.0)
    assert fusion.penalty().item() == 256 * 256 * 0.5 * 4


def test_a_batch_of_one_is_normed_by_what_was_seen_before():
    network = NETWORKS["fusion-cnn"](input_shape=(1, 20, 20), n_classes=2)
    network.norm.running_mean.fill_(1.0)
    network.norm.running_var.fill_(4.0)
    normed = network.norm(torch.full((1, 256), 7.0))
    torch.testing.assert_close(normed, torch.full((1, 256), 3.0), rtol=1e-4, atol=0)
    assert network.norm.num_batches_tracked == 0


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({}, (1, 294, 128)),
        ({"padding": "same"}, (1, 23 * 16, 128)),
        ({"tokens": "frames", "width": 64}, (1, 14, 64)),
        ({"positions": "sinusoidal", "pre_norm": True, "batch_norm": True, "block_dropout": 0.1}, (1, 294, 128)),
    ],
)
def test_the_transformer_reads_tokens_of_its_width(options, tokens):
    network = NETWORKS["cnn-transformer"](input_shape=(1, 187, 130), n_classes=10, **options).eval()
    seen = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    network(torch.zeros(1, 1, 187, 130))
    assert seen == [tokens]


def test_encoder_blocks_norm_after_the_sum_unless_told_before():
    tokens = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    post = EncoderBlock(8, heads=2, key_size=3, feed_forward=16, pre_norm=False, dropout=0.0)(tokens)
    assert post.mean(dim=2).abs().max() < 1e-5
    pre = EncoderBlock(8, heads=2, key_size=3, feed_forward=16, pre_norm=True, dropout=0.0)
    for layer in (pre.join, pre.feed[2]):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert torch.equal(pre(tokens), tokens)


def test_attention_is_torchs_own():
    block = EncoderBlock(8, heads=2, key_size=4, feed_forward=16, pre_norm=False, dropout=0.0)
    theirs = nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        layers = (block.query, block.key, block.value)
        theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
        theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))
        theirs.out_proj.weight.copy_(block.join.weight)
        theirs.out_proj.bias.copy_(block.join.bias)
    tokens = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    expected = block.attention_norm(tokens + theirs(tokens, tokens, tokens)[0])
    torch.testing.assert_close(block(tokens), block.feed_norm(expected + block.feed(expected)))


def test_sinusoids_begin_with_sines_of_zero_and_cosines_of_one():
    places = sinusoids(50, 8)
    assert places[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    torch.testing.assert_close(places[:, 0], torch.arange(50.0).sin())
    torch.testing.assert_close(places[:, 5], (torch.arange(50.0) / 10).cos())  # 10000 ** (-2 / 8)


def test_the_smallest_features_that_fit():
    network = Cnn((1, 16, 16), 4).eval()
    assert network(torch.zeros(1, 1, 16, 16)).shape == (1, 4)


def test_the_texture_averages_bins_to_bands_and_takes_the_statistics_asked_for():
    network = Texture((1, 4, 6), 3, bins_per_band=2, statistics=("correlations", "levels")).eval()
    features = torch.randn(2, 1, 4, 6, generator=torch.Generator().manual_seed(0))
    bands = features[:, 0].reshape(2, 2, 2, 6).mean(2)
    expected = torch.cat([correlations(bands), levels(bands)], 1) / (1 + network.norm.eps) ** 0.5
    torch.testing.assert_close(network.embed(features), expected)


def test_mixed_precision_leaves_a_texture_as_it_is():
    network = Texture((1, 8, 40), 3, bins_per_band=1, statistics=tuple(STATISTICS)).eval()
    features = torch.randn(2, 1, 8, 40, generator=torch.Generator().manual_seed(0))
    alone = network.embed(features)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(network.embed(features), alone, rtol=1e-5, atol=1e-5)


def test_a_texture_of_nothing_is_refused():
    with pytest.raises(RecipeError, match=r"network\.statistics: empty; name some of levels, "):
        Texture((1, 4, 4), 3, bins_per_band=2, statistics=())


def test_a_silent_band_has_a_texture_too():
    network = Texture((1, 4, 4), 3, bins_per_band=2, statistics=tuple(STATISTICS))
    network(torch.zeros(2, 1, 4, 4)).sum().backward()
    assert network.embed(torch.zeros(2, 1, 4, 4)).isfinite().all()


def test_one_band_has_no_texture():
    with pytest.raises(RecipeError, match=r"network\.bins_per_band: 3 of 4 bins leave 1 bands"):
        Texture((1, 4, 4), 3, bins_per_band=3)


def committee(**options):
    return NETWORKS["committee"](
        (1, 8, 8), 3, members=({"kind": "cnn", "filters": (4,)}, {"kind": "texture"} | options)
    )


def test_a_committee_averages_its_members_logits():
    network = committee().eval()
    features = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    opinions = network.opinions(features)
    assert [opinion.shape for opinion in opinions] == [(2, 3), (2, 3)]
    torch.testing.assert_close(network(features), (opinions[0] + opinions[1]) / 2)


def test_a_member_that_shrinks_sees_squares_averaged():
    network = committee(shrink=2, bins_per_band=2).eval()
    features = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    cnn, texture = network.members
    squares = features.reshape(2, 1, 4, 2, 4, 2).mean((3, 5))
    for seen, alone in zip(network.opinions(features), (cnn(features), texture(squares)), strict=True):
        torch.testing.assert_close(seen, alone)


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ({"kind": "choir"}, r"members\.1\.kind: 'choir' is not one of cnn, "),
        ({"shrink": 9}, r"members\.1\.shrink: 9 is not a whole number from 1 to 8"),
        ({"voices": 4}, r"members\.1\.voices: unknown key; the keys here are bins_per_band, statistics, dropout"),
        ({"dropout": "much"}, r"members\.1\.dropout: .* valid number.*, not 'much'"),
    ],
)
def test_a_member_that_cannot_be_built_is_told_by_its_number(member, message):
    with pytest.raises(RecipeError, match=message):
        committee(**member)


def test_one_is_no_committee():
    with pytest.raises(RecipeError, match="at least two"):
        NETWORKS["committee"]((1, 8, 8), 3, members=({"kind": "cnn"},))
