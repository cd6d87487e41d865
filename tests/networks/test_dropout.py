import pytest
import torch

from genrelab.errors import RecipeError
from genrelab.networks.dropout import Dropout


def drop(p, values, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Dropout(p)(values)


@pytest.mark.parametrize("p", [0.1, 0.25, 0.3, 0.5, 0.9])
def test_the_share_of_dropped_values_is_the_probability(p):
    dropped = drop(p, torch.ones(1_000_000)) == 0
    # Five standard deviations of a binomial share.
    assert dropped.double().mean().item() == pytest.approx(p, abs=5 * (p * (1 - p) / 1e6) ** 0.5)


def test_kept_values_are_scaled_so_that_the_mean_stays():
    values = torch.arange(1.0, 1001.0)
    dropped = drop(0.2, values)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], values[kept] * 1.25)


@pytest.mark.parametrize("shape", [(1,), (3,), (4, 5), (2, 3, 5, 7)])
def test_any_number_of_values_keeps_its_shape(shape):
    assert drop(0.5, torch.ones(shape)).shape == shape


def test_channels_that_lie_side_by_side_are_dropped_one_by_one():
    values = torch.ones(8, 16, 10, 10).contiguous(memory_format=torch.channels_last)
    dropped = drop(0.5, values)
    assert dropped.is_contiguous(memory_format=torch.channels_last)
    share = (dropped == 0).double().mean(dim=(0, 2, 3))
    assert ((share > 0.4) & (share < 0.6)).all()


def test_the_gradient_of_a_dropped_value_is_zero():
    values = torch.ones(1000, requires_grad=True)
    dropped = drop(0.5, values)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach())


def test_the_same_seed_drops_the_same_values():
    values = torch.ones(1000)
    assert torch.equal(drop(0.5, values, seed=1), drop(0.5, values, seed=1))
    assert not torch.equal(drop(0.5, values, seed=1), drop(0.5, values, seed=2))


def test_nothing_is_dropped_in_evaluation_or_at_zero():
    values = torch.ones(10)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(RecipeError, match="not a probability"):
        Dropout(p)
