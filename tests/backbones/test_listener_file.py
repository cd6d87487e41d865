"""Genrelab's own network: what comes with the package, and how it is made ready."""

import numpy as np
import pytest
import torch

from genrelab.backbones.listener import listener_file, load_listener, save_listener, tag_names, write_graph
from genrelab.backbones.musicnn import frontend
from genrelab.backbones.teacher import load_network
from genrelab.cli.app import main
from genrelab.errors import BackboneError
from genrelab.extractors.backbone import LISTENER, NETWORKS, SAMPLE_RATE, WINDOW, Backbone, backbone_file
from genrelab.frontends.bands import Prepare
from genrelab.networks.listener import Listener


def test_the_package_holds_a_listener_of_the_sizes_that_extractors_expect():
    assert load_listener().sizes == NETWORKS[LISTENER]
    assert len(tag_names()) == NETWORKS[LISTENER]["tags"]
    assert {"ambient", "Hip-Hop", "female vocalists"} <= set(tag_names())
    assert listener_file().stat().st_size < 4 * 2**20


def test_a_listener_is_the_same_after_writing_and_reading(tmp_path):
    listener = Listener((3, 2), (1, 2, 1), (4, 3, 5, 4, 6)).eval()
    save_listener(listener, ["one", "two"], tmp_path / "own.safetensors")
    again = load_listener(tmp_path / "own.safetensors")
    assert again.settings == listener.settings
    assert tag_names(tmp_path / "own.safetensors") == ["one", "two"]
    power = torch.rand(2, 1, 96, 187)
    with torch.inference_mode():
        assert torch.equal(again(power), listener(power))


@pytest.mark.parametrize("content", [None, b"", b"no network at all"])
def test_a_file_without_a_listener_is_named(content, tmp_path):
    path = tmp_path / "own.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackboneError, match=r"own\.safetensors: holds no listener that can be read"):
        load_listener(path)


@pytest.mark.slow
def test_made_ready_it_says_to_extractors_what_it_says_in_pytorch(tmp_path, monkeypatch, capsys, clip):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    assert not backbone_file(LISTENER).exists()
    with pytest.raises(BackboneError, match=r"not here yet; `genrelab backbone fetch listener` brings it"):
        Backbone(SAMPLE_RATE, [LISTENER])(clip[:WINDOW])
    assert main(["backbone", "fetch", "listener"]) == 0
    assert str(backbone_file(LISTENER)) in capsys.readouterr().out.replace("\n", "")
    heard = np.asarray(clip[:WINDOW], np.float32)
    found = Backbone(SAMPLE_RATE, [LISTENER], -18.0)(heard)
    with torch.inference_mode():
        layers = load_network(LISTENER).layers(frontend()(Prepare(-18.0)(torch.from_numpy(heard)[None])))
        expected = torch.cat(list(layers.values()), 1)[0].numpy()
    assert found == pytest.approx(expected, rel=1e-3, abs=2e-3)


@pytest.mark.slow
def test_what_an_older_listener_heard_is_not_taken_for_a_newer_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    versions = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        write_graph(Listener((3, 2), (1, 2, 1), (4, 3, 5, 4, 6)).eval(), tag_names())
        versions.append(Backbone(SAMPLE_RATE, [LISTENER]).version)
    assert versions[0] != versions[1]
    assert Backbone(SAMPLE_RATE, ["MSD_vgg"]).version == 1
