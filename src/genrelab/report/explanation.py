"""An explanation of one clip as a figure: the sound, what of it speaks for a genre, and how sure the network is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genrelab.extractors.mel_scale import hz_to_mel
from genrelab.report import words
from genrelab.report.style import BLUE, FAINT, INK, WIDTH, new_figure, styled

# Sound in greys and saliency in one hue over it, so that both can be told apart in print and by any eye.
_SOUND = LinearSegmentedColormap.from_list("sound", ["#FFFFFF", "#C4CAD1", "#868F9A", "#454B53"])
_FOR = (0.835, 0.369, 0.0)  # vermilion
_TICKS = (250, 500, 1000, 2000, 4000, 8000, 16000)  # Hz
_ROWS = 160  # of a drawn map
_MOST_OPAQUE = 0.75
_BARS = 5
_SHORT = 8.0  # seconds; longer clips take the whole width
_NAME, _TITLE, _LONG_TITLE = 16, 34, 60  # characters that there is room for: beside the bars, over half, over most


@dataclass(frozen=True)
class Layer:
    """Something over time and frequency.

    Parameters
    ----------
    title
        What it is.
    values
        (rows, frames): decibels of a spectrogram, or how much each place speaks for the genre.
    frequencies
        The middle of each row in Hz, rising; None where there is a single row that stands for all frequencies.
    times
        The middle of each frame in seconds, evenly spaced.
    kept
        The places that are kept when one listens, (rows, frames); None draws no line around them.
    """

    title: str
    values: NDArray[np.floating]
    frequencies: NDArray[np.float64] | None
    times: NDArray[np.float64]
    kept: NDArray[np.bool_] | None = None


@styled
def explanation_figure(
    sound: Layer, maps: Sequence[Layer], probabilities: Mapping[str, float], genre: str, start: float = 0.0
) -> Figure:
    """Draw a clip, each map over it, and the most probable genres as bars.

    Parameters
    ----------
    sound
        The clip's spectrogram in decibels.
    maps
        One or two saliency maps; what is below zero is not drawn.
    probabilities
        By genre.
    genre
        The one explained; its bar is coloured like the maps.
    start
        Where in the file the clip begins, in seconds.
    """
    if len(maps) > 1 and sound.times[-1] <= _SHORT:
        figure = new_figure(WIDTH, 4.9)
        grid = figure.subplots(2, 2)
        places, bars, room = [grid[0, 0], *grid[1]], grid[0, 1], _TITLE
    else:
        figure = new_figure(WIDTH, 0.3 + 2.3 * (1 + len(maps)))
        grid = figure.subplots(1 + len(maps), 2, width_ratios=[2.6, 1])
        places, bars, room = list(grid[:, 0]), grid[0, 1], _LONG_TITLE
        for axes in grid[1:, 1]:
            axes.remove()
    for axes, layer in zip(places, [sound, *maps], strict=True):
        _paint_sound(axes, sound, start)
        if layer is not sound:
            _paint_map(axes, layer, sound, start)
        axes.set_title(words.short(layer.title, room))
    _bars(bars, probabilities, genre)
    return figure


def _paint_sound(axes: Axes, sound: Layer, start: float) -> None:
    rows = _rows(sound)
    picture = _spread(sound.values, sound.frequencies, rows)
    loudest = float(picture.max())
    axes.imshow(
        picture, cmap=_SOUND, vmin=loudest - 60, vmax=loudest, extent=_extent(sound, start, rows), aspect="auto",
        origin="lower", interpolation="antialiased",
    )  # fmt: skip
    axes.grid(visible=False)
    hertz = [tick for tick in _TICKS if rows[0] <= hz_to_mel(tick) <= rows[-1]]
    axes.set_yticks(hz_to_mel(np.array(hertz, float)), [f"{t // 1000} k" if t >= 1000 else str(t) for t in hertz])
    axes.set_ylabel("Hz")
    axes.set_xlabel("seconds")


def _paint_map(axes: Axes, layer: Layer, sound: Layer, start: float) -> None:
    rows = _rows(sound)
    values = np.maximum(_spread(layer.values, layer.frequencies, rows), 0)
    peak = float(values.max())
    colours = np.empty((*values.shape, 4))
    colours[...] = (*_FOR, 0)
    colours[..., 3] = _MOST_OPAQUE * (values / peak if peak > 0 else values)
    extent = _extent(layer, start, rows)
    axes.imshow(colours, extent=extent, aspect="auto", origin="lower", interpolation="bilinear")
    if layer.kept is not None and layer.kept.any() and not layer.kept.all():
        kept = _spread(layer.kept.astype(float), layer.frequencies, rows)
        times = start + layer.times
        axes.contour(times, rows, kept, levels=[0.5], colors=[INK], linewidths=0.7)
    axes.set(xlim=_extent(sound, start, rows)[:2], ylim=(rows[0], rows[-1]))


def _bars(axes: Axes, probabilities: Mapping[str, float], genre: str) -> None:
    best = sorted(probabilities.items(), key=lambda item: -item[1])[:_BARS]
    if genre not in dict(best):
        best[-1] = (genre, probabilities[genre])
    names = [name for name, _ in best]
    values = [value for _, value in best]
    axes.barh(range(len(best)), values, height=0.6, color=[_FOR if name == genre else BLUE for name in names])
    for place, value in enumerate(values):
        axes.text(value + 0.02, place, f"{100 * value:.0f} %", va="center", color=INK, fontsize=8)
    axes.set_yticks(range(len(best)), [words.short(name, _NAME) for name in names])
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set(xlim=(0, 1.15), ylim=(len(best) - 0.4, -0.6))
    axes.set_title("What the network says", loc="right")  # beside long names, bars are too narrow for it
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="x", labelcolor=FAINT)


def _rows(sound: Layer) -> NDArray[np.float64]:
    """Return the drawn rows, evenly spaced on the mel scale from the sound's lowest row to its highest."""
    assert sound.frequencies is not None  # noqa: S101 - a spectrogram has frequencies
    low, high = hz_to_mel(sound.frequencies[[0, -1]])
    return np.linspace(low, high, _ROWS)


def _spread(
    values: NDArray[np.floating], frequencies: NDArray[np.float64] | None, rows: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bring values (rows of their own, frames) to the drawn rows: the nearest where they have one, else zero.

    Beyond the first and the last by more than a row's distance they have none: nothing is known of what is not heard.
    """
    if frequencies is None:
        return np.repeat(values[:1].astype(np.float64), len(rows), axis=0)
    places = hz_to_mel(frequencies)
    steps = np.diff(places)
    spread = np.asarray(values[np.searchsorted(places[:-1] + steps / 2, rows)], np.float64)
    if len(steps):
        within = 1.001  # of a distance that is the same but for rounding
        heard = (rows >= places[0] - within * steps[0]) & (rows <= places[-1] + within * steps[-1])
        spread[~heard] = 0
    return spread


def _extent(layer: Layer, start: float, rows: NDArray[np.float64]) -> tuple[float, float, float, float]:
    half = (layer.times[1] - layer.times[0]) / 2 if len(layer.times) > 1 else 0.5
    return start + layer.times[0] - half, start + layer.times[-1] + half, float(rows[0]), float(rows[-1])
