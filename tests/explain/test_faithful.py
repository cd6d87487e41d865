"""Maps of networks that have learned a task whose answer is known: whether there is a short tone in noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from genrelab.explain.gradcam import gradcam
from genrelab.explain.listen import answers, mean_answers, random_answers
from genrelab.explain.occlusion import occlusion
from genrelab.explain.saliency import similarity
from genrelab.explain.sanity import randomised
from genrelab.explain.subject import Subject
from genrelab.networks.model import GenreModel

from .conftest import RATE

PITCH = 1500.0
HIGH, NOISE = 0, 2
BURST = RATE // 4
METHODS = {"gradcam": gradcam, "occlusion": occlusion}


def clip(seed: int, tone: bool = True) -> tuple[np.ndarray, int]:
    """Return a second of noise, a quarter of a second of tone in it, and where that begins."""
    rng = np.random.default_rng(seed)
    samples = 0.05 * rng.standard_normal(RATE)
    start = int(rng.uniform(0.1, 0.65) * RATE)
    time = np.arange(BURST) / RATE
    if tone:
        samples[start : start + BURST] += 0.3 * np.hanning(BURST) * np.sin(2 * np.pi * PITCH * time)
    return samples.astype(np.float32), start


@pytest.fixture(scope="module")
def learned(make_subject) -> list[Subject]:
    """Return two networks that learned from the same clips, begun with different weights."""
    subject = make_subject(
        hop=1.0, options={"filters": [8, 16], "dense_units": 16}, log="log", log_floor=1e-6, normalise="band-standard"
    )
    genres = torch.tensor([HIGH, NOISE] * 16)
    samples = np.stack([clip(n, bool(genre == HIGH))[0] for n, genre in enumerate(genres)])
    # By band, over all clips: scaled clip by clip, a tone would show in every band at every time.
    subject.model.frontend.fit([torch.from_numpy(samples)])
    features = subject.features(samples)
    return [_learn(replace(subject, model=_fresh(subject, seed)), features, genres) for seed in (1, 2)]


def _fresh(subject: Subject, seed: int) -> GenreModel:
    return randomised(subject, seed).model


def _learn(subject: Subject, features: torch.Tensor, genres: torch.Tensor) -> Subject:
    network = subject.model.network.train()
    for module in network.modules():
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    steps = 150
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.03, total_steps=steps)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(network(features), genres, label_smoothing=0.02).backward()
        optimiser.step()
        schedule.step()
    subject.model.eval()
    return subject


@pytest.fixture(scope="module")
def clips() -> list[tuple[np.ndarray, float]]:
    """Return clips that were not learned from, and the middle of their tone in seconds."""
    return [(samples, (start + BURST / 2) / RATE) for samples, start in (clip(1000 + n) for n in range(6))]


def test_the_networks_have_learned(learned, clips) -> None:
    noises = [clip(2000 + n, tone=False)[0] for n in range(6)]
    for subject in learned:
        heard = [subject.probabilities(samples)[HIGH] for samples in (*(samples for samples, _ in clips), *noises)]
        assert min(heard[:6]) > max(heard[6:]) + 0.1


def test_occlusion_points_at_the_tone(learned, clips) -> None:
    for samples, middle in clips:
        found = occlusion(learned[0], samples, HIGH)
        row, frame = np.unravel_index(found.values.argmax(), found.values.shape)
        assert found.times[frame] == pytest.approx(middle, abs=0.15)
        assert 1000 < found.frequencies[row] < 2200


def test_gradcam_points_at_the_time_of_the_tone(learned, clips) -> None:
    for samples, middle in clips:
        found = gradcam(learned[0], samples, HIGH)
        assert found.times[found.values.sum(axis=0).argmax()] == pytest.approx(middle, abs=0.2)


@pytest.mark.parametrize("method", METHODS)
def test_hiding_the_salient_part_costs_more_than_hiding_random_parts(learned, clips, method) -> None:
    rng = np.random.default_rng(0)
    salient, random = [], []
    for samples, _ in clips:
        found = METHODS[method](learned[0], samples, HIGH)
        mask = found.top(0.15)
        salient.append(answers(learned[0], samples, found, mask, HIGH).hidden)
        random.append(mean_answers(random_answers(learned[0], samples, found, mask, HIGH, rng, 4)).hidden)
    assert np.mean(salient) < np.mean(random) - 0.3


@pytest.mark.parametrize("method", METHODS)
def test_a_network_of_random_weights_has_another_map_and_one_that_learned_the_same_a_like_one(
    learned, clips, method
) -> None:
    explain = METHODS[method]
    untrained = randomised(learned[0], 3)
    like, other = [], []
    for samples, _ in clips:
        own = explain(learned[0], samples, HIGH)
        like.append(similarity(own, explain(learned[1], samples, HIGH)))
        other.append(similarity(own, explain(untrained, samples, HIGH)))
    assert np.mean(other) < np.mean(like) - 0.2
