"""A head solved for on a training part, its settings chosen and its probabilities calibrated within that part.

The part is divided once more, into inner folds that share no artist. Each setting is judged by what it says of clips
that it did not learn from: by their log loss at the best temperature. The best one learns from the whole part, and its
logits are divided by that temperature (nested cross-validation: Cawley and Talbot 2010, JMLR 11).
"""

import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import StratifiedGroupKFold

from genrelab.corpora.protocols import LARGEST_SEED, groups
from genrelab.errors import RunError
from genrelab.evaluation.calibration import best_temperature
from genrelab.networks.heads import Codes, Head, Values
from genrelab.networks.model import GenreModel
from genrelab.training.feed import Clips
from genrelab.training.history import HISTORY, TIMINGS, write_rows
from genrelab.training.weights import save_weights

INNER_FOLDS = 4


def solve(
    model: GenreModel,
    views: Sequence[Iterable[Clips]],
    clips: pd.DataFrame,
    group_by: Sequence[str],
    class_weights: bool,
    seed: int,
    folder: Path,
) -> None:
    """Let a model's head learn, and write what a training leaves: weights, ``history.csv``, ``timing.csv``.

    ``choices.csv`` besides says how each setting did in the inner folds.

    Parameters
    ----------
    model
        Its network is a `Head`; its front end is fitted already.
    views
        The training part's clips with all their windows: as they are, and then perhaps augmented. All are learned from;
        settings and temperature are judged by the first.
    clips
        Their rows of the corpus, in the same order.
    group_by
        Columns whose values may not be in two inner folds; those that the corpus lacks are passed over.
    class_weights
        Whether every genre counts the same, however many clips it has.
    seed
        Of the division into inner folds.
    folder
        Of the fold.

    Raises
    ------
    RunError
        The clips are too few to be divided once more.
    """
    head = model.network
    assert isinstance(head, Head)  # noqa: S101 (for the type checker)
    begin = time.perf_counter()
    rows, owner, genre_of_clip = _embed(model, head, views[0])
    plain = len(rows)
    for view in views[1:]:
        more, of_clip, _ = _embed(model, head, view)
        rows, owner = np.concatenate([rows, more]), np.concatenate([owner, of_clip])
    embedded = time.perf_counter()
    codes = genre_of_clip[owner]
    weights = _weights(owner, codes, class_weights)
    group = groups(clips, [column for column in ("track", *group_by) if column in clips])
    inner = _inner_folds(genre_of_clip, group, seed % (LARGEST_SEED + 1))
    if not inner:
        raise RunError(
            f"{folder}: the training clips are too few to choose by; a head needs two genres, two artists "
            "and two clips of a genre"
        )
    choices = head.choices()
    said = np.zeros((len(choices), len(clips), head.n_classes))
    for learn, ask in inner:
        inside = np.isin(owner, learn)
        lesson = head.lesson(rows[inside], codes[inside], weights[inside])
        for number, choice in enumerate(choices):
            lesson(**choice)
            said[number, ask] = _clip_logits(head, rows[:plain], owner[:plain], len(clips))[ask]
    asked = np.concatenate([ask for _, ask in inner])
    judged = []
    for choice, logits in zip(choices, said[:, asked], strict=True):
        temperature, loss = best_temperature(logits, genre_of_clip[asked])
        right = logits.argmax(1) == genre_of_clip[asked]
        judged.append(choice | {"log_loss": loss, "accuracy": float(right.mean()), "temperature": temperature})
    best = min(range(len(choices)), key=lambda number: judged[number]["log_loss"])
    head.lesson(rows, codes, weights)(**choices[best])
    head.sharpen(1 / judged[best]["temperature"])
    solved = time.perf_counter()
    known = (_clip_logits(head, rows[:plain], owner[:plain], len(clips)).argmax(1) == genre_of_clip).mean()
    found = {"validation_loss": judged[best]["log_loss"], "validation_accuracy": judged[best]["accuracy"]}
    write_rows(folder / "history.csv", ("epoch", *HISTORY), [{"epoch": 0, "train_accuracy": float(known)} | found])
    write_rows(folder / "choices.csv", list(judged[0]), judged)
    timing = {"epoch": 0, "forward": embedded - begin, "step": solved - embedded}
    write_rows(folder / "timing.csv", ("epoch", *TIMINGS), [timing])
    save_weights(model, folder / "best.safetensors")  # last: it is what makes the fold solved


def _embed(model: GenreModel, head: Head, batches: Iterable[Clips]) -> tuple[Values, Codes, Codes]:
    """Return the embedding of each window, the clip that each is of, and each clip's genre."""
    rows, owner, genres = [], [], []
    before = 0
    with torch.inference_mode():
        for batch in batches:
            rows.append(head.embed(model.frontend(batch.windows)).double().numpy())
            owner.append(batch.clip_of_window.numpy() + before)
            genres.append(batch.genres.numpy())
            before += len(batch.genres)
    return np.concatenate(rows), np.concatenate(owner), np.concatenate(genres)


def _weights(owner: Codes, codes: Codes, class_weights: bool) -> Values:
    """Return how much each window counts: the windows of a clip as much as one, and perhaps every genre the same."""
    weights = 1 / np.bincount(owner)[owner]
    if class_weights:
        of_genre = np.bincount(codes, weights)
        weights *= weights.sum() / (np.count_nonzero(of_genre) * of_genre[codes])
    return weights


def _inner_folds(genres: Codes, group: Codes, seed: int) -> list[tuple[Codes, Codes]]:
    """Return what to learn from and what to ask, fold by fold; a head learns from two genres or more."""
    folds = min(INNER_FOLDS, len(set(group)), np.bincount(genres).max())
    if folds < 2:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a genre of fewer clips than folds is missing in some, which is all right
        splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(genres, genres, group))
    return [(learn, ask) for learn, ask in splits if len(set(genres[learn])) > 1 and len(ask)]


def _clip_logits(head: Head, rows: Values, owner: Codes, clips: int) -> Values:
    """Return the mean of the windows' logits for each clip."""
    with torch.inference_mode():
        logits = head.output(torch.from_numpy(rows).float()).double().numpy()
    total = np.zeros((clips, logits.shape[1]))
    np.add.at(total, owner, logits)
    return total / np.bincount(owner, minlength=clips)[:, None]
