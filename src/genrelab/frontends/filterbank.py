"""Filterbanks as torch modules."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class BandedMatrix(nn.Module):
    """Multiplies by a matrix whose rows are zero but for a short run of neighbours, as a filterbank's are.

    The rows are taken in groups, and of each group only the columns between its first and its last weight: for 128 mel
    bands an eighth of the work of the whole product, in a form that has gradients and exports to ONNX.

    Parameters
    ----------
    weights
        (rows, columns).
    groups
        In how many parts to multiply.
    """

    def __init__(self, weights: NDArray[np.float32], groups: int = 8) -> None:
        super().__init__()
        self.spans: list[tuple[int, int]] = []
        for index, part in enumerate(np.array_split(weights, min(groups, len(weights)))):
            used = np.flatnonzero(part.any(axis=0))
            first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
            self.spans.append((first, last))
            block = torch.from_numpy(np.ascontiguousarray(part[:, first:last]))
            self.register_buffer(f"block_{index}", block, persistent=False)

    @property
    def columns(self) -> int:
        """The number of leading columns that any row uses; the rest may be left out of the input."""
        return max(last for _, last in self.spans)

    def forward(self, values: Tensor) -> Tensor:
        """Multiply with values (..., columns) to (..., rows)."""
        parts = [
            values[..., first:last] @ self.get_buffer(f"block_{index}").T
            for index, (first, last) in enumerate(self.spans)
        ]
        return torch.cat(parts, dim=-1)
