"""Heads and the networks under them in one graph say what they say one after the other."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genrelab.backbones.teacher import build_teacher, load_heads, save_heads, write_bundle
from genrelab.bundles.classifier import Classifier
from genrelab.bundles.metadata import Metadata
from genrelab.cli.app import main
from genrelab.errors import BackboneError, BundleError
from genrelab.extractors.backbone import SAMPLE_RATE, WINDOW, Backbone, at_level
from genrelab.frontends.bands import Prepare
from genrelab.networks.model import build_model

pytestmark = pytest.mark.xdist_group("musicnn")
GENRES = ("dub", "fado", "polka")
FRONTEND = {"networks": ["MTT_musicnn", "MTT_vgg"], "layers": ["penultimate", "max_pool"], "level": -20.0}


def heads(count=2):
    """Return heads that have learned from noise, and what they say of themselves."""
    models = []
    for number in range(count):
        model = build_model(("backbone", FRONTEND), ("logistic-regression", {}), SAMPLE_RATE, WINDOW, len(GENRES))
        rng = np.random.default_rng(number)
        examples = rng.standard_normal((30, Backbone(SAMPLE_RATE, FRONTEND["networks"]).size)).astype(np.float32)
        model.frontend.fit([torch.from_numpy(examples)])
        rows = model.network.embed(model.frontend(torch.from_numpy(examples))).double().numpy()
        model.network.lesson(rows, np.arange(30) % 3, np.ones(30))(c=0.1)
        models.append(model.eval())
    recipe = {"frontend": {"kind": "backbone"} | FRONTEND, "network": {"kind": "logistic-regression"}}
    extractor = {"kind": "backbone", "networks": FRONTEND["networks"], "level": FRONTEND["level"]}
    return models, Metadata("heads", GENRES, SAMPLE_RATE, WINDOW, WINDOW, extractor=extractor, recipe=recipe)


@pytest.mark.parametrize("seconds", [0.05, 0.4, 2.0, 2.976])
@pytest.mark.parametrize("loudness", [1e-4, 0.02, 1.0])
def test_a_window_is_prepared_as_the_extractor_does_it(clip, seconds, loudness):
    heard = clip[: int(seconds * SAMPLE_RATE)] * np.float32(loudness)
    window = np.zeros(WINDOW, np.float32)
    window[: len(heard)] = heard
    heard = window[: max(len(heard), SAMPLE_RATE // 10)]
    expected = np.resize(at_level(heard, -20.0), WINDOW)
    assert Prepare(-20.0)(torch.from_numpy(window)[None])[0].numpy() == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_a_level_is_reached_but_noise_is_not_blown_up_to_music():
    rng = np.random.default_rng(0)
    sound = (0.01 * rng.standard_normal(SAMPLE_RATE)).astype(np.float32)
    assert 20 * np.log10(np.sqrt(np.mean(at_level(sound, -18.0) ** 2))) == pytest.approx(-18.0, abs=1e-3)
    assert np.abs(at_level(sound / 1000, -18.0)).max() == pytest.approx(30 * np.abs(sound / 1000).max(), rel=1e-5)
    assert not at_level(np.zeros(100, np.float32), -18.0).any()


@pytest.mark.slow
def test_one_graph_says_what_extractor_and_heads_say(fetched, clip, tmp_path):
    models, metadata = heads()
    assert write_bundle(models, metadata, tmp_path / "whole.onnx") < 1e-4
    whole = Classifier(tmp_path / "whole.onnx")
    assert whole.metadata.extractor == {}
    extractor = Backbone(SAMPLE_RATE, FRONTEND["networks"], FRONTEND["level"])
    for sound in (clip, clip[: WINDOW // 3], 0.01 * clip):
        example = torch.from_numpy(extractor(sound.astype(np.float32)))[None]
        with torch.inference_mode():
            expected = torch.stack([model(example)[0] for model in models]).mean(0)[0]
        assert whole.logits(sound.astype(np.float32)) == pytest.approx(expected.numpy(), abs=2e-3)


@pytest.mark.slow
def test_the_teacher_is_built_and_used_by_its_name(fetched, clip, tmp_path, capsys):
    assert build_teacher().is_file()
    teacher = Classifier("teacher")
    assert "ISC" in teacher.metadata.licence
    assert "blues" in teacher.genres
    soundfile.write(tmp_path / "clip.wav", clip, SAMPLE_RATE)
    assert main(["classify", "--bundle", "teacher", "--format", "csv", str(tmp_path / "clip.wav")]) == 0
    assert teacher.classify_file(tmp_path / "clip.wav").genre in capsys.readouterr().out


def test_heads_are_the_same_after_writing_and_reading(tmp_path):
    models, metadata = heads()
    save_heads(models, metadata, tmp_path / "heads.safetensors")
    again, said = load_heads(tmp_path / "heads.safetensors")
    assert said == metadata
    example = torch.randn(2, Backbone(SAMPLE_RATE, FRONTEND["networks"]).size)
    for one, other in zip(models, again, strict=True):
        assert torch.equal(one(example)[0], other(example)[0])


@pytest.mark.parametrize("content", [None, b"", b"no heads at all"])
def test_a_file_without_heads_is_named(content, tmp_path):
    path = tmp_path / "heads.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackboneError, match=r"heads\.safetensors: holds no heads that can be read"):
        load_heads(path)


def test_without_the_networks_no_graph_is_built(tmp_path, monkeypatch):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    with pytest.raises(BackboneError, match=r"MTT_musicnn\.safetensors: this network is not here yet; `genrelab"):
        write_bundle(*heads(1), tmp_path / "whole.onnx")
    assert not (tmp_path / "whole.onnx").exists()


def test_a_teacher_that_was_not_built_is_missed_in_a_sentence(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    with pytest.raises(
        BundleError, match=r"the bundle 'teacher' is not here yet; `genrelab backbone fetch musicnn` builds it"
    ):
        Classifier("teacher")
    assert main(["classify", "--bundle", "teacher", "song.mp3"]) == 2
    assert main(["info", "--bundle", "teacher"]) == 2
    assert "the bundle 'teacher' is not here yet" in capsys.readouterr().err
