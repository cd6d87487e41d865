"""A bundle at work: samples, files and folders to genres. Needs the base install alone, no PyTorch."""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from genrelab.audio.decoders import to_mono
from genrelab.audio.processors import processors
from genrelab.audio.read import LARGEST, probe, read
from genrelab.audio.source import PathLike, Sound, Source, path_of, source
from genrelab.audio.walk import sound_files
from genrelab.audio.windows import clip_starts, cut, window_starts
from genrelab.bundles.answer import Outputs, answer, calibrated, needed_outputs, silence
from genrelab.bundles.listening import hear_file, is_audible, require_length
from genrelab.bundles.parallel import in_order
from genrelab.bundles.prediction import Prediction
from genrelab.bundles.session import EMBEDDING, LOGITS, build_extractor, find_bundle, memory_errors, open_bundle
from genrelab.errors import AudioError, BundleError

# Windows in one run of the graph: more are no faster, and their activations are memory to be had first. The twelve of a
# track are an even share for two threads, and for four.
BATCH = 3
TIMELINE_BLOCK = 64  # windows decoded at a time: bounds the memory of a timeline of ten hours
_ROUNDING = 0.001  # seconds that a length may be off: files are cut at whole samples, as few as 1 000 a second
_MEMORY = "samples"  # stands for the path in errors about samples from memory


