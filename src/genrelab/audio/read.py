"""Sound files to samples: any format, any part of a file, always float32 mono.

What a damaged file gives: what can be decoded before the damage. A cut mp3, wav, au, aiff or ogg is simply shorter:
libsndfile sets their length by what is really there, or (mp3) it is often an estimate only. Where the stream breaks, or
the header's length can be trusted (flac), and less than half of what was asked for decodes, that is an error.
"""

import codecs
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from genrelab.audio import media, ogg
from genrelab.audio.decoders import DamageError, Decoder, SndfileDecoder
from genrelab.audio.joining import joined
from genrelab.audio.source import InMemory, Sound, Source, source
from genrelab.errors import AudioError

# What is taken for a sound file when a folder is walked; a file named outright may be called anything. Not .mp4
# and .3gp: they are films, mostly.
EXTENSIONS = frozenset(
    {
        *(".wav", ".wave", ".w64", ".au", ".snd", ".aif", ".aiff", ".aifc", ".caf", ".flac"),
        *(".ogg", ".oga", ".opus", ".mp3", ".m4a", ".m4b", ".aac", ".wma", ".webm"),
        *(".mp2", ".mka", ".ac3", ".eac3", ".ape", ".wv", ".mpc", ".tta", ".tak", ".dsf"),
    }
)
# Outside of these no header tells the truth.
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000
# Larger samples than this make resampling overflow to NaN. To [-1, 1] is clipped after it.
LARGEST = 1e9
_NOT_AUDIO = "not audio: no decoder knows its content"
_MALFORMED = 3  # libsndfile's SF_ERR_MALFORMED_FILE


class BeyondError(AudioError):
    """A part behind the end of a file that did not tell its length for certain; what there is of it may be sound."""


@dataclass(frozen=True)
class Probe:
    """What the header of a sound file says.

    Attributes
    ----------
    format
        Codec or container in lower case: ``"wav"``, ``"flac"``, ``"mp3"``, ``"opus"``, ``"aac"`` …
    sample_rate
        In Hz.
    channels
        How many.
    seconds
        The length as the header claims it, NaN where it does not say.
    """

    format: str
    sample_rate: int
    channels: int
    seconds: float


def probe(path: Sound) -> Probe:
    """Return what the header of a sound file says, without decoding it.

    Parameters
    ----------
    path
        The file, or one that is open in binary mode.

    Raises
    ------
    AudioError
        If it is not a sound file that can be opened.
    """
    with opened(source(path)) as decoder:
        seconds = float("nan") if decoder.frames is None else decoder.frames / decoder.sample_rate
        return Probe(decoder.format, decoder.sample_rate, decoder.channels, seconds)


def read(
    path: Sound,
    sample_rate: int | None = None,
    start: float = 0.0,
    duration: float | None = None,
    max_seconds: float = 7200.0,
) -> NDArray[np.float32]:
    """Decode a sound file, or a part of it, to mono.

    The channels are averaged first and resampled then (soxr, quality HQ). Only the part asked for is decoded, in
    blocks: memory follows what is really there, never the header's word.

    Parameters
    ----------
    path
        The file, or one that is open in binary mode; its content tells the format, not its name.
    sample_rate
        In Hz; None keeps the file's own.
    start
        Seconds into the file.
    duration
        Seconds from there; None reads to the end. Past the end there is just less.
    max_seconds
        The most that is decoded. A longer file, or a longer part asked for, is an error.

    Returns
    -------
    samples
        Shape (n_samples,), float32 in [-1, 1]; what a float file holds beyond that is clipped.

    Raises
    ------
    AudioError
        If the file is missing, unreadable, empty, not audio, damaged from the beginning, holds NaN or infinity,
        is too long, or has nothing at `start`.
    """
    path = source(path)
    if not 0 <= start < float("inf"):
        raise AudioError(path, f"start must be a number of seconds from 0 up, got {start}")
    if duration is not None and not 0 < duration < float("inf"):
        raise AudioError(path, f"duration must be a number of seconds above 0, got {duration}")
    if sample_rate is not None and sample_rate < 1:
        raise AudioError(path, f"the sample rate must be above 0, got {sample_rate}")
    with opened(path) as decoder:
        samples = decode(path, decoder, sample_rate or decoder.sample_rate, start, duration, max_seconds)
    np.clip(samples, -1.0, 1.0, out=samples)
    return samples


