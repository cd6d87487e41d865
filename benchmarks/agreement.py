"""How well the 57 columns meet GTZAN 2.0's published table, and how well librosa does on the same files.

Run with ``python benchmarks/agreement.py FOLDER``; the folder holds ``gtzan-tables/features_30_sec.csv``, and
``gtzan-full/clips.csv`` (columns ``clip`` and ``path``) with the clips at 22 050 Hz. Where these are lossy copies,
librosa's columns tell what the copying cost: no other code can come nearer.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from handcrafted import columns_of_librosa
from scipy.stats import spearmanr

from genrelab.extractors.handcrafted import COLUMNS, Handcrafted


def both(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return our columns and librosa's of a sound file."""
    samples, sample_rate = soundfile.read(path, dtype="float32")
    return Handcrafted(sample_rate)(samples), columns_of_librosa(samples, sample_rate)


def main() -> None:
    """Print a row for each column."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with gtzan-tables and gtzan-full")
    parser.add_argument("--clips", type=int, help="at most this many (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.folder / "gtzan-tables" / "features_30_sec.csv", index_col="filename")
    clips = pd.read_csv(arguments.folder / "gtzan-full" / "clips.csv")
    clips = clips[:: max(1, len(clips) // arguments.clips) if arguments.clips else 1]
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
