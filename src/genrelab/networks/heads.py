"""Classifiers that are solved for at once, on features that need no further layers: those of a trained backbone.

scikit-learn finds them; what it finds becomes a module, so that a head is exported and used like any network.
`genrelab.training.solve` chooses among a head's settings.
"""

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.networks.network import Network

Values = NDArray[np.float64]
Codes = NDArray[np.int64]
_NEVER = -20.0  # the logit of a genre that no example had


class Head(Network):
    """A network whose embedding is its features, and whose output layer a `lesson` makes.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features.
    n_classes
        Number of genres.
    settings
        What may be chosen, each with the values to try.
    output
        The layer that a `lesson` makes, before its logits are divided by a temperature.

    Raises
    ------
    RecipeError
        There is nothing to try, or a value is not above 0.
    """

    output: "_Tempered"

    def __init__(
        self, input_shape: tuple[int, int, int], n_classes: int, settings: dict[str, Sequence[float]], output: nn.Module
    ) -> None:
        super().__init__(input_shape, n_classes, prod(input_shape))
        for key, values in settings.items():
            if not values or min(values) <= 0:
                raise RecipeError(f"network.{key}: {list(values)}; give one value to try or more, each above 0")
        self._settings = settings
        self.output = _Tempered(output)

    def embed(self, features: Tensor) -> Tensor:
        """Return the features (batch, ...) as rows (batch, embedding_size)."""
        return features.flatten(1)

    def choices(self) -> list[dict[str, Any]]:
        """Return every combination of the settings."""
        return [dict(zip(self._settings, values, strict=True)) for values in product(*self._settings.values())]

    def lesson(self, rows: Values, codes: Codes, weights: Values) -> Callable[..., None]:
        """Return what makes the output layer of one of the `choices`: ``lesson(**choice)``.

        What does not depend on the choice is done once for all of them.

        Parameters
        ----------
        rows
            Embeddings, (n, embedding_size).
        codes
            The genre of each, (n,); two genres or more.
        weights
            How much each counts, (n,).
        """
        learn = self._lesson(rows, codes, weights)

        def lesson(**choice: Any) -> None:
            self.output.sharpness.fill_(1.0)
            learn(**choice)

        return lesson

    def _lesson(self, rows: Values, codes: Codes, weights: Values) -> Callable[..., None]:
        raise NotImplementedError

    def sharpen(self, factor: float) -> None:
        """Multiply all logits to come by `factor`."""
        self.output.sharpness.mul_(factor)


class LogisticRegression(Head):
    """Multinomial logistic regression with an L2 penalty.

    Parameters
    ----------
    input_shape, n_classes
        See `Head`.
    c
        Inverse strengths of the penalty to try.

    Raises
    ------
    RecipeError
        See `Head`.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        c: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
    ) -> None:
        super().__init__(input_shape, n_classes, {"c": c}, nn.Linear(prod(input_shape), n_classes))

    def _lesson(self, rows: Values, codes: Codes, weights: Values) -> Callable[..., None]:
        from sklearn.linear_model import LogisticRegression as Solver

        basis = None
        if len(rows) < rows.shape[1]:  # the answer lies in the space that the examples span: look for it there
            basis, coordinates = np.linalg.qr(rows.T)
            rows = coordinates.T

        def learn(c: float) -> None:
            solved = Solver(C=c, max_iter=1000).fit(rows, codes, weights)
            found, bias = solved.coef_, solved.intercept_
            if len(solved.classes_) == 2:  # one row tells two genres
                found, bias = np.concatenate([0 * found, found]), np.concatenate([0 * bias, bias])
            linear = self.output.layer
            with torch.no_grad():
                linear.weight.zero_()
                linear.bias.fill_(_NEVER)
                linear.weight[solved.classes_] = torch.from_numpy(found if basis is None else found @ basis.T).float()
                linear.bias[solved.classes_] = torch.from_numpy(bias).float()

        return learn


class Svm(Head):
    """A support vector machine for each genre against the others, with a Gaussian kernel; margins are the logits.

    Parameters
    ----------
    input_shape, n_classes
        See `Head`.
    c
        Costs of an error to try.
    gamma
        Widths of the kernel to try: it is exp(-gamma / embedding_size * squared distance).

    Raises
    ------
    RecipeError
        See `Head`.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        c: tuple[float, ...] = (1.0, 3.0, 10.0),
        gamma: tuple[float, ...] = (0.1, 0.3, 1.0),
    ) -> None:
        super().__init__(input_shape, n_classes, {"c": c, "gamma": gamma}, _Kernel())

    def _lesson(self, rows: Values, codes: Codes, weights: Values) -> Callable[..., None]:
        from sklearn.svm import SVC

        def learn(c: float, gamma: float) -> None:
            width = gamma / rows.shape[1]
            coefficients = np.zeros((self.n_classes, len(rows)))
            bias = np.full(self.n_classes, _NEVER)
            for genre in np.unique(codes):
                machine = SVC(C=c, gamma=width).fit(rows, codes == genre, weights)
                coefficients[genre, machine.support_] = machine.dual_coef_[0]
                bias[genre] = machine.intercept_[0]
            used = coefficients.any(0)
            self.output.layer.set(examples=rows[used], coefficients=coefficients[:, used], bias=bias, gamma=width)

        return learn


