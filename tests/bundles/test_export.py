import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from genrelab.bundles.classifier import Classifier
from genrelab.bundles.export import FoldAverage, export_bundle
from genrelab.bundles.metadata import KEY, Metadata
from genrelab.bundles.session import default_bundle
from genrelab.errors import BundleError
from genrelab.networks.model import GenreModel, build_model

GENRES = ("blues", "jazz", "rock")
WINDOW = 8000


def metadata() -> Metadata:
    return Metadata(name="test", genres=GENRES, sample_rate=8000, window=WINDOW, hop=WINDOW // 2)


def model(seed: int, network: str = "cnn", **options: object) -> GenreModel:
    torch.manual_seed(seed)
    small = {"filters": (8, 8), **options} if network != "rnn" else options
    return build_model(
        ("mel", {"n_fft": 256, "hop_length": 128, "n_mels": 32}), (network, small), 8000, WINDOW, len(GENRES)
    ).eval()


def waveforms(n: int) -> torch.Tensor:
    return 0.2 * torch.randn(n, WINDOW, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("network", "options"),
    [("cnn", {}), ("cnn-rnn", {"units": 8, "dense_units": 8}), ("rnn", {"cell": "gru", "units": 8, "dense_units": 8})],
)
def test_a_bundle_computes_what_pytorch_does_for_any_batch(
    tmp_path: Path, network: str, options: dict[str, object]
) -> None:
    torch_model = model(0, network, **options)
    export_bundle([torch_model], metadata(), tmp_path / "b.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "b.onnx")
    for n in (1, 2, 5):
        logits, embedding = session.run(None, {"waveform": waveforms(n).numpy()})
        with torch.inference_mode():
            expected_logits, expected_embedding = torch_model(waveforms(n))
        np.testing.assert_allclose(logits, expected_logits.numpy(), atol=1e-4)
        np.testing.assert_allclose(embedding, expected_embedding.numpy(), atol=1e-4)


def test_a_bundle_takes_nothing_that_older_onnx_runtimes_lack(tmp_path: Path) -> None:
    export_bundle([model(0)], metadata(), tmp_path / "b.onnx")
    for path in (tmp_path / "b.onnx", default_bundle()):
        # Before 1.29 it had the sine of doubles, but not their cosine.
        assert "Cos" not in {node.op_type for node in onnx.load(path).graph.node}


def test_silence_gives_finite_logits(tmp_path: Path) -> None:
    export_bundle([model(0)], metadata(), tmp_path / "b.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "b.onnx")
    logits, _ = session.run(None, {"waveform": np.zeros((1, WINDOW), np.float32)})
    assert np.isfinite(logits).all()


def test_a_committee_averages_logits_and_joins_embeddings() -> None:
    first, second = model(0), model(1)
    with torch.inference_mode():
        logits, embedding = FoldAverage([first, second])(waveforms(2))
        a, b = first(waveforms(2)), second(waveforms(2))
    torch.testing.assert_close(logits, (a[0] + b[0]) / 2)
    torch.testing.assert_close(embedding, torch.cat([a[1], b[1]], 1))


def test_a_bundle_carries_its_metadata_and_nothing_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "b.onnx"
    export_bundle([model(0), model(1)], metadata(), path)
    properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(properties[KEY])["genres"] == list(GENRES)
    content = path.read_bytes()
    assert b"site-packages" not in content
    assert str(Path(__file__).parents[2]).encode() not in content
    onnx.checker.check_model(path)


def test_a_bundle_that_deviates_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.bundles.export.TOLERANCE", -1.0)
    with pytest.raises(BundleError, match=r"deviates from PyTorch by .*nothing was written"):
        export_bundle([model(0)], metadata(), tmp_path / "b.onnx")
    assert list(tmp_path.iterdir()) == []


class Rich(nn.Module):
    """Says more than genres, in an order of its own."""

    outputs = ("logits", "strangeness", "embedding", "tags")

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.tagger = nn.Linear(2, len(GENRES)), nn.Linear(2, 4)

    def forward(self, waveform: Tensor) -> tuple[Tensor, ...]:
        embedding = torch.stack([waveform.abs().mean(1), waveform.square().mean(1)], 1)
        return self.layer(embedding), embedding.sum(1, keepdim=True), embedding, self.tagger(embedding)


RICH = replace(metadata(), tags=("guitar", "piano", "voice", "loud"), unknown_above=0.5)


def test_a_model_that_names_its_outputs_says_more_than_genres(tmp_path: Path) -> None:
    export_bundle([Rich()], RICH, tmp_path / "b.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "b.onnx")
    assert [output.name for output in session.get_outputs()] == list(Rich.outputs)
    with torch.inference_mode():
        expected = Rich()(waveforms(2))
    for ours, theirs in zip(session.run(None, {"waveform": waveforms(2).numpy()}), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_what_a_model_says_beyond_genres_is_what_the_classifier_tells(tmp_path: Path) -> None:
    export_bundle([Rich()], RICH, tmp_path / "b.onnx")
    classifier = Classifier(tmp_path / "b.onnx")
    quiet, loud = (classifier.classify(level * waveforms(1)[0].numpy(), 8000) for level in (1, 4))
    assert sorted(tag for tag, _ in quiet.tags) == sorted(RICH.tags)
    assert (quiet.unknown, loud.unknown) == (False, True)  # mean |x| + mean x² is 0.2, and 1.3


def test_every_output_is_compared_with_pytorch(tmp_path: Path) -> None:
    class Drifting(Rich):
        """Gives other tags each time that it is asked."""

        asked = 0

        def forward(self, waveform: Tensor) -> tuple[Tensor, ...]:
            *others, tags = super().forward(waveform)
            Drifting.asked += 1
            return *others, tags + Drifting.asked

    with pytest.raises(BundleError, match=r"deviates from PyTorch by .*nothing was written"):
        export_bundle([Drifting()], RICH, tmp_path / "b.onnx")
    assert list(tmp_path.iterdir()) == []


def test_metadata_that_speak_of_what_a_model_does_not_say_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"b\.onnx: its metadata's tags needs the output tags.*nothing was written"):
        export_bundle([model(0)], replace(metadata(), tags=("guitar",)), tmp_path / "b.onnx")
    with pytest.raises(BundleError, match=r"tags is of shape .* but the metadata's number of tags is 1"):
        export_bundle([Rich()], replace(RICH, tags=("guitar",)), tmp_path / "b.onnx")
    assert list(tmp_path.iterdir()) == []


def test_models_that_say_more_than_genres_are_not_averaged(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="only logits can be averaged; export a model that has further outputs alone"):
        export_bundle([Rich(), Rich()], RICH, tmp_path / "b.onnx")
