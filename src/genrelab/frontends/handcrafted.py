"""The 57 columns of GTZAN 2.0 as features: made by an extractor, scaled here."""

from typing import Literal

from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.extractors.handcrafted import COLUMNS
from genrelab.frontends.frontend import FrontEnd

_COLUMNS = len(COLUMNS)


class Handcrafted(FrontEnd):
    """Means and variances of the usual descriptors, one row of 57 columns a piece of the window.

    The extractor (`genrelab.extractors.handcrafted`) makes the columns; no graph could hold its tempo and its
    separation of harmony and percussion.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    pieces
        Into how many equal pieces a window is cut.
    normalise
        ``"band-minmax"`` or ``"band-standard"`` scale each column by the training part; ``"none"`` leaves them as they
        are, from thousandths to millions.
    """

    def __init__(
        self,
        sample_rate: int,
        pieces: int = 1,
        normalise: Literal["none", "band-minmax", "band-standard"] = "band-minmax",
    ) -> None:
        super().__init__(sample_rate, _COLUMNS, normalise)
        if pieces < 1:
            raise RecipeError(f"frontend.pieces: {pieces} is not a positive number of pieces")
        self.pieces = pieces
        self.extraction = ("handcrafted", {"pieces": pieces})

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (1, 57, pieces), whatever the number of samples."""
        return 1, _COLUMNS, self.pieces

    def features(self, waveform: Tensor) -> Tensor:
        """Arrange examples (batch, pieces x 57) as (batch, 1, 57, pieces)."""
        return waveform.reshape(-1, self.pieces, _COLUMNS).transpose(1, 2)[:, None]
