"""Weights in a graph that fit 8 bits, kept in 8 bits: ONNX Runtime makes them whole once, when it opens the graph."""

import onnx
import torch
from onnx.numpy_helper import from_array, to_array

from genrelab.networks.eight_bits import is_large, join, split


def shrink(graph: onnx.GraphProto) -> None:
    """Replace large weights by numbers, scales and their product where that is exactly the same.

    Parameters
    ----------
    graph
        Changed in place; what it computes stays the same, bit for bit.
    """
    whole: list[onnx.NodeProto] = []
    for tensor in list(graph.initializer):
        weight = torch.from_numpy(to_array(tensor).copy())
        if not is_large(weight):
            continue
        numbers, scales = split(weight)
        if not torch.equal(join(numbers, scales), weight):
            continue
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(from_array(numbers.numpy(), f"{name}.numbers"))
        graph.initializer.append(from_array(scales.numpy(), f"{name}.scales"))
        whole.append(onnx.helper.make_node("Cast", [f"{name}.numbers"], [f"{name}.float"], to=onnx.TensorProto.FLOAT))
        whole.append(onnx.helper.make_node("Mul", [f"{name}.float", f"{name}.scales"], [name]))
    nodes = [*whole, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
