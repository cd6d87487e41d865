"""Building a sample store against a plain soundfile decode of the same files, and the price of a random crop.

python benchmarks/store.py [FOLDER]    (without a folder: 40 mp3s of 30 s are synthesised)
"""

import random
import shutil
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile
from arguments import add_repeats, at_least, folder, parser_of
from common import seconds_of, synthesise

from genrelab.audio.read import probe
from genrelab.audio.store import ClipSource, SampleStore
from genrelab.audio.walk import sound_files
from genrelab.errors import GenrelabError


def main() -> None:
    """Print one table."""
    parser = parser_of(__doc__)
    parser.add_argument("folder", nargs="?", type=folder, help="a folder with mp3s")
    parser.add_argument("--jobs", type=at_least(1), default=2, help="threads for both (default 2)")
    add_repeats(parser, 7)
    parser.add_argument("--sample-rate", type=at_least(1), default=22050, help="of the store in Hz (default 22050)")
    parser.add_argument(
        "--scratch", type=folder, help="where stores are built (default: the system's temporary folder)"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        music = arguments.folder or synthesise(Path(scratch) / "music", files=40)
        paths = sorted(path for path in sound_files(music) if path.suffix.lower() == ".mp3")
        if not paths:
            parser.error(f"{music}: no mp3s")
        try:
            for path in paths:
                probe(path)  # says better than libsndfile what is wrong
            compare(paths, Path(scratch), arguments.jobs, arguments.repeats, arguments.sample_rate)
        except (GenrelabError, soundfile.LibsndfileError) as error:
            parser.error(str(error))


def compare(paths: list[Path], scratch: Path, jobs: int, repeats: int, sample_rate: int) -> None:
    """Time both ways alternately, so that a machine that slows down slows both."""
    clips = [ClipSource(str(path), path) for path in paths]

    def decode() -> None:
        with ThreadPoolExecutor(jobs) as pool:
            for _ in pool.map(lambda path: soundfile.read(path, dtype="float32")[0].shape, paths):
                pass

    def build(number: int) -> SampleStore:
        return SampleStore.build(scratch / f"store-{number}", clips, sample_rate, jobs=jobs, progress=False)

    decode()  # the files are in the page cache from here on
    decodes, builds, ratios = [], [], []
    for number in range(repeats):
        # Memory that the machine has not used yet costs ten times as much to write to: each store takes the last one's.
        shutil.rmtree(scratch / f"store-{number - 1}", ignore_errors=True)
        decodes.append(seconds_of(decode))
        builds.append(seconds_of(lambda number=number: build(number)))
        ratios.append(builds[-1] / decodes[-1])
    again = seconds_of(lambda: build(repeats - 1))
    store = SampleStore(scratch / f"store-{repeats - 1}")
    print(f"{len(paths)} files, {jobs} threads, {repeats} alternating repeats, store at {sample_rate} Hz, medians")
    print(f"  plain soundfile decode      {statistics.median(decodes):8.3f} s")
    print(f"  store built                 {statistics.median(builds):8.3f} s")
    print(f"  ratio store / decode        {statistics.median(ratios):8.2f}    ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"  built again, nothing to do  {again:8.3f} s")
    print(f"  3-s crop at random          {crop_seconds(store) * 1e6:8.1f} µs")


def crop_seconds(store: SampleStore, crops: int = 2000) -> float:
    """Return the mean time of reading 3 seconds from anywhere in any clip."""
    count = 3 * store.sample_rate
    chance = random.Random(0)
    places = [
        (clip, chance.randrange(max(1, store.samples(clip) - count))) for clip in chance.choices(store.clips, k=crops)
    ]
    return seconds_of(lambda: [store.read(clip, start, count) for clip, start in places]) / crops


if __name__ == "__main__":
    main()
