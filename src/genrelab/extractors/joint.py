"""Several extractors' examples in a row, and the samples themselves as one of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelab.extractors.extractor import Extractor


class Samples(Extractor):
    """The samples themselves, cut or padded with zeros to a length.

    Parameters
    ----------
    sample_rate
        In Hz.
    count
        Number of samples.
    """

    def __init__(self, sample_rate: int, count: int) -> None:
        super().__init__(sample_rate)
        self.size = count

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the example (size,)."""
        example = np.zeros(self.size, np.float32)
        example[: len(samples)] = samples[: self.size]
        return example


class Joint(Extractor):
    """Examples of several extractors, one after another.

    Parameters
    ----------
    sample_rate
        In Hz.
    parts
        ``{"kind": ..., options}`` of each.
    """

    def __init__(self, sample_rate: int, parts: Sequence[Mapping[str, Any]]) -> None:
        from genrelab.extractors import EXTRACTORS

        super().__init__(sample_rate)
        self.parts = [
            EXTRACTORS[part["kind"]](sample_rate, **{key: part[key] for key in part if key != "kind"}) for part in parts
        ]
        self.size = sum(part.size for part in self.parts)
        self.dtype = "uint8" if all(part.dtype == "uint8" for part in self.parts) else "float32"
        self.version = sum(part.version for part in self.parts)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the examples in a row, (size,)."""
        return np.concatenate([part(samples) for part in self.parts])
