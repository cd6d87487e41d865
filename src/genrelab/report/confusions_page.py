"""Confusions and blends as one self-contained page, and in words."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from genrelab.evaluation.blends import Blend, corners, within
from genrelab.evaluation.confusions import APART, LEAST
from genrelab.evaluation.intervals import Interval
from genrelab.report import words
from genrelab.report.page import embed, render

HEARD = 12  # clips named for each pair of genres
PAIRS, BETWEEN, ARTISTS = 12, 40, 25
CAPTIONS = {
    "soft": "The mean probabilities, in percent, that clips of a genre (row) are given. Blue is their own genre.",
    "overlap": "How much two genres blend, in percent: the probability that each one's clips give to the other, "
    "averaged both ways. Genres that blend stand next to each other.",
    "pairs": "The largest confusions. Orange: the share of a genre's clips that are called so. Blue: the mean "
    "probability that all of its clips give to the other genre, right ones included; it is known from fewer clips.",
    "triangle": "Every clip by its probabilities: at a corner it is all of that genre, on the dashed line as much of "
    "one as of the other, near the top of neither.",
    "blend_bars": "Every clip as a bar of its probabilities, those with most of the largest share first.",
    "blend_artists": "The same, as means.",
}


def clip_links(corpus: pd.DataFrame | None, output: Path) -> dict[str, str]:
    """Return for each clip whose file exists a link relative to `output`, with the part of the file that it is.

    Parameters
    ----------
    corpus
        `genrelab.corpora.corpus.Corpus.clips`; None where the corpus is not at hand.
    output
        The folder of the page.
    """
    links: dict[str, str] = {}
    if corpus is None:
        return links
    columns = (corpus["clip"], corpus["path"], corpus["start"].astype(float), corpus["seconds"].astype(float))
    for clip, path, start, seconds in zip(*columns, strict=True):
        if not path or not Path(path).is_file():
            continue
        link = quote(Path(os.path.relpath(path, output.resolve())).as_posix())
        if start > 0 or math.isfinite(seconds):
            link += f"#t={start:g}" + (f",{start + seconds:g}" if math.isfinite(seconds) else "")
        links[str(clip)] = link
    return links


def blend_words(blend: Blend, shares: pd.DataFrame, pair: tuple[str, str] | None = None) -> list[str]:
    """Say between which genres some clips lie, whether each clip does so, and how surely that is known.

    Parameters
    ----------
    blend
        The clips.
    shares
        `genrelab.evaluation.blends.shares` of them.
    pair
        Two genres that are asked for, though others may have larger shares.
    """
    share = {row["genre"]: row for row in shares.to_dict("records")}
    first, second = corners(blend)

    def told(genre: str) -> str:
        row = share[genre]
        bounds = words.span(Interval(row["low"], row["high"]))
        return f"{genre} ({words.percent(row['share'], 0)}, 95 % interval {bounds})"

    name, lines = blend.name, []
    subject = name if blend.own is None else name[:1].upper() + name[1:]  # a file's name stays as it is
    if blend.own is not None:
        own = words.percent(share[blend.own]["share"], 0)
        lines.append(f"Of all probability, clips of {name} give {own} to {name} itself.")
    if blend.own is None and share[first]["share"] > 0.6:
        lines.append(f"{subject} is mostly {told(first)}; next comes {told(second)}.")
    else:
        lines.append(f"{subject} lies between {told(first)} and {told(second)}.")
    others = shares[shares["genre"] != blend.own].reset_index(drop=True)
    if len(others) > 2:
        place = list(shares["genre"]).index(second)
        lead = float(shares["lead"].iloc[place]) if place + 1 < len(shares) else math.nan
        follower = str(shares["genre"].iloc[place + 1]) if place + 1 < len(shares) else ""
        if math.isfinite(lead) and lead < 0.95 and follower != blend.own:
            lines.append(
                f"That {second} comes before {follower} is not sure: other tracks would turn the two round in "
                f"{100 * (1 - lead):.0f} of 100 cases."
            )
    lines.append(_variety_words(blend))

    def nearer(first: str, second: str) -> str:
        a, b = (blend.probabilities[:, blend.genres.index(genre)] for genre in (first, second))
        return f"{int((a > b).sum())} of {len(a)} clips are nearer {first}, {int((b > a).sum())} nearer {second}."

    lines.append(nearer(first, second))
    if pair is not None and set(pair) != {first, second}:
        lines[-1] += f" Asked about {told(pair[0])} and {told(pair[1])}: {nearer(*pair)}"
    if blend.failed:
        lines.append(f"{blend.failed} file(s) could not be classified and are left out.")
    return lines


def confusions_page(
    *,
    info: Mapping[str, Any],
    part: str,
    clips: int,
    accuracy: float,
    interval: Interval,
    figures: Mapping[str, Figure],
    pairs: pd.DataFrame,
    mistaken: pd.DataFrame,
    between: pd.DataFrame,
    artists: pd.DataFrame,
    links: Mapping[str, str],
    unlinked: str = "",
    pair: tuple[str, str] | None = None,
    blend: Blend | None = None,
    shares: pd.DataFrame | None = None,
) -> str:
    """Return the page.

    Parameters
    ----------
    info
        ``run.json``.
    part, clips, accuracy, interval
        What was judged, and how well.
    figures
        By the names of `CAPTIONS`.
    pairs, mistaken, between, artists
        What the functions of `genrelab.evaluation.confusions` return.
    links
        Where each clip can be heard; see `clip_links`.
    unlinked
        Why there are no links.
    pair
        The two genres that alone are looked at.
    blend, shares
        The music that is shown as a blend.
    """
    told = pairs[pairs["clips"] > 0].head(PAIRS)
    sections = [(row, _heard(mistaken, row["true"], row["called"])) for row in told.to_dict("records")]
    return render(
        "confusions.html",
        info=info,
        part=part,
        pair=pair,
        headline=words.headline(accuracy, interval, clips, info),
        protocol_words=words.protocol_words(str(info.get("protocol"))),
        figures={name: embed(figure) for name, figure in figures.items()},
        captions=CAPTIONS,
        sections=sections,
        interval_of=lambda row, name: Interval(row[f"{name}_low"], row[f"{name}_high"]),
        between=list(between.head(BETWEEN).itertuples()),
        between_all=len(between),
        least=LEAST,
        apart=APART,
        artists=list(artists.head(ARTISTS).itertuples()),
        artist_words=artist_words(artists),
        links=links,
        linked=bool(links),
        unlinked=unlinked,
        blend=blend,
        blend_words=[] if blend is None or shares is None else blend_words(blend, shares, pair),
        shares=[]
        if shares is None
        else [(row, Interval(row["low"], row["high"])) for row in shares.to_dict("records")],
    )


def artist_words(artists: pd.DataFrame) -> str:
    """Say how many artists were asked about, and how many findings are left once that is allowed for."""
    asked, questions = artists.attrs.get("artists", 0), artists.attrs.get("questions", 0)
    if not asked:
        return "No artist has three tracks or more in one genre, or the artists are not known: nothing can be said."
    expected = 0.05 * questions
    left = int((artists["holm_p"] < 0.05).sum())
    small = int((artists["p"] < 0.05).sum())
    return (
        f"{asked} artists have three tracks or more in a genre, and each was asked about every other genre: "
        f"{questions} questions. By chance alone up to {expected:.0f} of them would have a p below .05; {small} have. "
        f"After Holm's correction for their number, {left or 'none'} {'is' if left == 1 else 'are'} left. "
        "Take the others as hints at what to listen to, not as findings."
    )


def _variety_words(blend: Blend) -> str:
    part = within(blend.probabilities)
    if not math.isfinite(part) or len(blend.clips) < 2:
        return "There is too little to tell whether single clips are blends."
    what = (
        "most clips are blends themselves"
        if part > 0.67
        else "the mean hides clips that are each rather sure of another genre"
        if part < 0.33
        else "some clips are blends themselves, others are sure of one genre or another"
    )
    return f"{100 * part:.0f} % of the variety lies within single clips, the rest between them: {what}."


def _heard(mistaken: pd.DataFrame, true: str, called: str) -> list[Any]:
    """Return the surest clips of a pair, and mark the most typical one."""
    own = mistaken[(mistaken["genre"] == true) & (mistaken["called"] == called)]
    best = own["typical"].max()
    rows = own.head(HEARD)
    if len(own) and not (rows["typical"] == best).any():
        rows = pd.concat([rows.head(HEARD - 1), own[own["typical"] == best].head(1)])
    return list(rows.assign(most_typical=np.isclose(rows["typical"], best)).itertuples())
