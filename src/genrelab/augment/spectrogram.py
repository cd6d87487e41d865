"""Changes of features as of pictures: masks, crops, direction, noise."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from genrelab.augment.augmentation import Parameters
from genrelab.augment.options import number, whole
from genrelab.augment.stages import BatchAugmentation, FeatureAugmentation
from genrelab.errors import RecipeError


class SpecAugment(FeatureAugmentation):
    """Masks over stretches of time and over bands of frequency.

    D. S. Park et al., "SpecAugment: a simple data augmentation method for automatic speech recognition" (2019), without
    the time warping. A mask's width is uniform from 0 to its greatest, its place uniform where it fits.

    Parameters
    ----------
    time_masks, frequency_masks
        How many of each; the paper's m_T and m_F.
    max_frames, max_bands
        Their greatest widths, the paper's T and F; no mask is wider than the features.
    fill
        What a mask holds: a number, or ``"mean"`` of the example before it was masked (the paper's 0: its features have
        the mean 0).
    p
        Probability of an example being masked.

    Raises
    ------
    RecipeError
        A number is out of range, or there are no masks at all.
    """

    kind = "spec-augment"

    def __init__(
        self,
        time_masks: int = 2,
        max_frames: int = 40,
        frequency_masks: int = 2,
        max_bands: int = 15,
        fill: float | Literal["mean"] = "mean",
        p: float = 1.0,
    ) -> None:
        super().__init__(p)
        self.time_masks = whole("augment.spec-augment.time_masks", time_masks, 0)
        self.max_frames = whole("augment.spec-augment.max_frames", max_frames, 1)
        self.frequency_masks = whole("augment.spec-augment.frequency_masks", frequency_masks, 0)
        self.max_bands = whole("augment.spec-augment.max_bands", max_bands, 1)
        if not time_masks and not frequency_masks:
            raise RecipeError("augment.spec-augment.time_masks, frequency_masks: both are 0, and mask nothing")
        if isinstance(fill, str) and fill != "mean":
            raise RecipeError(f"augment.spec-augment.fill: {fill!r} is neither a number nor mean")
        self.fill = fill if isinstance(fill, str) else number("augment.spec-augment.fill", fill, -1e6, 1e6)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the masks of features (channels, bins, frames), each [first, after the last]."""
        _, bins, frames = shape
        return {
            "time": [_mask(rng, frames, self.max_frames) for _ in range(self.time_masks)],
            "frequency": [_mask(rng, bins, self.max_bands) for _ in range(self.frequency_masks)],
        }

    def augment(self, example: Tensor, parameters: Parameters, genre: int | None) -> None:
        """Mask features (channels, bins, frames)."""
        fill = example.mean() if isinstance(self.fill, str) else self.fill
        for first, end in parameters["time"]:
            example[:, :, first:end] = fill
        for first, end in parameters["frequency"]:
            example[:, first:end] = fill


def _mask(rng: np.random.Generator, size: int, widest: int) -> list[int]:
    width = int(rng.integers(min(widest, size) + 1))
    first = int(rng.integers(size - width + 1))
    return [first, first + width]


class RandomFrames(BatchAugmentation):
    """A stretch of each example's frames instead of all of them, for networks that take any number of frames.

    What `audio.window` does for sound, where the features were made of the whole clip; a clip is still judged by all of
    its frames. All examples of a batch are cut to one length, so that they remain a batch; each has a place of its own.

    Parameters
    ----------
    part
        Length of the stretch, as a part of the frames; one frame is always left.
    p
        Probability of a batch being cut.
    """

    kind = "random-frames"

    def __init__(self, part: float = 0.5, p: float = 1.0) -> None:
        super().__init__(p)
        self.part = number("augment.random-frames.part", part, 0.01, 1)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose where the stretch begins in each of the features (batch, channels, bins, frames)."""
        length = self.left_of(shape[-1])
        return {"length": length, "first": rng.integers(shape[-1] - length + 1, size=shape[0]).tolist()}

    def left_of(self, frames: int) -> int:
        """Return how many of so many frames are left."""
        return max(1, round(self.part * frames))

    def augment(self, values: Tensor, targets: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Cut features (batch, channels, bins, frames); targets (batch, n_classes) stay."""
        length = parameters["length"]
        stretches = [
            example[..., first : first + length] for example, first in zip(values, parameters["first"], strict=True)
        ]
        return torch.stack(stretches), targets.clone()


class ReverseFrames(FeatureAugmentation):
    """Features from the last frame to the first.

    Parameters
    ----------
    p
        Probability of an example being turned round.
    """

    kind = "reverse-frames"

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose nothing."""
        return {}

    def augment(self, example: Tensor, parameters: Parameters, genre: int | None) -> None:
        """Turn features (channels, bins, frames) round."""
        example.copy_(example.flip(-1))


class PixelNoise(FeatureAugmentation):
    """Gaussian noise on every value of the features.

    With ``p=0.5`` an example is seen as often with noise as without: what doubling the training set with noisy
    copies comes to.

    Parameters
    ----------
    amplitude
        Standard deviation, in the units of the features: where these run from 0 to 1, 0.05 is plain to see.
    p
        Probability of an example being changed.
    """

    kind = "pixel-noise"

    def __init__(self, amplitude: float = 0.05, p: float = 0.5) -> None:
        super().__init__(p)
        self.amplitude = number("augment.pixel-noise.amplitude", amplitude, 0, 1e6)

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the seed of the noise."""
        return {"seed": int(rng.integers(2**32))}

    def augment(self, example: Tensor, parameters: Parameters, genre: int | None) -> None:
        """Add noise to features (channels, bins, frames)."""
        example.add_(gaussian(example, parameters["seed"]), alpha=self.amplitude)


def gaussian(example: Tensor, seed: int) -> Tensor:
    """Return Gaussian noise of standard deviation 1 in the shape, type and place of `example`.

    It is drawn by numpy, so that a seed gives the same noise on every device.
    """
    noise = np.random.default_rng(seed).standard_normal(tuple(example.shape), np.float32)
    return torch.from_numpy(noise).to(example)
