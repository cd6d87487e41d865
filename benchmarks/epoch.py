"""Where an epoch's time goes: waiting for data, forward, backward, the optimiser's step.

Trains a few epochs of a recipe on the toy corpus, and prints each part's share of the time between an epoch's first
batch and its last. Shares of one run compare with each other, not with those of another machine.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from genrelab.training import run
from genrelab.training.recipe import load_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "recipes", nargs="*", default=["demo/cnn", "fma-cnn-short"], help="recipes to train for three epochs"
    )
    arguments = parser.parse_args()
    print(f"{'an epoch of':<20}{'data':>8}{'forward':>9}{'backward':>9}{'step':>8}{'seconds':>9}")
    with tempfile.TemporaryDirectory() as folder:
        toy = Path(folder) / "toy"
        for name in arguments.recipes:
            recipe = load_recipe(
                name,
                [
                    f"corpus.root={toy}",
                    "corpus.clips=100",
                    "protocol.name=random",
                    "protocol.folds=1",
                    "train.epochs=3",
                ],
            )
            out = Path(folder) / name.replace("/", "-")
            run.train(recipe, out, run.Options(stores=Path(folder) / "stores"))
            # The first epoch also pays for what torch sets up once.
            timing = pd.read_csv(out / "fold-0" / "timing.csv").iloc[1:].mean()
            parts = timing[["data", "forward", "backward", "step"]]
            shares = "".join(
                f"{share:>{width}.1%}" for share, width in zip(parts / parts.sum(), (8, 9, 9, 8), strict=True)
            )
            print(f"{name:<20}{shares}{parts.sum():>9.2f}")


if __name__ == "__main__":
    main()
