"""Classifying a folder of mp3s against only decoding the same windows of the same files, on as many threads.

python benchmarks/classify.py [FOLDER]    (without a folder: mp3s of 30 s are synthesised)
"""

import statistics
import tempfile
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from arguments import add_repeats, at_least, folder, parser_of
from common import seconds_of, synthesise

from genrelab.audio.processors import processors
from genrelab.audio.read import probe, read
from genrelab.audio.walk import sound_files
from genrelab.audio.windows import window_starts
from genrelab.bundles.classifier import Classifier
from genrelab.bundles.listening import DEFAULT_WINDOWS, hear_file
from genrelab.bundles.parallel import in_order
from genrelab.errors import GenrelabError


def main() -> None:
    """Print one table."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "folder", nargs="?", type=folder, help="a folder of sound files, taken again until there are enough"
    )
    parser.add_argument("--bundle", type=Path, help="an .onnx bundle (default: the one that comes with genrelab)")
    parser.add_argument("--files", type=at_least(1), default=100, help="how many files (default 100)")
    parser.add_argument("--jobs", type=at_least(1), default=processors(), help="threads (default: one a processor)")
    add_repeats(parser, 5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        music = arguments.folder or synthesise(Path(scratch) / "music", files=10)
        found = sorted(sound_files(music))
        if not found:
            parser.error(f"{music}: no sound files")
        paths = list(islice(cycle(found), arguments.files))
        try:
            compare(Classifier(arguments.bundle), paths, arguments.jobs, arguments.repeats)
        except GenrelabError as error:
            parser.error(str(error))


def compare(classifier: Classifier, paths: list[Path], jobs: int, repeats: int) -> None:
    """Time the ways alternately, so that a machine that slows down slows them all."""
    rate, window = classifier.sample_rate, classifier.window

    def decode(path: Path) -> int:
        length = round(probe(path).seconds * rate)
        if length <= DEFAULT_WINDOWS * window:
            return len(read(path, rate))
        starts = window_starts(length, window, count=DEFAULT_WINDOWS) / rate
        return sum(len(read(path, rate, start, window / rate)) for start in starts.tolist())

    ways: dict[str, Callable[[Path], object]] = {
        "read() of each window": decode,
        "the classifier's own reading": lambda path: hear_file(path, probe(path).seconds, classifier.metadata, None),
        "classify": classifier.classify_file,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, work in ways.items():
            took = seconds_of(lambda work=work: list(in_order(work, paths, jobs)))
            if repeat:  # the first round fills the page cache
                times[name].append(took)
    music = sum(probe(path).seconds for path in paths)
    print(f"{len(paths)} files, {music / 60:.0f} min of music, {jobs} threads, {repeats} alternating repeats, medians")
    print(f"bundle {classifier.metadata.name}: windows of {window / rate:.3g} s at {rate} Hz")
    base = times["read() of each window"]
    for name, took in times.items():
        ratios = [mine / theirs for mine, theirs in zip(took, base, strict=True)]
        spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"  {name:<30} {statistics.median(took):7.3f} s   ratio {statistics.median(ratios):5.2f} {spread}")
    print(f"  classify is {music / statistics.median(times['classify']):.0f} times real time")


if __name__ == "__main__":
    main()
