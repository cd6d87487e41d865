"""The 57 columns against the same columns from librosa's own calls: one thread, one 30-second clip, repeats in turn.

python benchmarks/handcrafted.py [SOUND]    (without a sound file a clip is synthesised)

The ratio is what counts; the milliseconds are this machine's, today.
"""

import os

# Before numpy and numba load: one thread each.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import statistics

import librosa
import numpy as np
from arguments import add_repeats, file, parser_of
from common import seconds_of
from numpy.typing import NDArray

from genrelab.audio.read import read
from genrelab.errors import GenrelabError
from genrelab.extractors.handcrafted import COLUMNS, Handcrafted

SAMPLE_RATE = 22050


def columns_of_librosa(y: NDArray[np.float32], sr: int = SAMPLE_RATE) -> NDArray[np.float64]:
    """Return the 57 columns as the table's makers got them: a call for each column, ends mirrored as in librosa 0.7."""
    mirrored = {"pad_mode": "reflect"}
    onsets = librosa.onset.onset_strength(y=y, sr=sr, aggregate=np.median, **mirrored)
    series = [
        librosa.feature.chroma_stft(y=y, sr=sr, **mirrored),
        librosa.feature.rms(y=y, **mirrored),
        librosa.feature.spectral_centroid(y=y, sr=sr, **mirrored),
        librosa.feature.spectral_bandwidth(y=y, sr=sr, **mirrored),
        librosa.feature.spectral_rolloff(y=y, sr=sr, **mirrored),
        librosa.feature.zero_crossing_rate(y),
        *librosa.effects.hpss(y, **mirrored),
    ]
    coefficients = librosa.feature.mfcc(y=y, sr=sr, **mirrored)
    # The tempo of librosa.beat.beat_track, without its search for the beats.
    tempo = librosa.feature.tempo(onset_envelope=onsets, sr=sr)[0] if onsets.any() else 0.0
    pairs = [[(values.mean(), values.var()) for values in part] for part in (series, coefficients)]
    return np.array([*np.ravel(pairs[0]), tempo, *np.ravel(pairs[1])])


def sound(seconds: float) -> NDArray[np.float32]:
    """Return a chord that rises, with noise and clicks."""
    rng = np.random.default_rng(0)
    time_axis = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitches = (110, 138.6, 164.8, 440)
    clip = sum(0.1 * np.sin(2 * np.pi * (pitch + time_axis) * time_axis) for pitch in pitches)
    clip += 0.02 * rng.standard_normal(len(time_axis))
    clip[:: SAMPLE_RATE // 2] += 0.5
    return clip.astype(np.float32)


def main() -> None:
    """Print the ratio, and the column that differs most."""
    parser = parser_of(__doc__)
    parser.add_argument("sound", nargs="?", type=file, help="a sound file")
    add_repeats(parser, 9)
    arguments = parser.parse_args()
    try:
        clip = read(arguments.sound, SAMPLE_RATE) if arguments.sound else sound(30)
    except GenrelabError as error:
        parser.error(str(error))
    extractor = Handcrafted(SAMPLE_RATE)
    ours, theirs = extractor(clip), columns_of_librosa(clip)  # warms both up
    error = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-12)
    rounds = [
        (seconds_of(lambda: extractor(clip)), seconds_of(lambda: columns_of_librosa(clip)))
        for _ in range(arguments.repeats)
    ]
    ratios = [slow / fast for fast, slow in rounds]
    fast, slow = (1e3 * statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{len(clip) / SAMPLE_RATE:.1f} s of sound, one thread, medians of {arguments.repeats} rounds")
    print(f"  genrelab      {fast:8.1f} ms")
    print(f"  librosa       {slow:8.1f} ms")
    print(f"  times faster  {statistics.median(ratios):8.1f}    ({min(ratios):.1f} to {max(ratios):.1f})")
    worst = int(error.argmax())
    print(f"  largest relative difference {error[worst]:.1e}, in {COLUMNS[worst]}; median {np.median(error):.1e}")


if __name__ == "__main__":
    main()
