"""Where an epoch's time goes: waiting for data against forward, backward and the optimiser's step.

python benchmarks/epoch.py [RECIPE...]

Trains a few epochs of a recipe on the toy corpus, and prints each part's share of the time between an epoch's first
batch and its last. Shares of one run compare with each other, not with those of another machine.
"""

import json
import tempfile
from pathlib import Path

import pandas as pd
from arguments import parser_of

from genrelab.errors import GenrelabError
from genrelab.networks import NETWORKS
from genrelab.networks.heads import Head
from genrelab.training import run
from genrelab.training.recipe import load_recipe


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "recipes", nargs="*", default=["demo/cnn", "fma-cnn-short"], help="recipes to train for three epochs"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        overrides = [
            "corpus.root=" + json.dumps(str(Path(folder) / "toy")),
            "corpus.clips=100",
            "protocol.name=random",
            "protocol.folds=1",
            "train.epochs=3",
        ]
        try:
            recipes = {name: load_recipe(name, overrides) for name in arguments.recipes}
        except GenrelabError as error:
            parser.error(str(error))
        for name, recipe in recipes.items():
            if issubclass(NETWORKS[recipe.network.kind], Head):
                parser.error(f"{name}: its network is solved for at once; there are no epochs to time")
        print(f"{'an epoch of':<20}{'data':>8}{'forward':>9}{'backward':>9}{'step':>8}{'seconds':>9}")
        for name, recipe in recipes.items():
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
