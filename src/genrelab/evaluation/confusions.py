"""Which genres blend into which, how surely, and in whose music: pure functions of a predictions table."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.stats import hypergeom

from genrelab.errors import RunError
from genrelab.evaluation.comparison import holm
from genrelab.evaluation.intervals import confusion_contributions, percentile_interval, resampled_sums
from genrelab.evaluation.metrics import confusion
from genrelab.evaluation.predictions import PREFIX, Predictions

Floats = npt.NDArray[np.float64]

LEAST, APART = 0.25, 0.2  # a clip lies between two genres that both reach LEAST and are at most APART from each other
ARTIST_TRACKS = 3  # of an artist with fewer tracks, nothing can be called consistent


def one_row_a_clip(predictions: Predictions) -> Predictions:
    """Return the table with each clip once; one that several folds judged has its mean probabilities."""
    if not predictions.table["clip"].duplicated().any():
        return predictions
    return Predictions(predictions.by_clip().reset_index(), predictions.info)


def confused(predictions: Predictions, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return a row for each ordered pair of genres, those with the most mistaken clips first.

    Parameters
    ----------
    predictions
        One part, each clip once.
    resamples, seed
        For the 95 % intervals, as in `genrelab.evaluation.intervals.bootstrap`.

    Returns
    -------
    pandas.DataFrame
        ``true, called``; ``clips`` of the true genre that are called so, and how many ``tracks`` they are; ``of``, the
        genre's clips; ``rate, rate_low, rate_high``; ``mean, mean_low, mean_high``: the probability that all of the
        genre's clips give to the other one; ``wrong`` and ``own``: what the mistaken ones alone give to the genre they
        are called and to their own (NaN where there are none). A genre without clips has no rows.
    """
    size, clips = len(predictions.genres), len(predictions)
    cells = predictions.true[:, None] * size + np.arange(size)
    places = (np.repeat(np.arange(clips), size), cells.ravel())
    soft = sparse.csr_array((predictions.probabilities.ravel(), places), shape=(clips, size * size))
    both = sparse.hstack([confusion_contributions(predictions), soft], format="csr")
    sums = resampled_sums(both, predictions.tracks, resamples, seed).reshape(resamples, 2, size, size)
    drawn = sums[:, 0].sum(axis=2, keepdims=True)
    with np.errstate(invalid="ignore"):  # a resample without a clip of the genre says nothing of it: NaN
        rates, means = sums[:, 0] / drawn, sums[:, 1] / drawn
    counts, average = confusion(predictions), soft_confusion(predictions)
    rows = []
    for true, called in np.argwhere(~np.eye(size, dtype=bool)):
        of_genre = predictions.true == true
        if not of_genre.any():
            continue
        mistaken = of_genre & (predictions.predicted == called)
        tracks = len(np.unique(predictions.tracks[of_genre]))
        rate = percentile_interval(rates[:, true, called], tracks, 0.95, fraction=True)
        mean = percentile_interval(means[:, true, called], tracks, 0.95, fraction=False)
        given = predictions.probabilities[mistaken]
        rows.append(
            {
                "true": predictions.genres[true],
                "called": predictions.genres[called],
                "clips": int(counts[true, called]),
                "tracks": len(np.unique(predictions.tracks[mistaken])),
                "of": int(of_genre.sum()),
                "rate": counts[true, called] / of_genre.sum(),
                "rate_low": rate.low,
                "rate_high": rate.high,
                "mean": average[true, called],
                "mean_low": mean.low,
                "mean_high": mean.high,
                "wrong": given[:, called].mean() if len(given) else np.nan,
                "own": given[:, true].mean() if len(given) else np.nan,
            }
        )
    return pd.DataFrame(rows).sort_values(["clips", "mean"], ascending=False, ignore_index=True)


def soft_confusion(predictions: Predictions) -> Floats:
    """Return the mean probabilities of each true genre's clips, shape (genres, genres); NaN for one without clips."""
    size = len(predictions.genres)
    sums = np.zeros((size, size))
    np.add.at(sums, predictions.true, predictions.probabilities)
    clips = np.bincount(predictions.true, minlength=size)[:, None]
    return np.asarray(np.divide(sums, clips, out=np.full(sums.shape, np.nan), where=clips > 0))


def overlap(soft: Floats) -> Floats:
    """Return how much two genres blend, both ways averaged: symmetric, shape (genres, genres).

    Where one of the two has no clips, the other's way stands alone.
    """
    both = np.stack([soft, soft.T])
    known = np.isfinite(both)
    total = np.where(known, both, 0).sum(axis=0)
    mean = np.divide(total, known.sum(axis=0), out=np.full(soft.shape, np.nan), where=known.any(axis=0))
    return np.asarray(mean)


def mistaken(predictions: Predictions) -> pd.DataFrame:
    """Return the clips that are called another genre, the surest first: what to listen to.

    Columns ``clip, track, artist, genre, called, probability`` (of what they are called), ``own`` (of their genre) and
    ``typical``: 1 less the total variation distance to the mean probabilities of all clips with this confusion, so that
    1 is a clip just like the others and 0 has nothing in common with them.
    """
    rows = np.flatnonzero(predictions.true != predictions.predicted)
    given = predictions.probabilities[rows]
    true, called = predictions.true[rows], predictions.predicted[rows]
    typical = np.ones(len(rows))
    for pair in {*zip(true.tolist(), called.tolist(), strict=True)}:
        alike = (true == pair[0]) & (called == pair[1])
        typical[alike] = 1 - np.abs(given[alike] - given[alike].mean(axis=0)).sum(axis=1) / 2
    table = predictions.table.loc[rows, ["clip", "track", "artist", "genre"]].reset_index(drop=True)
    table["called"] = [predictions.genres[code] for code in called]
    table["probability"] = predictions.confidence[rows]
    table["own"] = np.take_along_axis(given, true[:, None], axis=1)[:, 0]
    table["typical"] = typical
    return table.sort_values("probability", ascending=False, kind="stable", ignore_index=True)


