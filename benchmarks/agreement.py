"""The 57 columns against GTZAN 2.0's published table, beside librosa's of the same files.

python benchmarks/agreement.py FOLDER

The folder holds ``gtzan-tables/features_30_sec.csv``, and
``gtzan-full/clips.csv`` (columns ``clip`` and ``path``) with the clips at 22 050 Hz. Where these are lossy copies,
librosa's columns tell what the copying cost: no other code can come nearer.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from arguments import at_least, folder, parser_of
from handcrafted import columns_of_librosa
from scipy.stats import spearmanr

from genrelab.extractors.handcrafted import COLUMNS, Handcrafted


def both(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return our columns and librosa's of a sound file."""
    samples, sample_rate = soundfile.read(path, dtype="float32")
    return Handcrafted(sample_rate)(samples), columns_of_librosa(samples, sample_rate)


def main() -> None:
    """Print a row for each column."""
    parser = parser_of(__doc__)
    parser.add_argument("folder", type=folder, help="the folder with gtzan-tables and gtzan-full")
    parser.add_argument("--clips", type=at_least(1), help="at most this many (default: all)")
    parser.add_argument("--jobs", type=at_least(1), default=1, help="processes (default 1)")
    arguments = parser.parse_args()
    tables = [arguments.folder / "gtzan-tables" / "features_30_sec.csv", arguments.folder / "gtzan-full" / "clips.csv"]
    for path in tables:
        if not path.is_file():
            parser.error(f"{path}: there is no such file")
    table, clips = pd.read_csv(tables[0], index_col="filename"), pd.read_csv(tables[1])
    clips = clips[:: -(-len(clips) // arguments.clips) if arguments.clips else 1]  # spread over all genres
    published = table.loc[clips["clip"] + ".wav", list(COLUMNS)].to_numpy(np.float64)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        paths = [arguments.folder / "gtzan-full" / path for path in clips["path"]]
        ours, librosa = (np.array(rows, np.float64) for rows in zip(*pool.map(both, paths), strict=True))
    report(published, ours, librosa)


def report(published: np.ndarray, ours: np.ndarray, librosa: np.ndarray) -> None:
    """Print rank correlation over clips and the relative error of the median clip, of three tables (clips, 57)."""
    pairs = {"ours, table": (ours, published), "librosa, table": (librosa, published), "ours, librosa": (ours, librosa)}
    print(f"{len(ours)} clips: Spearman's rho and relative error of the median clip")
    print(f"{'':24}" + "".join(f"{name:>22}" for name in pairs))
    for place, column in enumerate(COLUMNS):
        cells = []
        for values, reference in pairs.values():
            a, b = values[:, place], reference[:, place]
            rho = spearmanr(a, b).statistic
            cells.append(f"{rho:13.4f} {100 * np.median(np.abs(a - b) / np.abs(b)):6.2f} %")
        print(f"{column:24}" + "".join(cells))
    tempo = COLUMNS.index("tempo")
    for name, (values, reference) in pairs.items():
        equal = np.isclose(values[:, tempo], reference[:, tempo], rtol=1e-5).mean()
        print(f"tempo equal, {name:16} {100 * equal:5.1f} %")


if __name__ == "__main__":
    main()
