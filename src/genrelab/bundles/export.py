"""Models to one ONNX file: waveform in; logits, embedding and, of some models, more out."""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from genrelab.bundles.metadata import KEY, Metadata
from genrelab.bundles.session import EMBEDDING, EXAMPLE, INPUT, LOGITS, build_extractor, require_fit
from genrelab.bundles.shrink import shrink
from genrelab.errors import BundleError
from genrelab.extractors.session import open_session
from genrelab.files import atomic_path
from genrelab.networks.model import GenreModel
from genrelab.networks.recurrence import onnx_translations

OPSET = 18  # the first with the pooling and padding that the exporter needs without conversion
TOLERANCE = 1e-4  # of the largest logit


class FoldAverage(nn.Module):
    """The mean of the logits of a recipe's models, one a fold, and their embeddings side by side.

    Parameters
    ----------
    models
        Models of one recipe. What their front ends compute before any scaling is then the same, and computed once.
    """

    def __init__(self, models: Sequence[GenreModel]) -> None:
        super().__init__()
        self.registered = nn.ModuleList(models)
        self._models = tuple(models)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, genres) and embedding (batch, the sum of the models' sizes)."""
        features = self._models[0].frontend.features(waveform)
        embeddings = [model.network.embed(model.frontend.normaliser(features)) for model in self._models]
        logits = [model.network.output(embedding) for model, embedding in zip(self._models, embeddings, strict=True)]
        return torch.stack(logits).mean(0), torch.cat(embeddings, 1)


class Average(nn.Module):
    """The mean of the logits of modules that take the same input, and their embeddings side by side."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, example: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, genres) and embedding (batch, the sum of the models' sizes)."""
        outputs = [model(example) for model in self.models]
        return torch.stack([logits for logits, _ in outputs]).mean(0), torch.cat([own for _, own in outputs], 1)


def export_bundle(models: Sequence[nn.Module], metadata: Metadata, path: str | os.PathLike[str]) -> float:
    """Write models as a bundle, and check that ONNX Runtime computes what PyTorch does.

    Parameters
    ----------
    models
        One model, or several of one recipe whose logits are averaged; each takes (batch, metadata.window) samples, or
        the examples of the metadata's extractor. It returns a tuple: logits (batch, genres), embedding (batch, size).
        A single model may return more and name it all in its attribute ``outputs``, a tuple in the order of what it
        returns: ``tags`` (batch, tags), logits of independent tags; ``strangeness`` (batch, 1), the higher, the less
        the window is like what the model knows.
    metadata
        What the bundle says about itself.
    path
        Where the ``.onnx`` file shall appear, whole or not at all.

    Returns
    -------
    float
        The largest deviation of the bundle's outputs from PyTorch's, relative to the largest output.

    Raises
    ------
    BundleError
        The deviation is above 1e-4, outputs and metadata contradict each other, or one of several models has outputs
        beyond the two.
    """
    if Path(path).suffix != ".onnx":
        raise BundleError(f"{path}: a bundle's name ends in .onnx")
    alike = [model for model in models if isinstance(model, GenreModel)]
    if len(models) > 1 and any(_outputs(model) != (LOGITS, EMBEDDING) for model in models):
        raise BundleError(f"{path}: only {LOGITS} can be averaged; export a model that has further outputs alone")
    several: nn.Module = FoldAverage(alike) if len(alike) == len(models) else Average(models)
    model = several if len(models) > 1 else models[0]
    model.eval()
    # Three examples, so that the exporter does not take the batch for a constant; noise of varied loudness.
    generator = torch.Generator().manual_seed(0)
    loudness = torch.tensor([[0.5], [0.1], [0.01]])
    example = loudness * torch.randn(3, metadata.window, generator=generator)
    extractor = build_extractor(metadata)
    if extractor is not None:
        example = torch.stack([torch.from_numpy(extractor.of_window(row.numpy())) for row in example])
    name = EXAMPLE if extractor else INPUT
    batch = torch.export.Dim("batch", min=1)
    with atomic_path(path) as temporary:
        with _quiet():
            torch.onnx.export(
                model,
                (example,),
                temporary,
                input_names=[name],
                output_names=list(_outputs(model)),
                dynamic_shapes=({0: batch},),
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
                custom_translation_table=onnx_translations(),
            )
        graph = onnx.load(temporary)
        for node in graph.graph.node:
            node.ClearField("metadata_props")  # the exporter's notes: paths of this machine, and half the file
            node.ClearField("doc_string")
        for value in (*graph.graph.value_info, *graph.graph.initializer, *graph.graph.input, *graph.graph.output):
            value.ClearField("metadata_props")
        shrink(graph.graph)
        onnx.helper.set_model_props(graph, {KEY: metadata.to_json()})
        onnx.save(graph, temporary)
        session = open_session(temporary)
        try:
            require_fit(session, metadata)
        except BundleError as error:
            raise BundleError(f"{path}: {error}; nothing was written") from error
        deviation = _deviation(model, session, example)
        if deviation > TOLERANCE:
            raise BundleError(f"{path}: the bundle deviates from PyTorch by {deviation:.1e}; nothing was written")
    return deviation


def _outputs(model: nn.Module) -> tuple[str, ...]:
    return tuple(getattr(model, "outputs", (LOGITS, EMBEDDING)))


def _deviation(model: nn.Module, session: onnxruntime.InferenceSession, example: Tensor) -> float:
    worst = 0.0
    for waveform in (example, example[:1]):
        with torch.inference_mode():
            expected = model(waveform)
        given = {session.get_inputs()[0].name: waveform.numpy()}
        for ours, theirs in zip(session.run(list(_outputs(model)), given), expected, strict=True):
            scale = max(float(theirs.abs().max()), 1.0)
            worst = max(worst, float(np.abs(ours - theirs.numpy()).max()) / scale)
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes to its developers from people."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
