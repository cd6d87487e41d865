"""The listener with adapters: what it says before it learns, what of it learns, and what leaves as a graph."""

import pytest
import torch
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.adapted import Adapted
from genrelab.networks.listener import TAGS

SHAPE = (1, 96, 187)
SMALL = {"timbral": (3, 2), "temporal": (1, 2, 1), "blocks": (4, 3, 5, 4, 6)}


def build(**options: object) -> Adapted:
    torch.manual_seed(0)
    network = Adapted(SHAPE, 5, **(SMALL | {"rank": 2} | options))
    network.listener.requires_grad_(False).eval()
    return network


def power(batch: int) -> torch.Tensor:
    return torch.rand(batch, *SHAPE, generator=torch.Generator().manual_seed(batch))


def test_it_begins_with_what_the_listener_says():
    network = build().eval()
    said = network.listener(power(3))[:, TAGS:]
    torch.testing.assert_close(network.embed(power(3)), (said / (1 + 1e-5) ** 0.5).clamp(-5, 5))
    assert network.embed(power(3)).shape == (3, network.embedding_size)


def test_adapters_and_the_last_layer_alone_learn():
    network = build()
    before = {name: weight.clone() for name, weight in network.listener.named_parameters()}
    optimizer = torch.optim.SGD([weight for weight in network.parameters() if weight.requires_grad], 0.1)
    for _ in range(2):  # at first B is zero, and A gets no gradient
        optimizer.zero_grad()
        F.cross_entropy(network(power(8)), torch.arange(8) % 5).backward()
        optimizer.step()
    still = [name for name, weight in network.named_parameters() if weight.requires_grad and not weight.grad.any()]
    assert still == []
    assert all(torch.equal(weight, before[name]) for name, weight in network.listener.named_parameters())
    adapted = {name.split(".")[0] for name in network.adapters.state_dict()}
    assert adapted == {f"shaped-middle-{n}-conv-weight" for n in range(3)} | {
        "shaped-dense-weight",
        *(f"small-blocks-{n}-conv-weight" for n in (2, 3, 4)),
    }


def test_the_weights_are_those_of_the_listener_and_a_matrix_of_low_rank():
    network = build(alpha=3.0).eval()
    for adapter in network.adapters.values():
        torch.nn.init.normal_(adapter.b)
    merged = build().eval()
    for name, weight in merged.listener.named_parameters():
        if name.replace(".", "-") in network.adapters:
            adapter = network.adapters[name.replace(".", "-")]
            added = 1.5 * (adapter.b @ adapter.a)
            assert torch.linalg.matrix_rank(added) == 2
            weight.data += added.view(weight.shape)
    torch.testing.assert_close(network.embed(power(2)), merged.embed(power(2)))
    assert not torch.allclose(network.embed(power(2)), build().eval().embed(power(2)))


def test_without_rank_nothing_is_adapted():
    assert not build(rank=0).adapters.state_dict()


def test_a_clip_is_heard_the_same_alone_and_in_a_batch_and_can_be_learned_from():
    network = build()
    F.cross_entropy(network(power(1)), torch.zeros(1, dtype=torch.long)).backward()
    network.eval()
    torch.testing.assert_close(network(power(3))[1:2], network(power(3)[1:2]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 96, 188), {}, r"frontend: .*\[1, 96, 188\].* takes \[1, 96, 187\]"),
        ((3, 96, 187), {}, "musicnn-bands"),
        (SHAPE, {"rank": -1}, r"network\.rank: -1"),
        (
            SHAPE,
            {"layers": ["shaped.upper"]},
            r"network\.layers: .*no layer 'shaped\.upper'; it has shaped\.shaped",
        ),
        (SHAPE, {"dropout": 1.0}, "is not a probability"),
    ],
)
def test_what_does_not_fit_is_refused(shape, options, message):
    with pytest.raises(RecipeError, match=message):
        Adapted(shape, 5, **(SMALL | options))


def test_the_onnx_graph_computes_the_same_for_any_batch(in_onnx):
    network = build().eval()
    for adapter in network.adapters.values():
        torch.nn.init.normal_(adapter.b)
    ask = in_onnx(network, power(2))
    for batch in (1, 3):
        found = torch.from_numpy(ask(power(batch)))
        torch.testing.assert_close(found, network(power(batch)).detach(), rtol=1e-3, atol=1e-4)
