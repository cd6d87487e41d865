"""What is music and what is not: a judge of a listener's layers, and how well it tells them apart."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import GroupKFold

from genrelab.backbones.answers import RANGE, Familiarity
from genrelab.studies.hearing import Floats, Heard

FOLDS = 5
_COST = 1e-3  # of the judge: log-odds of few kinds of sound shall not run away
_STILL = 1e-3  # a value that moves less over music says nothing


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


def area(familiar: Floats, strange: Floats) -> float:
    """Return the area under the receiver operating characteristic of scores of music and of other sounds."""
    return float(roc_auc_score(*_labelled(familiar, strange)))


def equal_errors(familiar: Floats, strange: Floats) -> float:
    """Return the score from which on as large a share of music lies as of other sounds lies below, or nearly."""
    music_above, strange_above, scores = roc_curve(*_labelled(familiar, strange), drop_intermediate=False)
    return float(scores[1:][np.abs(music_above - (1 - strange_above))[1:].argmin()])


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


def _labelled(familiar: Floats, strange: Floats) -> tuple[NDArray[np.int64], Floats]:
    return np.repeat([0, 1], [len(familiar), len(strange)]), np.concatenate([familiar, strange])
