"""Do the explanations of a run explain it? Two tests that a picture can fail, however plausible it looks.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv:1810.03292): the map of a network with random weights has
to differ from that of the trained one, or it shows the sound and not the network. And hiding what a map calls salient
has to cost the genre more than hiding random parts of the same size and shape (Samek et al. 2017, arXiv:1509.06321).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genrelab.audio.read import read
from genrelab.corpora import load_corpus
from genrelab.errors import RunError
from genrelab.evaluation.intervals import percentile_interval, resampled_means
from genrelab.evaluation.predictions import Predictions
from genrelab.explain.explanation import RANDOM_MASKS, allowed_methods
from genrelab.explain.gradcam import gradcam
from genrelab.explain.listen import answers, mean_answers, random_answers
from genrelab.explain.occlusion import Fill, occlusion
from genrelab.explain.saliency import Saliency, similarity
from genrelab.explain.subject import Subject, load_subject
from genrelab.networks.model import GenreModel
from genrelab.training.fold import recipe_model

_RESAMPLES = 1000

# The columns of `sanity` that `summarise` averages, and what they are.
MEASURES = {
    "whole": "probability of the genre, whole clip",
    "hidden": "salient part hidden",
    "hidden_random": "random parts hidden",
    "hidden_difference": "cost of hiding: salient minus random",
    "left_out": "salient part silent",
    "left_out_random": "random parts silent",
    "left_out_difference": "cost of silence: salient minus random",
    "kept": "salient part alone",
    "kept_random": "random parts alone",
    "kept_difference": "alone: salient minus random",
    "randomised": "rank correlation with a network of random weights",
    "other_fold": "rank correlation with another fold's network",
}


def sanity(
    folder: Path,
    clips: int = 20,
    seed: int = 0,
    keep: float = 0.25,
    methods: Sequence[str] | None = None,
    fill: Fill = "median",
    advance: Callable[[int, int], None] = lambda done, of: None,
) -> pd.DataFrame:
    """Test the explanations of a run on test clips drawn at random, each by the network that was tested on it.

    Parameters
    ----------
    folder
        A finished run whose corpus still lies where it was.
    clips
        How many.
    seed
        Draws the clips, the random parts and the random weights.
    keep
        The share of the places that counts as salient.
    methods
        Of `genrelab.explain.explanation.METHODS`; None for all that the network allows.
    fill
        For occlusion, see `genrelab.explain.occlusion.occlusion`.
    advance
        Is told how many clips are done, and of how many.

    Returns
    -------
    pandas.DataFrame
        A row a clip and method: ``clip, track, fold, genre`` (the one predicted), ``method`` and the `MEASURES`, of
        which ``other_fold`` is missing where the run has one fold.

    Raises
    ------
    RunError, CorpusError
        The run, its weights or its corpus are missing, or the corpus holds no sound.
    """
    rng = np.random.default_rng(seed)
    load = cache(lambda fold: load_subject(folder, fold=fold))
    first = load(0)
    chosen = methods or allowed_methods(first)[0]
    corpus = load_corpus(first.recipe.corpus.kind, **first.recipe.corpus.options)
    if corpus.holds != "sound":
        raise RunError(f"{folder}: its corpus holds {corpus.holds}; these tests need the sound itself")
    places = corpus.clips.set_index("clip")
    tests = Predictions.read(folder / "predictions.parquet").part("test").table
    drawn = tests.iloc[np.sort(rng.permutation(len(tests))[:clips])]
    folds = int(first.summary["folds"])
    rows = []
    for done, (clip, track, fold) in enumerate(drawn[["clip", "track", "fold"]].itertuples(index=False), start=1):
        if clip not in places.index:
            raise RunError(f"{folder}: its corpus no longer holds the clip {clip!r}; the run is of another corpus")
        place = places.loc[clip]
        duration = None if np.isnan(place["seconds"]) else float(place["seconds"])
        subject = load(int(fold))
        samples = read(place["path"], subject.sample_rate, float(place["start"]), duration)
        probabilities = subject.probabilities(samples)
        genre = int(probabilities.argmax())
        others = {"randomised": randomised(subject, seed)}
        if folds > 1:
            others["other_fold"] = load((int(fold) + 1) % folds)
        for method in chosen:
            own = _map(method, subject, samples, genre, fill)
            mask = own.top(keep)
            said = answers(subject, samples, own, mask, genre)
            random = mean_answers(random_answers(subject, samples, own, mask, genre, rng, RANDOM_MASKS))
            row: dict[str, Any] = {
                "clip": clip,
                "track": track or clip,
                "fold": fold,
                "genre": subject.genres[genre],
                "method": method,
            }
            row |= {"whole": float(probabilities[genre])} | said._asdict()
            row |= {f"{name}_random": value for name, value in random._asdict().items()}
            row["hidden_difference"] = random.hidden - said.hidden
            row["left_out_difference"] = random.left_out - said.left_out
            row["kept_difference"] = said.kept - random.kept
            for name, other in others.items():
                row[name] = similarity(own, _map(method, other, samples, genre, fill))
            rows.append(row)
        advance(done, len(drawn))
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Return the mean of each measure over the clips, with a bootstrap interval over tracks.

    Parameters
    ----------
    table
        What `sanity` returned.
    seed
        The same seed gives the same intervals.
    level
        Coverage asked for.

    Returns
    -------
    pandas.DataFrame
        ``method, measure, value, low, high``.
    """
    rows = []
    for method, part in table.groupby("method", sort=False):
        tracks = pd.factorize(part["track"])[0].astype(np.int64)
        names = [name for name in MEASURES if name in part]
        values = part[names].to_numpy(np.float64)
        means = resampled_means(values, tracks, _RESAMPLES, seed)
        for name, own, drawn in zip(names, values.T, means.T, strict=True):
            bounds = percentile_interval(drawn, int(tracks.max()) + 1, level, fraction=False)
            rows.append((method, name, own.mean(), *bounds))
    return pd.DataFrame(rows, columns=["method", "measure", "value", "low", "high"])


def _map(method: str, subject: Subject, samples: NDArray[np.float32], genre: int, fill: Fill) -> Saliency:
    if method == "gradcam":
        return gradcam(subject, samples, genre)
    return occlusion(subject, samples, genre, fill=fill)


def randomised(subject: Subject, seed: int) -> Subject:
    """Return the same network with fresh weights; what its front end has learned of the corpus stays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)  # the global generator is what initialisers draw from; the fork gives it back
        network = recipe_model(subject.recipe, len(subject.genres)).network
    return replace(subject, model=GenreModel(subject.model.frontend, network).eval())
