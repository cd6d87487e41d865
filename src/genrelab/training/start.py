"""A part of a network that begins with what another run has learned, and stays so."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelab.backbones.own import own_file
from genrelab.errors import RunError
from genrelab.extractors.backbone import LISTENER
from genrelab.frontends import FrontEnd
from genrelab.networks.hybrid import Hybrid
from genrelab.networks.model import GenreModel
from genrelab.training.examples import ExampleStore
from genrelab.training.recipe import Start
from genrelab.training.weights import load_weights


def require_same_splits(start: Start, digest: str) -> None:
    """Refuse a run that was trained on another split: it may have learned from what is tested here.

    Parameters
    ----------
    start
        The recipe's section.
    digest
        That of our splits, as a run folder holds it in ``splits.sha256``.

    Raises
    ------
    RunError
        The run is missing, unfinished or of another split.
    """
    if start.run is None:  # a backbone has seen no split
        return
    if not (start.run / "run.json").is_file():
        raise RunError(
            f"{start.run}: no finished run to start from; train it, or name another with --set start.run=RUN"
        )
    if (start.run / "splits.sha256").read_text() != digest:
        raise RunError(
            f"{start.run}: was trained on another split than this run (other clips, protocol, folds or seed), and may "
            "have learned from what is tested here; train it anew with the same corpus, protocol and seed (or "
            "protocol.seed)"
        )


def take_weights(model: GenreModel, start: Start, fold: str) -> None:
    """Load the network of a run's fold, or a backbone, into a part of ours and freeze it.

    Parameters
    ----------
    model
        Its network has the part ``start.part``.
    start
        The recipe's section.
    fold
        Name of the fold's folder.

    Raises
    ------
    RunError
        There is no such part, or the weights do not fit it.
    """
    try:
        part = model.network.get_submodule(start.part)
    except AttributeError:
        names = ", ".join(name for name, _ in model.network.named_children())
        raise RunError(f"start.part: the network has no part {start.part!r}; it has {names}") from None
    if start.run is None:
        load_weights(part, own_file(LISTENER))
    else:
        load_weights(part, start.run / fold / "best.safetensors", "network.")
    part.requires_grad_(False).eval()  # Lightning leaves modes as it finds them


def condensed(
    model: GenreModel, store: ExampleStore, clips: Iterable[str], device: str
) -> tuple[GenreModel, ExampleStore]:
    """Ask a frozen part once what it says, so that an epoch need not ask it again.

    Parameters
    ----------
    model
        Its network is a `Hybrid` whose image part learns no more.
    store
        The examples it takes.
    clips
        Those it will be asked about.
    device
        Where it shall see them.

    Returns
    -------
    GenreModel, ExampleStore
        The same network behind no front end, and what it takes in this form, in memory.
    """
    network = model.network
    assert isinstance(network, Hybrid)  # noqa: S101 (for the type checker)

    def see(examples: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            features = model.frontend(torch.from_numpy(examples).to(device))
            seen: NDArray[np.float32] = network.condense(features).cpu().numpy()
        return seen

    model.to(device)
    return GenreModel(_Seen(model.frontend.sample_rate, 1, "none"), network), store.mapped(clips, see)


class _Seen(FrontEnd):
    """Leaves values (batch, values) as they are."""

    def features(self, waveform: Tensor) -> Tensor:
        """Return what is given."""
        return waveform
