from itertools import pairwise

import numpy as np
import pytest

from genrelab.extractors import EXTRACTORS
from genrelab.extractors.colours import magma
from genrelab.extractors.picture import CROPPED_SHAPE, SHAPE, Picture, band_rows

SAMPLE_RATE = 22050
DARKEST = [0, 0, 4, 255]


def _tone(frequency: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE).astype(np.float32)


def _music(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    swell = np.abs(np.sin(np.arange(int(seconds * SAMPLE_RATE)) / 3000))
    return (0.1 * _tone(440, seconds) * swell + rng.standard_normal(len(swell)) * swell**4).astype(np.float32)


def _draw(samples: np.ndarray) -> np.ndarray:
    return Picture(SAMPLE_RATE)(samples).reshape(SHAPE)


def _levels(picture: np.ndarray) -> np.ndarray:
    """Return the number of each dot's colour, within the black line."""
    table, dots = magma() @ [65536, 256, 1], picture[36:252, 55:389, :3].astype(int) @ [65536, 256, 1]
    order = np.argsort(table)
    found = order[np.searchsorted(table, dots, sorter=order)]
    np.testing.assert_array_equal(table[found], dots)
    return found


def test_the_colours_are_matplotlibs():
    matplotlib = pytest.importorskip("matplotlib")
    np.testing.assert_array_equal(magma(), np.rint(np.array(matplotlib.colormaps["magma"].colors) * 255))


def test_a_picture_is_what_specshow_of_librosa_2020_painted():
    """Every cell is painted over all dots that it touches, frame after frame and band after band upwards."""
    librosa = pytest.importorskip("librosa")
    music = _music(30.0)
    mel = librosa.feature.melspectrogram(y=music, sr=SAMPLE_RATE, pad_mode="reflect")  # the default of that time
    decibels = librosa.amplitude_to_db(mel, ref=np.max)
    expected = np.zeros((217, 335))
    painted = np.zeros((128, 335))
    edges = np.rint(np.arange(1293) * 334.8 / 1292 * 256) / 256
    for frame, (left, right) in enumerate(pairwise(edges)):
        painted[:, int(left) : int(np.ceil(right))] = decibels[:, frame, None]
    for band in range(128):
        expected[int(band * 217.44 / 128) : int(np.ceil((band + 1) * 217.44 / 128))] = painted[band]
    expected = np.minimum((expected + 80) / 80 * 256, 255)[::-1][1:, 1:].astype(int)
    ours = _levels(_draw(music))
    assert decibels.min() == -80
    assert 0.1 < (ours > 0).mean() < 0.9
    assert np.abs(ours - expected).max() <= 1
    assert (ours == expected).mean() > 0.995


def test_around_the_axes_all_is_white_but_a_thin_black_line():
    picture = _draw(_music(3.0))
    outside = np.ones(SHAPE[:2], dtype=bool)
    outside[35:253, 54:390] = False
    assert (picture[outside] == 255).all()
    assert (picture[..., 3] == 255).all()
    assert (picture[252, 55:389, :3] == 51).all()  # a fifth of white shines through
    assert (picture[36:252, 389, :3] == 51).all()
    assert [picture[y, x, 0] for y, x in ((252, 54), (252, 389), (35, 389))] == [19, 19, 19]
    assert picture[36:252, 54, :3].max() <= 51  # the spectrogram lies beneath at the left and at the top
    assert picture[36:252, 54, :3].any()


def test_without_its_frame_a_picture_is_the_part_within():
    music = _music(3.0)
    cropped = Picture(SAMPLE_RATE, frame=False)
    assert cropped.size == 217 * 335 * 4
    np.testing.assert_array_equal(cropped(music).reshape(CROPPED_SHAPE), _draw(music)[35:252, 54:389])


def test_values_are_whole_numbers_from_0_to_255_and_repeat_bit_for_bit():
    extractor = EXTRACTORS["picture"](SAMPLE_RATE)
    music = _music(3.0)
    example = extractor(music)
    assert (example.shape, example.dtype, extractor.size) == ((288 * 432 * 4,), np.float32, 288 * 432 * 4)
    np.testing.assert_array_equal(example, example.astype(np.uint8))
    np.testing.assert_array_equal(example, extractor(music))


def test_a_band_is_forty_decibels_deep():
    alone = _levels(_draw(_tone(300)))
    for below, seen in ((34, True), (46, False)):
        levels = _levels(_draw(_tone(300) + 10 ** (-below / 20) * _tone(900)))
        assert (levels[:, 150] > alone[:, 150]).any() == seen


def test_a_higher_tone_stands_higher():
    rows = [int(_levels(_draw(_tone(frequency)))[:, 150].argmax()) for frequency in (200, 1000, 4000, 10000)]
    assert rows == sorted(rows, reverse=True)
    assert 0 <= rows[-1] < 10
    assert 195 < rows[0] < 216


@pytest.mark.parametrize("seconds", [0.5, 7.0, 30.0])
def test_a_clip_of_any_length_fills_the_width(seconds):
    half = _tone(1000, seconds / 2)
    sounding = _levels(_draw(np.concatenate([np.zeros_like(half), half]))).max(axis=0) > 128
    assert not sounding[:130].any()
    assert sounding[200:].all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_samples", [1, 700, 2205, SAMPLE_RATE])
def test_silence_is_all_of_the_darkest_colour(n_samples):
    assert (_draw(np.zeros(n_samples, np.float32))[36:252, 55:389] == DARKEST).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_samples", [2, 511, 2205])
def test_a_clip_shorter_than_a_transform_is_reflected(n_samples):
    levels = _levels(_draw(_tone(1000)[:n_samples]))
    assert levels.max() == 255
    assert levels.min() == 0


def test_kaggles_pictures_are_drawn_anew(shared_data):
    from genrelab.audio.read import read
    from genrelab.corpora.pictures import read_picture

    for clip in ("blues.00000", "rock.00016", "metal.00007"):
        genre = clip.split(".")[0]
        samples = read(shared_data / "gtzan-full" / "audio" / genre / f"{clip}.ogg", SAMPLE_RATE)
        path = shared_data / "gtzan-pictures" / "images_original" / genre / f"{clip.replace('.', '')}.png"
        theirs, ours = read_picture(path).reshape(SHAPE), _draw(samples)
        # Their sound was not ogg, hence not the same colours throughout.
        assert np.corrcoef(_levels(ours).ravel(), _levels(theirs).ravel())[0, 1] > 0.995
        within = np.zeros(SHAPE[:2], dtype=bool)
        within[35:252, 54:389] = True
        np.testing.assert_array_equal(ours[~within], theirs[~within])


def test_each_band_has_one_of_the_rows_that_are_drawn_for_it():
    """Of noise, whose bands all differ: neighbouring rows are equal where they show one band."""
    noise = np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE).astype(np.float32)
    picture = Picture(SAMPLE_RATE, frame=False)(noise).reshape(CROPPED_SHAPE)[1:, 1:]  # without the outline
    band = np.append(0, np.cumsum((picture[1:] != picture[:-1]).any((1, 2))))
    assert band.max() == 127
    assert band[band_rows() - 1].tolist() == list(range(128))
