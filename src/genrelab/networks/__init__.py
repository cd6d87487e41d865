"""Features to logits."""

from genrelab.networks.cnn import Cnn
from genrelab.networks.cnn_rnn import CnnRnn
from genrelab.networks.crnn import Crnn
from genrelab.networks.network import Network
from genrelab.networks.rnn import Rnn

NETWORKS: dict[str, type[Network]] = {
    "cnn": Cnn,
    "rnn": Rnn,
    "cnn-rnn": CnnRnn,
    "crnn": Crnn,
}

__all__ = ["NETWORKS", "Network"]
