"""The explanation one can hear: two parts that add up, the right frequencies in the right one."""

import numpy as np
import pytest
import torch

from genrelab.explain.listen import hide, listen
from genrelab.explain.saliency import Saliency
from genrelab.explain.sound import restore, transform

RATE = 16000
FREQUENCIES = np.linspace(100, 3900, 20)
HEARD = (0.0, 4000.0)


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def power(samples: np.ndarray, hz: float) -> float:
    time = np.arange(len(samples)) / RATE
    return float(abs(np.mean(samples * np.exp(-2j * np.pi * hz * time))) ** 2)


def saliency(frequencies: np.ndarray | None = FREQUENCIES) -> Saliency:
    rows = 1 if frequencies is None else len(frequencies)
    return Saliency("occlusion", "low", np.ones((rows, 50), np.float32), frequencies, np.arange(50) * 0.02)


@pytest.mark.parametrize("samples", [1, 799, 16000])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_transform_turned_back_is_the_sound(samples, rate) -> None:
    sound = torch.rand(samples, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(restore(transform(sound, rate), rate, samples), sound, atol=1e-5, rtol=0)


def test_the_two_parts_are_the_whole() -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, RATE).astype(np.float32)
    mask = np.random.default_rng(1).random((20, 50)) < 0.3
    kept, left_out = listen(sound, RATE, saliency(), mask, HEARD)
    np.testing.assert_allclose(kept + left_out, sound, atol=1e-6)


def test_kept_is_what_the_mask_covers() -> None:
    sound = tone(700) + tone(2500)
    mask = np.repeat((FREQUENCIES < 1500)[:, None], 50, axis=1)
    kept, left_out = listen(sound, RATE, saliency(), mask, HEARD)
    assert power(kept, 700) == pytest.approx(power(sound, 700), rel=0.02)
    assert power(kept, 2500) < 1e-4 * power(sound, 2500)
    assert power(left_out, 700) < 1e-4 * power(sound, 700)


def test_what_the_network_cannot_hear_is_left_out() -> None:
    sound = tone(700) + tone(6000)
    kept, left_out = listen(sound, RATE, saliency(), np.ones((20, 50), bool), HEARD)
    assert power(kept, 6000) < 1e-6
    assert power(left_out, 6000) == pytest.approx(power(sound, 6000), rel=0.02)
    assert power(left_out, 700) < 1e-6


def test_a_map_of_times_keeps_times_whole() -> None:
    sound = tone(700) + tone(2500)
    mask = np.arange(50)[None] < 25
    kept, _ = listen(sound, RATE, saliency(None), mask, HEARD)
    early = slice(RATE // 10, RATE * 4 // 10)  # the very beginning is a click, which reaches beyond 4 kHz
    np.testing.assert_allclose(kept[early], sound[early], atol=0.01)
    assert np.abs(kept[RATE * 6 // 10 :]).max() < 0.01


def test_what_is_hidden_keeps_its_loudness_on_average() -> None:
    sound = np.concatenate([tone(700, 0.5), np.zeros(RATE // 2, np.float32)])
    hidden = hide(sound, RATE, saliency(None), np.ones((1, 50), bool), HEARD)
    first, second = hidden[: RATE // 2].std(), hidden[RATE // 2 :].std()
    assert first < 0.7 * sound[: RATE // 2].std()
    assert second < first
