"""The convolutional recurrent network after Choi et al. 2017 (arXiv:1609.04243): row gtzan-crnn."""

from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.dropout import Dropout
from genrelab.networks.layers import Reading, Recurrent, conv_blocks, initialise, pooled_size
from genrelab.networks.network import Network


class Crnn(Network):
    """Batch norm of the input, four blocks [conv 3x3, batch norm, ELU, max pool, dropout], two GRUs, no dense layer.

    The published pooling wants 29.12 s (1366 frames, 1440 once padded), of which it leaves 15 steps. For shorter clips
    pool time less and pad less: 113 frames (2.4 s at 12 kHz) keep 14 steps with
    ``pools=((2, 2), (3, 2), (4, 2), (4, 1)), pad=0``.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    filters
        Filters of each block.
    pools
        Bins and frames that each block's max pool takes together.
    pad
        Frames of zeros put before and after the clip.
    conv_dropout
        Probability of a value being dropped after each block.
    units
        Length of the GRUs' state: the embedding.
    layers
        Number of GRUs.
    dropout
        Probability of a value being dropped after the last GRU.
    read
        What of the recurrent layers is read: their ``"last"`` step, or the ``"mean"`` of all.

    Raises
    ------
    RecipeError
        The features are too small for these pools, or there is not one pool for each block.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        filters: tuple[int, ...] = (64, 128, 128, 128),
        pools: tuple[tuple[int, int], ...] = ((2, 2), (3, 3), (4, 4), (4, 4)),
        pad: int = 37,
        conv_dropout: float = 0.1,
        units: int = 32,
        layers: int = 2,
        dropout: float = 0.3,
        read: Reading = "last",
    ) -> None:
        super().__init__(input_shape, n_classes, units)
        if pad < 0:
            raise RecipeError(f"network.pad: {pad} is not a number of frames")
        channels, bins, frames = input_shape
        self.pad = pad
        left_bins, _ = pooled_size(bins, frames + 2 * pad, pools, "network.pools")
        self.input_norm = nn.BatchNorm2d(channels)
        self.blocks = conv_blocks(channels, filters, pools, conv_dropout, activation="elu")
        self.recurrent = Recurrent(filters[-1] * left_bins, "gru", units, layers, False, 0.0, read)
        self.dropout = Dropout(dropout)
        initialise(self)

    def embed(self, features: Tensor) -> Tensor:
        """Return the last GRU's state, (batch, units), of features (batch, channels, bins, frames)."""
        padded = self.input_norm(F.pad(features, (self.pad, self.pad)))
        sequence = self.blocks(padded).flatten(1, 2).transpose(1, 2)
        embedding: Tensor = self.dropout(self.recurrent(sequence))
        return embedding
