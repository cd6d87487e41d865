"""Noise on a table of features, as wide as each genre's own spread: row table-lstm-1.2."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from genrelab.augment.augmentation import Parameters
from genrelab.augment.options import number
from genrelab.augment.spectrogram import gaussian
from genrelab.augment.stages import FeatureAugmentation


class FeatureNoise(FeatureAugmentation):
    """Gaussian noise whose standard deviation is a part of that of the feature within the example's genre.

    With ``p=0.5`` an example is seen as often with noise as without: what doubling the training set with noisy copies
    comes to, but the noise is new in each epoch. Needs `fit` first, and genres whenever it is applied.

    Parameters
    ----------
    factor
        The noise's standard deviation in standard deviations of the feature. The source does not tell it.
    p
        Probability of an example being changed.
    """

    kind = "feature-noise"

    def __init__(self, factor: float = 0.1, p: float = 0.5) -> None:
        super().__init__(p)
        self.factor = number("augment.feature-noise.factor", factor, 0, 100)
        self._deviation: Tensor | None = None

    def fit(self, features: Tensor, genres: Tensor) -> None:
        """Measure the spread of each feature in each genre, over examples and frames.

        Parameters
        ----------
        features
            The training part, (examples, channels, bins, frames).
        genres
            Its genre codes, (examples,); a genre without examples gets no noise.
        """
        deviation = torch.zeros(int(genres.max()) + 1, *features.shape[1:3])
        for genre in set(genres.tolist()):
            # One example alone has no spread: 0, where the unbiased estimate has none.
            deviation[genre] = features[genres == genre].cpu().double().std(dim=(0, 3), correction=0)
        self._deviation = deviation

    def fitted(self) -> dict[str, Any]:
        """Return the standard deviations (genres, channels, bins) as lists."""
        return {} if self._deviation is None else {"deviation": self._deviation.tolist()}

    def restore(self, fitted: dict[str, Any]) -> None:
        """Take back what `fitted` returned."""
        self._deviation = torch.tensor(fitted["deviation"]) if fitted else None

    def parameters(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Choose the seed of the noise."""
        return {"seed": int(rng.integers(2**32))}

    def augment(self, example: Tensor, parameters: Parameters, genre: int | None) -> None:
        """Add noise to the features (channels, bins, frames) of an example of a genre."""
        if self._deviation is None or genre is None:
            raise ValueError("feature-noise depends on the genre: call fit() first, and pass the genres")
        deviation = self._deviation[genre, :, :, None].to(example)
        example.addcmul_(gaussian(example, parameters["seed"]), deviation, value=self.factor)
