"""Kill a training at 20 random moments; each time it ends after all, its run must equal an undisturbed one.

Run by test_run.py in a process of its own: it forks, which a process that has started threads must not.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import genrelab.training.fit  # noqa: F401  Lightning is loaded before any fork, and kills strike what comes after
from genrelab.training import run
from genrelab.training.recipe import Recipe, check_recipe

KILLS = 20


def recipe(table: str) -> Recipe:
    return check_recipe(
        {
            "name": "killed",
            "corpus": {"kind": "table", "path": table},
            "protocol": {"name": "artist-folds", "folds": 2, "validation": 0.25},
            "audio": {"sample_rate": 8000, "window": 1.0, "hop": 0.25},
            "frontend": {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 32, "normalise": "band-standard"},
            "network": {"kind": "cnn-rnn", "filters": [8, 8, 8], "units": 8, "dense_units": 16},
            "train": {
                "epochs": 8, "batch_size": 4, "lr": 0.003, "schedule": "plateau", "plateau_patience": 1, "patience": 3,
            },
        },
        "kill_training.py",
    )  # fmt: skip


def start(what: Recipe, folder: Path, stores: Path) -> int:
    """Train in a forked process; return its id."""
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            run.train(what, folder, run.Options(resume=True, stores=stores))
        except BaseException as error:
            print(f"{folder}: {type(error).__name__}: {error}", flush=True)
            os._exit(1)
        os._exit(0)
    return child


def outcome(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    histories = [(folder / f"fold-{fold}" / "history.csv").read_text() for fold in range(2)]
    return pd.read_parquet(folder / "predictions.parquet"), histories


def main() -> None:
    table, folder = sys.argv[1], Path(sys.argv[2])
    what, rng = recipe(table), random.Random(0)
    began = time.monotonic()
    assert os.waitpid(start(what, folder / "undisturbed", folder / "stores"), 0)[1] == 0
    whole = time.monotonic() - began
    expected, histories = outcome(folder / "undisturbed")
    kills, compared, attempt = 0, 0, folder / "run-0"
    while kills < KILLS or compared == 0:
        child = start(what, attempt, folder / "stores")
        if kills < KILLS:
            time.sleep(rng.uniform(0.02, 0.6) * whole)
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            kills += 1
            continue
        assert status == 0
        got, got_histories = outcome(attempt)
        pd.testing.assert_frame_equal(got, expected, check_exact=True)
        assert got_histories == histories, "\n".join([*got_histories, *histories])
        assert list(attempt.rglob(".*")) == []
        print(f"{attempt.name}: equal after {kills} kills so far")
        compared, attempt = compared + 1, folder / f"run-{compared + 1}"
    assert np.isfinite(expected.filter(like="p_").to_numpy()).all()
    print(f"{KILLS} kills, {compared} runs compared")


if __name__ == "__main__":
    main()
