"""Occlusion: what is hidden is missed where the network rests on it, and nowhere else."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from genrelab.errors import RunError
from genrelab.explain.occlusion import _patch_frames, occlusion

from .conftest import NETWORKS, RATE


def test_only_what_the_network_reads_is_missed(make_subject, noise) -> None:
    subject = make_subject(hop=1.0, said=lambda features: features[:, 0, 8:12, 20:28].mean(dim=(1, 2)))
    found = occlusion(subject, noise[:RATE], 0, patch=(4, 8), fill="silence")
    assert found.values.shape == (32, 62)
    assert found.values[8:12, 20:28].min() > 0
    inside = np.zeros_like(found.values, bool)
    inside[6:14, 16:32] = True  # half a patch around
    assert np.abs(found.values[~inside]).max() < 1e-5
    assert np.unravel_index(found.values.argmax(), found.values.shape)[0] in range(8, 12)


def test_a_single_patch_costs_what_arithmetic_says(make_subject, noise) -> None:
    subject = make_subject(hop=1.0, said=lambda features: features.mean(dim=(1, 2, 3)))
    features = subject.features(noise[None, :RATE])
    bins, frames = features.shape[2:]
    found = occlusion(subject, noise[:RATE], 0, patch=(bins, frames), fill="silence")
    # log odds among three genres, the others at 0, are the logit minus log 2
    assert found.values[0, 0] == pytest.approx(float(features.mean() - features.min()), rel=1e-4)


def test_the_mean_of_a_steady_band_is_not_missed(make_subject) -> None:
    subject = make_subject(hop=1.0, said=lambda features: features.mean(dim=(1, 2, 3)))
    tone = np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE).astype(np.float32)[:RATE]
    steady = occlusion(subject, tone, 0)
    silenced = occlusion(subject, tone, 0, fill="silence")
    assert np.abs(steady.values[:, 10:-10]).max() < 0.05 * silenced.values.max()


@pytest.mark.parametrize("frontend", ["mel", "stack"])
def test_what_is_usual_in_a_clip_is_not_told_by_the_zeros_that_pad_it(make_subject, frontend) -> None:
    def loudness(features: torch.Tensor) -> torch.Tensor:
        return features[:, 0, :16].mean(dim=(1, 2))

    subject = make_subject(frontend, window=4.0, hop=4.0, said=loudness, normalise="none")
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    steady = occlusion(subject, tone, 0)
    silenced = occlusion(subject, tone, 0, fill="silence")
    assert steady.times[-1] < 1.01
    assert np.abs(steady.values[:, 10:-10]).max() < 0.2 * silenced.values.max()


@pytest.mark.parametrize("fill", ["median", "silence"])
def test_hiding_nothing_in_a_clip_shorter_than_the_window_costs_nothing(make_subject, noise, fill) -> None:
    def lateness(seen: torch.Tensor) -> torch.Tensor:  # notices a picture of a longer sound
        return 1e3 * (seen.mean(dim=(1, 2)) @ torch.linspace(-1, 1, seen.shape[3]))

    subject = make_subject("picture", window=4.0, hop=4.0, said=lateness)
    low = np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE) * np.linspace(0, 1, RATE) ** 2
    found = occlusion(subject, low.astype(np.float32), 0, fill=fill)
    nothing = np.abs(found.values[found.frequencies > 2500])
    assert nothing.max() < 0.01 * np.abs(found.values).max()


@pytest.mark.parametrize(("window", "frames"), [(1.0, 125), (2.0, 125), (2.5, 100), (8.0, 31), (30.0, 31)])
def test_patches_last_a_quarter_of_a_second_in_windows_of_common_length(window, frames) -> None:
    subject = SimpleNamespace(recipe=SimpleNamespace(audio=SimpleNamespace(window=window)))
    assert _patch_frames(subject, 1000) == frames


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_network_has_a_map_over_time_and_frequency(make_subject, noise, kind) -> None:
    frontend, options = NETWORKS[kind]
    subject = make_subject(frontend, kind, options)
    found = occlusion(subject, noise[:RATE], 0, patch=(8, 16))
    assert np.isfinite(found.values).all()
    assert np.ptp(found.values) > 0
    assert found.frequencies is not None
    assert found.values.shape == (len(found.frequencies), len(found.times))
    assert found.times[-1] == pytest.approx(1.0, abs=0.03)


def test_a_network_of_samples_is_asked_about_frequencies(make_subject, noise) -> None:
    time = torch.arange(RATE) / RATE
    tone = torch.stack([torch.cos(2 * torch.pi * 1500 * time), torch.sin(2 * torch.pi * 1500 * time)])
    subject = make_subject(
        "waveform", "m5", {"filters": [4, 8]}, hop=1.0, said=lambda samples: (samples[:, 0, 0] @ tone.T).norm(dim=1)
    )
    clip = noise[:RATE] + 0.5 * tone[0].numpy()
    found = occlusion(subject, clip, 0, fill="silence")
    loudest = found.frequencies[found.values.sum(axis=1).argmax()]
    assert 1300 < loudest < 1700


def test_progress_is_told_within_a_window_too(make_subject, noise) -> None:
    told: list[tuple[int, int]] = []
    occlusion(make_subject(), noise, 0, advance=lambda done, of: told.append((done, of)))
    done, of = zip(*told, strict=True)
    assert len(done) > 3  # windows
    assert all(0 < step <= 32 for step in np.diff([0, *done]))
    assert set(of) == {done[-1]}


def test_a_patch_larger_than_the_map_is_refused(make_subject, noise) -> None:
    with pytest.raises(RunError, match="--patch: 33 x 4 is no patch of this network's map, which has 32 rows x 63"):
        occlusion(make_subject(), noise, 0, patch=(33, 4))


@pytest.mark.parametrize(
    ("frontend", "changes", "said", "low", "high"),
    [
        # What lies below a contrast's fmin is a band of its own; a stack's fmax limits its mel bands alone.
        ("contrast", {"fmin": 500.0}, lambda features: features[:, 0, 0].mean(1), 0, 500),
        ("stack", {"fmax": 1000.0}, lambda features: features[:, 0, -1].mean(1), 800, 4000),
    ],
)
def test_all_that_a_front_end_hears_is_hidden(make_subject, noise, frontend, changes, said, low, high) -> None:
    subject = make_subject(frontend, said=said, window=2.0, hop=2.0, **changes)
    assert subject.range == (0, RATE / 2)
    found = occlusion(subject, noise, 0)
    inside = (found.frequencies >= low) & (found.frequencies < high)
    effect = np.abs(found.values).mean(axis=1)
    assert effect[inside].mean() > 3 * effect[~inside].mean()
