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
    dtype
        What is kept of a value: ``"uint8"`` where all are whole numbers from 0 to 255.
    version
        Goes up whenever the same samples give another example, so that none is taken for the new one.
    """

    size: int
    dtype: str = "float32"
    version: int = 1

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate

    def of_window(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the example of a window (n,) without the zeros that padded it, which are no sound to describe."""
        heard = np.flatnonzero(window)
        end = int(heard[-1]) + 1 if len(heard) else 0
        return self(window[: max(end, self.sample_rate // 10)])

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the example (size,), float32, of mono samples (n,) of any length from a tenth of a second up."""
        raise NotImplementedError
