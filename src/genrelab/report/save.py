"""Figures to files: PNG for slides, SVG for papers and pages."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import get_cachedir
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine

from genrelab.errors import GenrelabWarning
from genrelab.files import atomic_path
from genrelab.report.style import DPI, OTHER_FONTS, styled


def save(figure: Figure, folder: str | os.PathLike[str], name: str) -> tuple[Path, Path]:
    """Write ``<folder>/<name>.png`` and ``.svg``, each whole or not at all; return both paths.

    The same figure gives the same bytes: neither date nor version is written into the files.
    """
    paths = (Path(folder) / f"{name}.png", Path(folder) / f"{name}.svg")
    for path, content in zip(paths, (png_bytes(figure), svg_text(figure).encode()), strict=True):
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    return paths


@styled
def png_bytes(figure: Figure, dpi: float = DPI) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    with _boxes_told():
        _settle(figure)
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


@styled
def svg_text(figure: Figure) -> str:
    """Return a figure as the text of an SVG file."""
    buffer = io.StringIO()
    with _boxes_told():
        _settle(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


@contextmanager
def _boxes_told() -> Iterator[None]:
    """Say in one sentence what matplotlib says of each letter anew: that its font lacks it."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
    missing = [one for one in told if "missing from font" in str(one.message)]
    for one in told:
        if one not in missing:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing:
        warnings.warn(
            "some names have letters that no font here has: figures show boxes in their place, pages and tables the "
            f"letters. Install one ({', '.join(OTHER_FONTS[:3])} …), and delete {get_cachedir()}/fontlist*.json",
            GenrelabWarning,
            stacklevel=3,
        )


def _settle(figure: Figure) -> None:
    """Lay a figure out once and for all: every further pass would move things by a hair, and PNG and SVG differ."""
    # What a figure has in its engine's place once it is laid out, is an engine, too.
    if not isinstance(figure.get_layout_engine(), PlaceHolderLayoutEngine | None):
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:
            figure.draw_without_rendering()  # cells that stay square leave their labels room in a second pass alone
        figure.set_layout_engine("none")