class Classifier:
    """A bundle at work.

    Its methods are a ladder, each one conversion more than the last: `logits` and `embedding` take mono samples at the
    model's rate, `classify` any samples, `classify_file` a file, `classify_files` and `classify_folder` many. It may be
    used by several threads at once, and sent to other processes.

    Parameters
    ----------
    bundle
        An ``.onnx`` file made by ``genrelab export``; ``"teacher"`` for the one that ``genrelab backbone fetch
        musicnn`` builds; None or ``"default"`` for the one that comes with the package.
    threads
        How many runs of the graph for one sound may go on at a time. One is right wherever files are spread over
        processors; a file by itself is answered sooner by several. The answer is the same, to the last bit.
    vocabulary
        A name among the bundle's vocabularies: no other genres are answered, and the probabilities of these add up to
        1. None for all genres that it knows.

    Raises
    ------
    BundleError
        The file is missing, is not a bundle, its graph and its metadata contradict each other, or it has no such
        vocabulary.
    """

    def __init__(self, bundle: PathLike | None = None, threads: int = 1, *, vocabulary: str | None = None) -> None:
        self.path = find_bundle(bundle)
        self._session, self.metadata = open_bundle(self.path)
        try:
            self._columns = self.metadata.columns(vocabulary)
        except BundleError as error:
            raise BundleError(f"{self.path}: {error}") from error
        self._needed = needed_outputs(self.metadata)
        self._extractor = build_extractor(self.metadata)
        self._threads, self._vocabulary = threads, vocabulary
        self._input = self._session.get_inputs()[0].name

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the bundle's path, and open it there."""
        return partial(Classifier, vocabulary=self._vocabulary), (self.path, self._threads)

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres of the vocabulary in use, in the order of the logits."""
        return tuple(self.metadata.genres[column] for column in self._columns)

    @property
    def sample_rate(self) -> int:
        """The model's sample rate in Hz."""
        return self.metadata.sample_rate

    @property
    def window(self) -> int:
        """What the model hears at once, in samples."""
        return self.metadata.window

    def logits(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return the mean of the logits of the windows that cover a clip.

        Windows that are silent are left out unless all are: a pause says nothing about the genre.

        Parameters
        ----------
        samples
            Mono at `sample_rate`, shape (n,): floats, clipped to [-1, 1], or int16 or int32.

        Returns
        -------
        logits
            Shape (genres,), float32.

        Raises
        ------
        AudioError
            There are no samples, some are not finite, or they are of another type.
        """
        return self._mean_over_clip(LOGITS, samples)[list(self._columns)]

    def calibrated_logits(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Return logits, shape (genres,), whose softmax are the probabilities of a clip; else as `logits`."""
        rows = self._rows_of_clip(LOGITS, samples)
        return calibrated(rows, len(samples) / self.sample_rate, self.metadata)[list(self._columns)]

    def embedding(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return the mean of the embeddings of the windows that cover a clip, shape (size,); else as `logits`."""
        return self._mean_over_clip(EMBEDDING, samples)

    def classify(self, samples: ArrayLike, sample_rate: int, top: int | None = None) -> Prediction:
        """Tell the genre of samples from memory, from all windows of them; silent ones are unknown.

        Parameters
        ----------
        samples
            Shape (n,) or (n, channels), as soundfile gives them: floats in [-1, 1], or int16 or int32. What lies beyond
            [-1, 1] is clipped, as that of a file is.
        sample_rate
            Their rate in Hz; they are resampled to the model's.
        top
            How many genres to return; None for all.

        Raises
        ------
        AudioError
            They are of another shape or type, not finite, or shorter than a tenth of a second.
        ValueError
            `sample_rate` or `top` is below 1.
        """
        _require_counts(top)
        if not sample_rate >= 1:
            raise ValueError(f"sample_rate must be at least 1 Hz, got {sample_rate}")
        mono = _mono(np.asarray(samples))
        seconds = len(mono) / sample_rate
        require_length(mono, sample_rate, _MEMORY)
        if sample_rate != self.sample_rate:
            mono = np.asarray(soxr.resample(mono, sample_rate, self.sample_rate, quality="HQ"), np.float32)
        mono = np.clip(mono, -1.0, 1.0)
        starts = self._audible_starts(mono)
        if not len(starts):
            return silence(None, seconds)
        return self._answer(self._over_clip(self._needed, mono, starts), None, seconds, top)

    def classify_file(self, path: Sound, windows: int | None = None, top: int | None = None) -> Prediction:
        """Tell the genre of a sound file, from some windows of it; a silent file is unknown.

        Parameters
        ----------
        path
            The file, or one that is open in binary mode (an upload, say), which is read to its end, into memory.
        windows
            How many windows to hear, spread over the whole track, or fewer if it is shorter than that: what a track
            costs does not grow with its length. None for 12, or for all of a track that is shorter than 12 windows.
        top
            How many genres to return; None for all.

        Raises
        ------
        AudioError
            The file cannot be read, is not audio, or is shorter than a tenth of a second.
        ValueError
            `windows` or `top` is below 1.
        """
        _require_counts(top, windows)
        sound = source(path)
        return self._classify_file(sound, path_of(path), _claimed_seconds(sound), windows, top)

    def try_file(self, path: Sound, windows: int | None = None, top: int | None = None) -> Prediction:
        """Do as `classify_file`, but return what is wrong with the file as the prediction's `error`."""
        _require_counts(top, windows)
        sound = source(path)
        seconds: float | None = None
        try:
            seconds = _claimed_seconds(sound)
            return self._classify_file(sound, path_of(path), seconds, windows, top)
        except AudioError as error:
            return Prediction(path_of(path), seconds=seconds, error=error.reason)

    def classify_files(
        self, paths: Iterable[Sound], windows: int | None = None, top: int | None = None, jobs: int | None = None
    ) -> Iterator[Prediction]:
        """Tell the genre of many files, in their order; of a file that fails, the prediction's `error` tells why.

        Parameters
        ----------
        paths
            The files, named or open; taken as they are needed, so there may be any number.
        windows, top
            As for `classify_file`.
        jobs
            How many to work on at a time; None for one a processor.

        Raises
        ------
        TypeError
            `paths` is a single one.
        ValueError
            `windows` or `top` is below 1.
        """
        if isinstance(paths, str | os.PathLike):  # of a text, each character would be a path
            raise TypeError(f"classify_files takes many paths, but was given one, {paths!r}; classify_file takes one")
        _require_counts(top, windows)
        work = partial(self.try_file, windows=windows, top=top)
        return in_order(work, paths, processors() if jobs is None else jobs)

    def classify_folder(
        self, path: PathLike, windows: int | None = None, top: int | None = None, jobs: int | None = None
    ) -> Iterator[Prediction]:
        """Tell the genre of all sound files in a folder and below it; see `classify_files`."""
        return self.classify_files(sound_files(path), windows, top, jobs)

    def timeline(self, path: Sound, top: int | None = None) -> list[tuple[float, float, Prediction]]:
        """Tell the genre window by window, over the whole of a file.

        Parameters
        ----------
        path
            The file, or one that is open; it is decoded piece by piece, so it may be long.
        top
            How many genres to return in each prediction; None for all.

        Returns
        -------
        list of (start, end, Prediction)
            In seconds, without gaps. A silent stretch is unknown and has no genre; the prediction of the rest of a file
            that cannot be decoded any further has an `error`.

        Raises
        ------
        AudioError
            The file cannot be read from its beginning.
        ValueError
            `top` is below 1.
        """
        _require_counts(top)
        sound, name = source(path), path_of(path)
        claimed = _claimed_seconds(sound) or 0.0
        block = TIMELINE_BLOCK * self.window / self.sample_rate
        spans: list[tuple[float, float, Prediction]] = []
        start = 0.0
        while True:
            try:
                samples = read(sound, self.sample_rate, start, block)
            except AudioError as error:
                if not spans:
                    raise
                # A header's length is often a little off; of a rest that is shorter than a window nothing need be said.
                if claimed - start > self.window / self.sample_rate:
                    rest = Prediction(name, seconds=claimed - start, error=error.reason)
                    spans.append((start, claimed, rest))
                return spans
            length = self._without_rounding(len(samples))
            if spans and not length:
                return spans
            spans += self._spans(name, samples, length or len(samples), start, top)
            start += block
            if length < TIMELINE_BLOCK * self.window:
                return spans

    def _without_rounding(self, length: int) -> int:
        """Return whole windows' length in samples where `length` is that but for rounding, else `length`."""
        whole = round(length / self.window) * self.window
        return whole if abs(length - whole) <= _ROUNDING * self.sample_rate else length

    def _spans(
        self, path: str | None, samples: NDArray[np.float32], length: int, offset: float, top: int | None
    ) -> Iterator[tuple[float, float, Prediction]]:
        starts = window_starts(length, self.window)
        audible = is_audible(samples, starts, self.metadata)
        outputs = self._over_clip(self._needed, samples, starts[audible])
        rows = np.cumsum(audible) - 1  # of the audible windows
        # The last window is flush with the end and may overlap the one before: it speaks for what is new in it.
        edges = [
            *(offset + np.arange(len(starts)) * self.window / self.sample_rate),
            offset + length / self.sample_rate,
        ]
        for start, end, heard, row in zip(edges, edges[1:], audible, rows, strict=False):
            if heard:
                of_window = {name: values[row : row + 1] for name, values in outputs.items()}
                prediction = self._answer(of_window, path, end - start, top)
            else:
                prediction = silence(path, end - start)
            yield float(start), float(end), prediction

    def _classify_file(
        self, sound: Source, path: str | None, seconds: float | None, windows: int | None, top: int | None
    ) -> Prediction:
        heard, seconds = hear_file(sound, seconds, self.metadata, windows)
        if not len(heard):
            return silence(path, seconds)
        return self._answer(self._run(self._needed, _batches(heard)), path, seconds, top)

    def _answer(self, outputs: Outputs, path: str | None, seconds: float | None, top: int | None) -> Prediction:
        return answer(outputs, self.metadata, self._columns, path, seconds, top)

    def _mean_over_clip(self, output: str, samples: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(self._rows_of_clip(output, samples).mean(0), np.float32)

    def _rows_of_clip(self, output: str, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return one output of the graph for the windows that cover a clip, a row a window."""
        if samples.ndim != 1 or not len(samples) or not np.isfinite(samples).all():
            raise AudioError(_MEMORY, f"must be finite and of shape (n,), n > 0; the shape is {samples.shape}")
        samples = np.clip(_mono(samples), -1.0, 1.0)
        starts = self._audible_starts(samples)
        if not len(starts):
            starts = clip_starts(len(samples), self.window, self.metadata.hop)
        return self._over_clip([output], samples, starts)[output]

    def _audible_starts(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return where the windows that cover a clip start, without the silent ones."""
        starts = clip_starts(len(samples), self.window, self.metadata.hop)
        return starts[is_audible(samples, starts, self.metadata)]

    def _over_clip(self, names: Sequence[str], samples: NDArray[np.float32], starts: NDArray[np.int64]) -> Outputs:
        """Return outputs of the graph for windows of a clip, a row a window."""
        # Cut a batch at a time, since overlapping windows take more memory than the clip.
        return self._run(names, (cut(samples, batch, self.window) for batch in _batches(starts)))

    def _run(self, names: Sequence[str], batches: Iterable[NDArray[np.float32]]) -> Outputs:
        """Return outputs of the graph by their names, a row a window, from one run of it a batch of windows."""

        def hear(batch: NDArray[np.float32]) -> Outputs:
            with memory_errors():
                outputs = self._session.run(list(names), {self._input: self._take(batch)})
            return dict(zip(names, outputs, strict=True))

        return _joined(list(in_order(hear, batches, self._threads)))

    def _take(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the graph takes: the windows, or an example of each."""
        return windows if self._extractor is None else np.stack([self._extractor.of_window(row) for row in windows])


def _batches(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (rows[first : first + BATCH] for first in range(0, len(rows), BATCH))


def _joined(batches: Sequence[Outputs]) -> Outputs:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in (batches[0] if batches else ())}


def _require_counts(top: int | None, windows: int | None = None) -> None:
    if top is not None and top < 1:
        raise ValueError(f"top must be at least 1 genre, or None for all, got {top}")
    if windows is not None and windows < 1:
        raise ValueError(f"windows must be at least 1, or None for as many as there is need of, got {windows}")


def _claimed_seconds(path: Source) -> float | None:
    """Return the length of a file as its header claims it, None if it does not."""
    seconds = probe(path).seconds
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _mono(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Return samples (n,) or (n, channels) of any usual type as mono float32."""
    if samples.ndim not in (1, 2) or not samples.size:
        raise AudioError(_MEMORY, f"must be of shape (n,) or (n, channels), n > 0; the shape is {samples.shape}")
    if samples.ndim == 2 and samples.shape[1] > samples.shape[0]:
        raise AudioError(_MEMORY, f"must be of shape (n, channels), but are {samples.shape}: transpose them")
    if samples.dtype.kind == "i" and samples.dtype.itemsize in (2, 4):  # of either byte order
        floats = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    elif np.issubdtype(samples.dtype, np.floating):
        floats = samples.astype(np.float32)
    else:
        raise AudioError(_MEMORY, f"must be floats in [-1, 1], int16 or int32, but are {samples.dtype}")
    if not np.isfinite(floats).all():
        raise AudioError(_MEMORY, "hold NaN or infinity")
    np.clip(floats, -LARGEST, LARGEST, out=floats)
    return floats if floats.ndim == 1 else to_mono(floats)
