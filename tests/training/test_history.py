"""Which epoch's weights count."""

from pathlib import Path

import pandas as pd
import pytest

from genrelab.errors import RunError
from genrelab.training.history import kept_epoch
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
def test_the_kept_epoch_is_the_best_or_the_last_that_was_validated(
    monitor: str, keep: str, epoch: int, tmp_path: Path
) -> None:
    HISTORY.to_csv(tmp_path / "history.csv", index=False)
    train = Train.model_validate({"monitor": monitor, "keep": keep})
    assert kept_epoch(tmp_path, train)["epoch"] == epoch


@pytest.mark.parametrize(
    "text", ["", "epoch,train_loss\n0,1\n", "validation_loss\n", "validation_loss\nlow\n", "a,b\n1,2,3,4\n5"]
)
def test_a_damaged_history_is_told_in_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(RunError, match=r"history\.csv: damaged .*train the run again"):
        kept_epoch(tmp_path, Train())


def test_a_missing_history_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"history\.csv: cannot be read"):
        kept_epoch(tmp_path, Train())