def require_sound(
    samples: NDArray[np.float32],
    sample_rate: int,
    path: object,
    min_seconds: float = 0.1,
    silence_dbfs: float = -80.0,
) -> None:
    """Raise where there is too little to hear a genre in.

    Parameters
    ----------
    samples
        Shape (n_samples,), in [-1, 1].
    sample_rate
        In Hz.
    path
        Named in the error.
    min_seconds
        Less than this is "too short".
    silence_dbfs
        A root mean square below this many decibels under full scale (a constant 1.0) is "silent".

    Raises
    ------
    AudioError
        If the sound is too short or silent.
    """
    seconds = len(samples) / sample_rate
    if seconds < min_seconds:
        raise AudioError(path, f"too short: {seconds:.3g} s of sound, at least {min_seconds:g} s are needed")
    power = float(np.dot(samples, samples)) / len(samples)
    if power < 10 ** (silence_dbfs / 10):
        raise AudioError(path, f"silent: below {silence_dbfs:g} dB of full scale throughout")


def decode(
    path: Source, decoder: Decoder, target: int, start: float, duration: float | None, max_seconds: float
) -> NDArray[np.float32]:
    """Decode a part of an open file to mono, as `read` does, but without clipping it to [-1, 1].

    Parameters
    ----------
    path
        Named in errors.
    decoder
        What `opened` gave for it; it may be used for one part after another.
    target
        The sample rate to resample to, in Hz.
    start, duration, max_seconds
        As for `read`.

    Returns
    -------
    samples
        Shape (n_samples,), float32.

    Raises
    ------
    AudioError
        As `read` does for what only decoding shows.
    """
    rate = decoder.sample_rate
    first = round(start * rate)
    wanted = None if duration is None else max(1, round(duration * rate))
    limit = round(max_seconds * rate)
    # What should come if the header is right; used to refuse and to compare, never to allocate.
    expected = None if decoder.frames is None else max(0, decoder.frames - first)
    if wanted is not None:
        expected = wanted if expected is None else min(wanted, expected)
    if expected is not None and expected > limit:
        raise _too_long(path, expected / rate, max_seconds)

    with joined() as mono:
        damage = ""
        try:
            for block in decoder.blocks(first, wanted):
                _tame(path, block, (first + len(mono)) / rate)
                if len(mono) + len(block) > limit:
                    raise _too_long(path, (len(mono) + len(block)) / rate, max_seconds)
                mono.append(block)
        except DamageError as error:
            damage = f" ({error})"
        if not len(mono):
            if start and not damage:
                length = "" if decoder.frames is None else f": its header says {decoder.frames / rate:.6g} s"
                error_type = AudioError if decoder.exact else BeyondError
                raise error_type(path, f"nothing to hear at {start:g} s{length}")
            raise AudioError(path, f"holds no sound that can be decoded{damage}")
        if (decoder.exact or damage) and expected is not None and len(mono) < expected / 2:
            found = f"only {len(mono) / rate:.3g} of {expected / rate:.6g} s can be decoded{damage}"
            raise AudioError(path, f"cut short: {found}; get the file anew")
        # Whole: streamed block by block it costs the same or more and gives the same bits.
        return mono.samples.copy() if target == rate else soxr.resample(mono.samples, rate, target, quality="HQ")


def _too_long(path: Source, seconds: float, max_seconds: float) -> AudioError:
    return AudioError(
        path,
        f"too long: {seconds:.6g} s or more, at most {max_seconds:g} s are read; "
        "ask for a part (start, duration) or raise max_seconds",
    )


