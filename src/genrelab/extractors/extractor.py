"""What every extractor is: samples in, one flat vector out."""

import numpy as np
from numpy.typing import NDArray


class Extractor:
    """Samples in, an example out.

    A subclass takes its options by name, `sample_rate` first, sets `size`, and computes `__call__`. The same samples
    and options give the same example, bit for bit.

    Parameters
    ----------
    sample_rate
        Samples a second of what it is given, in Hz.

    Attributes
    ----------
    size
        Number of values of an example.
    """

    size: int

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the example (size,), float32, of mono samples (n,) of any length from a tenth of a second up."""
        raise NotImplementedError