class Neighbours(Head):
    """The k nearest examples by cosine vote, each by its similarity; logits are the logarithms of their shares.

    Parameters
    ----------
    input_shape, n_classes
        See `Head`.
    k
        Numbers of neighbours to try.

    Raises
    ------
    RecipeError
        See `Head`.
    """

    def __init__(
        self, input_shape: tuple[int, int, int], n_classes: int, k: tuple[int, ...] = (3, 5, 9, 15, 25, 40)
    ) -> None:
        super().__init__(input_shape, n_classes, {"k": k}, _Votes())

    def _lesson(self, rows: Values, codes: Codes, weights: Values) -> Callable[..., None]:
        ballots = np.eye(self.n_classes)[codes] * weights[:, None]
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

        def learn(k: int) -> None:
            nearest = np.zeros(min(k, len(rows)))  # its length is what counts
            self.output.layer.set(examples=unit, ballots=ballots, nearest=nearest)

        return learn


class _Tempered(nn.Module):
    """A layer's logits, all multiplied by one number."""

    layer: Any
    sharpness: Tensor

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("sharpness", torch.ones(()))

    def forward(self, embedding: Tensor) -> Tensor:
        logits: Tensor = self.layer(embedding) * self.sharpness
        return logits


class _Remembering(nn.Module):
    """A layer that keeps examples; how many there are, its weights say when they are set or loaded."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        for name in names:
            self.register_buffer(name, torch.zeros(0))

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, torch.as_tensor(value, dtype=torch.float32))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        for name in self._buffers:
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class _Kernel(_Remembering):
    """A weighted sum of Gaussians about the examples, one for each genre."""

    examples: Tensor
    coefficients: Tensor
    bias: Tensor
    gamma: Tensor

    def __init__(self) -> None:
        super().__init__("examples", "coefficients", "bias", "gamma")

    def forward(self, embedding: Tensor) -> Tensor:
        lengths = embedding.square().sum(1, keepdim=True) + self.examples.square().sum(1)
        distances = (lengths - 2 * embedding @ self.examples.T).clamp(min=0)
        return torch.exp(-self.gamma * distances) @ self.coefficients.T + self.bias


class _Votes(_Remembering):
    """The ballots of the nearest examples, of unit length."""

    examples: Tensor
    ballots: Tensor
    nearest: Tensor

    def __init__(self) -> None:
        super().__init__("examples", "ballots", "nearest")

    def forward(self, embedding: Tensor) -> Tensor:
        likeness = F.normalize(embedding, dim=1) @ self.examples.T
        least = likeness.topk(len(self.nearest), dim=1).values[:, -1:]
        weights = likeness.clamp(min=0) * (likeness >= least)
        votes = weights @ self.ballots
        # A genre without a vote among the k is unlikely, not impossible.
        return (votes + 1 / self.ballots.shape[1]).log()
