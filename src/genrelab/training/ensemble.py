"""Ensembles: recipes whose members are finished runs. Nothing is trained; predictions are combined, and networks."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RunError
from genrelab.evaluation.ensembles import SMALLEST, best, combine, fit_stacks
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import read_summary
from genrelab.files import write_json, write_text
from genrelab.locks import reserved
from genrelab.networks.model import GenreModel
from genrelab.training.history import kept_epoch
from genrelab.training.recipe import EnsembleRecipe, Recipe
from genrelab.training.run import check_folder, environment, load_models, load_run_recipe

_SUMMED = ("parameters", "minutes")
_SHARED = ("corpus", "protocol", "folds", "seed", "genres", "clips", "left_out", "notes", "licence", "citation")


def combine_runs(recipe: EnsembleRecipe, folder: Path, resume: bool = False) -> Predictions:
    """Make a run folder of an ensemble.

    Parameters
    ----------
    recipe
        Its rule and members.
    folder
        Where; as for `genrelab.training.run.train`.
    resume
        Make it again where it stands already.

    Raises
    ------
    RunError
        A member is not a finished run, or they do not fit together; or another process is at it.
    """
    with reserved(folder) as mine:
        if not mine:
            raise RunError(f"{folder}: another process is writing this run; wait for it, or choose another --output")
        return _combine(recipe, folder, resume)


def _combine(recipe: EnsembleRecipe, folder: Path, resume: bool) -> Predictions:
    check_folder(folder, recipe.to_yaml(), resume)
    summaries = [read_summary(member) for member in recipe.ensemble.members]
    tables = [Predictions.read(member / "predictions.parquet") for member in recipe.ensemble.members]
    losses = _losses(recipe)
    combined = combine(tables, recipe.ensemble.rule, losses)
    first = summaries[0]
    leaks = sorted({leak for summary in summaries for leak in summary["leaks"]})
    info = {key: first[key] for key in ("corpus", "protocol", "folds", "seed")} | {"name": recipe.name, "leaks": leaks}
    write_text(folder / "recipe.yaml", recipe.to_yaml())
    write_text(folder / "splits.sha256", (recipe.ensemble.members[0] / "splits.sha256").read_text())
    write_json(folder / "environment.json", environment())
    predictions = Predictions(combined.table, info)
    predictions.write(folder / "predictions.parquet")
    summary: dict[str, Any] = {key: first[key] for key in _SHARED} | info
    summary |= {key: sum(one[key] for one in summaries) for key in _SUMMED}
    summary |= {"peak_memory_mb": max(one["peak_memory_mb"] for one in summaries), "device": first["device"]}
    summary |= {"members": [one["name"] for one in summaries], "created": first["created"]}
    if losses is not None:
        summary["chosen"] = {fold: summaries[best(lost)]["name"] for fold, lost in losses.items()}
    write_json(folder / "run.json", summary)
    return predictions


def read_ensemble(folder: Path) -> EnsembleRecipe | None:
    """Return the recipe of an ensemble's run, None for a run of another kind.

    A member that is not where the recipe says, since the runs were moved or are used from another folder, is looked for
    beside the run.
    """
    path = folder / "recipe.yaml"
    if not path.is_file():
        return None
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(tree, dict) or "ensemble" not in tree:
        return None
    recipe = EnsembleRecipe.model_validate(tree)
    named = [(member, folder.absolute().parent / member.name) for member in recipe.ensemble.members]
    found = tuple(beside if beside.is_dir() and not member.is_dir() else member for member, beside in named)
    return recipe.model_copy(update={"ensemble": recipe.ensemble.model_copy(update={"members": found})})


def load_ensembles(recipe: EnsembleRecipe, folds: Sequence[int]) -> tuple[list["Ensemble"], Recipe, dict[str, Any]]:
    """Return an ensemble's networks, one a fold, the recipe of what they hear, and the extractor that they need.

    Raises
    ------
    RunError
        The members hear windows of different lengths or rates, so that no single graph can hold them.
    """
    members = list(recipe.ensemble.members)
    recipes = [load_run_recipe(member) for member in members]
    heard = {(one.audio.sample_rate, one.audio.window) for one in recipes}
    if len(heard) > 1:
        windows = " and ".join(f"{window:g} s at {rate} Hz" for rate, window in sorted(heard))
        raise RunError(f"the members of {recipe.name} hear {windows}: one bundle cannot hold them; export them singly")
    genres = len(read_summary(members[0])["genres"])
    models = [load_models(member, genres, folds) for member in members]
    parts = []
    for own, one in zip(models, recipes, strict=True):
        kind, options = own[0].frontend.extraction or ("samples", {"count": one.window_samples})
        parts.append({"kind": kind, **options})
    sizes: list[int] | None = None
    extractor: dict[str, Any] = {}
    if any(part["kind"] != "samples" for part in parts):
        extractor = {"kind": "joint", "parts": parts}
        sizes = [_size(own[0], one) for own, one in zip(models, recipes, strict=True)]
    stacks = {}
    if recipe.ensemble.rule == "stack":
        tables = [Predictions.read(member / "predictions.parquet") for member in members]
        stacks = fit_stacks([Predictions(table.table.sort_values(["clip", "split", "fold"]), {}) for table in tables])
    losses = _losses(recipe) or {}
    ensembles = [
        Ensemble(
            [own[number] for own in models],
            recipe.ensemble.rule,
            sizes,
            stacks.get(fold),
            best(losses[fold]) if fold in losses else None,
        )
        for number, fold in enumerate(folds)
    ]
    return ensembles, recipes[0], extractor


def _losses(recipe: EnsembleRecipe) -> dict[int, list[float]] | None:
    """Return for each fold what the members' weights lost in validation, of heads in inner folds, if the rule asks."""
    if recipe.ensemble.rule != "choose":
        return None
    members = recipe.ensemble.members
    if ensembles := [member for member in members if read_ensemble(member)]:
        raise RunError(f"{ensembles[0]}: an ensemble; the rule 'choose' takes members that were trained")
    trained = [(member, load_run_recipe(member).train) for member in members]
    return {
        fold: [kept_epoch(member / f"fold-{fold}", train)["validation_loss"] for member, train in trained]
        for fold in range(read_summary(members[0])["folds"])
    }


