"""Augmentations: what one costs, against librosa where it has the same; one thread, repeats in turn, medians.

python benchmarks/augment.py    (the ratios are what counts; the milliseconds are this machine's, today)

Beside each stands its cost in mel spectrograms of the same 3 seconds, of which every training example takes one.
"""

import os

# Before numpy loads: its threads would run beside torch's one.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import statistics
from collections.abc import Callable

import librosa
import numpy as np
import torch
from arguments import add_repeats, parser_of
from common import seconds_of
from numpy.typing import NDArray

from genrelab.augment import AUGMENTATIONS, FeatureNoise
from genrelab.frontends import FRONTENDS

SAMPLE_RATE = 22050
WINDOW = 3 * SAMPLE_RATE
BATCH = 16
PEERS: dict[str, Callable[[NDArray[np.float32], float], object]] = {
    "time-stretch": lambda clip, rate: librosa.effects.time_stretch(clip, rate=rate),
    "pitch-shift": lambda clip, semitones: librosa.effects.pitch_shift(clip, sr=SAMPLE_RATE, n_steps=semitones),
}


def sound(samples: int) -> NDArray[np.float32]:
    """Return a rising tone with noise and clicks."""
    rng = np.random.default_rng(0)
    seconds = np.arange(samples) / SAMPLE_RATE
    clip = 0.3 * np.sin(2 * np.pi * (80 + 1300 * seconds / 3) * seconds)
    clip += 0.02 * rng.standard_normal(samples)
    clip[:: SAMPLE_RATE // 2] += 0.5
    return clip.astype(np.float32)


def work(kind: str) -> tuple[Callable[[], object], int, Callable[[], object] | None]:
    """Return a call that draws and applies, how many examples it serves, and librosa's with a parameter drawn alike."""
    rng, theirs = np.random.default_rng(0), np.random.default_rng(0)
    options = {"sample_rate": SAMPLE_RATE} if kind in ("band-stop", "low-pass") else {}
    augmentation = AUGMENTATIONS[kind](p=1.0, **options)
    if augmentation.stage == "waveform":
        drawn = [augmentation.draw(np.random.default_rng(seed), (WINDOW,)) for seed in range(100)]
        clip = sound(max(augmentation.input_for(WINDOW, parameters) for parameters in drawn))
        peer = PEERS.get(kind)
        if peer is None:
            return (lambda: augmentation(clip, rng, length=WINDOW)), 1, None

        def reference() -> object:
            theirs.random()  # whether to apply it at all
            (value,) = augmentation.parameters(theirs, clip.shape).values()
            # librosa returns all of what it is given: it gets no more than fills the window.
            return peer(clip[: round(WINDOW * value)] if kind == "time-stretch" else clip, value)

        return (lambda: augmentation(clip, rng, length=WINDOW)), 1, reference
    features = torch.randn(BATCH, 1, 128, 130, generator=torch.Generator().manual_seed(0))
    if augmentation.stage == "batch":
        targets = torch.eye(BATCH)
        return (lambda: augmentation((features, targets), rng)), BATCH, None
    genres = torch.arange(BATCH) % 4
    if isinstance(augmentation, FeatureNoise):
        augmentation.fit(features, genres)
    return (lambda: augmentation(features, rng, genres=genres)), BATCH, None


def compare(kind: str, mel: Callable[[], object], repeats: int) -> str:
    """Return the row of one augmentation."""
    ours, examples, reference = work(kind)
    calls = [ours, mel, *([reference] if reference else [])]
    for call in calls:  # warms them up
        call()
    rounds = [[seconds_of(call) for call in calls] for _ in range(repeats)]
    cost, mel_cost, *theirs = (1e3 * statistics.median(column) for column in zip(*rounds, strict=True))
    peer = f"{theirs[0]:12.2f} {theirs[0] / cost:13.1f}" if theirs else f"{'-':>12} {'-':>13}"
    stage = AUGMENTATIONS[kind].stage
    return f"{kind:15} {stage:9} {cost / examples:12.3f} {peer} {cost / examples / mel_cost:7.2f}"


@torch.inference_mode()
def main() -> None:
    """Print a row for each augmentation: a 3-second clip, or an example of features (1, 128, 130)."""
    parser = parser_of(__doc__)
    add_repeats(parser, 25)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    frontend, waveform = FRONTENDS["mel"](sample_rate=SAMPLE_RATE), torch.from_numpy(sound(WINDOW))[None]
    print(f"{'augmentation':15} {'stage':9} {'genrelab ms':>12} {'librosa ms':>12} {'times faster':>13} {'mels':>7}")
    for kind in AUGMENTATIONS:
        print(compare(kind, lambda: frontend(waveform), repeats))


if __name__ == "__main__":
    main()
