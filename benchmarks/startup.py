"""How long a person waits: --help, --version, one song in a fresh process, against a Python that does nothing.

python benchmarks/startup.py [SONG]    (without a song: an mp3 of four minutes is synthesised)
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from arguments import add_repeats, file, parser_of

from genrelab.audio.read import probe
from genrelab.bundles.classifier import Classifier
from genrelab.errors import GenrelabError

MAIN = "import sys; from genrelab.cli.app import main; sys.exit(main())"


def main() -> None:
    """Print one table."""
    parser = parser_of(__doc__)
    parser.add_argument("song", nargs="?", type=file, help="a sound file")
    parser.add_argument("--bundle", type=Path, help="an .onnx bundle (default: the one that comes with genrelab)")
    add_repeats(parser, 7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        song = arguments.song or synthesise(Path(scratch) / "song.mp3")
        try:
            classifier = Classifier(arguments.bundle)
            classifier.classify_file(song)  # what fails here would fail in every process
        except GenrelabError as error:
            parser.error(str(error))
        measure(song, classifier.path, arguments.repeats)


def measure(song: Path, bundle: Path, repeats: int) -> None:
    """Time the commands alternately, each in a fresh process."""
    commands = {
        "python -c pass": ["pass"],
        "import genrelab": ["import genrelab"],
        "import numpy, onnxruntime": ["import numpy, onnxruntime"],
        "genrelab --version": [MAIN, "--version"],
        "genrelab --help": [MAIN, "--help"],
        f"genrelab classify {song.name}": [MAIN, "classify", "--bundle", str(bundle), str(song)],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for repeat in range(repeats + 1):
        for name, command in commands.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", *command], check=True, capture_output=True)
            if repeat:  # the first round fills the page cache
                times[name].append(time.perf_counter() - begin)
    base = statistics.median(times["python -c pass"])
    print(f"fresh processes, {repeats} alternating repeats, medians; the song lasts {probe(song).seconds:.0f} s")
    for name, took in times.items():
        middle = statistics.median(took)
        spread = f"({min(took):.3f} to {max(took):.3f})"
        print(f"  {name:<30} {middle:6.3f} s   {spread}   {middle / base:5.1f} x python -c pass")


def synthesise(path: Path) -> Path:
    """Write an mp3 of four minutes, 44.1 kHz, stereo."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", 44100, 2) as file:
        for _ in range(24):
            pitches = rng.uniform(80, 2000, (2, 5))
            tones = np.sin(2 * np.pi * pitches[:, :, None] * np.arange(10 * 44100) / 44100).sum(axis=1) * 0.1
            file.write((tones + 0.02 * rng.standard_normal(tones.shape)).T)
    return path


if __name__ == "__main__":
    main()
