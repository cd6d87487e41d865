import librosa
import numpy as np
import pytest
import torch

from genrelab.extractors.mel_scale import hz_to_mel, mel_filterbank, mel_to_hz
from genrelab.frontends.filterbank import BandedMatrix

FREQUENCIES = np.array([0.0, 60.0, 440.0, 999.9, 1000.0, 4000.0, 11025.0])


@pytest.mark.parametrize(("scale", "htk"), [("slaney", False), ("htk", True)])
def test_mel_scales_are_those_of_librosa(scale, htk):
    mels = hz_to_mel(FREQUENCIES, scale)
    np.testing.assert_allclose(mels, librosa.hz_to_mel(FREQUENCIES, htk=htk), rtol=1e-12)
    np.testing.assert_allclose(mel_to_hz(mels, scale), FREQUENCIES, rtol=1e-12, atol=1e-9)


def test_a_thousand_hertz_are_fifteen_slaney_mels_and_about_a_thousand_of_htk():
    assert hz_to_mel(1000.0, "slaney") == pytest.approx(15.0)
    assert hz_to_mel(1000.0, "htk") == pytest.approx(999.9855)


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels", "fmin", "fmax", "scale", "norm"),
    [
        (22050, 2048, 128, 0.0, 8000.0, "slaney", "slaney"),
        (12000, 512, 96, 0.0, None, "slaney", "slaney"),
        (22050, 2048, 128, 0.0, None, "htk", "slaney"),
        (16000, 1024, 40, 30.0, 7600.0, "htk", None),
        (22050, 2048, 64, 20.0, None, "slaney", None),
    ],
)
def test_filterbanks_are_those_of_librosa(sample_rate, n_fft, n_mels, fmin, fmax, scale, norm):
    ours = mel_filterbank(sample_rate, n_fft, n_mels, fmin, fmax, scale, norm)
    theirs = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=scale == "htk", norm=norm
    )
    assert ours.shape == (n_mels, n_fft // 2 + 1)
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * theirs.max())


@pytest.mark.parametrize("groups", [1, 3, 8, 50])
def test_a_banded_product_is_the_whole_product(groups):
    weights = mel_filterbank(22050, 512, 20, fmax=5000.0)
    values = torch.randn(2, 7, 257, generator=torch.Generator().manual_seed(0))
    product = BandedMatrix(weights, groups)(values)
    assert product.shape == (2, 7, 20)
    torch.testing.assert_close(product, values @ torch.from_numpy(weights).T)


def test_only_the_columns_below_the_highest_frequency_are_read():
    # 5000 Hz is bin 116.1 of a transform of 512 at 22 050 Hz: bins 0 to 116.
    banded = BandedMatrix(mel_filterbank(22050, 512, 20, fmax=5000.0))
    assert banded.columns == 117


def test_a_group_of_rows_without_any_weight_gives_zeros():
    banded = BandedMatrix(np.zeros((4, 9), dtype=np.float32), groups=2)
    assert torch.equal(banded(torch.ones(1, 3, 9)), torch.zeros(1, 3, 4))
