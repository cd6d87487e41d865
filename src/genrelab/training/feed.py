"""What training hears: random crops of clips, and whole clips as windows, both straight from the store."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from genrelab.audio.store import SampleStore
from genrelab.audio.windows import clip_starts, cut
from genrelab.augment import WaveformAugmentation
from genrelab.training.examples import ExampleStore

WINDOWS_AT_ONCE = 64  # through the network while evaluating: what bounds the memory that long clips take

Store = SampleStore | ExampleStore


class Crops(NamedTuple):
    """A batch for training: waveforms (batch, samples) and genre codes (batch,)."""

    waveforms: Tensor
    genres: Tensor


class Clips(NamedTuple):
    """Whole clips: all their windows (windows, samples), the clip of each window (windows,), genre codes (clips,)."""

    windows: Tensor
    clip_of_window: Tensor
    genres: Tensor


class Draw(NamedTuple):
    """One crop to cut: in which epoch, of which clip, which of the epoch's crops of that clip."""

    epoch: int
    clip: int
    crop: int


class EpochShuffle(Sampler[Draw]):
    """Every clip `crops_per_clip` times an epoch, in an order that follows from seed and epoch alone.

    The draws carry the epoch, so that a crop does not depend on which process cuts it, nor on what ran before: a
    resumed run draws what an undisturbed one would have drawn. Of several processes each takes its share. Lightning
    calls `set_epoch`.
    """

    def __init__(self, clips: int, crops_per_clip: int, seed: int) -> None:
        self._clips, self._crops, self._seed, self._epoch = clips, crops_per_clip, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is drawn next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._clips * self._crops // _place()[1]

    def __iter__(self) -> Iterator[Draw]:
        rank, processes = _place()
        order = np.random.default_rng((self._seed, self._epoch)).permutation(self._clips * self._crops)
        # Every process gets equally many, or those that are done would wait for ever for the others' gradients.
        order = order[rank : len(self) * processes : processes]
        return (Draw(self._epoch, int(i) % self._clips, int(i) // self._clips) for i in order)


def _place() -> tuple[int, int]:
    """Return this process's rank and how many processes train together."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


class Cutting(NamedTuple):
    """How windows are cut from a clip.

    Parameters
    ----------
    window
        Their length in samples; a shorter clip is padded with zeros.
    hop
        Distance in samples between the windows that cover a whole clip.
    crop
        ``"random"``, or ``"start"`` or ``"centre"``: the one window that training and evaluation hear.
    step
        Random windows begin at its multiples: 1, or the size of an example.
    """

    window: int
    hop: int
    crop: str = "random"
    step: int = 1

    def whole(self, samples: int) -> np.ndarray:
        """Return where windows begin in a clip that is judged as a whole."""
        if self.crop == "random":
            return clip_starts(samples, self.window, self.hop)
        return np.array([self._fixed(max(0, samples - self.window))])

    def one(self, samples: int, rng: np.random.Generator) -> int:
        """Return where a training window begins."""
        spare = max(0, samples - self.window)
        if self.crop != "random":
            return self._fixed(spare)
        return self.step * int(rng.integers(spare // self.step + 1)) if spare else 0

    def _fixed(self, spare: int) -> int:
        return 0 if self.crop == "start" else spare // 2 // self.step * self.step


class CropFeed(Dataset[Crops]):
    """Crops of clips, a batch at a time: index it with `Draw`s.

    Parameters
    ----------
    store
        Where the samples lie.
    clips
        Clip ids.
    genres
        A genre code for each clip.
    cutting
        How crops are cut.
    seed
        With epoch, clip and crop it decides where a crop begins, and what augmentations do to it.
    augmentations
        What is done to the samples of a crop, one after another.
    """

    def __init__(
        self,
        store: Store,
        clips: Sequence[str],
        genres: Sequence[int],
        cutting: Cutting,
        seed: int,
        augmentations: Sequence[WaveformAugmentation] = (),
    ) -> None:
        self._store, self._clips, self._genres = store, list(clips), list(genres)
        self._cutting, self._seed, self._augmentations = cutting, seed, list(augmentations)

    def __getitems__(self, draws: Sequence[Draw]) -> Crops:
        """Cut the crops of a batch; a loader asks for them at once, so that none is copied to be stacked."""
        window = self._cutting.window
        waveforms = np.empty((len(draws), window), np.float32)
        for draw, waveform in zip(draws, waveforms, strict=True):
            clip = self._clips[draw.clip]
            rng = np.random.default_rng((self._seed, *draw))
            there = self._store.samples(clip)
            start = self._cutting.one(there, rng)
            if not self._augmentations:
                self._store.read(clip, start, out=waveform)
                continue
            drawn = [augmentation.draw(rng, (window,)) for augmentation in self._augmentations]
            # What shortens the sound is given more of it, not zeros: the length before each one, and the window.
            lengths = [window]
            for augmentation, parameters in zip(reversed(self._augmentations), reversed(drawn), strict=True):
                lengths.insert(0, augmentation.input_for(lengths[0], parameters))
            # In the same part of the room that this leaves: what needs no more may come from the clip's very end.
            start = start * max(0, there - lengths[0]) // max(1, there - window)
            # No zeros while there is a window of sound: they would be moved about, and cut out, as sound is.
            samples = self._store.read(clip, start, min(lengths[0], max(window, there - start)))
            for augmentation, parameters, wanted in zip(self._augmentations, drawn, lengths[1:], strict=True):
                sound = augmentation.length_after(len(samples), parameters)
                samples = augmentation.apply(samples, parameters, length=min(wanted, max(window, sound)))
            waveform[:] = samples
        return Crops(torch.from_numpy(waveforms), torch.tensor([self._genres[draw.clip] for draw in draws]))

    @staticmethod
    def collate(batch: Crops) -> Crops:
        """Leave a batch as it is: what a loader wants for want of anything to put together."""
        return batch


class ClipFeed(Dataset[tuple[np.ndarray, int]]):
    """Whole clips, each as windows that cover it.

    Parameters
    ----------
    store, clips, genres, cutting
        As in `CropFeed`.
    """

    def __init__(self, store: Store, clips: Sequence[str], genres: Sequence[int], cutting: Cutting) -> None:
        self._store, self._clips, self._genres = store, list(clips), list(genres)
        self._cutting = cutting

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        samples = self._store.read(self._clips[index])
        return cut(samples, self._cutting.whole(len(samples)), self._cutting.window), self._genres[index]

    @staticmethod
    def collate(items: list[tuple[np.ndarray, int]]) -> Clips:
        """Put the windows of several clips in a row."""
        counts = [len(windows) for windows, _ in items]
        return Clips(
            torch.from_numpy(np.concatenate([windows for windows, _ in items])),
            torch.repeat_interleave(torch.arange(len(items)), torch.tensor(counts)),
            torch.tensor([genre for _, genre in items]),
        )


def clip_logits(model: Callable[[Tensor], Tensor], clips: Clips) -> Tensor:
    """Return a model's logits for whole clips (clips, genres), a few windows at a time: songs have hundreds.

    Parameters
    ----------
    model
        Maps windows (n, samples) to logits (n, genres).
    clips
        A batch.
    """
    return average_windows(torch.cat([model(part) for part in torch.split(clips.windows, WINDOWS_AT_ONCE)]), clips)


def average_windows(logits: Tensor, clips: Clips) -> Tensor:
    """Return the mean of the windows' logits (windows, genres) for each clip: (clips, genres)."""
    total = logits.new_zeros(len(clips.genres), logits.shape[1]).index_add_(0, clips.clip_of_window, logits)
    return total / torch.bincount(clips.clip_of_window, minlength=len(clips.genres)).to(total)[:, None]
