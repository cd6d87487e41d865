"""Recurrent layers as one step, so that exporting them takes seconds.

PyTorch's exporter walks through an LSTM or a GRU frame by frame, several times, though a single node of ONNX holds it
whole: minutes for half a minute of music. Here the layer is an operator of our own while a graph is captured, whose
shapes are known without walking, and which is written as that node.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def run(rnn: nn.LSTM | nn.GRU, sequence: Tensor) -> tuple[Tensor, Tensor]:
    """Run a batch-first recurrent layer from zero states.

    Parameters
    ----------
    rnn
        The layer, or several.
    sequence
        (batch, time, inputs).

    Returns
    -------
    output
        The last layer's states, (batch, time, directions x units).
    hidden
        Every layer's and direction's last state, (layers x directions, batch, units).
    """
    if not torch.compiler.is_exporting():
        output, state = rnn(sequence)
        return output, state[0] if isinstance(rnn, nn.LSTM) else state
    directions = 2 if rnn.bidirectional else 1
    zeros = sequence.new_zeros(rnn.num_layers * directions, sequence.shape[0], rnn.hidden_size)
    weights = [weight for layer in rnn.all_weights for weight in layer]
    operator = torch.ops.genrelab.lstm if isinstance(rnn, nn.LSTM) else torch.ops.genrelab.gru
    result: tuple[Tensor, Tensor] = operator(sequence, zeros, weights, rnn.num_layers, rnn.bidirectional)
    return result


@torch.library.custom_op("genrelab::lstm", mutates_args=())
def _lstm(
    sequence: Tensor, zeros: Tensor, weights: list[Tensor], layers: int, bidirectional: bool
) -> tuple[Tensor, Tensor]:
    output, hidden, _ = torch.lstm(sequence, [zeros, zeros], weights, True, layers, 0.0, False, bidirectional, True)
    return output.contiguous(), hidden


@torch.library.custom_op("genrelab::gru", mutates_args=())
def _gru(
    sequence: Tensor, zeros: Tensor, weights: list[Tensor], layers: int, bidirectional: bool
) -> tuple[Tensor, Tensor]:
    output, hidden = torch.gru(sequence, zeros, weights, True, layers, 0.0, False, bidirectional, True)
    return output.contiguous(), hidden


@_lstm.register_fake
@_gru.register_fake
def _shapes(
    sequence: Tensor, zeros: Tensor, weights: list[Tensor], layers: int, bidirectional: bool
) -> tuple[Tensor, Tensor]:
    batch, time, _ = sequence.shape
    output = sequence.new_empty(batch, time, zeros.shape[2] * (2 if bidirectional else 1))
    return output, torch.empty_like(zeros)


def onnx_translations() -> dict[Any, Callable[..., Any]]:
    """Return how the operators are written in ONNX: what ``torch.onnx.export`` takes as its translation table."""
    from onnxscript import FLOAT
    from onnxscript.function_libs.torch_lib.ops.core import aten_gru, aten_lstm

    def lstm(
        sequence: FLOAT, zeros: FLOAT, weights: list[FLOAT], layers: int, bidirectional: bool
    ) -> tuple[FLOAT, FLOAT]:
        output, hidden, _ = aten_lstm(sequence, [zeros, zeros], weights, True, layers, 0.0, False, bidirectional, True)
        return output, hidden

    def gru(
        sequence: FLOAT, zeros: FLOAT, weights: list[FLOAT], layers: int, bidirectional: bool
    ) -> tuple[FLOAT, FLOAT]:
        output, hidden = aten_gru(sequence, zeros, weights, True, layers, 0.0, False, bidirectional, True)
        return output, hidden

    return {torch.ops.genrelab.lstm.default: lstm, torch.ops.genrelab.gru.default: gru}
