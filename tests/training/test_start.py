"""A part that begins with another run's weights."""

from pathlib import Path

import pytest
import torch

from genrelab.backbones.own import load_own
from genrelab.bundles.classifier import Classifier
from genrelab.errors import RunError
from genrelab.frontends import FRONTENDS
from genrelab.networks.adapted import Adapted
from genrelab.networks.cnn import Cnn
from genrelab.networks.flat_cnn import FlatCnn
from genrelab.networks.hybrid import Hybrid
from genrelab.networks.model import GenreModel
from genrelab.training import run
from genrelab.training.batchnorm import recalibrate
from genrelab.training.publish import export_run
from genrelab.training.recipe import Start, load_recipe
from genrelab.training.start import require_same_splits, take_weights
from genrelab.training.weights import save_weights

IMAGE = {"filters": (4, 8), "dense_units": 16}


def waveform() -> torch.nn.Module:
    return FRONTENDS["waveform"](sample_rate=8000)


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, FlatCnn]:
    """Return a finished run of an image network, and the network."""
    torch.manual_seed(0)
    network = FlatCnn((1, 20, 20), 3, **IMAGE)
    (tmp_path / "fold-0").mkdir()
    save_weights(GenreModel(waveform(), network), tmp_path / "fold-0" / "best.safetensors")
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "splits.sha256").write_text("ours\n")
    return tmp_path, network


def hybrid(**options: object) -> GenreModel:
    torch.manual_seed(1)
    return GenreModel(waveform(), Hybrid((1, 1, 407), 3, image_shape=(1, 20, 20), image=IMAGE | options))


def test_the_part_sees_what_the_run_saw_and_learns_no_more(trained):
    folder, network = trained
    model = hybrid()
    take_weights(model, Start(run=folder, part="image"), "fold-0")
    part = model.network.image
    assert model.network.layers.training
    assert not part.training  # Lightning leaves that as it is, and the dropout would go on
    features = torch.randn(2, 1, 20, 20)
    assert torch.equal(part.eval().embed(features), network.eval().embed(features))
    assert not any(parameter.requires_grad for parameter in part.parameters())
    model.train()
    assert model.network.layers.training
    assert not part.training


def test_the_part_may_be_a_cnn_whose_batch_norms_stay_as_they_were(tmp_path):
    options = {"filters": (4,), "dense_units": 8}
    network = Cnn((1, 20, 20), 3, **options)
    (tmp_path / "fold-0").mkdir()
    save_weights(GenreModel(waveform(), network), tmp_path / "fold-0" / "best.safetensors")
    whole = Hybrid((1, 1, 407), 3, image_shape=(1, 20, 20), image_network="cnn", image=options)
    model = GenreModel(waveform(), whole)
    take_weights(model, Start(run=tmp_path, part="image"), "fold-0")
    clips = 5 * torch.randn(4, 407)
    recalibrate(model.train(), [clips])
    model.eval()
    features = torch.randn(2, 1, 20, 20)
    assert torch.equal(whole.image.embed(features), network.eval().embed(features))


def test_the_head_alone_learns(trained):
    model = hybrid()
    take_weights(model, Start(run=trained[0], part="image"), "fold-0")
    model.network(torch.randn(4, 1, 1, 407)).sum().backward()
    learned = {name for name, parameter in model.network.named_parameters() if parameter.grad is not None}
    assert learned == {f"layers.{n}.{kind}" for n in (1, 4) for kind in ("weight", "bias")} | {
        "output.weight",
        "output.bias",
    }


def test_a_part_that_is_not_there_is_named(trained):
    with pytest.raises(RunError, match=r"start\.part: .* no part 'picture'; it has .*image"):
        take_weights(hybrid(), Start(run=trained[0], part="picture"), "fold-0")


def test_weights_of_another_shape_are_refused(trained):
    with pytest.raises(RunError, match=r"best\.safetensors: cannot be loaded"):
        take_weights(hybrid(dense_units=8), Start(run=trained[0], part="image"), "fold-0")


def test_a_run_on_another_split_is_refused(trained):
    require_same_splits(Start(run=trained[0], part="image"), "ours\n")
    with pytest.raises(RunError, match="another split"):
        require_same_splits(Start(run=trained[0], part="image"), "theirs\n")


def test_a_run_that_is_not_finished_is_named(tmp_path):
    with pytest.raises(RunError, match=r"no finished run .*start\.run=RUN"):
        require_same_splits(Start(run=tmp_path, part="image"), "ours\n")


def test_a_part_may_be_the_network_that_comes_with_the_package():
    network = Adapted((1, 96, 187), 3)
    model = GenreModel(FRONTENDS["musicnn-bands"](sample_rate=16000, level=-18.0), network)
    take_weights(model, Start(backbone="listener", part="listener"), "fold-0")
    listener = load_own("listener")
    power = torch.rand(2, 1, 96, 187)
    assert torch.equal(network.listener(power), listener(power))
    assert not network.listener.training
    require_same_splits(Start(backbone="listener", part="listener"), "whatever they are")


def test_a_backbone_of_other_sizes_than_the_recipes_is_refused():
    model = GenreModel(waveform(), Adapted((1, 96, 187), 3, blocks=(1, 1, 1, 1, 1)))
    with pytest.raises(RunError, match=r"listener\.safetensors: cannot be loaded into this recipe's network"):
        take_weights(model, Start(backbone="listener", part="listener"), "fold-0")


@pytest.mark.parametrize("sources", [{}, {"run": Path("run"), "backbone": "listener"}])
def test_a_start_has_one_source(sources):
    with pytest.raises(ValueError, match=r"start\.run and start\.backbone: name one of them"):
        Start(part="image", **sources)


@pytest.mark.slow
def test_adapters_are_trained_and_leave_as_one_graph_that_classifies(table, tmp_path):
    corpus = f"corpus={{kind: table, path: {table}}}"
    recipe = load_recipe("adapters", [corpus, "train.epochs=1", "protocol.folds=2"])
    run.train(recipe, tmp_path / "run", run.Options(stores=tmp_path / "stores"))
    assert export_run(tmp_path / "run", tmp_path / "a.onnx", fold=0) < 1e-4
    written = Classifier(tmp_path / "a.onnx").metadata.recipe
    assert written["start"] == {"run": None, "backbone": "listener", "part": "listener"}
