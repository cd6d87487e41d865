"""What `genrelab.frontends.modulations` finds in gratings of known rate, scale and direction."""

import io
from math import tau

import numpy as np
import onnxruntime
import pytest
import torch

from genrelab.frontends.modulations import PERIODS, SCALES, magnitudes, modulations

TIME, PLACE = torch.arange(200.0)[None], torch.arange(40.0)[:, None]
INSIDE = slice(10, 30), slice(60, 140)


def answers(bands):
    return magnitudes(bands[None])[0][:, *INSIDE].mean((1, 2))


def only(filter_, found):
    """The named filter answers with half the grating's height, and more strongly than any other."""
    assert found.argmax() == filter_
    assert found[filter_] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("period", PERIODS)
def test_each_filter_answers_to_its_own_rate_scale_and_direction(scale, period):
    place = SCALES.index(scale) * len(PERIODS) + PERIODS.index(period)
    only(place, answers((tau * (TIME / period + PLACE / scale)).cos()))
    only(20 + place, answers((tau * (TIME / period - PLACE / scale)).cos()))


def test_filters_of_changes_over_time_or_over_bands_alone():
    for place, period in enumerate(PERIODS):
        only(40 + place, answers((tau * TIME / period).cos().expand(40, 200)))
    for place, scale in enumerate(SCALES):
        only(44 + place, answers((tau * PLACE / scale).cos().expand(40, 200)))


def test_what_is_constant_has_no_modulations_and_its_edges_none_either():
    assert magnitudes(torch.full((1, 12, 30), 3.0)).max() < 1e-5


def test_half_a_grating_is_told_by_its_region_and_its_share():
    """Bands 0 to 7 of 40 ripple: their regions name the rate, regions beyond the reach of every filter name nothing."""
    bands = torch.zeros(1, 40, 200)
    bands[0, :8] = (tau * TIME / 5).cos()
    mean, variance, skewness = modulations(bands).reshape(3, 49, 10)
    assert mean[:, :2].argmax(0).tolist() == [41, 41]
    assert mean[:, 9].abs().max() < 1e-4
    torch.testing.assert_close(mean.mean(0), torch.zeros(10), rtol=0, atol=1e-5)
    torch.testing.assert_close(variance.mean(0), torch.zeros(10), rtol=0, atol=1e-5)
    assert skewness.isfinite().all()


def test_loudness_changes_no_share():
    bands = torch.rand(2, 8, 100, generator=torch.Generator().manual_seed(0))
    one, other = (modulations(factor * bands) for factor in (100, 300))
    torch.testing.assert_close(one, other, rtol=0, atol=0.01)


def test_a_burst_is_more_skewed_than_a_steady_ripple():
    steady = (tau * TIME / 5).cos().expand(1, 8, 200)
    burst = steady * (TIME < 30)
    assert modulations(burst).reshape(3, 49, 2)[2, 41].min() > 1.5 + modulations(steady).reshape(3, 49, 2)[2, 41].max()


def test_the_onnx_graph_computes_the_same_even_of_silence():
    """An optimiser takes a summand of 1e-8 for nothing, and the logarithm of nothing is none."""
    bands = torch.rand(3, 12, 60, generator=torch.Generator().manual_seed(0))
    bands[1, :6] = 0
    graph = io.BytesIO()
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    torch.onnx.export(_Modulations(), (bands,), graph, dynamic_shapes=shapes, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(graph.getvalue())
    (found,) = session.run(None, {session.get_inputs()[0].name: bands[:2].numpy()})
    np.testing.assert_allclose(found, modulations(bands[:2]).numpy(), rtol=0, atol=1e-3)


class _Modulations(torch.nn.Module):
    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        return modulations(bands)
