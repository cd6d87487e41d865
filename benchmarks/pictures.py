"""Our pictures against those of the Kaggle copy of GTZAN, over the tracks of which one has both sound and picture.

python benchmarks/pictures.py SOUND PICTURES

Levels are the numbers of the colours, 0 to 255, within the black line; RGB is the picture without its white frame.
"""

import re
import time
from pathlib import Path

import numpy as np
from arguments import folder, parser_of
from numpy.typing import NDArray

from genrelab.audio.read import read
from genrelab.corpora.pictures import read_picture
from genrelab.extractors.colours import magma
from genrelab.extractors.picture import BOTTOM, LEFT, RIGHT, SHAPE, TOP, Picture

SAMPLE_RATE = 22050
_NAME = re.compile(r"([a-z]+)[._]?(\d{5})")


def find(folder: Path, suffixes: str) -> dict[str, Path]:
    """Return the files of GTZAN's clips by name."""
    files = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes.split())
    return {f"{match[1]}.{match[2]}": path for path in files if (match := _NAME.fullmatch(path.stem))}


def levels(picture: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the number of each dot's colour; -1 for a colour that the table does not hold."""
    code = np.array([65536, 256, 1])
    table, dots = magma() @ code, picture[TOP + 1 : BOTTOM, LEFT + 1 : RIGHT, :3].astype(np.int64) @ code
    order = np.argsort(table)
    found = order[np.searchsorted(table, dots, sorter=order).clip(0, 255)]
    return np.where(table[found] == dots, found, -1)


def correlation(ours: NDArray[np.generic], theirs: NDArray[np.generic]) -> float:
    """Return Pearson's correlation of two pictures."""
    return float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])


def main() -> None:
    """Print the worst clips, then the medians."""
    parser = parser_of(__doc__)
    parser.add_argument("sound", type=folder, help="a folder that holds the ten genres' folders of sound at any depth")
    parser.add_argument("pictures", type=folder, help="one that holds their folders of pictures")
    arguments = parser.parse_args()
    sound, pictures = find(arguments.sound, ".au .wav .flac .ogg .mp3"), find(arguments.pictures, ".png")
    if not set(sound) & set(pictures):
        parser.error("no clip is in both folders")
    draw = Picture(SAMPLE_RATE)
    rows = []
    for clip in sorted(set(sound) & set(pictures)):
        samples = read(sound[clip], SAMPLE_RATE)
        start = time.perf_counter()
        ours = draw(samples).reshape(SHAPE)
        milliseconds = 1000 * (time.perf_counter() - start)
        theirs = read_picture(pictures[clip]).reshape(SHAPE)
        within = np.s_[TOP:BOTTOM, LEFT:RIGHT, :3]
        a, b = levels(ours), levels(theirs)
        row = (correlation(a, b), correlation(ours[within], theirs[within]), float(np.abs(a - b).mean()))
        rows.append((*row, float((b < 0).mean()), milliseconds, len(samples) / SAMPLE_RATE, clip))
    print(f"{'clip':16}  levels r     RGB r  levels apart  unknown colours     ms  seconds")
    line = "{6:16} {0:9.4f} {1:9.4f} {2:13.2f} {3:16.3f} {4:6.1f} {5:8.2f}"
    for found in sorted(rows)[:12]:
        print(line.format(*found))
    print(line.format(*np.median([found[:6] for found in rows], axis=0), f"median of {len(rows)}"))


if __name__ == "__main__":
    main()
