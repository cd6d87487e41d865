"""What a fold tells of its epochs: ``history.csv``, ``timing.csv``, and what follows from them."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from genrelab.errors import RunError
from genrelab.files import write_text
from genrelab.training.recipe import Train

HISTORY = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate")
TIMINGS = ("data", "forward", "backward", "step", "validation")  # seconds


class DivergedError(RunError):
    """A loss that is no number any more."""


def diverged(folder: Path, name: str, loss: object, epoch: object) -> DivergedError:
    """Return the error of a fold whose ``train_loss`` or ``validation_loss`` is no number any more."""
    which = "loss" if name == "train_loss" else "validation loss"
    return DivergedError(
        f"{folder}: the {which} became {loss} in epoch {epoch}; "
        "lower train.lr or set train.gradient_clip, and choose another --output"
    )


def refuse_diverged(folder: Path) -> None:
    """Refuse to go on with a fold whose validation loss is no number: an earlier version kept the weights of it.

    Raises
    ------
    DivergedError
        Its ``history.csv`` says so.
    """
    path = folder / "history.csv"
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            if (loss := row.get("validation_loss")) in ("nan", "inf", "-inf"):
                raise diverged(folder, "validation_loss", loss, row.get("epoch"))


def kept_epoch(folder: Path, train: Train) -> dict[str, float]:
    """Return the row of a fold's ``history.csv`` of the epoch whose weights the fold has kept, as `History` keeps them.

    Parameters
    ----------
    folder
        Of the fold.
    train
        The training section of the run's recipe.

    Raises
    ------
    RunError
        The table is missing or damaged.
    """
    path = folder / "history.csv"
    try:
        judged = pd.read_csv(path).dropna(subset=["validation_loss"]).astype(float)
        place = len(judged) - 1
        if train.keep == "best":
            scores = judged[train.monitor].to_numpy()
            place = int(scores.argmax() if train.larger_is_better else scores.argmin())
        return {str(name): value for name, value in judged.iloc[place].items()}
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); it tells how a fold was trained") from None
    except (KeyError, IndexError, ValueError) as error:
        raise RunError(f"{path}: damaged ({error}); train the run again, or leave it out") from None


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, float]]) -> None:
    """Write a table of the fold; what a row lacks stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
