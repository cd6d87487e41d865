"""Features over time as a figure, with seconds and Hz, mel, bins or names on its axes."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genrelab.errors import GenrelabError
from genrelab.report.style import WIDTH, new_figure, styled

_HERTZ = (30, 60, 120, 250, 500, 1000, 2000, 4000, 8000, 16000)
_EVEN = (0, 1000, 2000, 3000, 4000, 5000, 6000, 8000, 10000, 12000, 16000, 20000)
_NAMED = 24  # so many rows have room for a name each


@styled
def spectrogram_figure(
    features: npt.NDArray[np.floating[Any]],
    times: npt.NDArray[np.floating[Any]],
    rows: npt.NDArray[np.floating[Any]] | Sequence[str] | None = None,
    scale: Literal["Hz", "mel", "bin"] = "bin",
    titles: Sequence[str] = (),
    unit: str = "",
) -> Figure:
    """Draw what a front end makes of a sound, a panel for each channel.

    Parameters
    ----------
    features
        Shape (bins, frames), or (channels, bins, frames).
    times
        The middle of each frame in seconds, shape (frames,), evenly spaced.
    rows
        What each bin is, lowest first: its frequency in Hz or its place on the mel scale as `scale` says, or its name
        (of a pitch class, a coefficient). Bins are drawn equally high, however far apart they lie. None numbers them.
    scale
        What `rows` are in.
    titles
        One for each channel.
    unit
        Of the features, e.g. ``"dB"``; stands at the colour bar.

    Raises
    ------
    GenrelabError
        The shapes do not fit each other.
    """
    channels = np.asarray(features)[None] if np.ndim(features) == 2 else np.asarray(features)
    count, bins, frames = channels.shape
    if len(times) != frames or (rows is not None and len(rows) != bins):
        told = "" if rows is None else f" and {len(rows)} rows"
        raise GenrelabError(f"features of {bins} bins and {frames} frames cannot have {len(times)} times{told}")
    figure = new_figure(WIDTH, 0.5 + (2.5 if count == 1 else 1.75) * count)
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    half = (times[1] - times[0]) / 2 if frames > 1 else 0.5
    extent = (float(times[0] - half), float(times[-1] + half), -0.5, bins - 0.5)
    for number, (axes, channel) in enumerate(zip(panels, channels, strict=True)):
        # From dark to bright without a turn: grey print keeps the order.
        image = axes.imshow(
            channel, extent=extent, origin="lower", aspect="auto", cmap="magma", interpolation="nearest"
        )
        figure.colorbar(image, ax=axes, pad=0.015, fraction=0.035, aspect=18, label=unit or None)
        axes.grid(visible=False)
        _name_rows(axes, bins, rows, scale)
        if number < len(titles):
            axes.set_title(titles[number])
    panels[-1].set_xlabel("seconds")
    return figure


def _name_rows(axes: Axes, bins: int, rows: "npt.NDArray[Any] | Sequence[str] | None", scale: str) -> None:
    if rows is not None and isinstance(rows[0], str):
        step = -(-bins // _NAMED)
        axes.set_yticks(range(0, bins, step), rows[::step])
        return
    if rows is None or scale == "bin":
        axes.set_ylabel("bin")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        return
    places = np.asarray(rows, float)
    axes.set_ylabel(scale)
    if scale == "mel":
        ticks = np.asarray(MaxNLocator(7).tick_values(places[0], places[-1]))
    else:
        even = bins < 3 or np.allclose(np.diff(places), places[1] - places[0])
        ticks = np.array(_EVEN if even else _HERTZ, float)
    ticks = ticks[(ticks >= places[0]) & (ticks <= places[-1])]
    kept: list[float] = []
    for tick in ticks[::-1]:  # those with room between them
        if not kept or np.interp(kept[-1], places, range(bins)) - np.interp(tick, places, range(bins)) > bins / 14:
            kept.append(float(tick))
    axes.set_yticks(np.interp(kept, places, range(bins)), [_short(tick) for tick in kept])


def _short(hertz: float) -> str:
    return f"{hertz / 1000:g} k" if hertz >= 1000 else f"{hertz:g}"
