"""What a classifier still knows when the same music comes quieter, muffled, compressed, faster or higher.

Every test clip is read from its file, spoilt, and given to the bundle of the fold that never saw it: what is measured
is what listeners will use.
"""

import io
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from genrelab.audio.processors import processors
from genrelab.audio.read import probe, read
from genrelab.audio.store import ClipSource
from genrelab.augment.vocoder import pitch_shift, time_stretch
from genrelab.bundles.classifier import Classifier
from genrelab.bundles.parallel import in_order
from genrelab.corpora import load_corpus
from genrelab.errors import AudioError, RunError
from genrelab.evaluation.comparison import compare
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import read_summary
from genrelab.training.publish import export_run
from genrelab.training.run import load_run_recipe

Samples = NDArray[np.float32]
UNCHANGED = "as it is"
_MP3_RATES = (32.0, 320.0)  # kilobits a second: what libsndfile's compression level runs through


def _mp3(samples: Samples, rate: int) -> Samples:
    """Encode at 64 kbit/s, 44.1 kHz, and decode."""
    low, high = _MP3_RATES
    wide = soxr.resample(samples, rate, 44100, quality="HQ")
    file = io.BytesIO()
    level = (high - 64) / (high - low)
    soundfile.write(file, wide, 44100, format="MP3", bitrate_mode="CONSTANT", compression_level=level)
    file.seek(0)
    back: Samples = soxr.resample(soundfile.read(file, dtype="float32")[0], 44100, rate, quality="HQ")
    return back


def _narrow(samples: Samples, rate: int) -> Samples:
    """Keep what a sound of 8 kHz can hold."""
    back: Samples = soxr.resample(soxr.resample(samples, rate, 8000, quality="HQ"), 8000, rate, quality="HQ")
    return back


def _low_pass(samples: Samples, rate: int) -> Samples:
    """Take out what lies above 4 kHz, with a Butterworth filter of order 8."""
    if rate <= 8000:  # nothing does
        return samples
    return np.asarray(sosfilt(butter(8, 4000, fs=rate, output="sos"), samples), np.float32)


def _louder(samples: Samples, decibels: float) -> Samples:
    louder: Samples = np.clip(samples * np.float32(10 ** (decibels / 20)), -1, 1)
    return louder


CONDITIONS: dict[str, Callable[[Samples, int], Samples]] = {
    UNCHANGED: lambda samples, rate: samples,
    "mp3, 64 kbit/s": _mp3,
    "12 dB quieter": lambda samples, rate: _louder(samples, -12),
    "6 dB louder, clipped": lambda samples, rate: _louder(samples, 6),
    "12 dB louder, clipped": lambda samples, rate: _louder(samples, 12),
    "nothing above 4 kHz": _low_pass,
    "a semitone higher": lambda samples, rate: pitch_shift(samples, 1),
    "a semitone lower": lambda samples, rate: pitch_shift(samples, -1),
    "5 % faster": lambda samples, rate: time_stretch(samples, 1.05),
    "5 % slower": lambda samples, rate: time_stretch(samples, 0.95),
    "8 kHz sample rate": _narrow,
    "stereo, one channel silent": lambda samples, rate: np.stack([samples, np.zeros_like(samples)], 1),
}
"""What is done to mono samples at their own rate, by its name."""


def robustness(
    folder: Path,
    conditions: Sequence[str] = tuple(CONDITIONS),
    jobs: int | None = None,
    advance: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """Ask a run's bundles, fold by fold, for the genres of its spoilt test clips.

    Parameters
    ----------
    folder
        A finished run on sound that is still where it was.
    conditions
        Names from `CONDITIONS`; `UNCHANGED` is asked in any case.
    jobs
        Clips at a time; None for one a processor.
    advance
        Called after each clip.

    Returns
    -------
    DataFrame
        One row a condition: ``condition, clips, accuracy``, and ``fall, low, high``, by how much it lies below the
        accuracy of the unspoilt clips, with the 95 % interval of a paired bootstrap over tracks.

    Raises
    ------
    RunError
        The run is not finished, there is no such condition, or a clip has gone.
    """
    if unknown := [name for name in conditions if name not in CONDITIONS]:
        raise RunError(f"there is no condition {unknown[0]!r}; there are: {'; '.join(CONDITIONS)}")
    names = list(dict.fromkeys([UNCHANGED, *conditions]))
    read_summary(folder)
    test = Predictions.read(folder / "predictions.parquet").part("test")
    recipe = load_run_recipe(folder)
    corpus = load_corpus(recipe.corpus.kind, **recipe.corpus.options)
    sources = {source.clip: source for source in corpus.sources}
    said = np.full((len(names), len(test), len(test.genres)), 1 / len(test.genres))
    for fold, rows in test.table.groupby("fold").indices.items():
        with tempfile.TemporaryDirectory() as scratch:
            export_run(folder, Path(scratch) / "fold.onnx", fold=int(str(fold)))
            classifier = Classifier(Path(scratch) / "fold.onnx")
        wanted = [sources[clip] for clip in test.table["clip"].iloc[rows]]
        answers = in_order(partial(_ask, classifier, names), wanted, jobs or processors())
        for row, probabilities in zip(rows, answers, strict=True):
            said[:, row] = probabilities
            advance()
    judged = [test.with_probabilities(probabilities) for probabilities in said]
    return pd.DataFrame([_row(name, judged[0], one) for name, one in zip(names, judged, strict=True)])


def with_earlier(found: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return what `robustness` found with the rows of other conditions that an earlier table holds, in their order.

    Parameters
    ----------
    found
        Its table.
    path
        The earlier one; where it is none of these, or missing, `found` comes back as it is.
    """
    try:
        earlier = pd.read_csv(path)
    except (FileNotFoundError, ValueError):
        return found
    if list(earlier.columns) != list(found.columns):
        return found
    kept = earlier[earlier["condition"].isin(set(CONDITIONS) - set(found["condition"]))]
    order = list(CONDITIONS)
    return pd.concat([found, kept] if len(kept) else [found]).sort_values(
        "condition", key=lambda names: names.map(order.index), ignore_index=True
    )


def _ask(classifier: Classifier, names: Sequence[str], source: ClipSource) -> list[list[float]]:
    """Return the probabilities of the genres, condition by condition; all alike where nothing is left to hear."""
    try:
        samples = read(source.path, None, source.start, source.duration)
        rate = probe(source.path).sample_rate
    except AudioError as error:
        raise RunError(f"{error}; the run's clips must be as they were") from error
    answers = []
    for name in names:
        try:
            found = dict(classifier.classify(CONDITIONS[name](samples, rate), rate).genres)
        except AudioError:
            found = {}
        answers.append([found.get(genre, 1 / len(classifier.genres)) for genre in classifier.genres])
    return answers


def _row(name: str, before: Predictions, after: Predictions) -> dict[str, object]:
    pair = compare(before, after, name_a=UNCHANGED, name_b=name)
    low, high = pair.accuracy_interval
    return {
        "condition": name,
        "clips": pair.clips,
        "accuracy": pair.accuracy_b,
        "fall": pair.accuracy_difference,
        "low": low,
        "high": high,
    }
