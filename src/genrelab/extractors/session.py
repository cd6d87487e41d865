"""ONNX Runtime, set up the same way for every network."""

from pathlib import Path

import onnxruntime

_ERRORS_ONLY = 3


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph to be run by the thread that asks: sounds are shared out among threads, not the work on one.

    Several would share out a logarithm in pieces, and the last bit depend on how many there are.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
