"""The house style of every figure: one place for colours, type and sizes."""

import logging
import math
from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import LogFormatterSciNotation

P = ParamSpec("P")
R = TypeVar("R")

# Okabe and Ito, "Color Universal Design", 2008, without the yellow, which vanishes on paper.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK = "#CC79A7", "#56B4E9", "#3A3A3A"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
# With 7 colours and 5 dashes, 35 genres stay apart; dashes also tell lines apart in grey print.
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2)))
# Told apart in grey print, too, where areas and points lie side by side.
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, FAINT, GRID = "#22262B", "#6B7280", "#E3E6EA"

WIDTH = 7.2  # inches: both columns of a paper
_KEY, _LETTER = 0.5, 0.066  # inches of a legend: of what stands before a name and between two, and of a letter
DPI = 160

FONT = "DejaVu Sans"  # comes with matplotlib, so that figures look alike everywhere
# Of systems and packages, for names in letters that it lacks; those of a machine are used there.
OTHER_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic",
    "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Segoe UI Emoji", "Arial Unicode MS",
)  # fmt: skip

_RC: dict[str, Any] = {
    "font.size": 8.5,
    "text.parse_math": False,  # names hold dollars: $uicideboy$
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9.0,
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#B6BCC4",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handlelength": 2.2,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",  # letters as outlines: the same in every viewer
    "svg.hashsalt": "genrelab",  # the same figure gives the same bytes
}


# Few of the other fonts have bold letters; matplotlib says so whenever a figure is drawn, in notebooks, too.
logging.getLogger("matplotlib.font_manager").addFilter(
    lambda record: "Failed to find font weight" not in str(record.msg)
)


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw in the house style and leave matplotlib's settings as they were."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(_rc()):
            return draw(*args, **kwargs)

    return wrapper


def _rc() -> Any:
    """Matplotlib's own defaults under the house style, so that a person's matplotlibrc does not show through."""
    kept = {"backend", "backend_fallback", "interactive", "toolbar"}  # of the session, not of the style
    return (
        {key: value for key, value in mpl.rcParamsDefault.items() if key not in kept}
        | _RC
        | {"font.family": [FONT, *other_fonts()]}
    )


@cache
def other_fonts() -> list[str]:
    """Return those of `OTHER_FONTS` that this machine has."""
    here = set(get_font_names())
    return [name for name in OTHER_FONTS if name in here]


def new_figure(width: float = WIDTH, height: float = 3.2) -> Figure:
    """Return an empty figure that no window system and no pyplot knows of; sizes in inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def legend_columns(names: Sequence[str], width: float) -> int:
    """Return in how many columns a legend of such names fits in so many inches.

    In one row where there is room for it; else in columns as wide as the longest.
    """
    widths = [_KEY + _LETTER * len(name) for name in names]
    return len(names) if sum(widths) <= width else max(1, int(width // max(widths)))


def line_style(number: int) -> dict[str, Any]:
    """Return colour and dash of the genre with this number, apart from those of 34 others."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number // len(COLOURS) % len(DASHES)]}


class _Powers(LogFormatterSciNotation):
    """Powers of ten with raised letters instead of formulas, which ``text.parse_math`` leaves as they are written.

    Parameters
    ----------
    between
        Which multiples of them may be labelled, too.
    """

    _RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def __init__(self, between: Sequence[int]) -> None:
        super().__init__()
        self._labelled = {"1", *map(str, between)}

    def __call__(self, x: float, pos: int | None = None) -> str:
        if not super().__call__(x, pos):  # one of those that have no label
            return ""
        exponent = math.floor(math.log10(x) + 1e-9)
        factor, power = f"{x / 10**exponent:g}", f"10{str(exponent).translate(self._RAISED)}"
        if factor not in self._labelled:
            return ""
        return power if factor == "1" else f"{factor}\u00d7{power}"


def name_powers(axis: Axis, between: Sequence[int] = range(2, 10)) -> None:
    """Label a logarithmic axis: powers of ten and, where there are few, the multiples `between` them."""
    axis.set_major_formatter(_Powers(between))
    axis.set_minor_formatter(_Powers(between))


def name_percents(axis: Axis) -> None:
    """Label an axis of fractions in percent."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")


def unit_square(axes: Axes) -> None:
    """Give an axes equal scales from 0 to 1, with a hair of room so that lines at the edge stay whole."""
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
