import numpy as np
import pytest
import torch

from genrelab.augment.mixing import Cutmix, Mixup

VALUES = torch.tensor([[0.0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2]])
TARGETS = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
PARTNERS = [1, 2, 0]


def test_mixup_is_the_weighted_mean_of_values_and_targets():
    drawn = {"applied": True, "weight": 0.75, "partners": PARTNERS}
    values, targets = Mixup().apply((VALUES, TARGETS), drawn)
    assert values.tolist() == [[0.25] * 4, [1.25] * 4, [1.5] * 4]
    assert targets.tolist() == [[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]]


def test_cutmix_takes_a_stretch_of_the_partner_and_its_part_of_the_target():
    drawn = {"applied": True, "stretch": [1, 2], "partners": PARTNERS}
    values, targets = Cutmix().apply((VALUES, TARGETS), drawn)
    assert values.tolist() == [[0, 1, 0, 0], [1, 2, 1, 1], [2, 0, 2, 2]]
    assert targets.tolist() == [[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]]


def test_cutmix_cuts_features_along_time():
    features = VALUES[:, None, None, :].expand(3, 2, 5, 4)
    drawn = {"applied": True, "stretch": [2, 4], "partners": PARTNERS}
    values, targets = Cutmix().apply((features, TARGETS), drawn)
    assert values[0].tolist() == [[[0, 0, 1, 1]] * 5] * 2
    assert targets[0].tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize("mixing", [Mixup(), Cutmix()])
def test_targets_stay_probabilities(mixing):
    rng = np.random.default_rng(0)
    for _ in range(50):
        _, targets = mixing((VALUES, TARGETS), rng)
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(3))
        assert targets.min() >= 0


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_weights_are_drawn_from_the_beta_distribution(alpha):
    rng = np.random.default_rng(0)
    weights = np.array([Mixup(alpha=alpha).parameters(rng, (4, 1))["weight"] for _ in range(4000)])
    assert weights.mean() == pytest.approx(0.5, abs=0.03)
    assert weights.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_stretches_are_as_long_as_the_beta_distribution_says_and_lie_inside():
    rng = np.random.default_rng(0)
    stretches = np.array([Cutmix().parameters(rng, (4, 100))["stretch"] for _ in range(4000)])
    width = stretches[:, 1] - stretches[:, 0]
    assert stretches.min() == 0
    assert stretches.max() == 100
    assert width.mean() == pytest.approx(50, abs=2)
    assert width.var() == pytest.approx(100**2 / 12, rel=0.1)
    narrow = np.array([Cutmix(alpha=8.0).parameters(rng, (4, 100))["stretch"] for _ in range(4000)])
    assert (narrow[:, 1] - narrow[:, 0]).var() == pytest.approx(100**2 / (4 * 17), rel=0.1)


def test_each_example_has_one_partner():
    drawn = Mixup().parameters(np.random.default_rng(0), (32, 1))
    assert sorted(drawn["partners"]) == list(range(32))


@pytest.mark.parametrize("mixing", [Mixup(p=1.0), Cutmix(p=1.0)])
def test_parameters_of_another_batch_size_are_refused(mixing):
    frozen = mixing.freeze(np.random.default_rng(0), (3, 4))
    with pytest.raises(ValueError, match="batch of 3 do not fit one of 2"):
        frozen((VALUES[:2], TARGETS[:2]))
