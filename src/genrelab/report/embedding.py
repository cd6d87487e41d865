"""Maps of an embedding as figures and in words; `embedding_page` makes the interactive page."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from genrelab.evaluation.predictions import PREFIX
from genrelab.report import words
from genrelab.report.page import embed, render
from genrelab.report.style import COLOURS, FAINT, MARKERS, WIDTH, new_figure, styled

MAPS = {"tsne": "t-SNE", "umap": "UMAP"}
ARTISTS = 10  # artists with a colour of their own; the others are grey
REST = "#C4C9D0"
PARTS = (
    " Filled marks are test clips; hollow ones, of the validation part, chose the epoch; small faint ones were learned "
    "from."
)
CAPTIONS = {
    "by_genre": "Both maps coloured by genre.",
    "by_artist": f"The same clips coloured by the {ARTISTS} artists with most of them; all others are grey. Clusters "
    "of one colour are artists, not genres.",
}


def classes(table: pd.DataFrame, by: str, most: int | None = None) -> list[str]:
    """Return the genres in the order of their names, or the artists with most clips; "" is no artist."""
    if by == "genre":
        return sorted(set(table["genre"]))
    counts = table.loc[table["artist"] != "", "artist"].value_counts()
    ordered = sorted(counts.index, key=lambda name: (-counts[name], name))
    return ordered[:most]


def mark(number: int) -> tuple[str, str]:
    """Return colour and marker of the genre or artist with this number, apart from those of 48 others."""
    return COLOURS[number % len(COLOURS)], MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


@styled
def embedding_figure(table: pd.DataFrame, by: str = "genre") -> Figure:
    """Draw the t-SNE and the UMAP map of some clips side by side.

    Parameters
    ----------
    table
        ``clip, genre, artist, split, tsne_x, tsne_y, umap_x, umap_y``.
    by
        What the colours and markers tell: ``"genre"`` or ``"artist"``.
    """
    names = classes(table, by, None if by == "genre" else ARTISTS)
    rows = -(-(len(names) + (by == "artist")) // 5)
    figure = new_figure(WIDTH, 3.55 + 0.2 * rows)
    for axes, (method, title) in zip(figure.subplots(1, 2), MAPS.items(), strict=True):
        handles = _scatter(axes, table, method, by, names)
        axes.set_title(title)
    # By hand: matplotlib passes over what begins with "_".
    labels = [words.short(name, 22) for name in names] + ["other artists"] * (by == "artist")
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=5, handletextpad=0.2, columnspacing=1.2)
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)
    return figure


def merit_words(merits: Mapping[str, Any]) -> list[str]:
    """Say what `genrelab.explain.maps.merits` found."""
    lines = [
        f"Asked by the votes of its 5 nearest clips in the embedding (not on the map), {_told(merits['knn'])} of "
        f"{merits['clips']} clips have their genre's name; naming the commonest genre would be right in "
        f"{words.percent(merits['chance'])}."
    ]
    effect = merits["artist_effect"]
    if effect is None:
        lines.append("No two of these clips are known to be by one artist, so nothing can be said of an artist effect.")
    else:
        low = effect["low"]
        verdict = (
            "the neighbourhood knows artists, not only genres"
            if low is not None and low > 0
            else "no artist effect can be told from the noise"
        )
        lines.append(
            f"With the clip's own artist left out it is {_told(merits['knn_other_artists'])} (of the "
            f"{merits['judged']} clips whose artist is known); with as many clips of the genre by others left out "
            f"instead, {_told(merits['knn_control'])}. The difference, {words.points(effect['value'])} points"
            f"{_ends(effect)}, is the artist effect: {verdict}."
        )
    genre, artist = merits["silhouette_genre"], merits["silhouette_artist"]
    lines.append(
        f"Silhouette (1: tight and far apart, 0: overlapping, below: nearer to others than to their own): "
        f"{words.number(genre, 2)} by genre, {words.number(artist, 2)} by artist.".replace("-", "\u2212")
    )
    if merits["trust_tsne"] is not None:
        lines.append(
            f"Trustworthiness, how far neighbours on the map are neighbours in the embedding (1: all): "
            f"{words.number(merits['trust_tsne'], 2)} for t-SNE, {words.number(merits['trust_umap'], 2)} for UMAP."
        )
    return lines


def embedding_page(
    *,
    info: Mapping[str, Any],
    table: pd.DataFrame,
    merits: Mapping[str, Any],
    figures: Mapping[str, Figure],
    notes: Sequence[str] = (),
    sounds: Mapping[str, str] | None = None,
) -> str:
    """Return the interactive map as one page that loads nothing but, where it is linked and not embedded, sound.

    Parameters
    ----------
    info
        ``name, corpus, source, leaks`` and, of a run, ``protocol, fold, folds, seed``.
    table
        What `embedding_figure` takes, with ``predicted`` and a column ``p_<genre>`` for each genre.
    merits
        What `genrelab.explain.maps.merits` returns.
    figures
        By the names of `CAPTIONS`.
    notes
        Sentences that a reader should know.
    sounds
        A link or a data URI for clips that can be heard.
    """
    return render(
        "embedding.html",
        info=info,
        clips=len(table),
        splits=sorted(set(table["split"])),
        merit_words=merit_words(merits),
        figures={name: embed(figure) for name, figure in figures.items()},
        captions=CAPTIONS if info["source"] != "run" else CAPTIONS | {"by_genre": CAPTIONS["by_genre"] + PARTS},
        notes=list(notes),
        data=Markup(_json(_data(table, sounds or {}))),  # noqa: S704 (JSON in which no tag can end)
        sound=bool(sounds),
        linked=any(not sound.startswith("data:") for sound in (sounds or {}).values()),
    )


def _scatter(axes: Axes, table: pd.DataFrame, method: str, by: str, names: Sequence[str]) -> list[PathCollection]:
    """Draw one map; return what stands for each of the names in the legend, and last for the other artists."""
    size = float(np.clip(9000 / max(len(table), 1), 4, 22))
    handles = []
    others = []
    if by == "artist":
        rest = table[~table["artist"].isin(names)]
        others.append(axes.scatter(rest[f"{method}_x"], rest[f"{method}_y"], s=size * 0.5, color=REST, linewidths=0))
    for number, name in enumerate(names):
        colour, marker = mark(number)
        own = table[table[by] == name]
        handles.append(axes.scatter([], [], s=22, color=colour, marker=marker))  # always filled
        for split, part in own.groupby("split"):
            learned, chosen = split == "train", split == "validation"
            axes.scatter(
                part[f"{method}_x"],
                part[f"{method}_y"],
                s=size * (0.4 if learned else 1.0),
                marker=marker,
                facecolors="none" if chosen else colour,
                edgecolors=colour if chosen else "white",
                linewidths=0.8 if chosen else 0.25,
                alpha=0.35 if learned else 0.9,
                zorder=2 if learned else 3,
            )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color("#DDE1E6")
    axes.set_xlabel("only nearness means anything, not the axes", color=FAINT, fontsize=7)
    return handles + others


def _data(table: pd.DataFrame, sounds: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page's script draws: columns, names as numbers, probabilities in whole percent."""
    known = [str(column).removeprefix(PREFIX) for column in table if str(column).startswith(PREFIX)]
    genres = [*classes(table, "genre"), *(genre for genre in known if genre not in set(table["genre"]))]
    artists = classes(table, "artist")
    splits = [split for split in ("test", "validation", "train", "all") if split in set(table["split"])]
    percents = (100 * table[[PREFIX + genre for genre in known]]).round().astype(int)
    artist_of = {name: number for number, name in enumerate(artists)}
    return {
        "genres": genres,
        "known": [genres.index(genre) for genre in known],
        "artists": artists,
        "splits": splits,
        "maps": {
            name: {"title": title, "x": _scaled(table[f"{name}_x"]), "y": _scaled(table[f"{name}_y"])}
            for name, title in MAPS.items()
        },
        "clip": [str(clip) for clip in table["clip"]],
        "genre": [genres.index(genre) for genre in table["genre"]],
        "predicted": [genres.index(genre) for genre in table["predicted"]],
        "artist": [artist_of.get(name, -1) for name in table["artist"]],
        "split": [splits.index(split) for split in table["split"]],
        "p": percents.to_numpy().tolist(),
        "sound": {str(clip): sounds[clip] for clip in table["clip"] if clip in sounds},
        "marks": [mark(number) for number in range(max(len(genres), ARTISTS))],
        "rest": REST,
        "coloured": ARTISTS,
    }


def _scaled(values: "pd.Series[float]") -> list[float]:
    """Return coordinates from 0 to 1 with as many digits as a screen shows."""
    span = float(values.max() - values.min()) or 1.0
    return [round(float(value), 4) for value in (values - values.min()) / span]


def _json(value: Any) -> str:
    """Return JSON that may stand in a script element: without "<", no tag begins or ends in it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _told(figure: Mapping[str, Any]) -> str:
    return f"{words.percent(figure['value'])}{_ends(figure)}"


def _ends(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return ""
    low, high = (f"{100 * end:.0f}".replace("-", "\u2212") for end in (figure["low"], figure["high"]))
    return f" (95 % interval {low} to {high})"
