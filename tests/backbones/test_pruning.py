"""A pruned network says what the whole one does, for less."""

import pytest
import torch
from torch import nn

from genrelab.backbones.musicnn import build
from genrelab.backbones.pruning import Pruned, prune, prune_musicnn

FRAMES, BANDS = 187, 96


def trained(name, alive=0.3, seed=0):
    """Return a network as training leaves one: most filters' weights zero, norms that count, factors of both signs."""
    torch.manual_seed(seed)
    network = build(name).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            dead = torch.rand(module.out_channels) > alive
            dead[0] = False
            module.weight.data[dead] = 0
            module.bias.data.normal_(0, 0.3)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_(0.5, 0.5)
            module.bias.data.normal_(0, 0.3)
    return network


def power():
    torch.manual_seed(1)
    return torch.rand(3, 1, BANDS, FRAMES) ** 4


@pytest.mark.parametrize("name", ["MSD_musicnn", "MTT_musicnn"])
def test_filters_of_zeros_are_left_out_and_every_layer_stays(name):
    network = trained(name)
    pruned = Pruned(network)
    with torch.inference_mode():
        expected, found = network.layers(power()), pruned.layers(power())
    assert list(found) == list(expected)
    # What a filter of zeros says is padded with zeros at a clip's ends; that alone differs, and by little in a mean.
    for layer in ("tags", "penultimate"):
        assert found[layer] == pytest.approx(expected[layer], abs=0.05)
    front = 2 * 204 + 3 * 51
    for layer in ("mean_pool", "max_pool"):
        assert found[layer][:, :front] == pytest.approx(expected[layer][:, :front], abs=1e-4)
    assert sum(map(torch.numel, pruned.tower.state_dict().values())) < 0.6 * sum(map(torch.numel, network.parameters()))


@pytest.mark.parametrize("name", ["MSD_vgg", "MTT_vgg"])
def test_blocks_without_dead_filters_say_the_same_in_the_same_order(name):
    network = trained(name, alive=1.0)
    # With max pooling behind the norm, as trained, a negative factor would turn the maximum into the minimum.
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.abs_()
    with torch.inference_mode():
        expected, found = network.layers(power()), Pruned(network).layers(power())
    for layer, values in expected.items():
        assert found[layer] == pytest.approx(values, abs=1e-4)


@pytest.mark.xdist_group("musicnn")
def test_fetched_networks_are_pruned_without_a_difference(fetched):
    from genrelab.backbones.teacher import load_network, load_original
    from genrelab.extractors.backbone import MUSICNN

    for name in MUSICNN:
        with torch.inference_mode():
            expected, found = load_original(name).layers(power()), load_network(name).layers(power())
        for layer, values in expected.items():
            assert found[layer] == pytest.approx(values, rel=1e-4, abs=1e-3), (name, layer)


def test_a_listener_hears_everything_that_both_networks_do():
    musicnn, vgg = trained("MSD_musicnn", alive=1.0), trained("MSD_vgg", alive=1.0)
    for module in vgg.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.abs_()
    listener = prune(musicnn, vgg)
    with torch.inference_mode():
        ours, shaped, small = listener.layers(power()), musicnn.layers(power()), vgg.layers(power())
    assert ours["tags"] == pytest.approx((shaped["tags"] + small["tags"]) / 2, abs=1e-3)
    assert ours["penultimate"] == pytest.approx(shaped["penultimate"], abs=1e-3)
    assert {name: values.shape[1] for name, values in ours.items()} == listener.sizes


def test_a_coarse_listener_begins_near_what_it_shall_learn():
    musicnn = trained("MSD_musicnn", alive=1.0)
    smooth = torch.nn.functional.avg_pool2d(power(), (5, 9), stride=1, padding=(2, 4))
    coarse, _ = prune_musicnn(musicnn, (2, 2))
    every, _ = prune_musicnn(musicnn)
    from genrelab.networks.musicnn import compress

    with torch.inference_mode():
        near, wanted = coarse(compress(smooth))["mean_pool"], every(compress(smooth))["mean_pool"]
    assert torch.corrcoef(torch.stack([near.flatten(), wanted.flatten()]))[0, 1] > 0.97
