"""The default bundle, from nothing but sound: a listener, a head, what is music, and further genres.

What each number is judged by was not learned from: heads by clips of artists that their fold never heard, the judge of
music by clips and kinds of sound that it never heard, the offsets of further genres and all thresholds by what those
say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from genrelab.backbones.answers import FURTHER, Answers, further, shown_tags
from genrelab.backbones.own import tag_names
from genrelab.backbones.teacher import Whole, licence_of
from genrelab.bundles.answer import sureness
from genrelab.bundles.export import FoldAverage, export_bundle
from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.errors import RunError
from genrelab.evaluation.calibration import expected_calibration_error, reliability
from genrelab.evaluation.predictions import Predictions
from genrelab.extractors.backbone import SAMPLE_RATE, Backbone
from genrelab.studies.familiarity import area, equal_errors, fit_familiarity
from genrelab.studies.hearing import Floats, Heard, hear, joined
from genrelab.training.publish import describe
from genrelab.training.run import load_models, load_run_recipe

KEPT = 0.95
"""The least share of music that keeps an answer: half of the rest may be too strange, half too unsure."""
LOST = 0.0015
"""The share of clips that one further genre may take from the ten that were right."""
MOST_GROWTH = 10.0
"""How many times as much what windows add by chance may vary as what a sound's windows have in common."""


def choose_offsets(
    ten: Floats, tags: Floats, true: NDArray[np.int64], names: Sequence[str], known: Sequence[str] = ()
) -> dict[str, float]:
    """Return the largest offset, at most 0, of each further genre with which it takes few right answers from the ten.

    Parameters
    ----------
    ten
        Logarithms of the ten's probabilities, (clips, 10).
    tags
        Logits of the tags, (clips, tags).
    true
        The columns of the genres that the clips have, (clips,).
    names
        Of the tags.
    known
        Genres that the head knows itself, and that therefore are no further ones.
    """
    wanted = {genre: tags_of for genre, tags_of in FURTHER.items() if genre not in known}
    right = ten.argmax(1) == true
    places = [[names.index(tag) for tag in tags_of] for tags_of in wanted.values()]
    odds = further(torch.from_numpy(tags), places, torch.zeros(len(places))).numpy()
    lead = (ten.max(1)[:, None] - odds)[right]
    allowed = int(LOST * len(true))  # of the clips that were right, so many may be taken
    least = np.sort(lead, 0)[allowed] - 1e-6
    return dict(zip(wanted, np.minimum(least, 0.0).tolist(), strict=True))


def build(
    run: Path,
    music: Mapping[str, Sequence[Path]],
    not_music: Corpus,
    path: Path,
    say: Callable[[str], None] = lambda line: None,
    vocabulary: str = "gtzan",
) -> dict[str, Any]:
    """Write the bundle of a run on our own networks, and return the figures that belong in its card.

    Parameters
    ----------
    run
        A finished run of the recipe ``default``, whose clips' files are where they were.
    music
        Files of music by the name of where they come from: they tell what music is, not of which genre it is.
    not_music
        The corpus ``not-music``.
    path
        The ``.onnx`` file.
    say
        Told what is being done.
    vocabulary
        What the genres of the run alone are called.

    Raises
    ------
    RunError
        A clip of the run can no longer be heard.
    """
    recipe, test = load_run_recipe(run), Predictions.read(run / "predictions.parquet").part("test")
    networks, level = recipe.frontend.options["networks"], recipe.frontend.options["level"]
    licence = "; in it ".join(
        ["MIT, by the genrelab developers", *(f"{name}: {licence_of(name)}" for name in networks)]
    )
    said = describe(run, recipe, averaged=True, licence=licence)
    models = load_models(run, len(said.genres), range(said.metrics["folds"]))
    listener = Backbone(SAMPLE_RATE, networks, level)
    clips = load_corpus(recipe.corpus.kind, **recipe.corpus.options).clips.set_index("clip").loc[test.table["clip"]]
    say(f"listening to {len(clips)} labelled clips")
    labelled = hear(
        listener, said, list(clips["path"]), list(clips["artist"].where(clips["artist"] != "", clips["track"]))
    )
    if lost := len(clips) - len(labelled.group):
        raise RunError(f"{run}: {lost} of its clips can no longer be heard; bring their files back, or train again")
    say("listening to other music, and to what is no music")
    elsewhere = hear(listener, said, *_named(music))
    other = hear(listener, said, list(not_music.clips["path"]), list(not_music.clips["artist"]))
    familiarity, familiar, unfamiliar = fit_familiarity(joined(labelled, elsewhere), other)
    strange, strange_elsewhere = np.split(familiar, [len(clips)])

    names = tag_names()
    tags = labelled.means(labelled.layers[:, : len(names)])
    folds = test.table["fold"].to_numpy()
    of_windows = _unheard_logits(models, labelled, folds) / said.temperature
    logits = labelled.means(of_windows)
    growth = fit_growth(logits, test.true, labelled.apart)
    ten = labelled.means(log_softmax(of_windows, axis=1))  # as the graph says them, window by window
    offsets = choose_offsets(ten, tags, test.true, names, said.genres)
    surer = sureness(labelled.apart, growth)[:, None]
    joint = log_softmax(surer * _with_further(ten, tags, names, offsets), axis=1)
    sure = np.exp(joint).max(1)
    above, below = choose_thresholds(strange, strange_elsewhere, unfamiliar, sure)
    metadata = replace(
        said,
        name=f"genrelab {recipe.name}",
        genres=(*said.genres, *offsets),
        temperature=1.0,  # the graph has divided by it
        growth=growth,
        unknown_below=below,
        unknown_above=above,
        tags=tuple(shown_tags(networks)),
        vocabularies={vocabulary: said.genres},
        recipe=recipe.model_dump(mode="json", include={"name", "frontend", "network"}),
    )
    answers = Answers(Whole(networks, level, FoldAverage(models)), said.temperature, names, offsets, familiarity)
    say(f"{path}: of PyTorch's values it is {export_bundle([answers], metadata, path):.0e} off")
    return {
        "clips": len(ten),
        "temperature, growth": (said.temperature, growth),
        "calibration error": _calibration_errors(test, logits, labelled.apart),
        "accuracy of the ten": float((ten.argmax(1) == test.true).mean()),
        "accuracy among all genres": float((joint.argmax(1) == test.true).mean()),
        "offsets": offsets,
        "unknown above, below": (above, below),
        "labelled clips called unknown": float(((strange > above) | (sure < below)).mean()),
        "other music called strange": float((strange_elsewhere > above).mean()),
        "no music called strange": float((unfamiliar > above).mean()),
        "area under the curve, labelled against no music": area(strange, unfamiliar),
        "area under the curve, all music against no music": area(familiar, unfamiliar),
    }