def _size(model: GenreModel, recipe: Recipe) -> int:
    extractor = model.frontend.extractor()
    return recipe.window_samples if extractor is None else extractor.size


class Ensemble(nn.Module):
    """The members' networks of one fold, and the rule, as one module.

    Where a clip has several windows, the rule is applied to each and the result averaged; the predictions table applies
    it to whole clips.

    Parameters
    ----------
    members
        Networks of the members.
    rule
        See `genrelab.evaluation.ensembles.combine`.
    sizes
        Values of each member's own part of the joint example; None where all take the same waveform.
    stack
        Weights and biases of the rule ``stack``.
    chosen
        The number of the member of the rule ``choose``.
    """

    def __init__(
        self,
        members: Sequence[GenreModel],
        rule: str,
        sizes: Sequence[int] | None,
        stack: tuple[Any, Any] | None = None,
        chosen: int | None = None,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.rule, self.sizes, self.chosen = rule, None if sizes is None else list(sizes), chosen
        for name, value in zip(("weights", "bias"), stack or (), strict=False):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32))

    def forward(self, example: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, genres), whose softmax is the ensemble's probabilities, and the embeddings in a row.

        They are those of all members, or of the chosen one.
        """
        inputs = [example] * len(self.members) if self.sizes is None else torch.split(example, self.sizes, dim=1)
        if self.chosen is not None:
            logits, embedding = self.members[self.chosen](inputs[self.chosen])
            return logits, embedding
        outputs = [member(part) for member, part in zip(self.members, inputs, strict=True)]
        logs = torch.stack([F.log_softmax(logits, 1) for logits, _ in outputs]).clamp(min=math.log(SMALLEST))
        return self.combine(logs), torch.cat([embedding for _, embedding in outputs], 1)

    def combine(self, logs: Tensor) -> Tensor:
        """Combine the members' log probabilities (members, batch, genres) to logits (batch, genres)."""
        if self.rule == "mean":
            return torch.logsumexp(logs, 0)
        if self.rule == "product":
            return logs.sum(0)
        if self.rule == "stack":
            flat = logs.transpose(0, 1).flatten(1)
            return F.linear(flat, self.get_buffer("weights"), self.get_buffer("bias"))
        confidence, choice = logs.exp().max(2)
        ballots = F.one_hot(choice, logs.shape[2]).to(logs)
        strongest = (ballots * confidence[..., None]).amax(0)
        winner = (ballots.sum(0) + strongest / 2).argmax(1)
        voter = torch.where(choice == winner, confidence, torch.full_like(confidence, -1)).argmax(0)
        chosen = F.one_hot(voter, len(logs)).to(logs)  # (batch, members)
        return (logs * chosen.T[..., None]).sum(0)
