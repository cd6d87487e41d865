"""Genrelab's own networks: what comes with the package, and how it is made ready."""

import numpy as np
import pytest
import torch

from genrelab.backbones.own import load_own, own_file, save_own, tag_names, write_graph
from genrelab.backbones.teacher import Whole
from genrelab.cli.app import main
from genrelab.errors import BackboneError
from genrelab.extractors.backbone import (
    LISTENER,
    NETWORKS,
    OWN,
    SAMPLE_RATE,
    SMALL_YAMNET,
    WINDOW,
    Backbone,
    backbone_file,
)
from genrelab.networks.eight_bits import is_large
from genrelab.networks.listener import Listener
from genrelab.networks.yamnet import SmallYamnet

SHAPES = {LISTENER: (1, 96, 187), SMALL_YAMNET: (1, 64, 296)}
KNOWN = {LISTENER: {"ambient", "Hip-Hop", "female vocalists"}, SMALL_YAMNET: {"Speech", "Rain", "Banjo"}}


def small_listener():
    return Listener((3, 2), (1, 2, 1), (4, 3, 5, 4, 6)).eval()


@pytest.mark.parametrize("name", OWN)
def test_the_package_holds_networks_of_the_sizes_that_extractors_expect(name):
    assert load_own(name).sizes == NETWORKS[name]
    assert len(tag_names(name)) == NETWORKS[name]["tags"]
    assert KNOWN[name] <= set(tag_names(name))
    assert own_file(name).stat().st_size < 4 * 2**20


@pytest.mark.parametrize("name", OWN)
def test_a_network_is_the_same_after_writing_and_reading(name, tmp_path):
    network = small_listener() if name == LISTENER else load_own(SMALL_YAMNET)
    save_own(name, network, ["one", "two"], tmp_path / "own.safetensors")
    again = load_own(name, tmp_path / "own.safetensors")
    assert again.settings == network.settings
    assert tag_names(name, tmp_path / "own.safetensors") == ["one", "two"]
    features = torch.rand(2, *SHAPES[name])
    with torch.inference_mode():
        for layer, values in network.layers(features).items():
            assert torch.equal(again.layers(features)[layer], values)


def test_what_fits_no_8_bits_is_kept_to_half_a_step_of_each_channel(tmp_path):
    torch.manual_seed(0)
    network = SmallYamnet((1, 64, 296), 521).eval()
    save_own(SMALL_YAMNET, network, ["one"], tmp_path / "own.safetensors")
    again = load_own(SMALL_YAMNET, tmp_path / "own.safetensors").state_dict()
    for key, weight in network.state_dict().items():
        if is_large(weight):
            step = weight.abs().flatten(1).amax(1) / 127
            worst = (again[key] - weight).abs().flatten(1).amax(1)
            assert (worst <= 0.51 * step).all()
            assert (worst > 0).any()
        else:
            assert torch.equal(again[key], weight)
    assert (tmp_path / "own.safetensors").stat().st_size < 4 * 10**6


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("content", [None, b"", b"no network at all"])
def test_a_file_without_a_network_is_named(content, name, tmp_path):
    path = tmp_path / "own.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackboneError, match=rf"own\.safetensors: holds no {name} that can be read"):
        load_own(name, path)


def test_another_network_is_not_taken_for_it(tmp_path):
    save_own(LISTENER, small_listener(), ["one"], tmp_path / "own.safetensors")
    with pytest.raises(BackboneError, match=r"own\.safetensors: holds no small-yamnet that can be read"):
        load_own(SMALL_YAMNET, tmp_path / "own.safetensors")


@pytest.mark.slow
def test_made_ready_they_say_to_extractors_what_they_say_in_pytorch(tmp_path, monkeypatch, capsys, clip):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    assert not backbone_file(LISTENER).exists()
    with pytest.raises(BackboneError, match=r"not here yet; `genrelab backbone fetch genrelab` brings it"):
        Backbone(SAMPLE_RATE, OWN)(clip[:WINDOW])
    left = tmp_path / "backbones" / "genrelab" / ".genrelab-0000.onnx"  # of a process that was killed
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert main(["backbone", "fetch", "genrelab"]) == 0
    assert not left.exists()
    told = capsys.readouterr().out.replace("\n", "")
    assert all(str(backbone_file(name)) in told for name in OWN)
    heard = np.asarray(clip[:WINDOW], np.float32)
    with torch.inference_mode():
        expected = Whole(OWN, -18.0, torch.nn.Identity()).layers(torch.from_numpy(heard)[None])[0].numpy()
    assert Backbone(SAMPLE_RATE, OWN, -18.0)(heard) == pytest.approx(expected, rel=1e-3, abs=2e-3)


@pytest.mark.slow
def test_what_an_older_listener_heard_is_not_taken_for_a_newer_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    versions = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        write_graph(LISTENER, small_listener(), tag_names())
        versions.append(Backbone(SAMPLE_RATE, [LISTENER]).version)
    assert versions[0] != versions[1]
    assert Backbone(SAMPLE_RATE, ["MSD_vgg"]).version == 1
