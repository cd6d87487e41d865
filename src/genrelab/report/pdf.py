"""A page to PDF, printed by a Chromium that nobody sees."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from genrelab.errors import GenrelabError, printable
from genrelab.files import atomic_path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
VARIABLE = "GENRELAB_BROWSER"
_PATIENCE = 300  # seconds


def find_browser(named: str | os.PathLike[str] | None = None) -> str:
    """Return the path of a Chromium.

    Parameters
    ----------
    named
        A program or its path; None takes that of the environment variable ``GENRELAB_BROWSER``, else any of `NAMES`.

    Raises
    ------
    GenrelabError
        There is none.
    """
    wanted = named or os.environ.get(VARIABLE)
    for name in (wanted,) if wanted else NAMES:
        if found := shutil.which(name):
            return os.fspath(found)
    if wanted:
        raise GenrelabError(f"{printable(wanted)}: no such program; name a Chromium with --browser or {VARIABLE}")
    raise GenrelabError(
        f"no Chromium is installed, which prints the PDF; install one (Debian, Ubuntu: apt install chromium; macOS: "
        f"brew install --cask chromium) or name it with --browser or {VARIABLE}"
    )


def print_pdf(page: Path, output: Path, browser: str) -> None:
    """Print a page to a PDF file, whole or not at all.

    Sizes, margins, running header and page numbers are the page's own (``@page`` in its CSS; Chromium 131 or later).

    Parameters
    ----------
    page
        An HTML file.
    output
        The PDF.
    browser
        What `find_browser` returned.

    Raises
    ------
    GenrelabError
        The browser fails or takes longer than five minutes.
    """
    with (
        tempfile.TemporaryDirectory(prefix="genrelab-", ignore_cleanup_errors=True) as profile,
        atomic_path(output) as made,
    ):
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            f"--user-data-dir={profile}",  # its own: one that a person has open would be taken for the running one
            "--no-pdf-header-footer",
            "--generate-pdf-document-outline",
            f"--print-to-pdf={made.absolute()}",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses to run as root within one
        try:
            done = subprocess.run(  # noqa: S603 (a program that the person named or has installed)
                [*command, page.absolute().as_uri()], capture_output=True, timeout=_PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GenrelabError(f"{browser}: could not print {page} ({error}); name another with --browser") from error
        with made.open("rb") as file:
            whole = file.read(5) == b"%PDF-"
        if done.returncode or not whole:
            said = printable((done.stderr.decode(errors="replace").strip().splitlines() or ["it wrote no PDF"])[-1])
            raise GenrelabError(
                f"{browser}: could not print {page} (status {done.returncode}: {said}); name another with --browser"
            )