def between(predictions: Predictions, least: float = LEAST, apart: float = APART) -> pd.DataFrame:
    """Return the clips that lie between two genres, those with the most in both first.

    Columns ``clip, track, artist, genre, first, second, p_first, p_second``: a clip's two most probable genres, both
    of at least `least` and not further than `apart` from each other.
    """
    rows = np.arange(len(predictions))
    order = np.argsort(-predictions.probabilities, axis=1, kind="stable")[:, :2]
    top = np.take_along_axis(predictions.probabilities, order, axis=1)
    chosen = rows[(top[:, 1] >= least) & (top[:, 0] - top[:, 1] <= apart)]
    chosen = chosen[np.argsort(-top[chosen, 1], kind="stable")]
    table = predictions.table.loc[chosen, ["clip", "track", "artist", "genre"]].reset_index(drop=True)
    for place, name in enumerate(("first", "second")):
        table[name] = [predictions.genres[code] for code in order[chosen, place]]
    table["p_first"], table["p_second"] = top[chosen, 0], top[chosen, 1]
    return table


def by_artist(predictions: Predictions, least: int = ARTIST_TRACKS) -> pd.DataFrame:
    """Return the artists whose tracks go to another genre, the least likely by chance first.

    A track is called after the mean probabilities of its clips. For each artist with at least `least` tracks in a genre
    and each other genre, Fisher's exact test (one-sided: the hypergeometric tail) asks whether more of the artist's
    tracks go there than would if the genre's artists were all alike. ``holm_p`` is corrected for all these questions,
    those with no track gone included: there are many, and some small p is to be expected.

    Returns
    -------
    pandas.DataFrame
        ``artist, genre, tracks, called, gone`` (tracks that are called so), ``share, mean`` (probability for that
        genre over all the artist's tracks), ``others`` (the share among the genre's other artists), ``p, holm_p``.
        Unknown artists ("") are left out. `attrs` has ``artists`` and ``questions``: how many were looked at.
    """
    tracks = _by_track(predictions)
    counts = tracks[tracks["artist"] != ""].groupby(["genre", "artist"]).size()
    asked = counts.index[counts >= least].tolist()
    rows = [row for genre, artist in asked for row in _gone(tracks, genre, artist)]
    questions = len(asked) * (len(predictions.genres) - 1)
    table = pd.DataFrame(
        rows, columns=["artist", "genre", "tracks", "called", "gone", "share", "mean", "others", "p"]
    ).astype({"p": float})
    table["holm_p"] = holm([*table["p"], *[1.0] * (questions - len(rows))])[: len(rows)]
    order = {"p": True, "share": False, "artist": True, "called": True}
    table = table.sort_values(list(order), ascending=list(order.values()), ignore_index=True)
    table.attrs |= {"artists": len(asked), "questions": questions}
    return table


def _gone(tracks: pd.DataFrame, genre: str, artist: str) -> Iterator[dict[str, object]]:
    """Yield a row of `by_artist`, but for its correction, for each genre that an artist's tracks of a genre go to."""
    inside = (tracks["genre"] == genre).to_numpy()
    own = inside & (tracks["artist"] == artist).to_numpy()
    rest = inside & ~own
    for called in sorted(set(tracks.loc[own, "called"]) - {genre}):
        goes = (tracks["called"] == called).to_numpy()
        gone = int((goes & own).sum())
        p = hypergeom.sf(gone - 1, int(inside.sum()), int((goes & inside).sum()), int(own.sum()))
        yield {
            "artist": artist,
            "genre": genre,
            "tracks": int(own.sum()),
            "called": called,
            "gone": gone,
            "share": gone / own.sum(),
            "mean": tracks.loc[own, PREFIX + called].mean(),
            "others": (goes & rest).sum() / rest.sum() if rest.any() else np.nan,
            "p": float(p),  # 1 for an artist who is a genre's only one: there is nobody to differ from
        }


def pair_of(text: str, genres: Sequence[str]) -> tuple[str, str]:
    """Return two genres from ``"hiphop,rock"``.

    Raises
    ------
    RunError
        These are not two different ones of `genres`.
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or names[0] == names[1] or not set(names) <= set(genres):
        raise RunError(f"--pair {text}: give two different genres with a comma, of: {', '.join(genres)}")
    return names[0], names[1]


def _by_track(predictions: Predictions) -> pd.DataFrame:
    """Return a row a track: ``artist, genre``, mean probabilities, and what it is ``called`` by them."""
    columns = [PREFIX + genre for genre in predictions.genres]
    table = predictions.table.assign(track=predictions.tracks)
    table["artist"] = table["artist"].astype("string").fillna("")
    tracks = table.groupby(["artist", "genre", "track"], sort=False)[columns].mean().reset_index()
    tracks["called"] = np.asarray(predictions.genres)[tracks[columns].to_numpy().argmax(axis=1)]
    return tracks
