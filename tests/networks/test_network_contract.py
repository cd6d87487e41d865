"""What every network in the registry promises."""

import io

import numpy as np
import onnxruntime
import pytest
import torch

from genrelab.errors import RecipeError
from genrelab.networks import NETWORKS
from genrelab.networks.adapted import Adapted
from genrelab.networks.heads import Head
from genrelab.networks.recurrence import onnx_translations, run

SHAPE = (1, 32, 40)
SMALL = {
    "cnn": {"filters": (4, 8), "dense_units": 16},
    "rnn": {"units": 8, "dense_units": 16},
    "cnn-rnn": {"filters": (4, 8), "units": 8, "dense_units": 16},
    "crnn": {"filters": (4, 8), "pools": ((2, 2), (4, 3)), "pad": 2, "units": 16},
    "flat-cnn": {"filters": (4, 8), "dense_units": 16},
    "fusion-cnn": {"filters": (4, 8), "dense_units": 16},
    "m5": {"filters": (4, 8), "kernel": 5, "stride": 1, "dense_units": 16},
    "cnn-transformer": {"filters": (4, 8), "width": 12, "key_size": 4, "feed_forward": 8, "dense_units": 16},
    "cnn-lstm": {"filters": (4, 8), "units": 16},
    "table-lstm": {"units": (8, 16), "dropout": 0.3},
    "mlp": {"units": (8, 16)},
    "hybrid": {"image_shape": (1, 30, 40), "image": {"filters": (4, 8), "dense_units": 16}, "units": (8, 16)},
    "texture": {"bins_per_band": 10},
    "committee": {
        "members": ({"kind": "cnn", "filters": (4,), "dense_units": 8}, {"kind": "rnn", "units": 4, "dense_units": 8})
    },
}
# 3 bands: 7 statistics of each, 3 pairs
EMBEDDING = dict.fromkeys(SMALL, 16) | {"texture": 3 * 7 + 3}
# Heads learn without gradients, a listener takes features of one shape: test_heads.py and test_adapted.py have them.
ELSEWHERE = (Head, Adapted)
KINDS = pytest.mark.parametrize("kind", [kind for kind, made in NETWORKS.items() if not issubclass(made, ELSEWHERE)])
# They have a weight for each place in the features.
FIXED = {"flat-cnn", "cnn-transformer", "mlp", "hybrid"}


def build(kind, shape=SHAPE, n_classes=5, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if kind == "committee":  # its members take what other networks take
            options = {"members": tuple(member | options for member in SMALL[kind]["members"])}
        return NETWORKS[kind](input_shape=shape, n_classes=n_classes, **(SMALL[kind] | options))


def noise(batch, *shape):
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(batch))


@KINDS
@pytest.mark.parametrize("n_classes", [1, 2, 10])
def test_logits_are_the_last_layer_of_the_embedding(kind, n_classes):
    network = build(kind, n_classes=n_classes).eval()
    features = noise(3, *SHAPE)
    embedding = network.embed(features)
    assert embedding.shape == (3, network.embedding_size) == (3, EMBEDDING[kind])
    logits = network(features)
    assert logits.shape == (3, n_classes)
    assert torch.equal(logits, network.output(embedding))
    assert torch.equal(logits, network.classify(embedding))


@KINDS
def test_a_clip_has_the_same_logits_alone_and_in_a_batch(kind):
    network = build(kind).eval()
    features = noise(3, *SHAPE)
    torch.testing.assert_close(network(features)[1:2], network(features[1:2]), rtol=1e-4, atol=1e-5)


@KINDS
def test_the_memory_layout_of_the_features_does_not_matter(kind):
    network = build(kind).eval()
    features = noise(3, *SHAPE)
    frames_apart = features.transpose(2, 3).contiguous().transpose(2, 3)
    torch.testing.assert_close(network(features), network(frames_apart), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in SMALL if kind not in FIXED])
def test_a_longer_clip_than_the_network_was_built_for_fits(kind):
    network = build(kind).eval()
    assert network(noise(2, 1, 32, 95)).shape == (2, 5)


@KINDS
def test_features_of_several_channels_fit(kind):
    assert build(kind, shape=(3, 32, 40))(noise(2, 3, 32, 40)).shape == (2, 5)


@KINDS
def test_every_parameter_learns(kind):
    network = build(kind, dropout=0.0)
    torch.nn.functional.cross_entropy(network(noise(8, *SHAPE)), torch.arange(8) % 5).backward()
    learning = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    still = [name for name, parameter in learning if not parameter.grad.abs().sum() > 0]
    assert still == []


@KINDS
def test_a_batch_of_one_can_be_learned_from(kind):
    network = build(kind)
    loss = torch.nn.functional.cross_entropy(network(noise(1, *SHAPE)), torch.zeros(1, dtype=torch.long))
    (loss + network.penalty()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.requires_grad)


@KINDS
def test_the_penalty_is_a_scalar_and_no_less_than_zero(kind):
    penalty = build(kind).penalty()
    assert penalty.shape == ()
    assert (penalty > 0) == (kind == "fusion-cnn")


@KINDS
def test_dropout_rests_in_evaluation(kind):
    network = build(kind)
    features = noise(4, *SHAPE)
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))


@KINDS
def test_the_weights_lie_as_safetensors_wants_them(kind):
    assert all(tensor.is_contiguous() for tensor in build(kind).state_dict().values())


@KINDS
@pytest.mark.parametrize(("option", "value"), [("dropout", 1.0), ("dropout", -0.1)])
def test_a_dropout_that_is_no_probability_is_an_error(kind, option, value):
    with pytest.raises(RecipeError, match=r"dropout of .* is not a probability"):
        build(kind, **{option: value})


@KINDS
def test_no_genres_are_an_error(kind):
    with pytest.raises(RecipeError, match="0 genres"):
        build(kind, n_classes=0)


@KINDS
def test_the_onnx_graph_computes_the_same_for_any_batch(kind, in_onnx):
    network = build(kind).eval()
    ask = in_onnx(network, noise(2, *SHAPE))
    for batch in (1, 3):
        features = noise(batch, *SHAPE)
        ours = network(features).detach().numpy()
        np.testing.assert_allclose(ask(features), ours, atol=1e-4 * np.abs(ours).max())


@pytest.mark.parametrize("cell", [torch.nn.LSTM, torch.nn.GRU])
def test_a_long_recurrent_layer_is_one_node_of_the_graph(cell):
    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = cell(5, 4, num_layers=2, batch_first=True, bidirectional=True)

        def forward(self, sequence):
            output, hidden = run(self.rnn, sequence)
            return output[:, -1], hidden[-1]

    layer, sequence = Last().eval(), noise(2, 700, 5)
    program = torch.onnx.export(
        layer,
        (sequence,),
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        custom_translation_table=onnx_translations(),
        dynamo=True,
        verbose=False,
    )
    names = [node.op_type for node in program.model.graph]
    assert names.count(cell.__name__) == 2  # a layer each
    assert len(names) < 60  # were it unrolled: thousands
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue())
    for batch in (sequence, sequence[:1]):
        for ours, theirs in zip(
            session.run(None, {session.get_inputs()[0].name: batch.numpy()}), layer(batch), strict=True
        ):
            np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-4, atol=1e-5)