def fit_growth(logits: Floats, true: NDArray[np.int64], apart: Floats) -> float:
    """Return the growth (see `genrelab.bundles.answer.sureness`) with the least log loss.

    Parameters
    ----------
    logits
        Means over each clip's windows, such that one window is as sure as it should be, (clips, genres).
    true
        The columns of the genres that the clips have, (clips,).
    apart
        How many windows were heard of each clip, (clips,).
    """

    def loss(growth: float) -> float:
        said = log_softmax(logits * sureness(apart, growth)[:, None], axis=1)
        return -float(said[np.arange(len(true)), true].mean())

    found = float(minimize_scalar(loss, bounds=(0.0, MOST_GROWTH), method="bounded").x)
    return min(found, 0.0, key=loss)


def choose_thresholds(strange: Floats, elsewhere: Floats, no_music: Floats, sure: Floats) -> tuple[float, float]:
    """Return the strangeness above which, and the probability below which, a sound is unknown.

    Parameters
    ----------
    strange, elsewhere, no_music
        How strange the labelled clips, other music and other sounds are to judges that did not learn from them.
    sure
        The largest probability of each labelled clip.
    """
    half = (1 - KEPT) / 2
    # Music from elsewhere shall keep its answer too: what is labelled is of one kind and age.
    least = max(float(np.quantile(strange, 1 - half)), float(np.quantile(elsewhere, KEPT)))
    balanced = equal_errors(np.concatenate([strange, elsewhere]), no_music)
    return max(least, balanced), float(np.quantile(sure, half))  # where the judge can afford to be stricter it need not


def _named(music: Mapping[str, Sequence[Path]]) -> tuple[list[Path], list[str]]:
    """Return all files, and for each where it comes from."""
    return [file for files in music.values() for file in files], [name for name, files in music.items() for _ in files]


def _unheard_logits(models: Sequence[torch.nn.Module], labelled: Heard, folds: NDArray[np.int64]) -> Floats:
    """Return the logits of each window by the head of the fold that tested on its clip, (windows, genres)."""
    of_fold = folds[labelled.clip]
    found = [_logits(model, labelled.layers[of_fold == fold]) for fold, model in enumerate(models)]
    logits = np.zeros((len(labelled.layers), found[0].shape[1]))
    for fold, part in enumerate(found):
        logits[of_fold == fold] = part
    return logits


def _logits(model: torch.nn.Module, layers: Floats) -> Floats:
    """Return the logits that a head gives windows with these layers, (windows, genres)."""
    with torch.inference_mode():
        found: Floats = model(torch.from_numpy(layers).float())[0].double().numpy()
    return found


def _calibration_errors(test: Predictions, logits: Floats, apart: Floats) -> dict[str, float]:
    """Return the expected calibration errors of all clips and of the longer ones, each fold's growth by the others."""
    folds = test.table["fold"].to_numpy()
    calibrated = np.zeros_like(logits)
    for fold in np.unique(folds):
        asked = folds == fold
        growth = fit_growth(logits[~asked], test.true[~asked], apart[~asked])
        calibrated[asked] = sureness(apart[asked], growth)[:, None] * logits[asked]
    sure = test.with_probabilities(softmax(calibrated, axis=1))
    asked_for = {"all clips": apart > 0, "clips of more than one window": apart > 1}
    return {
        name: expected_calibration_error(reliability(Predictions(sure.table[rows].reset_index(drop=True), test.info)))
        for name, rows in asked_for.items()
    }


def _with_further(ten: Floats, tags: Floats, names: Sequence[str], offsets: Mapping[str, float]) -> Floats:
    """Return what the graph says of the ten and of the further genres, (clips, genres)."""
    places = [[names.index(tag) for tag in FURTHER[genre]] for genre in offsets]
    odds = further(torch.from_numpy(tags), places, torch.tensor(list(offsets.values()))).double().numpy()
    return np.concatenate([ten, odds], 1)
