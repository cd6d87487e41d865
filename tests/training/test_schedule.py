import pytest
import torch
from torch import nn

from genrelab.training.recipe import Train
from genrelab.training.schedule import Schedule


def make(train: Train) -> tuple[torch.optim.Optimizer, Schedule]:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=train.lr)
    schedule = Schedule(optimizer, train, batches=2)
    optimizer.step()  # schedules warn of being stepped before their optimiser
    return optimizer, schedule


def rate(optimizer: torch.optim.Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])


def test_a_plateau_halves_the_rate_after_its_patience() -> None:
    optimizer, schedule = make(Train(lr=0.4, schedule="plateau", plateau_patience=2))
    rates = []
    for accuracy in (0.5, 0.5, 0.5, 0.5, 0.6):
        schedule.after_epoch(accuracy)
        rates.append(rate(optimizer))
    assert rates == [0.4, 0.4, 0.4, 0.2, 0.2]


@pytest.mark.parametrize(("monitor", "better"), [("validation_accuracy", 0.1), ("validation_loss", -0.1)])
def test_what_gets_better_keeps_its_rate_and_what_gets_worse_does_not(monitor: str, better: float) -> None:
    for step, expected in ((better, 0.4), (-better, 0.2)):
        optimizer, schedule = make(Train(lr=0.4, schedule="plateau", plateau_patience=2, monitor=monitor))
        for epoch in range(4):
            schedule.after_epoch(1 + step * epoch)
        assert rate(optimizer) == expected


def test_one_cycle_ends_with_the_last_batch_of_the_last_epoch() -> None:
    optimizer, schedule = make(Train(lr=0.4, epochs=5, schedule="one-cycle"))
    rates = [rate(optimizer)]
    for _ in range(5 * 2 - 1):
        schedule.after_batch()
        rates.append(rate(optimizer))
    assert rates[0] == pytest.approx(0.4 / 25)
    assert max(rates) == pytest.approx(0.4)
    assert rates[-1] == min(rates) == pytest.approx(0.4 / 25 / 1e4)


def test_a_cosine_ends_at_zero() -> None:
    optimizer, schedule = make(Train(lr=0.4, epochs=4, schedule="cosine"))
    rates = []
    for _ in range(4):
        schedule.after_epoch(0.0)
        rates.append(rate(optimizer))
    assert rates == pytest.approx([0.4 * 0.853553, 0.2, 0.4 * 0.146447, 0.0], abs=1e-6)


def test_no_schedule_leaves_the_rate_alone() -> None:
    optimizer, schedule = make(Train(lr=0.4))
    schedule.after_batch()
    schedule.after_epoch(1.0)
    assert rate(optimizer) == 0.4


@pytest.mark.parametrize("kind", ["plateau", "one-cycle", "cosine"])
def test_a_schedule_goes_on_from_its_state(kind: str) -> None:
    train = Train(lr=0.4, epochs=5, schedule=kind, plateau_patience=1)
    whole_optimizer, whole = make(train)
    _, first = make(train)

    def epoch(schedule: Schedule) -> None:
        for _ in range(2):
            schedule.after_batch()
        schedule.after_epoch(0.5)

    for _ in range(4):
        epoch(whole)
    for _ in range(2):
        epoch(first)
    second_optimizer, second = make(train)
    second.load_state_dict(first.state_dict())
    for _ in range(2):
        epoch(second)
    assert rate(second_optimizer) == rate(whole_optimizer) != 0.4
