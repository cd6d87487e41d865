"""LSTMs that read a table of features piece by piece: rows table-lstm-0.0 to 1.2."""

from itertools import pairwise

from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import Recurrent, initialise
from genrelab.networks.network import Network
from genrelab.networks.recurrence import run


class TableLstm(Network):
    """LSTMs one after another, each with its own number of units and dropout after it, no dense layer.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features: (1, 57, 10) for ten rows of GTZAN 2.0's table. Any number of frames
        fits.
    n_classes
        Number of genres.
    units
        Length of each LSTM's state; the last one's is the embedding.
    input_dropout
        Probability of a value being dropped before the first LSTM.
    dropout
        Probability of a value being dropped after each LSTM.

    Raises
    ------
    RecipeError
        There is no LSTM, or one without units.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        units: tuple[int, ...] = (256, 256, 128),
        input_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        if not units or min(units) < 1:
            raise RecipeError(f"network.units: {list(units)}; give at least one LSTM, each at least one unit")
        super().__init__(input_shape, n_classes, units[-1])
        channels, bins, _ = input_shape
        sizes = [channels * bins, *units]
        self.input_dropout = Dropout(input_dropout)
        lstms = [nn.LSTM(*pair, batch_first=True) for pair in pairwise(sizes[:-1])]
        self.sequences, self._lstms = nn.ModuleList(lstms), tuple(lstms)
        self.dropout = Dropout(dropout)
        self.last = Recurrent(sizes[-2], "lstm", units[-1], layers=1, bidirectional=False, dropout=dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the last LSTM's last state, (batch, units[-1]), of features (batch, channels, bins, frames)."""
        sequence: Tensor = self.input_dropout(features.flatten(1, 2).transpose(1, 2))
        for lstm in self._lstms:
            sequence = self.dropout(run(lstm, sequence)[0])
        embedding: Tensor = self.last(sequence)
        return embedding
