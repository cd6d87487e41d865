"""What every front end is: a torch module that turns samples into features, and is part of the model."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.extractors import EXTRACTORS, Extractor
from genrelab.frontends.normalise import NORMALISERS


class FrontEnd(nn.Module):
    """Samples in, features out.

    A subclass computes `features` and says their `shape`; scaling, fitting and precision are done here.

    Parameters
    ----------
    sample_rate
        Samples a second of the waveforms, in Hz.
    bins
        Rows of the features: what `shape` answers as its second number.
    normalise
        How features are scaled; a key of `genrelab.frontends.normalise.NORMALISERS`.

    Raises
    ------
    RecipeError
        The sample rate is not positive, or `normalise` is not one of the choices.

    Attributes
    ----------
    extraction
        Name and options of the extractor (`genrelab.extractors`) that turns samples into what this front end takes;
        None for one that takes the samples themselves. With an extractor, "waveform" means its flat examples.
    """

    extraction: tuple[str, dict[str, Any]] | None = None

    def __init__(self, sample_rate: int, bins: int, normalise: str) -> None:
        super().__init__()
        if sample_rate <= 0:
            raise RecipeError(f"audio.sample_rate: {sample_rate} is not a positive number of samples a second")
        if normalise not in NORMALISERS:
            raise RecipeError(f"frontend.normalise: {normalise!r} is not one of {', '.join(NORMALISERS)}")
        self.sample_rate = sample_rate
        self.bins = bins
        self.normaliser = NORMALISERS[normalise](bins)

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (channels, bins, frames) of the features of a waveform of `samples` samples."""
        raise NotImplementedError

    def features(self, waveform: Tensor) -> Tensor:
        """Compute features (batch, channels, bins, frames), not yet scaled, of waveforms (batch, samples)."""
        raise NotImplementedError

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the features of waveforms.

        Parameters
        ----------
        waveform
            Mono samples in [-1, 1], float32, (batch, samples).

        Returns
        -------
        Tensor
            Features, float32, (batch, channels, bins, frames). Frames lie apart in memory and bins side by side
            where that saves a copy; networks take either.
        """
        if torch.is_autocast_enabled(waveform.device.type):
            # Power spans ten decades; half precision would lose the quiet ones.
            with torch.autocast(waveform.device.type, enabled=False):
                return self._scaled(waveform.float())
        return self._scaled(waveform)

    def extractor(self) -> Extractor | None:
        """Return the extractor that makes the examples this front end takes; None where it takes samples."""
        if self.extraction is None:
            return None
        kind, options = self.extraction
        return EXTRACTORS[kind](self.sample_rate, **options)

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        """Take what statistics the scaling needs from the training part; most scalings need none and read nothing.

        Parameters
        ----------
        waveforms
            Batches (batch, samples), each of any length; read once, one at a time.
        """
        with torch.no_grad():
            self.normaliser.fit(self._features_of(waveforms))

    def _scaled(self, waveform: Tensor) -> Tensor:
        scaled: Tensor = self.normaliser(self.features(waveform))
        return scaled

    def _features_of(self, waveforms: Iterable[Tensor]) -> Iterator[Tensor]:
        for waveform in waveforms:
            yield self.features(waveform)
