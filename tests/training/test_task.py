"""The loss, against what can be worked out by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.training.feed import Crops
from genrelab.training.fit import _balanced_weights
from genrelab.training.recipe import Train
from genrelab.training.task import GenreTask

CODES = torch.tensor([0, 0, 2, 1, 0])
LOGITS = torch.tensor(np.random.default_rng(0).normal(size=(5, 3)), dtype=torch.float32)


def loss(targets: Tensor, class_weights: Tensor | None, smoothing: float) -> float:
    task = GenreTask(nn.Identity(), Train(label_smoothing=smoothing), 3, class_weights)  # type: ignore[arg-type]
    return float(task._loss(LOGITS, targets))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("class_weights", [None, torch.tensor([0.5, 2.0, 3.0])])
def test_a_batch_that_was_mixed_with_itself_costs_what_a_plain_one_costs(
    class_weights: Tensor | None, smoothing: float
) -> None:
    plain = loss(CODES, class_weights, smoothing)
    assert loss(F.one_hot(CODES, 3).float(), class_weights, smoothing) == pytest.approx(plain)
    assert plain == pytest.approx(
        float(F.cross_entropy(LOGITS, CODES, weight=class_weights, label_smoothing=smoothing)), abs=0
    )


def test_a_mixed_batch_costs_the_mean_over_its_shares_of_genres_each_by_its_weight() -> None:
    weights = torch.tensor([0.5, 2.0, 3.0])
    targets = torch.lerp(F.one_hot(CODES.flip(0), 3).float(), F.one_hot(CODES, 3).float(), 0.7)
    shares = (targets * weights).numpy()
    by_hand = -(shares * F.log_softmax(LOGITS, 1).numpy()).sum() / shares.sum()
    assert loss(targets, weights, 0.0) == pytest.approx(by_hand)


def test_genres_weigh_as_many_clips_each_and_one_without_clips_nothing() -> None:
    assert _balanced_weights([0, 0, 0, 2], 3).tolist() == pytest.approx([4 / 9, 0, 4 / 3])


def test_a_batch_on_the_cpu_is_seeded_without_a_word_to_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    task = GenreTask(nn.Identity(), Train(), 3, seed=7)  # type: ignore[arg-type]
    told: list[int] = []
    with monkeypatch.context() as patched:
        for kind in (torch.cuda, torch.xpu, torch.mtia):
            patched.setattr(kind, "manual_seed_all", told.append)
        task.on_train_batch_start(Crops(LOGITS, CODES), 4)
    drawn = torch.rand(3)
    torch.manual_seed(int(np.random.SeedSequence((7, 0, 4, 0)).generate_state(1)[0]))
    assert torch.equal(drawn, torch.rand(3))
    assert not told
