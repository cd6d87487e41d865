"""A finished run folder as training leaves it, made without training."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from genrelab.report.run import evaluate_run
from genrelab.report.save import png_bytes

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_DPI = 24


def pixels(figure: Figure) -> np.ndarray:
    return imread(io.BytesIO(png_bytes(figure, dpi=GOLDEN_DPI)))[..., :3]


def coarse(picture: np.ndarray) -> np.ndarray:
    """Mean over 4 x 4 pixels: a shift of a hair, as another freetype makes, hardly counts."""
    rows, columns = picture.shape[0] // 4 * 4, picture.shape[1] // 4 * 4
    return picture[:rows, :columns].reshape(rows // 4, 4, columns // 4, 4, 3).mean(axis=(1, 3))


@pytest.fixture
def check() -> Callable[[Figure, str], None]:
    """Return a comparison of a figure with its golden picture."""

    def compare(figure: Figure, name: str) -> None:
        path = GOLDEN / f"{name}.png"
        if os.environ.get("GENRELAB_GOLDEN") == "write":
            path.write_bytes(png_bytes(figure, dpi=GOLDEN_DPI))
        found, wanted = pixels(figure), imread(path)[..., :3]
        assert np.abs(np.subtract(found.shape, wanted.shape)).max() <= 2, f"{found.shape} against {wanted.shape}"
        rows, columns = np.minimum(found.shape, wanted.shape)[:2]
        difference = np.abs(coarse(found[:rows, :columns]) - coarse(wanted[:rows, :columns]))
        assert difference.mean() < 0.025  # a shift by a whole pixel makes .017, another model .045 and more
        assert (difference.max(axis=2) > 0.25).mean() < 0.02

    return compare


def history_of(epochs: int, fold: int = 0) -> pd.DataFrame:
    """Return a history as a network that overfits a little writes it."""
    epoch = np.arange(epochs)
    wobble = 0.03 * np.sin(1.7 * epoch + fold)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": 0.1 + 2.2 * np.exp(-epoch / 12),
            "train_accuracy": 1 - 0.9 * np.exp(-epoch / 12),
            "validation_loss": 1.2 + 1.1 * np.exp(-epoch / 8) + 0.005 * epoch + wobble,
            "validation_accuracy": 0.6 - 0.5 * np.exp(-epoch / 9) - wobble,
            "learning_rate": 1e-3 * 0.5 ** (epoch // 12),
        }
    )


@pytest.fixture
def history() -> pd.DataFrame:
    """Return the history of three folds that stopped at different epochs."""
    return pd.concat([history_of(epochs, fold).assign(fold=fold) for fold, epochs in enumerate((30, 24, 40))])


@pytest.fixture(scope="session")
def make_run(tmp_path_factory, make_predictions) -> Callable[..., Path]:
    """Return a maker of run folders; options go to `make_predictions`."""

    def make(name: str = "fma-cnn", folds: int = 2, leaks: tuple[str, ...] = (), **options: object) -> Path:
        folder = tmp_path_factory.mktemp("runs") / name
        info = {"name": name, "leaks": list(leaks), "folds": folds, **options.pop("info", {})}  # type: ignore[dict-item]
        options = {"clips": 120, "folds": folds} | options
        predictions = make_predictions(**options, info=info)
        predictions.write(folder / "predictions.parquet")
        about = predictions.info | {
            "genres": list(predictions.genres),
            "clips": 120,
            "parameters": 651850,
            "minutes": 41.2,
            "peak_memory_mb": 1834.2,
            "created": "2026-03-04T12:11:10+00:00",
        }
        (folder / "run.json").write_text(json.dumps(about))
        (folder / "recipe.yaml").write_text("name: fma-cnn\ntrain:\n  lr: 0.001  # <halved> & halved\n")
        (folder / "environment.json").write_text(json.dumps({"python": "3.11.2", "packages": {"torch": "2.13.0"}}))
        for fold in range(folds):
            (folder / f"fold-{fold}").mkdir()
            history_of(20 + fold, fold).to_csv(folder / f"fold-{fold}" / "history.csv", index=False)
        return folder

    return make


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Write empty figures: most of an evaluation's time goes into drawing, and some tests look at its words alone."""
    monkeypatch.setattr("genrelab.report.save.png_bytes", lambda figure: b"")
    monkeypatch.setattr(
        "genrelab.report.save.svg_text", lambda figure: '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
    )


@pytest.fixture(scope="session")
def evaluated(make_run) -> Path:
    """Return a run that was evaluated once for all tests that only look at it."""
    folder = make_run(leaks=("12 tracks stand in training & test",))
    evaluate_run(folder)
    return folder
