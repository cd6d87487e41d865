"""Front ends that take an extractor's examples: pictures, the 57 columns, and several of them side by side."""

import io

import numpy as np
import onnxruntime
import pytest
import torch

from genrelab.errors import RecipeError
from genrelab.frontends import FRONTENDS

RATE = 22050
BUILD = {
    "picture": {"frame": False, "channels": "luminance", "shrink": 4},
    "handcrafted": {"pieces": 2},
    "joint": {"parts": [{"kind": "picture", "shrink": 8}, {"kind": "handcrafted", "normalise": "band-standard"}]},
    "statistics": {
        "of": {"kind": "picture", "frame": False, "channels": "luminance", "rows": "bands"},
        "bins_per_band": 8,
        "statistics": ["levels", "correlations", "persistence"],
    },
}
KINDS = pytest.mark.parametrize("kind", BUILD)


def build(kind, **options):
    return FRONTENDS[kind](sample_rate=RATE, **(BUILD[kind] | options))


@pytest.fixture(scope="module")
def examples(sound):
    clip = sound(RATE, 3.0)

    def make(frontend):
        extractor = frontend.extractor()
        return torch.stack([torch.from_numpy(extractor(clip[start : start + RATE])) for start in (0, RATE, RATE // 2)])

    return make


@KINDS
def test_the_features_have_the_shape_that_was_announced(kind, examples):
    frontend = build(kind)
    features = frontend(examples(frontend))
    assert features.shape == (3, *frontend.shape(30 * RATE))
    assert features.dtype == torch.float32
    assert features.isfinite().all()


@KINDS
def test_the_onnx_graph_computes_the_same_for_any_batch(kind, examples):
    frontend = build(kind).eval()
    batch = examples(frontend)
    frontend.fit([batch])
    file = io.BytesIO()
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    torch.onnx.export(frontend, (batch,), file, dynamic_shapes=shapes, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(file.getvalue())
    for part in (batch, batch[:1]):
        (ours,) = session.run(None, {session.get_inputs()[0].name: part.numpy()})
        np.testing.assert_allclose(ours, frontend(part).numpy(), rtol=1e-4, atol=1e-5)


def test_a_picture_is_an_image_from_zero_to_one_without_its_frame_where_that_is_asked(examples):
    whole, cropped = build("picture", frame=True, channels="rgba", shrink=1), build("picture", channels="rgb", shrink=1)
    batch = examples(whole)
    image = whole(batch)
    assert image.shape == (3, 4, 288, 432)
    assert image[:, :, 0, 0].eq(1).all()  # white and opaque
    assert image.min() >= 0
    assert image.max() == 1
    assert torch.equal(cropped(batch), image[:, :3, 35:252, 54:389])


def test_shrinking_averages_squares(examples):
    fine, coarse = build("picture", channels="rgb", shrink=1), build("picture", channels="rgb", shrink=5)
    batch = examples(fine)
    expected = fine(batch)[:, :, :215, :335].reshape(3, 3, 43, 5, 67, 5).mean(dim=(3, 5))
    torch.testing.assert_close(coarse(batch), expected, rtol=1e-5, atol=1e-6)


def test_columns_are_bins_and_pieces_are_frames():
    frontend = build("handcrafted", normalise="none")
    example = torch.arange(2 * 57.0)[None]
    features = frontend(example)
    assert features.shape == (1, 1, 57, 2)
    assert features[0, 0, 3].tolist() == [3.0, 60.0]


def test_a_fitted_joint_scales_each_part_by_its_own_training_examples(examples):
    frontend = build("joint")
    batch = examples(frontend)
    frontend.fit([batch[:2], batch[2:]])
    columns = frontend(batch)[:, 0, 0, -57:]
    spread = columns.std(dim=0, correction=0)
    varied = spread > 0.5
    assert varied.sum() > 40
    torch.testing.assert_close(columns.mean(dim=0), torch.zeros(57), atol=2e-3, rtol=0)
    torch.testing.assert_close(spread[varied], torch.ones(int(varied.sum())), atol=1e-2, rtol=0)


def test_a_part_weighs_as_much_as_was_said(examples):
    light, heavy = (
        build("joint", parts=[{"kind": "picture", "shrink": 8}, {"kind": "handcrafted"} | weight])
        for weight in ({}, {"weight": 2.5})
    )
    batch = examples(light)
    expected = light(batch)
    expected[..., -57:] *= 2.5
    assert torch.equal(heavy(batch), expected)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("picture", {"shrink": 0}, r"frontend\.shrink: 0"),
        ("handcrafted", {"pieces": 0}, r"frontend\.pieces: 0"),
        ("statistics", {"of": {"kind": "photo"}}, r"frontend\.of\.kind: 'photo' is no front end"),
        (
            "statistics",
            {"of": {"kind": "picture", "size": 3}},
            r"frontend\.of\.size: unknown key; the keys here are frame",
        ),
        ("statistics", {"of": {"kind": "mel", "normalise": "band-standard"}}, "must not need the training part"),
        ("picture", {"frame": True, "rows": "bands"}, r"frontend\.rows: .*add frame: false"),
        ("statistics", {"bins_per_band": 100}, "100 of 128 bins leave 1 bands"),
        ("statistics", {"statistics": ()}, "empty; name some of levels, correlations"),
        ("statistics", {"contrast_rows": 65}, r"frontend\.contrast_rows: 65 .* of which 128 bins make 0 to 64"),
        ("statistics", {"contrast_rows": -1}, r"frontend\.contrast_rows: -1 is not a number of groups"),
        ("joint", {"parts": []}, r"frontend\.parts: is empty"),
        ("joint", {"parts": [{"kind": "mel"}]}, "'mel' takes sound; join .*: picture, handcrafted, backbone"),
        ("joint", {"parts": [{"kind": "photo"}]}, "'photo' is no front end"),
        ("joint", {"parts": [{"kind": "picture", "weight": 0}]}, r"parts\[0\]\.weight: 0 is no positive number"),
        ("joint", {"parts": [{"kind": "picture", "weight": "2x"}]}, r"parts\[0\]\.weight: '2x' is no positive number"),
        ("joint", {"parts": [{"kind": "picture", "frame": "maybe"}]}, r"parts\[0\]\.frame: .* valid boolean.*'maybe'"),
        ("joint", {"parts": [{"kind": "picture", "size": 3}]}, r"frontend\.parts\[0\]\.size: unknown key"),
    ],
)
def test_wrong_options_are_named(kind, options, message):
    with pytest.raises(RecipeError, match=message):
        build(kind, **options)
