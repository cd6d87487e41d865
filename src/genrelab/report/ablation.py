"""An ablation as a figure, as sentences and as a page: which differences are larger than the noise."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure

from genrelab.evaluation.intervals import Interval
from genrelab.report.page import embed, render
from genrelab.report.style import BLUE, FAINT, VERMILION, WIDTH, name_percents, new_figure, styled
from genrelab.report.words import p_value, percent, points, protocol_words

ONE_SEED = (
    "A comparison that rests on one seed knows the noise of the clips alone; that of training, which another seed "
    "would show, is not in it."
)
CAPTION = (
    "Accuracy over all seeds with its 95 % interval over tracks. A filled dot differs from the baseline (dashed line) "
    "by more than the noise. Differences are paired: that intervals overlap says little about them."
)


@styled
def ablation_figure(table: pd.DataFrame, baseline: str) -> Figure:
    """Draw each variant's accuracy with its interval, protocols side by side.

    Parameters
    ----------
    table
        A line a protocol and variant: ``variant, protocol, accuracy, low, high`` (fractions; NaN where no interval is
        known) and ``larger``: whether the difference to the baseline is larger than the noise. Such variants get a
        filled dot, others a hollow one.
    baseline
        The variant that is compared with; a dashed line goes through it.
    """
    variants = list(dict.fromkeys(table["variant"]))
    protocols = list(dict.fromkeys(table["protocol"]))
    figure = new_figure(WIDTH, 1.1 + 0.3 * len(variants))
    panels = figure.subplots(1, len(protocols), sharex=True, sharey=True, squeeze=False)[0]
    for axes, protocol in zip(panels, protocols, strict=True):
        lines = table[table["protocol"] == protocol].set_index("variant").loc[variants]
        compared = float(lines.loc[baseline, "accuracy"])
        axes.axvline(compared, color=FAINT, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
        for height, (variant, line) in enumerate(lines.iterrows()):
            colour = FAINT if variant == baseline else VERMILION if line["larger"] else BLUE
            filled = variant == baseline or line["larger"]
            if math.isfinite(line["low"]):
                axes.plot([line["low"], line["high"]], [height, height], color=colour, linewidth=1.8, zorder=2)
            axes.plot(
                line["accuracy"], height, "o", color=colour, markerfacecolor=colour if filled else "white",
                markersize=6, markeredgewidth=1.5, zorder=3,
            )  # fmt: skip
        axes.set(title=protocol, xlabel="accuracy")
        axes.set_yticks(range(len(variants)), variants)
        name_percents(axes.xaxis)
    panels[0].set_ylim(len(variants) - 0.5, -0.5)
    panels[0].margins(x=0.06)
    return figure


def findings(table: pd.DataFrame, baseline: str) -> dict[str, list[str]]:
    """Return, by protocol, sentences that say which differences to the baseline are larger than the noise.

    Parameters
    ----------
    table
        As for `ablation_figure`, and ``seeds``, ``difference``, ``difference_low``, ``difference_high``,
        ``difference_spread`` and ``p``.
    baseline
        The variant that is compared with.
    """
    told = {}
    for protocol, lines in table.groupby("protocol", sort=False):
        others = lines[lines["variant"] != baseline].sort_values("difference", ascending=False, kind="stable")
        own = lines[lines["variant"] == baseline].iloc[0]
        larger, by = others["larger"].astype(bool), others["difference"]
        better, worse, within = (
            "; ".join(
                _told({str(key): value for key, value in line.items()}) for line in others[chosen].to_dict("records")
            )
            for chosen in (larger & (by > 0), larger & (by < 0), ~larger)
        )
        sentences = [f"{baseline} is right on {percent(own['accuracy'])} of the clips."]
        if better:
            sentences.append(f"Better by more than the noise: {better}.")
        if worse:
            sentences.append(f"Worse by more than the noise: {worse}.")
        if within:
            sentences.append(
                f"Within the noise, so that nothing can be said (interval, p and seeds have to agree): {within}."
            )
        if own["seeds"] < 2:
            sentences.append(ONE_SEED)
        told[str(protocol)] = sentences
    return told


def ablation_page(info: Mapping[str, Any], table: pd.DataFrame, figure: Figure) -> str:
    """Return the page of a study.

    Parameters
    ----------
    info
        ``study.json``: name, about, base, common, variants, baseline, corpus, protocols, folds, seeds, runs.
    table
        As for `findings`, and ``clips, spread, macro_f1, parameters, minutes``.
    figure
        What `ablation_figure` returns.
    """
    ends = table[["difference_low", "difference_high"]].abs().to_numpy()
    return render(
        "ablation.html",
        info=info,
        groups=[
            {
                "protocol": protocol,
                "words": protocol_words(str(protocol)),
                "findings": sentences,
                "rows": [
                    {
                        **row,
                        "interval": Interval(row["low"], row["high"]),
                        "difference_interval": Interval(row["difference_low"], row["difference_high"]),
                    }
                    for row in table[table["protocol"] == protocol].to_dict("records")
                ],
            }
            for protocol, sentences in findings(table, str(info["baseline"])).items()
        ],
        reach=max(0.01, float(np.nanmax(ends))) if np.isfinite(ends).any() else 0.01,
        figure=embed(figure),
        caption=CAPTION,
        differences=yaml.safe_dump({key: info[key] for key in ("base", "common", "variants")}, sort_keys=False),
    )


def _told(line: Mapping[str, Any]) -> str:
    """Return ``"mfcc (−2.1 points, 95 % −4.0 to −0.3, p 0.03)"``."""
    if not math.isfinite(line["difference_low"]):
        return f"{line['variant']} ({points(line['difference'])} points)"
    span = f"{points(line['difference_low'])} to {points(line['difference_high'])}"
    return f"{line['variant']} ({points(line['difference'])} points, 95\u00a0% {span}, p {p_value(line['p'])})"
