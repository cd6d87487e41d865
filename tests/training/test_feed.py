import numpy as np
import pytest
import soundfile
import torch

from genrelab.audio.store import ClipSource, SampleStore
from genrelab.augment.tempo_and_pitch import TimeStretch
from genrelab.augment.waveform import Gain, RandomCrop, Reverse
from genrelab.training.feed import ClipFeed, Clips, CropFeed, Cutting, Draw, EpochShuffle, average_windows, clip_logits


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SampleStore:
    """Two clips: a ramp of 1000 samples, whose values tell the place, and one of 100."""
    folder = tmp_path_factory.mktemp("ramps")
    for name, n in (("long", 1000), ("short", 100)):
        soundfile.write(folder / f"{name}.wav", (np.arange(n, dtype=np.int16) + 1) * 30, 1000)
    sources = [ClipSource(name, folder / f"{name}.wav") for name in ("long", "short")]
    return SampleStore.build(folder / "store", sources, 1000, progress=None)


def test_a_crop_is_a_piece_of_its_clip(store: SampleStore) -> None:
    feed = CropFeed(store, ["long", "short"], [0, 1], Cutting(300, 300), seed=0)
    crops, genres = feed.__getitems__([Draw(epoch=0, clip=0, crop=0)])
    place = np.round(crops[0].numpy() * 32768 / 30).astype(int)
    assert genres.tolist() == [0]
    assert list(np.diff(place)) == [1] * 299
    assert 1 <= place[0] <= 701


def test_a_clip_shorter_than_the_window_is_padded(store: SampleStore) -> None:
    feed = CropFeed(store, ["long", "short"], [0, 1], Cutting(300, 300), seed=0)
    crops, genres = feed.__getitems__([Draw(0, 0, 0), Draw(0, 1, 0)])
    assert genres.tolist() == [0, 1]
    assert list(np.round(crops[1].numpy() * 32768 / 30)) == [*range(1, 101), *[0] * 200]


def test_a_crop_depends_on_seed_epoch_clip_and_number_alone(store: SampleStore) -> None:
    def starts(seed: int, epoch: int) -> list[float]:
        feed = CropFeed(store, ["long"], [0], Cutting(100, 100), seed=seed)
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
    feed = ClipFeed(store, ["long", "short"], [1, 0], Cutting(400, 400))
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


@pytest.mark.parametrize(("crop", "first"), [("start", 1), ("centre", 351)])
def test_training_and_evaluation_hear_the_same_window_where_the_recipe_fixes_it(store, crop, first) -> None:
    cutting = Cutting(300, 300, crop)
    crops = CropFeed(store, ["long"], [0], cutting, seed=0).__getitems__([Draw(3, 0, 0)]).waveforms
    windows, _ = ClipFeed(store, ["long"], [0], cutting)[0]
    assert np.round(crops[0, 0].item() * 32768 / 30) == first
    np.testing.assert_array_equal(crops.numpy(), windows)


def test_a_clip_of_several_examples_is_cut_between_them() -> None:
    cutting = Cutting(10, 10, step=10)
    starts = {cutting.one(40, np.random.default_rng(seed)) for seed in range(40)}
    assert starts == {0, 10, 20, 30}
    assert Cutting(10, 10, "centre", step=10).whole(40).tolist() == [10]


def test_augmentations_follow_from_the_draw_alone(store) -> None:
    feed = CropFeed(store, ["long"], [0], Cutting(300, 300), 0, [Gain(decibels=(-6.0, 6.0), p=1.0)])
    plain = CropFeed(store, ["long"], [0], Cutting(300, 300), 0)
    draws = [Draw(0, 0, 0), Draw(0, 0, 1)]
    once, again, before = (one.__getitems__(draws).waveforms for one in (feed, feed, plain))
    assert torch.equal(once, again)
    factors = (once / before)[:, 5]
    assert factors[0] != factors[1]
    torch.testing.assert_close(once, before * factors[:, None])


def test_a_stretched_crop_is_filled_with_more_of_the_clip() -> None:
    class Long:
        """A store of one endless clip that notes how much is read of it."""

        def samples(self, clip: str) -> int:
            return 100_000

        def read(self, clip: str, start: int, count: int) -> np.ndarray:
            self.count = count
            return np.ones(count, np.float32)

    long = Long()
    feed = CropFeed(long, ["a"], [0], Cutting(4000, 4000), 0, [TimeStretch(rate=(1.25, 1.25), p=1.0)])  # type: ignore[arg-type]
    crop = feed.__getitems__([Draw(0, 0, 0)]).waveforms[0]
    assert long.count >= 5000
    assert (crop[-100:].abs() > 0.1).all()


def test_what_a_stretch_does_not_use_up_is_heard_as_well_as_what_comes_before(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", np.linspace(0.1, 0.9, 9600), 8000)
    store = SampleStore.build(tmp_path / "store", [ClipSource("a", tmp_path / "a.wav")], 8000, progress=None)
    feed = CropFeed(store, ["a"], [0], Cutting(8000, 8000), 0, [TimeStretch(rate=(1.2, 1.2), p=0.5)])
    crops = feed.__getitems__([Draw(0, 0, crop) for crop in range(200)]).waveforms
    ramp = store.read("a")
    firsts = np.searchsorted(ramp, crops[:, 0].numpy())
    plain = [first for first, crop in zip(firsts, crops, strict=True) if np.array_equal(crop, ramp[first:][:8000])]
    assert 60 < len(plain) < 140
    counts, _ = np.histogram(plain, 4, (0, 1600))
    assert counts.min() > len(plain) / 8


@pytest.mark.parametrize(
    "augmentations",
    [
        [RandomCrop()],
        [Reverse(p=1.0), RandomCrop(margin=9.0)],
        [TimeStretch(rate=(1.5, 1.5), p=1.0), RandomCrop()],
        [RandomCrop(), TimeStretch(rate=(0.8, 1.2), p=1.0)],
    ],
)
@pytest.mark.parametrize("seconds", [1.6, 2.0])
def test_a_crop_holds_no_silence_where_a_window_of_sound_is_there(augmentations, seconds, tmp_path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * 8000))
    soundfile.write(tmp_path / "noise.wav", noise, 8000)
    store = SampleStore.build(tmp_path / "store", [ClipSource("a", tmp_path / "noise.wav")], 8000, progress=None)
    feed = CropFeed(store, ["a"], [0], Cutting(8000, 8000), 0, augmentations)
    draws = [Draw(0, 0, crop) for crop in range(20)]
    crops = feed.__getitems__(draws).waveforms
    # The vocoder's last frames reach beyond the end.
    assert (crops.reshape(20, 20, 400).abs().amax(2)[:, :-1] > 0.05).all()
    assert torch.equal(crops, feed.__getitems__(draws).waveforms)
    assert not torch.equal(crops[0], crops[1])
