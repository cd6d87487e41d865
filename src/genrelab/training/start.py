"""A part of a network that begins with what another run has learned, and stays so."""

from genrelab.errors import RunError
from genrelab.networks.model import GenreModel
from genrelab.training.checkpoints import load_weights
from genrelab.training.recipe import Start


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
    if not (start.run / "run.json").is_file():
        raise RunError(
            f"{start.run}: no finished run to start from; train it, or name another with --set start.run=RUN"
        )
    if (start.run / "splits.sha256").read_text() != digest:
        raise RunError(
            f"{start.run}: was trained on another split than this run (other clips, protocol, folds or seed), and may "
            "have learned from what is tested here; train it anew with the same corpus, protocol and seed"
        )


def take_weights(model: GenreModel, start: Start, fold: str) -> None:
    """Load the network of a run's fold into a part of ours and freeze it.

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
    load_weights(part, start.run / fold / "best.safetensors", "network.")
    part.requires_grad_(False)
