"""Time stretching and pitch shifting with a phase vocoder.

The vocoder is that of J. Laroche and M. Dolson, "Improved phase vocoder time-scale modification of audio" (IEEE
Transactions on Speech and Audio Processing 7, 1999), with identity phase locking: the bins around a spectral peak turn
by the angle by which the peak turns. Without it (as in ``librosa.effects.time_stretch``) they drift apart, and noise
and glides lose up to half their energy and more. Analysis and synthesis share one hop, so that a phase's step from
frame to frame is the quotient of two spectra and no angle is ever computed.
"""

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

Samples = NDArray[np.float32]

N_FFT = 2048
HOP_LENGTH = 512
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
# So few that memory is used again and not fetched afresh from the system: twice as fast as all frames at once.
_FRAMES_AT_A_TIME = 24
_SILENCE = 1e-20  # no angle below this magnitude: its square is nothing in float32


def time_stretch(samples: Samples, rate: float, length: int | None = None) -> Samples:
    """Change how long a sound lasts and leave its pitch.

    Parameters
    ----------
    samples
        Mono samples, float32, (n,).
    rate
        2 is twice as fast, and half as long.
    length
        How many samples to return, the first ones; zeros follow the end. None: all, ``round(n / rate)``.

    Returns
    -------
    NDArray
        Samples, float32, (length,).
    """
    length = round(len(samples) / rate) if length is None else length
    # Where in the sound, counted in frames, each frame of the result comes from.
    place = np.arange(1 + -(-length // HOP_LENGTH)) * rate
    frame = place.astype(np.int64)
    part = (place - frame).astype(np.float32)[:, None]
    framed = _frames(samples, int(frame[-1]) + 2)
    overlap = N_FFT // HOP_LENGTH
    total = np.zeros((len(frame) + overlap - 1, HOP_LENGTH), np.float32)
    weight = np.zeros_like(total)
    turn = np.ones(N_FFT // 2 + 1, np.complex64)
    due = 0
    for first in range(0, len(frame), _FRAMES_AT_A_TIME):
        here, between = frame[first : first + _FRAMES_AT_A_TIME], part[first : first + _FRAMES_AT_A_TIME]
        begin = min(due, int(here[0]))
        spectrum = rfft(framed[begin : here[-1] + 2] * _WINDOW, overwrite_x=True)
        turned, turn = _turn(spectrum, here - begin, between, turn, due - begin)
        due = int(here[-1]) + 1
        sound = irfft(turned, N_FFT, overwrite_x=True) * _WINDOW
        for shift in range(overlap):
            columns, rows = slice(shift * HOP_LENGTH, (shift + 1) * HOP_LENGTH), slice(first + shift, None)
            total[rows][: len(sound)] += sound[:, columns]
            weight[rows][: len(sound)] += _WINDOW[columns] ** 2
    # Griffin and Lim's weights (1984). Half a window is cut off, so that two windows overlap in all that is left.
    total /= np.maximum(weight, np.float32(1e-3))
    return total.ravel()[N_FFT // 2 :][:length]


def pitch_shift(samples: Samples, semitones: float) -> Samples:
    """Move a sound's pitch and leave how long it lasts: a stretch, undone by resampling.

    Parameters
    ----------
    samples
        Mono samples, float32, (n,).
    semitones
        Upwards where positive; 12 are an octave.

    Returns
    -------
    NDArray
        Samples, float32, as many as came in, give or take one.
    """
    ratio = 2 ** (semitones / 12)
    stretched = time_stretch(samples, 1 / ratio)
    shifted: Samples = soxr.resample(stretched, ratio, 1.0)
    return shifted


def _frames(samples: Samples, count: int) -> Samples:
    """Return the first frames (count, N_FFT); they are centred, and zeros surround the sound."""
    padded = np.zeros((count - 1) * HOP_LENGTH + N_FFT, np.float32)
    inside = samples[: len(padded) - N_FFT // 2]
    padded[N_FFT // 2 : N_FFT // 2 + len(inside)] = inside
    return np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]


def _turn(
    spectrum: NDArray[np.complex64],
    frame: NDArray[np.int64],
    part: NDArray[np.float32],
    turn: NDArray[np.complex64],
    due: int,
) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Return the spectra of some frames of the result, each turned so that it goes on where the last one ended.

    Parameters
    ----------
    spectrum
        Spectra of the sound (frames, bins); overwritten.
    frame, part
        Which of them each frame of the result is taken from (n,), and how far towards the next it lies (n, 1).
    turn
        By what the last frame of the result was turned, (bins,).
    due
        Which frame of the sound follows the one that the last was taken from.

    Returns
    -------
    tuple
        Spectra (n, bins), and by what the last one was turned.
    """
    magnitude = np.abs(spectrum)
    wanted = magnitude[frame]
    wanted += (magnitude[frame + 1] - wanted) * part
    peak = _nearest_peak(wanted)
    phasor = _to_phasors(spectrum, magnitude)
    result = np.empty(wanted.shape, np.complex64)
    for now, here in enumerate(frame.tolist()):
        if here != due:
            # It goes on with the angles that were due, not with those of the frame it is taken from.
            turn = turn * phasor[due] * phasor[here].conj()
        turn = turn[peak[now]]
        np.multiply(phasor[here], turn, out=result[now])
        result[now] *= wanted[now]
        due = here + 1
    return result, turn


def _to_phasors(spectrum: NDArray[np.complex64], magnitude: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Scale spectra to magnitude 1, in place; silence has the angle 0."""
    silent = magnitude < _SILENCE
    spectrum *= 1 / np.maximum(magnitude, _SILENCE)
    spectrum[silent] = 1
    return spectrum


def _nearest_peak(magnitude: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return for each bin the nearest that is louder than two neighbours on either side; bin 0 where none is."""
    rises = magnitude[:, 1:] > magnitude[:, :-1]
    over_two = magnitude[:, 2:] > magnitude[:, :-2]
    peak = np.zeros(magnitude.shape, bool)
    peak[:, 2:-2] = rises[:, 1:-2] & ~rises[:, 2:-1] & over_two[:, :-2] & ~over_two[:, 2:]
    peak[~peak.any(axis=1), 0] = True
    # All frames in one row, and halfway between two peaks, or where a new frame begins, the second one's bins begin.
    bins = magnitude.shape[1]
    peaks = np.flatnonzero(peak)
    start = peaks - peaks % bins
    border = np.where(start[1:] == start[:-1], (peaks[1:] + peaks[:-1]) // 2 + 1, start[1:])
    widths = np.diff(border, prepend=0, append=magnitude.size)
    return np.repeat(peaks - start, widths).reshape(magnitude.shape)
