"""Which epoch's weights count."""

import pandas as pd
import pytest

from genrelab.training.callbacks import kept_epoch
from genrelab.training.recipe import Train

HISTORY = pd.DataFrame(
    {
        "epoch": [0, 1, 2, 3],
        "validation_accuracy": [0.5, 0.7, 0.7, None],
        "validation_loss": [1.0, 0.9, 0.8, None],  # the last epoch was not validated
    }
)


@pytest.mark.parametrize(
    ("monitor", "keep", "epoch"),
    [
        ("validation_accuracy", "best", 1),  # the first of two as good
        ("validation_loss", "best", 2),
        ("validation_loss", "last", 2),
    ],
)
def test_the_kept_epoch_is_the_best_or_the_last_that_was_validated(monitor: str, keep: str, epoch: int) -> None:
    train = Train.model_validate({"monitor": monitor, "keep": keep})
    assert kept_epoch(HISTORY, train)["epoch"] == epoch