def _tame(path: Source, block: NDArray[np.float32], seconds: float) -> None:
    """Raise where a block holds NaN or infinity; clip what is too large to be resampled, in place."""
    # The sum of squares is finite in all ordinary sound and ten times cheaper than asking every sample.
    with np.errstate(over="ignore"):  # finite, but too large to square: asked again below
        power = np.dot(block, block)
    if np.isfinite(power):
        return
    bad = np.flatnonzero(~np.isfinite(block))
    if len(bad):
        raise AudioError(path, f"holds samples that are NaN or infinite, the first in the block at {seconds:.3g} s")
    np.clip(block, -LARGEST, LARGEST, out=block)


@contextmanager
def opened(path: Source) -> Iterator[Decoder]:
    """Open a sound file with the decoder that knows its content, and close it on leaving.

    Raises
    ------
    AudioError
        If it is not a sound file that can be opened, its header claims what cannot be, or the system fails to read it,
        be it while it is open.
    """
    try:
        decoder = _open(path, _head(path))
        try:
            if not _LOWEST_RATE <= decoder.sample_rate <= _HIGHEST_RATE or decoder.channels < 1:
                raise AudioError(path, f"its header claims {decoder.channels} channels at {decoder.sample_rate} Hz")
            yield decoder
        finally:
            decoder.close()
    except OSError as error:  # a bad disk, a share that has gone: PyAV passes on what reading a file raises
        raise _unreadable(path, error) from error


def _open(path: Source, head: bytes) -> Decoder:
    if media.is_media(head):
        return media.MediaDecoder(path)
    if _is_text(head):  # libmpg123 would search it for a stream, and complain on stderr
        raise AudioError(path, _NOT_AUDIO)
    if head.startswith(b"OggS") and (links := ogg.links(path)):
        return ogg.ChainDecoder(path, links, lambda link: _open(link, link.data[:4096]))
    try:
        decoder = SndfileDecoder(path)
        if decoder.format != "wav" or decoder.frames or not media.available():
            return decoder
        decoder.close()  # its recorder perhaps did not live to write the length: FFmpeg reads on to the end
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:  # soundfile wants parameters for a name in .raw
        if getattr(error, "code", None) == _MALFORMED:
            raise AudioError(path, "damaged beyond reading: its header is malformed") from error
        if not media.available():
            raise AudioError(path, f"{_NOT_AUDIO} (more formats with: pip install 'genrelab[media]')") from error
    try:
        return media.MediaDecoder(path)
    except AudioError as error:
        raise AudioError(path, _NOT_AUDIO) from error


def _head(path: Source) -> bytes:
    """Return the first 4 KiB of a regular file; a pipe is never opened, since that would wait for a writer."""
    if isinstance(path, InMemory):
        if not path.data:
            raise AudioError(path, "empty file")
        return path.data[:4096]
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            os.scandir(path).close()  # raises where it may not be listed, for which a walk passes it on
            raise AudioError(path, "a folder, not a sound file")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(path, "not a regular file (a pipe, a device or a socket)")
        if status.st_size == 0:
            raise AudioError(path, "empty file")
        with path.open("rb", buffering=0) as file:
            return file.read(4096)
    except ValueError as error:  # a name that no file can have
        raise AudioError(path, f"cannot be read: {error}") from error


def _unreadable(path: Source, error: OSError) -> AudioError:
    if isinstance(error, FileNotFoundError) and isinstance(path, Path):
        return AudioError(path, "a link whose target is missing" if path.is_symlink() else "no such file")
    if isinstance(error, PermissionError):
        return AudioError(path, "no permission to read it")
    return AudioError(path, f"cannot be read: {error.strerror or error}")


def _is_text(head: bytes) -> bool:
    """Return whether a file begins like text: UTF-8 without the control characters that only binary files have."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # incremental: a character may be cut at the end
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\n\r\f" for character in text)
