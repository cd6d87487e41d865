"""Front ends against librosa: one thread, one 30-second clip, repeats in turn, medians.

python benchmarks/frontends.py    (the ratio is what counts; the milliseconds are this machine's, today)
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

from genrelab.frontends import FRONTENDS

SAMPLE_RATE = 22050
Array = NDArray[np.float32]


def spectrogram_of_librosa(clip: Array) -> Array:
    """Return the linear spectrogram in decibels below the clip's maximum."""
    return librosa.amplitude_to_db(np.abs(librosa.stft(clip)), ref=np.max)


def mel_of_librosa(clip: Array) -> Array:
    """Return the mel spectrogram in decibels below the clip's maximum."""
    return librosa.power_to_db(librosa.feature.melspectrogram(y=clip, sr=SAMPLE_RATE, fmax=8000), ref=np.max)


def mfcc_of_librosa(clip: Array) -> Array:
    """Return the MFCCs."""
    return librosa.feature.mfcc(y=clip, sr=SAMPLE_RATE, n_mfcc=20)


def chroma_of_librosa(clip: Array) -> Array:
    """Return the chroma at a given tuning, for ours estimates none."""
    return librosa.feature.chroma_stft(y=clip, sr=SAMPLE_RATE, tuning=0.0)


def contrast_of_librosa(clip: Array) -> Array:
    """Return the spectral contrast."""
    return librosa.feature.spectral_contrast(y=clip, sr=SAMPLE_RATE)


PEERS: dict[str, tuple[dict[str, float], Callable[[Array], Array]]] = {
    "spectrogram": ({}, spectrogram_of_librosa),
    "mel": ({"fmax": 8000}, mel_of_librosa),
    "mfcc": ({}, mfcc_of_librosa),
    "chroma": ({}, chroma_of_librosa),
    "contrast": ({}, contrast_of_librosa),
}


def sound(seconds: float) -> Array:
    """Return a rising tone with noise and clicks."""
    rng = np.random.default_rng(0)
    time_axis = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    clip = 0.3 * np.sin(2 * np.pi * (80 + 3900 * time_axis / seconds) * time_axis)
    clip += 0.02 * rng.standard_normal(len(clip))
    clip[:: SAMPLE_RATE // 2] += 0.5
    return clip.astype(np.float32)


def compare(name: str, clip: Array, repeats: int) -> str:
    """Return the row of one front end."""
    options, reference = PEERS[name]
    frontend = FRONTENDS[name](sample_rate=SAMPLE_RATE, normalise="none", **options)
    waveform = torch.from_numpy(clip)[None]
    ours, theirs = frontend(waveform)[0, 0].numpy(), reference(clip)  # warms both up
    error = np.abs(ours - theirs).max() / np.ptp(theirs)
    rounds = [(seconds_of(lambda: frontend(waveform)), seconds_of(lambda: reference(clip))) for _ in range(repeats)]
    fast, slow = (1e3 * statistics.median(column) for column in zip(*rounds, strict=True))
    return f"{name:12} {fast:12.1f} {slow:12.1f} {slow / fast:13.1f} {error:16.1e}"


@torch.inference_mode()
def main() -> None:
    """Print a row for each front end."""
    parser = parser_of(__doc__)
    add_repeats(parser, 15)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    clip = sound(30)
    print(f"{'front end':12} {'genrelab ms':>12} {'librosa ms':>12} {'times faster':>13} {'relative error':>16}")
    for name in PEERS:
        print(compare(name, clip, repeats))


if __name__ == "__main__":
    main()
