"""What `genrelab.frontends.band_statistics` says of bands small enough to reckon by hand."""

import io

import numpy as np
import onnxruntime
import pytest
import torch
from scipy.fft import dct

from genrelab.frontends import FRONTENDS
from genrelab.frontends.band_statistics import (
    STATISTICS,
    cepstra,
    contrast,
    correlations,
    levels,
    moments,
    persistence,
    rates,
)
from genrelab.frontends.statistics import spectral_contrast, summarise


def bands(*rows):
    return torch.tensor([rows], dtype=torch.float32)


def close(found, *expected):
    torch.testing.assert_close(found[0], torch.tensor(expected, dtype=torch.float32), rtol=1e-4, atol=4e-3)


def test_levels_and_the_size_of_steps():
    deviation = 1.25**0.5
    close(levels(bands([0, 1, 2, 3], [3, 2, 1, 0])), 1.5, 1.5, deviation, deviation, 1, 1, 0, 0, 0, 0, 2, 2, 3, 3)
    close(levels(bands(range(8)))[:, 4:], 1, 4, 6)  # of 7 steps a tenth is nearest to 1, a half to 4, nine tenths to 6


def test_bands_that_move_together_and_against_each_other():
    close(correlations(bands([0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 4, 6])), -1, 1, -1)


def test_skewness_and_kurtosis():
    # Of 0, 0, 0, 4: mean 1, variance 3; of the steps 0, 0, 4: mean 4/3, variance 32/9.
    skewness, kurtosis = (-1 - 1 - 1 + 27) / 4 / 3**1.5, (1 + 1 + 1 + 81) / 4 / 9
    steps_skewness, steps_kurtosis = (2 * (-4 / 3) ** 3 + (8 / 3) ** 3) / 3 / (32 / 9) ** 1.5, 1.5
    close(moments(bands([0, 0, 0, 4])), skewness, kurtosis, steps_skewness, steps_kurtosis)


def test_changes_from_one_mean_to_the_next():
    # Frame to frame: steps 2, -2, 2, … of alternating frames; no change between means of two frames or more.
    found = rates(bands([0, 2] * 16))
    close(found, (4 - (2 / 31) ** 2) ** 0.5, 2 * 16 / 31, 0, 0, 0, 0, 0, 0, 0, 0)


def test_what_repeats_after_some_frames():
    close(persistence(bands([1, -1] * 16)), -1, 1, 1, 1, 1)
    # As if it had deviated by .01: what is quieter repeats less.
    close(persistence(bands([0.005, -0.005] * 16)), -0.25, 0.25, 0.25, 0.25, 0.25)
    # Half of it up and half of it down: of 32 - n pairs that lie n frames apart, n have one foot in either half.
    close(persistence(bands([1] * 16 + [-1] * 16)), *(1 - 2 * n / (32 - n) for n in (1, 2, 4, 8, 16)))


def test_a_band_louder_than_its_neighbours():
    close(contrast(bands([0, 0], [3, 1], [2, 0])), 1.5, 0.5)


def test_cepstra_are_those_of_scipy():
    values = torch.randn(1, 24, 9, generator=torch.Generator().manual_seed(0))
    found = cepstra(values)[0]
    expected = torch.from_numpy(dct(values[0].numpy(), axis=0, norm="ortho")[:20])
    expected[0] *= 2**0.5  # where the orthonormal transform differs from the rest of its rows
    steps = expected.diff(dim=1)
    torch.testing.assert_close(found[:20], expected.mean(1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[20:40], expected.std(1, correction=0).log(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found[40:60], steps.std(1, correction=0).log(), rtol=1e-3, atol=1e-3)
    first, second = torch.triu_indices(20, 20)
    for part, rows in ((found[60:270], expected), (found[270:], steps)):
        torch.testing.assert_close(part, rows.cov(correction=0)[first, second], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("frames", [2, 3, 40])
def test_the_number_of_values_depends_on_the_bands_alone(name, frames):
    found = STATISTICS[name](torch.zeros(3, 5, frames))
    assert found.shape == STATISTICS[name](torch.zeros(3, 5, 100)).shape
    assert found.isfinite().all()


def test_peaks_over_valleys_among_neighbouring_bins():
    # Eleven bins: six of which one stands out, and five, whose strongest and weakest are one each.
    found = spectral_contrast(bands(*[[level] for level in (1, 1, 7, 1, 1, 1, 2, 5, 3, 4, 3)]), 2)
    close(found, [6], [3])
    forty = torch.arange(40.0).reshape(1, 40, 1)  # a fifth of each half are four
    close(spectral_contrast(forty, 2), [16], [16])


def test_channels_are_averaged_and_bins_that_are_left_over_passed_over():
    bins = torch.randn(1, 2, 7, 9, generator=torch.Generator().manual_seed(0))
    rows = bins.mean(1)[:, :6].unflatten(1, (3, 2)).mean(2)
    torch.testing.assert_close(summarise(bins, 2, ["levels"]), levels(rows))


def test_statistics_are_of_what_the_other_front_end_makes_scaled_as_it_says():
    of = {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 16, "normalise": "clip-standard"}
    noise = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    found = FRONTENDS["statistics"](8000, of=of, statistics=("levels",), normalise="none")(noise)
    mel = FRONTENDS["mel"](8000, **{key: value for key, value in of.items() if key != "kind"})(noise)
    torch.testing.assert_close(found[:, 0, :, 0], summarise(mel, 4, ["levels"]))


def test_contrast_rows_are_bands_like_others():
    bins = torch.randn(1, 1, 12, 9, generator=torch.Generator().manual_seed(0))
    rows = torch.cat([bins[:, 0].unflatten(1, (6, 2)).mean(2), spectral_contrast(bins[:, 0], 3)], 1)
    torch.testing.assert_close(summarise(bins, 2, ["levels"], contrast_rows=3), levels(rows))


def test_the_onnx_graph_finds_the_same_contrast():
    bins = torch.randn(3, 23, 11, generator=torch.Generator().manual_seed(0))
    graph = io.BytesIO()
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    torch.onnx.export(_Contrast(), (bins,), graph, dynamic_shapes=shapes, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(graph.getvalue())
    (found,) = session.run(None, {session.get_inputs()[0].name: bins[:2].numpy()})
    np.testing.assert_allclose(found, spectral_contrast(bins[:2], 4).numpy(), rtol=0, atol=1e-5)


class _Contrast(torch.nn.Module):
    def forward(self, bins):
        return spectral_contrast(bins, 4)
