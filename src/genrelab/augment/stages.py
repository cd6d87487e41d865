"""The three places where a training example is augmented: its samples, its features, the batch it lies in."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from genrelab.augment.augmentation import Augmentation, Parameters

Samples = NDArray[np.float32]


class WaveformAugmentation(Augmentation[Samples]):
    """One that changes the samples of one clip; `augment` returns any length, `apply` the one that is wanted."""

    stage = "waveform"

    def augment(self, samples: Samples, parameters: Parameters, length: int) -> Samples:
        """Change samples (n,); of what it returns the first `length` are used."""
        raise NotImplementedError

    def apply(self, values: Samples, parameters: Parameters, length: int | None = None) -> Samples:
        """Augment a clip as `draw` decided.

        Parameters
        ----------
        values
            Mono samples, float32, (samples,).
        parameters
            What `draw` returned.
        length
            How many samples to return: the first ones, followed by zeros where there are too few. None: as many as
            came in.
        """
        length = len(values) if length is None else length
        samples = self.augment(values, parameters, length)[:length] if parameters["applied"] else values[:length]
        result = np.zeros(length, np.float32)
        result[: len(samples)] = samples
        return result

    def input_for(self, window: int, parameters: Parameters) -> int:
        """Return how many samples are wanted to fill a window of so many without padding, not fewer than it has."""
        return window

    def length_after(self, samples: int, parameters: Parameters) -> int:
        """Return how many samples of so many there are afterwards, without padding."""
        return samples


class FeatureAugmentation(Augmentation[Tensor]):
    """One that changes features, each example of a batch in its own way."""

    stage = "features"

    def augment(self, example: Tensor, parameters: Parameters, genre: int | None) -> None:
        """Change the features (channels, bins, frames) of one example in place: they are a copy."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
        """Decide and choose for each example; `shape` is (batch, channels, bins, frames).

        Returns
        -------
        dict
            ``{"examples": [...]}``, for each example what `Augmentation.draw` returns.
        """
        return {"examples": [super(FeatureAugmentation, self).draw(rng, shape[1:]) for _ in range(shape[0])]}

    def apply(self, values: Tensor, parameters: Parameters, genres: Tensor | None = None) -> Tensor:
        """Augment features as `draw` decided.

        Parameters
        ----------
        values
            Features, (batch, channels, bins, frames), on any device.
        parameters
            What `draw` returned for a batch of this shape.
        genres
            The examples' genre codes, (batch,); needed by those that treat genres differently.
        """
        result = values.clone()
        codes = [None] * len(result) if genres is None else genres.tolist()
        for example, drawn, genre in zip(result, parameters["examples"], codes, strict=True):
            if drawn["applied"]:
                self.augment(example, drawn, genre)
        return result


class BatchAugmentation(Augmentation[tuple[Tensor, Tensor]]):
    """One that mixes the examples of a batch, and what they are to be taken for."""

    stage = "batch"

    def augment(self, values: Tensor, targets: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Mix values (batch, ...) and targets (batch, n_classes)."""
        raise NotImplementedError

    def apply(self, values: tuple[Tensor, Tensor], parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Augment a batch as `draw` decided.

        Parameters
        ----------
        values
            Waveforms or features, (batch, ...), and targets: a probability for each genre, (batch, n_classes).
        parameters
            What `draw` returned for a batch of this shape.
        """
        return self.augment(*values, parameters) if parameters["applied"] else (values[0].clone(), values[1].clone())

    def shape(self, values: tuple[Tensor, Tensor]) -> tuple[int, ...]:
        """Return the shape of the waveforms or features."""
        return tuple(values[0].shape)
