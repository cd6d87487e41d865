"""What is explained: the network of one fold of a run, and how it hears a sound."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from genrelab.audio.windows import cut
from genrelab.errors import RunError, printable
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import read_summary
from genrelab.extractors import Extractor
from genrelab.extractors.mel_scale import hz_to_mel, mel_to_hz
from genrelab.extractors.picture import BOTTOM, LEFT, RIGHT, TOP
from genrelab.networks.model import GenreModel
from genrelab.training.ensemble import read_ensemble
from genrelab.training.feed import WINDOWS_AT_ONCE, Cutting
from genrelab.training.recipe import Recipe
from genrelab.training.run import load_models, load_run_recipe

MOST_WINDOWS = 12  # past as many, windows lie side by side: twice the work would say little new

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """The network of one fold of a finished run.

    Parameters
    ----------
    folder
        The run.
    summary
        Its ``run.json``.
    recipe, model
        What it was made from, and the network with its best weights, in evaluation mode on the CPU.
    fold
        Which fold's network it is.
    tested
        Whether the file in question was a test clip of this fold, so that its network never learned from it.
    """

    folder: Path
    summary: dict[str, Any]
    recipe: Recipe
    model: GenreModel
    fold: int
    tested: bool = False

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres in the order of the logits."""
        return tuple(self.summary["genres"])

    @property
    def sample_rate(self) -> int:
        """The network's sample rate in Hz."""
        return self.recipe.audio.sample_rate

    @property
    def extractor(self) -> Extractor | None:
        """What makes the examples that the front end takes; None where it takes samples."""
        return self.model.frontend.extractor()

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest frequency that the network hears, in Hz."""
        kind, options, top = self.recipe.frontend.kind, self.recipe.frontend.options, self.sample_rate / 2
        if kind == "contrast" or (kind == "stack" and {"chroma", "contrast"} & set(options["parts"])):
            # Contrast has a band below its fmin; and of a stack, fmax limits the mel bands alone.
            return 0.0, top
        return float(options.get("fmin") or 0.0), float(options.get("fmax") or top)

    def genre(self, name: str) -> int:
        """Return the code of a genre.

        Raises
        ------
        RunError
            The run does not know it.
        """
        if name not in self.genres:
            raise RunError(
                f"{self.folder}: knows no genre {printable(name)!r}; its genres are {', '.join(self.genres)}"
            )
        return self.genres.index(name)

    def windows(self, samples: Float) -> tuple[NDArray[np.int64], Float]:
        """Return where the windows of a clip (n,) begin, in samples, and the windows (windows, window).

        They are those that the clip is judged by; of long clips, windows side by side.
        """
        window, hop, crop = self.recipe.window_samples, self.recipe.hop_samples, self.recipe.audio.crop
        starts = Cutting(window, hop, crop).whole(len(samples))
        if len(starts) > MOST_WINDOWS and hop < window:
            starts = Cutting(window, window, crop).whole(len(samples))
        return starts, cut(samples, starts, window)

    def features(self, windows: Float) -> Tensor:
        """Return the features (n, channels, bins, frames) of windows (n, window)."""
        extractor = self.extractor
        taken = windows if extractor is None else np.stack([extractor.of_window(window) for window in windows])
        with torch.no_grad():
            features: Tensor = self.model.frontend(torch.from_numpy(np.ascontiguousarray(taken)))
        return features

    def logits(self, windows: Float) -> NDArray[np.float64]:
        """Return the logits (n, genres) of windows (n, window)."""
        parts = [windows[first : first + WINDOWS_AT_ONCE] for first in range(0, len(windows), WINDOWS_AT_ONCE)]
        with torch.inference_mode():
            found = [self.model.network(self.features(part)) for part in parts]
        return torch.cat(found).double().numpy()

    def probabilities(self, samples: Float) -> NDArray[np.float64]:
        """Return each genre's probability (genres,) for a clip (n,) at `sample_rate`, from its windows' mean logits."""
        return np.asarray(softmax(self.logits(self.windows(samples)[1]).mean(axis=0)))

    def row_frequencies(self) -> NDArray[np.float64] | None:
        """Return the middle of each row of the features in Hz, (bins,); None where rows are no frequencies."""
        options, (low, top) = self.recipe.frontend.options, self.range
        kind, bins = self.recipe.frontend.kind, self.model.frontend.bins
        if kind == "spectrogram":
            return np.arange(bins, dtype=np.float64) * (self.sample_rate / int(options["n_fft"]))
        if kind == "mel":
            scale = options["mel_scale"]
            return mel_to_hz(np.linspace(hz_to_mel(low, scale), hz_to_mel(top, scale), bins + 2)[1:-1], scale)
        if kind == "picture":
            rows = len(self.upright(np.zeros((1, bins, 1)))[0])
            return mel_to_hz((np.arange(rows) + 0.5) / rows * hz_to_mel(top))
        return None

    def upright(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Return the part of maps over the features (n, bins, frames) that depicts sound, low frequencies first."""
        options = self.recipe.frontend.options
        if self.recipe.frontend.kind != "picture":
            return maps
        if options["frame"]:  # the axes within the white frame
            top, bottom, left, right = (edge // options["shrink"] for edge in (TOP, BOTTOM, LEFT, RIGHT))
            maps = maps[:, top:bottom, left:right]
        return maps[:, ::-1]

    def frame_seconds(self, samples: int, frames: int) -> float:
        """Return the seconds from one frame of a window to the next, for a clip of so many samples."""
        hop = getattr(self.model.frontend, "hop_length", None)
        if hop is not None:
            return float(hop) / self.sample_rate
        # An extractor makes the same size of whatever sound there is in a window; padding it leaves out.
        heard = self.recipe.window_samples if self.extractor is None else min(samples, self.recipe.window_samples)
        return heard / self.sample_rate / frames


def load_subject(folder: Path, file: Path | None = None, fold: int | None = None) -> Subject:
    """Load the network of a run that shall be explained.

    Parameters
    ----------
    folder
        A finished run.
    file
        What it shall be asked about. If that is one of the run's clips, by its name, the fold that was tested on it is
        taken: its network has never learned from it.
    fold
        Take this fold instead.

    Raises
    ------
    RunError
        The folder is no finished run of a single network, has no such fold, or its weights are missing or damaged.
    """
    ensemble = read_ensemble(folder)
    if ensemble is not None:
        members = " or ".join(str(member) for member in ensemble.ensemble.members)
        raise RunError(f"{folder}: is an ensemble, and no single network to explain; explain a member: {members}")
    summary, recipe = read_summary(folder, fold), load_run_recipe(folder)
    tested = set() if file is None else _tested_in(folder, file)
    chosen = fold if fold is not None else min(tested, default=0)
    weights = folder / f"fold-{chosen}" / "best.safetensors"
    if not weights.is_file():
        raise RunError(f"{weights}: no such file; choose another fold (--fold), or train the run again")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*mel bands.*")  # whoever trained the run has seen that
        model = load_models(folder, len(summary["genres"]), [chosen])[0]
    return Subject(folder, summary, recipe, model, chosen, chosen in tested)


def log_odds(logits: NDArray[np.float64], genre: int) -> NDArray[np.float64]:
    """Return ``log(p / (1 - p))`` of a genre, (...,), from logits (..., genres): it moves even where p is near 1."""
    others = np.delete(logits, genre, axis=-1)
    most = others.max(axis=-1, keepdims=True)
    return np.asarray(logits[..., genre] - most[..., 0] - np.log(np.exp(others - most).sum(axis=-1)))


def _tested_in(folder: Path, file: Path) -> set[int]:
    """Return the folds in which a file was a test clip: by its name, with or without ending, or the end of its path."""
    table = Predictions.read(folder / "predictions.parquet").part("test").table
    path = f"/{file.absolute().as_posix()}"
    rows = zip(table["clip"].astype(str), table["fold"], strict=True)
    return {int(fold) for clip, fold in rows if clip in (file.stem, file.name) or path.endswith(f"/{clip}")}
