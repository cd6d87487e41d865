"""Features to logits."""

from genrelab.networks.adapted import Adapted
from genrelab.networks.cnn import Cnn
from genrelab.networks.cnn_lstm import CnnLstm
from genrelab.networks.cnn_rnn import CnnRnn
from genrelab.networks.cnn_transformer import CnnTransformer
from genrelab.networks.committee import Committee
from genrelab.networks.crnn import Crnn
from genrelab.networks.flat_cnn import FlatCnn
from genrelab.networks.fusion_cnn import FusionCnn
from genrelab.networks.heads import LogisticRegression, Neighbours, Svm
from genrelab.networks.hybrid import Hybrid
from genrelab.networks.m5 import M5
from genrelab.networks.mlp import Mlp
from genrelab.networks.network import Network
from genrelab.networks.rnn import Rnn
from genrelab.networks.table_lstm import TableLstm
from genrelab.networks.texture import Texture

NETWORKS: dict[str, type[Network]] = {
    "cnn": Cnn,
    "rnn": Rnn,
    "cnn-rnn": CnnRnn,
    "crnn": Crnn,
    "flat-cnn": FlatCnn,
    "fusion-cnn": FusionCnn,
    "m5": M5,
    "cnn-transformer": CnnTransformer,
    "cnn-lstm": CnnLstm,
    "table-lstm": TableLstm,
    "mlp": Mlp,
    "logistic-regression": LogisticRegression,
    "svm": Svm,
    "neighbours": Neighbours,
    "hybrid": Hybrid,
    "texture": Texture,
    "committee": Committee,
    "adapted": Adapted,
}

__all__ = ["NETWORKS", "Network"]
