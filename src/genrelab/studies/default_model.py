"""The default bundle, from nothing but sound: a listener, a head, what is music, and further genres.

What each number is judged by was not learned from: heads by clips of artists that their fold never heard, the judge of
music by clips and kinds of sound that it never heard, the offsets of further genres and all thresholds by what those
say.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import GroupKFold

from genrelab.audio.processors import processors
from genrelab.audio.read import probe
from genrelab.backbones.answers import FURTHER, RANGE, Answers, Familiarity, further, shown_tags
from genrelab.backbones.own import tag_names
from genrelab.backbones.teacher import Whole, licence_of
from genrelab.bundles.answer import sureness, windows_apart
from genrelab.bundles.export import Committee, export_bundle
from genrelab.bundles.listening import hear_file
from genrelab.bundles.metadata import Metadata
from genrelab.bundles.parallel import in_order
from genrelab.corpora import load_corpus
from genrelab.corpora.corpus import Corpus
from genrelab.errors import AudioError
from genrelab.evaluation.calibration import expected_calibration_error, reliability
from genrelab.evaluation.predictions import Predictions
from genrelab.extractors.backbone import SAMPLE_RATE, WINDOW, Backbone
from genrelab.training.publish import describe
from genrelab.training.run import load_models, load_run_recipe

KEPT = 0.95
"""The least share of music that keeps an answer: half of the rest may be too strange, half too unsure."""
LOST = 0.0015
"""The share of clips that one further genre may take from the ten that were right."""
FOLDS = 5
MOST_GROWTH = 10.0
"""How many times as much what windows add by chance may vary as what a sound's windows have in common."""
_COST = 1e-3  # of the judge: log-odds of few kinds of sound shall not run away
_STILL = 1e-3  # a value that moves less over music says nothing

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """What a listener makes of sounds.

    Parameters
    ----------
    layers
        A row a window, (windows, size).
    clip
        The number of the sound that each window is of, (windows,).
    group
        What each sound shares with others that must not be on both sides of a division, by number: (sounds,).
    apart
        How many windows were heard of each, as `genrelab.bundles.answer.windows_apart` counts, (sounds,).
    """

    layers: Floats
    clip: NDArray[np.int64]
    group: NDArray[np.str_]
    apart: Floats

    def means(self, of_window: Floats) -> Floats:
        """Return the means over each sound's windows of values of each window: (windows, n) to (sounds, n)."""
        counts = np.bincount(self.clip)
        return np.stack([np.bincount(self.clip, column) / counts for column in of_window.T], 1)


def hear(listener: Backbone, metadata: Metadata, paths: Sequence[str | Path], group: Sequence[str]) -> Heard:
    """Return what a listener makes of the windows of sound files that a classifier would hear.

    Parameters
    ----------
    listener
        The extractor ``backbone`` with the bundle's networks.
    metadata
        Of the bundle to be: how long windows are, and how far apart.
    paths
        The files; what cannot be read or is silent is left out.
    group
        Of each.
    """
    layers: list[NDArray[np.float32]] = []
    clip: list[int] = []
    kept: list[str] = []
    apart: list[float] = []
    heard = in_order(partial(_rows, listener, metadata), paths, processors())
    for (rows, seconds), own in zip(heard, group, strict=True):
        if len(rows):
            layers.append(rows)
            clip += [len(kept)] * len(rows)
            kept.append(own)
            apart.append(windows_apart(len(rows), seconds, metadata))
    return Heard(np.concatenate(layers).astype(np.float64), np.array(clip), np.array(kept), np.array(apart))


def _rows(listener: Backbone, metadata: Metadata, path: str | Path) -> tuple[NDArray[np.float32], float | None]:
    """Return the layers of a file's windows, (windows, size), none where there is nothing to hear, and its length."""
    try:
        claimed = probe(path).seconds
        windows, seconds = hear_file(Path(path), claimed if math.isfinite(claimed) else None, metadata, None)
    except AudioError:
        windows, seconds = np.zeros((0, WINDOW), np.float32), None
    rows = [listener.of_window(window) for window in windows]
    return np.stack(rows) if rows else np.zeros((0, listener.size), np.float32), seconds


def fit_familiarity(music: Heard, other: Heard) -> tuple[Familiarity, Floats, Floats]:
    """Learn to tell music from other sounds.

    Returns
    -------
    familiarity
        Learned from all.
    music_scores, other_scores
        How strange each sound is to a judge that learned from other groups alone: (sounds,) each.
    """
    scores = [np.zeros(len(music.group)), np.zeros(len(other.group))]
    divisions = [list(GroupKFold(FOLDS).split(part.group, groups=part.group)) for part in (music, other)]
    for ours, theirs in zip(*divisions, strict=True):
        judge = _judge(music.layers[np.isin(music.clip, ours[0])], other.layers[np.isin(other.clip, theirs[0])])
        for part, score, ask in ((music, scores[0], ours[1]), (other, scores[1], theirs[1])):
            score[ask] = part.means(strangeness(judge, part.layers)[:, None])[ask, 0]
    return _judge(music.layers, other.layers), scores[0], scores[1]


def strangeness(judge: Familiarity, layers: Floats) -> Floats:
    """Return how strange windows with these layers are, (windows,)."""
    with torch.inference_mode():
        scores: Floats = judge(torch.from_numpy(layers).float())[:, 0].double().numpy()
    return scores


