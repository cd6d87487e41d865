import numpy as np
import pytest
import soundfile
import torch

from genrelab.audio.store import ClipSource, SampleStore
from genrelab.training.feed import ClipFeed, Clips, CropFeed, Draw, EpochShuffle, average_windows, clip_logits


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SampleStore:
    """Two clips: a ramp of 1000 samples, whose values tell the place, and one of 100."""
    folder = tmp_path_factory.mktemp("ramps")
    for name, n in (("long", 1000), ("short", 100)):
        soundfile.write(folder / f"{name}.wav", (np.arange(n, dtype=np.int16) + 1) * 30, 1000)
    sources = [ClipSource(name, folder / f"{name}.wav") for name in ("long", "short")]
    return SampleStore.build(folder / "store", sources, 1000, progress=None)


def test_a_crop_is_a_piece_of_its_clip(store: SampleStore) -> None:
    feed = CropFeed(store, ["long", "short"], [0, 1], window=300, seed=0)
    crops, genres = feed.__getitems__([Draw(epoch=0, clip=0, crop=0)])
    place = np.round(crops[0].numpy() * 32768 / 30).astype(int)
    assert genres.tolist() == [0]
    assert list(np.diff(place)) == [1] * 299
    assert 1 <= place[0] <= 701


def test_a_clip_shorter_than_the_window_is_padded(store: SampleStore) -> None:
    feed = CropFeed(store, ["long", "short"], [0, 1], window=300, seed=0)
    crops, genres = feed.__getitems__([Draw(0, 0, 0), Draw(0, 1, 0)])
    assert genres.tolist() == [0, 1]
    assert list(np.round(crops[1].numpy() * 32768 / 30)) == [*range(1, 101), *[0] * 200]


def test_a_crop_depends_on_seed_epoch_clip_and_number_alone(store: SampleStore) -> None:
    def starts(seed: int, epoch: int) -> list[float]:
        feed = CropFeed(store, ["long"], [0], window=100, seed=seed)
        return feed.__getitems__([Draw(epoch, 0, crop) for crop in range(8)]).waveforms[:, 0].tolist()

    assert starts(0, 0) == starts(0, 0)
    assert len(set(starts(0, 0))) > 3
    assert starts(0, 0) != starts(0, 1)
    assert starts(0, 0) != starts(1, 0)


def test_an_epoch_draws_every_crop_once_in_an_order_of_its_own() -> None:
    shuffle = EpochShuffle(clips=5, crops_per_clip=2, seed=3)
    first = list(shuffle)
    assert sorted((draw.clip, draw.crop) for draw in first) == [(clip, crop) for clip in range(5) for crop in range(2)]
    shuffle.set_epoch(1)
    assert [draw[1:] for draw in shuffle] != [draw[1:] for draw in first]
    assert {draw.epoch for draw in shuffle} == {1}


def test_whole_clips_are_covered_by_windows_and_averaged_clip_by_clip(store: SampleStore) -> None:
    feed = ClipFeed(store, ["long", "short"], [1, 0], window=400, hop=400)
    batch = ClipFeed.collate([feed[0], feed[1]])
    assert batch.windows.shape == (4, 400)  # 0-400, 400-800, 600-1000 of the long one; the padded short one
    assert batch.clip_of_window.tolist() == [0, 0, 0, 1]
    assert batch.genres.tolist() == [1, 0]
    logits = torch.tensor([[1.0, 0.0], [2.0, 0.0], [6.0, 3.0], [5.0, 5.0]])
    assert average_windows(logits, batch).tolist() == [[3.0, 1.0], [5.0, 5.0]]


def test_averaging_follows_the_clips_of_a_batch_not_their_order() -> None:
    clips = Clips(torch.zeros(3, 1), torch.tensor([1, 0, 1]), torch.tensor([0, 0]))
    assert average_windows(torch.tensor([[1.0], [5.0], [3.0]]), clips).tolist() == [[5.0], [2.0]]


def test_a_long_clip_goes_through_the_model_a_few_windows_at_a_time() -> None:
    sizes = []

    def model(windows: torch.Tensor) -> torch.Tensor:
        sizes.append(len(windows))
        return windows[:, :1]

    clips = Clips(torch.arange(150.0)[:, None], torch.zeros(150, dtype=torch.int64), torch.tensor([0]))
    assert clip_logits(model, clips).tolist() == [[74.5]]
    assert sizes == [64, 64, 22]
