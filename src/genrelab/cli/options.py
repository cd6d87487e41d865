"""Arguments and options that several verbs take, each told once. A default stands with the verb."""

from pathlib import Path
from typing import Annotated, Any

import typer

RecipeName = Annotated[
    str, typer.Argument(help="A recipe file, or the name of one that comes along (see `genrelab info`).")
]
FinishedRun = Annotated[Path, typer.Argument(help="A finished run folder.")]
Part = Annotated[str, typer.Option("--part", help="The part to look at: test or validation.")]
BundleName = Annotated[Path | None, typer.Option("--bundle", "-b", help="An .onnx bundle, or default or teacher.")]

Data = Annotated[Path | None, typer.Option("--data", help="Sound to learn from, as for `genrelab train`.")]
MaxClips = Annotated[int | None, typer.Option("--max-clips", min=2, help="Use no more than so many clips.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of PyTorch on the CPU. [default: one a core]")
]
Stores = Annotated[Path | None, typer.Option("--stores", help="Folder of decoded audio. [default: the user's cache]")]

# Of verbs that train many runs.
OwnStores = Annotated[Path | None, typer.Option("--stores", help="Folder of decoded audio. [default: OUTPUT/stores]")]
Protocols = Annotated[list[str] | None, typer.Option("--protocol", help="[default: random and artist-folds]")]
Folds = Annotated[int, typer.Option("--folds", min=1, help="Folds of each protocol.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds, from 0.")]
Processes = Annotated[int, typer.Option("--jobs", min=1, help="Processes that train at the same time.")]
SharedThreads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of PyTorch on the CPU, of all processes.")
]


def overriding(whose: str) -> Any:
    """Return the option ``--set``, which overrides keys of `whose` recipes."""
    return typer.Option("--set", metavar="KEY=VALUE", help=f"Override a key of {whose}.")
