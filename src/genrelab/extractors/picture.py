"""The picture of a clip, as the Kaggle copy of GTZAN holds one for each track: a mel spectrogram drawn in colours.

How those pictures were made was found out by drawing them anew (benchmarks/pictures.py): librosa's default mel
spectrogram, a power spectrogram of 128 bands up to half the sample rate with its ends reflected, put through
`librosa.amplitude_to_db` as if it were one of magnitudes, and drawn by `librosa.display.specshow` with matplotlib 3.1,
6 x 4 inches at 72 dots an inch.
"""

import numpy as np
from numpy.typing import NDArray

from genrelab.extractors.colours import magma
from genrelab.extractors.extractor import Extractor
from genrelab.extractors.mel_scale import mel_filterbank

HEIGHT, WIDTH, CHANNELS = 288, 432, 4
SHAPE = (HEIGHT, WIDTH, CHANNELS)
# The part within the white frame, as those who learn from these pictures cut it out: its left and top edges are drawn
# over by the black line around the axes, which lies outside at the right and at the bottom.
TOP, BOTTOM, LEFT, RIGHT = 35, 252, 54, 389
CROPPED_SHAPE = (BOTTOM - TOP, RIGHT - LEFT, CHANNELS)

_N_FFT, _HOP_LENGTH, _N_MELS = 2048, 512, 128
_FRAMES_AT_ONCE = 64  # small enough to stay in the processor's cache
_BANDS_AT_ONCE = 16
_AMIN = 1e-5
_TOP_DB = 80.0
# The axes in dots, which are not whole: 0.775 of the width and 0.755 of the height.
_AXES_WIDTH, _AXES_HEIGHT = 334.8, 217.44
_SUBDOTS = 256  # corners are rounded to these parts of a dot


class Picture(Extractor):
    """A mel spectrogram as a coloured picture.

    Each dot has the colour of the last spectrogram frame and the highest mel band that touch it; what lies beneath is
    not seen. The bands are 40 dB deep below the clip's loudest, and black below that. A clip of any length fills the
    whole width.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz. The pictures of Kaggle's GTZAN were drawn at 22050.
    frame
        True: the whole picture (288, 432, 4), white outside the axes. False: the part within, (217, 335, 4).

    Attributes
    ----------
    shape
        Height, width and channels: red, green, blue, and opacity, which is always 255. Values are whole, 0 to 255.
    """

    dtype = "uint8"

    def __init__(self, sample_rate: int = 22050, frame: bool = True) -> None:
        super().__init__(sample_rate)
        self.frame = frame
        self.shape = SHAPE if frame else CROPPED_SHAPE
        self.size = int(np.prod(self.shape))
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_N_FFT) / _N_FFT)).astype(np.float32)
        self._filters = _split_filterbank(mel_filterbank(sample_rate, _N_FFT, _N_MELS))
        self._colours = np.append(magma(), np.full((256, 1), 255, np.uint8), axis=1)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the picture, row by row from the top: (size,), float32, of mono samples (n,)."""
        levels = _levels(self._mel(samples))
        bands = _seen(_N_MELS, _AXES_HEIGHT, BOTTOM - TOP)[::-1]  # the lowest band is at the bottom
        frames = _seen(levels.shape[1], _AXES_WIDTH, RIGHT - LEFT)
        picture = np.full(SHAPE, 255, dtype=np.uint8)
        picture[TOP:BOTTOM, LEFT:RIGHT] = self._colours[levels[bands[:, None], frames]]
        _draw_outline(picture)
        if not self.frame:
            picture = picture[TOP:BOTTOM, LEFT:RIGHT]
        return picture.astype(np.float32).reshape(-1)

    def _mel(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the power in each band of each frame, (128, frames)."""
        padded = np.pad(np.asarray(samples, dtype=np.float32), _N_FFT // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::_HOP_LENGTH]
        mel = np.empty((_N_MELS, len(frames)), dtype=np.float32)
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            some = slice(start, start + _FRAMES_AT_ONCE)
            spectrum = np.fft.rfft(frames[some] * self._window).astype(np.complex64, copy=False)
            power = spectrum.real**2 + spectrum.imag**2
            for band, bins, weights in self._filters:
                mel[band, some] = weights @ power[:, bins].T
        return mel


def _split_filterbank(weights: NDArray[np.float32]) -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return bands, the bins that they reach, and the weights between: most of a filterbank is zeros."""
    parts = []
    for start in range(0, len(weights), _BANDS_AT_ONCE):
        bands = slice(start, start + _BANDS_AT_ONCE)
        reached = np.flatnonzero(weights[bands].any(axis=0))
        bins = slice(int(reached[0]), int(reached[-1]) + 1) if len(reached) else slice(0, 0)
        parts.append((bands, bins, np.ascontiguousarray(weights[bands, bins])))
    return parts


def _levels(mel: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the number of the colour of each band and frame, 0 for the lowest shown to 255 for the loudest."""
    decibels = 20 * np.log10(np.maximum(mel, _AMIN))  # 20 of a power: what makes the 80 dB 40
    loudest = decibels.max()
    decibels = np.maximum(decibels, loudest - _TOP_DB)
    lowest = decibels.min()
    span = loudest - lowest if loudest > lowest else 1.0
    return np.asarray(np.minimum((decibels - lowest) / span * 256, 255), dtype=np.uint8)


def band_rows() -> NDArray[np.intp]:
    """Return a row of the part within the frame for each mel band, highest band first: (128,), of 217 rows."""
    bands = _seen(_N_MELS, _AXES_HEIGHT, BOTTOM - TOP)[::-1]
    last = [np.flatnonzero(bands == band)[-1] for band in reversed(range(_N_MELS))]  # the first may be outline
    return np.array(last)


def _seen(cells: int, length: float, dots: int) -> NDArray[np.intp]:
    """Return for each dot the last of the cells that touch it: cells are drawn in turn and cover one another."""
    starts = np.rint(np.arange(cells) * (length / cells * _SUBDOTS))
    return np.searchsorted(starts, np.arange(1, dots + 1) * _SUBDOTS, side="left") - 1


def _draw_outline(picture: NDArray[np.uint8]) -> None:
    """Draw the black line around the axes, 0.8 of a dot wide, whose ends lie over one another in the corners."""
    sides = (slice(TOP + 1, BOTTOM), [LEFT, RIGHT]), ([TOP, BOTTOM], slice(LEFT + 1, RIGHT))
    for side in sides:
        picture[side] = _blacken(picture[side], 204)
    corners = np.ix_([TOP, BOTTOM], [LEFT, RIGHT])
    picture[corners] = _blacken(_blacken(picture[corners], 184), 184)
    picture[..., 3] = 255


def _blacken(colour: NDArray[np.uint8], opacity: int) -> NDArray[np.uint8]:
    """Return colours under black of some opacity, 0 to 255, in the whole numbers of Agg, matplotlib's painter."""
    whole = ((opacity + 255) << 8) - opacity * 255
    return np.asarray(colour.astype(np.int32) * 255 * (256 - opacity) // whole, dtype=np.uint8)
