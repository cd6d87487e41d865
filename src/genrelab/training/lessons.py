"""What our own networks learn from: pieces of unlabelled sound, spoilt, and what a teacher hears in them unspoilt.

Variety is what a small set of recordings lacks: pieces are taken from anywhere, two may sound at once, and run faster
or slower. What is asked of the learner is harder than what the teacher hears: the same piece clipped, muffled, noisy,
shifted; it shall hear through that.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genrelab.audio.store import SampleStore
from genrelab.augment import WaveformAugmentation
from genrelab.augment.tempo_and_pitch import PitchShift, TimeStretch
from genrelab.augment.waveform import BandStop, LowPass, Noise
from genrelab.backbones.teacher import load_original, load_teacher
from genrelab.extractors.backbone import LISTENER, SAMPLE_RATE, SMALL_YAMNET, WINDOW, YAMNET
from genrelab.files import atomic_path
from genrelab.frontends import FrontEnd
from genrelab.frontends.bands import MusicnnBands, YamnetBands
from genrelab.networks.musicnn import compress

CHUNK = 512
"""Lessons in a file."""
LEVEL = -18.0
"""To which every window is brought, in dB of full scale."""
_MIX, _SPEED, _SPOIL = 0.4, 0.3, 0.65  # how often two pieces sound at once, run faster or slower, or are spoilt
_CLIP = 0.2
_BATCH = 16
_FASTEST = 1.18
_QUIETEST = 10 ** (-60 / 20)

Samples = NDArray[np.float32]


def make_lessons(
    stores: Sequence[Path],
    folder: Path,
    count: int,
    learner: str = LISTENER,
    seed: int = 0,
    jobs: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write lessons, a file for each `CHUNK` of them; those that are there are left as they are.

    Parameters
    ----------
    stores
        Folders of sample stores at 16 kHz. A store, and a clip within it, is heard in proportion to the square root of
        its length: ten times longer says more, but not ten times more.
    folder
        Where ``00000.safetensors`` and so on shall lie: ``heard`` (lessons, what the learner's ``read`` takes) and
        ``layers`` (lessons, the sum of its sizes), both float16.
    count
        How many lessons at least.
    learner
        Whom they are for: ``"listener"``, who is taught by MSD_musicnn and MSD_vgg, or ``"small-yamnet"``, by YAMNet.
    seed
        What is heard follows from it and the number of the file alone, however many processes share the work.
    jobs
        Number of processes.
    advance
        Called after each file.

    Raises
    ------
    BackboneError
        The teacher's networks are not on this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(-(-count // CHUNK)) if not _file(folder, number).is_file()]
    write = partial(_write, list(stores), folder, learner, seed)
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(jobs, get_context("spawn"))) if jobs > 1 else None
        for _ in (pool.map if pool else map)(write, missing):
            advance()


def read_lessons(folder: Path) -> tuple[Tensor, Tensor]:
    """Return what is ``heard`` and the ``layers`` of all lessons in a folder; see `make_lessons`."""
    parts = [load_file(path) for path in sorted(folder.glob("*.safetensors"))]
    return torch.cat([part["heard"] for part in parts]), torch.cat([part["layers"] for part in parts])


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.safetensors"


def _write(stores: list[Path], folder: Path, learner: str, seed: int, number: int) -> None:
    torch.set_num_threads(1)
    teacher, bands, hear = _TAUGHT[learner]()
    rng = np.random.default_rng([seed, number])
    pieces = _pieces(rng, [SampleStore(path) for path in stores])
    heard, layers = [], []
    with torch.inference_mode():
        for _ in range(CHUNK // _BATCH):
            clean = np.stack([next(pieces) for _ in range(_BATCH)])
            spoilt = np.stack([_spoil(piece, rng) for piece in clean])
            told = teacher.layers(bands(torch.from_numpy(clean)))  # type: ignore[operator]
            layers.append(torch.cat(list(told.values()), 1).half())
            heard.append(hear(bands(torch.from_numpy(spoilt)))[:, 0].half())
    with atomic_path(_file(folder, number)) as temporary:
        save_file({"heard": torch.cat(heard).contiguous(), "layers": torch.cat(layers).contiguous()}, temporary)


def _pieces(rng: np.random.Generator, stores: Sequence[SampleStore]) -> Iterator[Samples]:
    """Yield windows of sound, never silent."""
    clips = [store.clips for store in stores]
    seconds = [np.array([store.seconds(name) for name in names]) for store, names in zip(stores, clips, strict=True)]
    of_store = np.sqrt([lengths.sum() for lengths in seconds])
    of_clip = [np.sqrt(lengths) for lengths in seconds]

    def excerpt(length: int) -> Samples:
        while True:
            place = int(rng.choice(len(stores), p=of_store / of_store.sum()))
            name = clips[place][rng.choice(len(clips[place]), p=of_clip[place] / of_clip[place].sum())]
            start = int(rng.integers(max(1, stores[place].samples(name) - length)))
            found = stores[place].read(name, start, length)
            if np.sqrt(np.mean(found**2)) > _QUIETEST:
                return found

    while True:
        faster = rng.random() < _SPEED
        rate = _FASTEST ** rng.uniform(-1, 1) if faster else 1.0
        piece = excerpt(int(WINDOW * rate) + 64)
        if rng.random() < _MIX:
            other = excerpt(len(piece))
            level = 10 ** (rng.uniform(-12, 0) / 20) * np.sqrt(np.mean(piece**2) / np.mean(other**2))
            piece = piece + np.float32(level) * other
        if faster:
            piece = np.asarray(soxr.resample(piece, SAMPLE_RATE * rate, SAMPLE_RATE, quality="MQ"), np.float32)
        yield piece[:WINDOW]


def _spoil(piece: Samples, rng: np.random.Generator) -> Samples:
    if rng.random() > _SPOIL:
        return piece
    for spoiler in _SPOILERS:
        piece = spoiler(piece, rng)
    if rng.random() < _CLIP:
        loudest = float(np.abs(piece).max())
        limit = loudest * 10 ** (-rng.uniform(0, 14) / 20)
        piece = np.clip(piece, -limit, limit)
    return np.asarray(piece, np.float32)


def _for_listener() -> "_Taught":
    return load_teacher(), MusicnnBands(SAMPLE_RATE, LEVEL), compress


def _for_small_yamnet() -> "_Taught":
    return load_original(YAMNET), YamnetBands(SAMPLE_RATE, LEVEL), lambda bands: bands


_Taught = tuple[nn.Module, FrontEnd, Callable[[Tensor], Tensor]]
_TAUGHT: dict[str, Callable[[], _Taught]] = {LISTENER: _for_listener, SMALL_YAMNET: _for_small_yamnet}
"""For each learner: who teaches it, the bands that both hear, and what the learner makes of them first."""

_SPOILERS: tuple[WaveformAugmentation, ...] = (
    PitchShift((-1.3, 1.3), p=0.2),
    TimeStretch((0.93, 1.07), p=0.2),
    BandStop(SAMPLE_RATE, p=0.2),
    LowPass(SAMPLE_RATE, (2500.0, 7000.0), p=0.4),
    Noise((0.0005, 0.02), p=0.15),
)
