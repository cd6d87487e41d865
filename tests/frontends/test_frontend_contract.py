"""What every front end in the registry promises."""

import numpy as np
import pytest
import torch

from genrelab.errors import RecipeError
from genrelab.frontends import FRONTENDS, FrontEnd

SAMPLE_RATE = 8000
EXAMPLES = {"picture", "handcrafted", "joint", "backbone"}
SAMPLES = 6000
SMALL = {
    "waveform": {"normalise": "clip-standard"},
    "spectrogram": {"n_fft": 256, "hop_length": 128},
    "mel": {"n_fft": 256, "hop_length": 128, "n_mels": 20, "normalise": "band-standard"},
    "mfcc": {"n_fft": 256, "hop_length": 128, "n_mels": 20, "n_mfcc": 10, "normalise": "clip-standard"},
    "chroma": {"n_fft": 256, "hop_length": 128},
    "contrast": {"n_fft": 256, "hop_length": 128, "n_bands": 3},
    "stack": {
        "n_fft": 256,
        "hop_length": 128,
        "n_mels": 20,
        "n_mfcc": 10,
        "n_bands": 3,
        "normalise_parts": "clip-standard",
        "normalise": "band-standard",
    },
    "statistics": {
        "of": {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 20},
        "bins_per_band": 3,
        "statistics": ["levels", "correlations", "moments", "rates", "persistence", "contrast", "cepstra"],
        "normalise": "band-standard",
    },
    "musicnn-bands": {"sample_rate": 16000, "level": -18.0},  # it takes no other rate
}
# Those that take an extractor's examples instead of sound have their own tests (test_examples.py).
KINDS = pytest.mark.parametrize("kind", [kind for kind in FRONTENDS if kind not in EXAMPLES])


def build(kind, **options) -> FrontEnd:
    return FRONTENDS[kind](**({"sample_rate": SAMPLE_RATE} | SMALL[kind] | options))


@pytest.fixture
def waveforms(sound):
    clip = torch.from_numpy(sound(SAMPLE_RATE, 3.0))
    return clip[: 3 * SAMPLES].reshape(3, SAMPLES)


@KINDS
@pytest.mark.parametrize("samples", [1, 127, 255, 256, 6000, 6001])
def test_the_features_have_the_shape_that_was_announced(kind, samples):
    frontend = build(kind)
    features = frontend(torch.zeros(2, samples))
    assert features.shape == (2, *frontend.shape(samples))
    assert features.dtype == torch.float32


@KINDS
def test_everything_is_computed_where_the_waveform_lies(kind):
    waveforms = torch.zeros(2, SAMPLES, device="meta")  # a device that mixes with no other
    assert build(kind).to("meta").features(waveforms).device.type == "meta"


@KINDS
def test_a_silent_clip_has_finite_features(kind):
    assert build(kind)(torch.zeros(2, SAMPLES)).isfinite().all()


@KINDS
def test_a_clip_has_the_same_features_alone_and_in_a_batch(kind, waveforms):
    frontend = build(kind)
    together = frontend(waveforms)
    for clip, expected in zip(waveforms, together, strict=True):
        torch.testing.assert_close(frontend(clip[None])[0], expected, rtol=1e-5, atol=1e-5)


@KINDS
def test_the_waveform_is_left_as_it_was(kind, waveforms):
    before = waveforms.clone()
    build(kind)(waveforms)
    assert torch.equal(waveforms, before)


@KINDS
def test_gradients_reach_the_samples(kind, waveforms):
    waveforms.requires_grad_()
    features = build(kind)(waveforms)
    weights = torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    (features * weights).sum().backward()
    assert waveforms.grad.isfinite().all()
    assert waveforms.grad.abs().sum() > 0


@KINDS
def test_following_gradients_does_not_change_the_features(kind, waveforms):
    frontend = build(kind)
    plain = frontend(waveforms)
    torch.testing.assert_close(frontend(waveforms.requires_grad_()).detach(), plain, rtol=1e-6, atol=1e-6)


@KINDS
def test_mixed_precision_does_not_reach_into_the_front_end(kind, waveforms):
    frontend = build(kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = frontend(waveforms)
    assert torch.equal(mixed, frontend(waveforms))


@KINDS
def test_only_what_was_fitted_is_stored(kind):
    stored = {"normaliser.mean", "normaliser.deviation"} if SMALL[kind].get("normalise") == "band-standard" else set()
    assert set(build(kind).state_dict()) == stored


@pytest.mark.parametrize("kind", [kind for kind in SMALL if kind != "musicnn-bands"])  # whose scale is given
def test_an_unknown_scaling_names_the_choices(kind):
    with pytest.raises(RecipeError, match=r"frontend\.normalise: 'zscore' is not one of none, clip-minmax"):
        build(kind, normalise="zscore")


@KINDS
def test_a_sample_rate_of_nothing_is_refused(kind):
    with pytest.raises(RecipeError, match=r"audio\.sample_rate: 0"):
        FRONTENDS[kind](sample_rate=0)


@KINDS
def test_the_onnx_graph_computes_the_same_for_any_batch(kind, waveforms, in_onnx):
    frontend = build(kind).eval()
    frontend.fit([waveforms])
    ask = in_onnx(frontend, waveforms[:2])
    for batch in (waveforms, waveforms[:1]):
        ours = frontend(batch).numpy()
        np.testing.assert_allclose(ask(batch), ours, atol=1e-4 * np.abs(ours).max())
