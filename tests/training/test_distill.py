"""A listener learns from lessons what another hears."""

import pytest
import torch

from genrelab.networks.listener import Listener
from genrelab.training import distill as module
from genrelab.training.distill import distill, explained

SIZES = {"timbral": (2, 2), "temporal": (1, 1, 1), "blocks": (3, 3, 3, 3, 3)}


@pytest.fixture
def lessons(monkeypatch):
    monkeypatch.setattr(module, "HELD_OUT", 32)
    torch.manual_seed(0)
    teacher = Listener(**SIZES, coarse=False).eval()
    heard = 4 * torch.rand(64, 187, 96) * torch.rand(64, 1, 96)
    with torch.inference_mode():
        layers = torch.cat(list(teacher.read(heard[:, None]).values()), 1)
    return heard.half(), layers.half()


def fresh():
    """Return a listener like the teacher, but somewhat deaf: an eighth of every weight is noise."""
    torch.manual_seed(0)
    listener = Listener(**SIZES, coarse=False).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in listener.parameters():
            weight.add_(torch.randn_like(weight) * weight.std(correction=0) / 8)
    return listener


def test_it_comes_to_hear_what_its_teacher_hears(lessons):
    listener = fresh()
    before = explained(listener, *lessons)
    told = []
    after = distill(listener, *lessons, epochs=13, lr=5e-4, batch_size=4, average=0.9, say=told.append)
    assert after == explained(listener, *lessons)
    assert all(after[name] > before[name] for name in before)
    assert after["mean_pool"] > 0.9
    assert told[-1].startswith("step 104 of 104")


def test_the_same_seed_gives_the_same_weights(lessons):
    found = []
    for _ in range(2):
        listener = fresh()
        distill(listener, *lessons, epochs=1, lr=1e-3, batch_size=16)
        found.append(listener.state_dict())
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


def test_a_value_that_never_moves_is_not_learned_and_not_judged(lessons):
    heard, layers = lessons
    layers = layers.clone()
    layers[:, 0] = 7.0
    listener = fresh()
    found = distill(listener, heard, layers, epochs=1, lr=1e-3, batch_size=16)
    assert all(torch.isfinite(torch.tensor(list(found.values()))))