def _judge(music: Floats, other: Floats) -> Familiarity:
    mean, deviation = music.mean(0), music.std(0)
    deviation[deviation < _STILL] = 0
    scale = np.where(deviation > 0, deviation, np.inf)
    apart = [np.clip((rows - mean) / scale, -RANGE, RANGE) for rows in (music, other)]
    rows = np.concatenate([np.concatenate([part, np.abs(part)], 1) for part in apart])
    strange = np.repeat([0, 1], [len(music), len(other)])
    solved = LogisticRegression(C=_COST, class_weight="balanced", max_iter=500).fit(rows, strange)
    values = [torch.from_numpy(part).float() for part in (mean, deviation, solved.coef_[0].reshape(2, -1))]
    return Familiarity(values[0], values[1], values[2], float(solved.intercept_[0]))


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
    say("listening to other music, and to what is no music")
    elsewhere = hear(listener, said, *_named(music))
    other = hear(listener, said, list(not_music.clips["path"]), list(not_music.clips["artist"]))
    familiarity, familiar, unfamiliar = fit_familiarity(joined(labelled, elsewhere), other)

    names = tag_names()
    tags = labelled.means(labelled.layers[:, : len(names)])
    folds = test.table["fold"].to_numpy()
    of_windows = np.zeros((len(labelled.layers), len(said.genres)))
    for fold, model in enumerate(models):
        inside = folds[labelled.clip] == fold
        of_windows[inside] = _logits(model, labelled.layers[inside])
    of_windows /= said.temperature
    logits = labelled.means(of_windows)
    calibrated = np.zeros_like(logits)  # each fold by what the others say
    for fold in range(len(models)):
        asked = folds == fold
        growth = fit_growth(logits[~asked], test.true[~asked], labelled.apart[~asked])
        calibrated[asked] = sureness(labelled.apart[asked], growth)[:, None] * logits[asked]
    growth = fit_growth(logits, test.true, labelled.apart)
    ten = labelled.means(log_softmax(of_windows, axis=1))  # as the graph says them, window by window
    offsets = choose_offsets(ten, tags, test.true, names, said.genres)
    surer = sureness(labelled.apart, growth)[:, None]
    joint = log_softmax(surer * _with_further(ten, tags, names, offsets), axis=1)
    sure = np.exp(joint).max(1)
    half = (1 - KEPT) / 2
    # Music from elsewhere shall keep its answer too: what is labelled is of one kind and age.
    least = max(float(np.quantile(familiar[: len(ten)], 1 - half)), float(np.quantile(familiar[len(ten) :], KEPT)))
    above = max(least, equal_errors(familiar, unfamiliar))  # a judge that could afford to be stricter need not be
    below = float(np.quantile(sure, half))
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
    answers = Answers(Whole(networks, level, Committee(models)), said.temperature, names, offsets, familiarity)
    say(f"{path}: of PyTorch's values it is {export_bundle([answers], metadata, path):.0e} off")
    return {
        "clips": len(ten),
        "temperature, growth": (said.temperature, growth),
        "calibration error": {
            name: _calibration_error(test, calibrated, labelled.apart > most)
            for name, most in (("all clips", 0), ("clips of more than one window", 1))
        },
        "accuracy of the ten": float((ten.argmax(1) == test.true).mean()),
        "accuracy among all genres": float((joint.argmax(1) == test.true).mean()),
        "offsets": offsets,
        "unknown above, below": (above, below),
        "labelled clips called unknown": float(((familiar[: len(ten)] > above) | (sure < below)).mean()),
        "other music called strange": float((familiar[len(ten) :] > above).mean()),
        "no music called strange": float((unfamiliar > above).mean()),
        "area under the curve, labelled against no music": area(familiar[: len(ten)], unfamiliar),
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


def area(familiar: Floats, strange: Floats) -> float:
    """Return the area under the receiver operating characteristic of scores of music and of other sounds."""
    return float(roc_auc_score(*_labelled(familiar, strange)))


def equal_errors(familiar: Floats, strange: Floats) -> float:
    """Return the score from which on as large a share of music lies as of other sounds lies below, or nearly."""
    music_above, strange_above, scores = roc_curve(*_labelled(familiar, strange), drop_intermediate=False)
    return float(scores[1:][np.abs(music_above - (1 - strange_above))[1:].argmin()])


def _labelled(familiar: Floats, strange: Floats) -> tuple[NDArray[np.int64], Floats]:
    return np.repeat([0, 1], [len(familiar), len(strange)]), np.concatenate([familiar, strange])


def joined(one: Heard, other: Heard) -> Heard:
    """Return what was heard of two lists of sounds as one."""
    return Heard(
        np.concatenate([one.layers, other.layers]),
        np.concatenate([one.clip, other.clip + len(one.group)]),
        np.concatenate([one.group, other.group]),
        np.concatenate([one.apart, other.apart]),
    )


def _named(music: Mapping[str, Sequence[Path]]) -> tuple[list[Path], list[str]]:
    """Return all files, and for each where it comes from."""
    return [file for files in music.values() for file in files], [name for name, files in music.items() for _ in files]


def _logits(model: torch.nn.Module, layers: Floats) -> Floats:
    """Return the logits that a head gives windows with these layers, (windows, genres)."""
    with torch.inference_mode():
        found: Floats = model(torch.from_numpy(layers).float())[0].double().numpy()
    return found


def _calibration_error(test: Predictions, logits: Floats, asked: NDArray[np.bool_]) -> float:
    """Return the expected calibration error of the clips that are asked for, with these logits."""
    sure = test.with_probabilities(softmax(logits, axis=1))
    return expected_calibration_error(reliability(Predictions(sure.table[asked].reset_index(drop=True), test.info)))


def _with_further(ten: Floats, tags: Floats, names: Sequence[str], offsets: Mapping[str, float]) -> Floats:
    """Return what the graph says of the ten and of the further genres, (clips, genres)."""
    places = [[names.index(tag) for tag in FURTHER[genre]] for genre in offsets]
    odds = further(torch.from_numpy(tags), places, torch.tensor(list(offsets.values()))).double().numpy()
    return np.concatenate([ten, odds], 1)
