"""What trained networks of others make of sound: their layers as a row of values, by ONNX Runtime."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from genrelab.audio.windows import cut, window_starts
from genrelab.errors import BackboneError, RecipeError
from genrelab.extractors.extractor import Extractor
from genrelab.extractors.session import open_session
from genrelab.files import cache_folder, content_hash

SAMPLE_RATE = 16000
WINDOW = 186 * 256
"""Samples that these networks hear at once: 187 frames, 2.976 s."""
_MUSICNN = {"tags": 50, "penultimate": 200, "mean_pool": 753, "max_pool": 753}
_VGG = {"tags": 50, "penultimate": 256}
MUSICNN = {"MSD_musicnn": _MUSICNN, "MTT_musicnn": _MUSICNN, "MSD_vgg": _VGG, "MTT_vgg": _VGG}
"""What ``genrelab backbone fetch musicnn`` brings."""
YAMNET = "yamnet"
"""What ``genrelab backbone fetch yamnet`` brings."""
LISTENER = "listener"
SMALL_YAMNET = "small-yamnet"
OWN = (LISTENER, SMALL_YAMNET)
"""Genrelab's own networks, which come with the package: descendants of musicnn's and of YAMNet."""
NETWORKS = MUSICNN | {
    YAMNET: {"tags": 521, "penultimate": 1024},
    LISTENER: {"tags": 50, "penultimate": 200, "mean_pool": 256, "max_pool": 256, "blocks": 254},
    SMALL_YAMNET: {"tags": 521, "penultimate": 1024},
}
"""The layers of each network and their sizes, in the order in which they lie in its output."""
MOST_GAIN = 30.0
"""What a window is amplified by at most: noise shall not become music."""


class Backbone(Extractor):
    """The layers of one or several frozen networks, averaged over the patches of a window.

    A window shorter than a patch is repeated until it fills one, as the networks' authors did (``repeat-pad``).

    Parameters
    ----------
    sample_rate
        In Hz: 16 000, at which these networks learned.
    networks
        Names from `NETWORKS`. ``genrelab backbone fetch`` brings them.
    level
        Bring a window to this root mean square first, in dB of full scale (see `at_level`): these networks take a quiet
        record for other music. None leaves it as it is.

    Raises
    ------
    RecipeError
        There is no such network, the sample rate is another, or the level is above 0.
    """

    def __init__(self, sample_rate: int, networks: Sequence[str], level: float | None = None) -> None:
        super().__init__(sample_rate)
        if level is not None and not level <= 0:
            raise RecipeError(f"frontend.level: {level} dB of full scale; give 0 or less")
        if sample_rate != SAMPLE_RATE:
            raise RecipeError(f"audio.sample_rate: {sample_rate} Hz; these networks learned at {SAMPLE_RATE}")
        unknown = [name for name in networks if name not in NETWORKS]
        if unknown or not networks:
            raise RecipeError(f"frontend.networks: {', '.join(unknown) or 'none'}; choose of {', '.join(NETWORKS)}")
        self.networks = tuple(networks)
        self.level = level
        # Fetched networks stay as they are; ours learn anew, and what an older one heard is no use then.
        ours = [backbone_file(name) for name in self.networks if name in OWN and backbone_file(name).is_file()]
        if ours:
            self.version = int("".join(content_hash(path)[:12] for path in ours), 16)
        self.size = sum(size for name in self.networks for size in NETWORKS[name].values())

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the example (size,), float32, of mono samples (n,).

        Raises
        ------
        BackboneError
            A network is not on this machine.
        """
        if self.level is not None:
            samples = at_level(samples, self.level)
        if len(samples) < WINDOW:
            samples = np.resize(samples, WINDOW)
        patches = cut(samples, window_starts(len(samples), WINDOW, hop=WINDOW), WINDOW)
        layers = [_session(backbone_file(name)).run(["embedding"], {"waveform": patches})[0] for name in self.networks]
        example: NDArray[np.float32] = np.concatenate(layers, 1, dtype=np.float32).mean(0)
        return example


def at_level(samples: NDArray[np.float32], level: float) -> NDArray[np.float32]:
    """Return samples (n,) amplified to a root mean square of `level` dB of full scale, by `MOST_GAIN` at most.

    What the loudest samples then have beyond 1 is not clipped.
    """
    power = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    gain = min(10 ** (level / 20) / max(power, 1e-9), MOST_GAIN)
    return samples * np.float32(gain)


def backbone_file(name: str) -> Path:
    """Return where a network lies once it is fetched."""
    return cache_folder() / "backbones" / _source(name) / f"{name}.onnx"


def bring(name: str) -> str:
    """Return the command that brings a network to this machine."""
    return f"genrelab backbone fetch {_source(name)}"


def _source(name: str) -> str:
    if name in MUSICNN:
        return "musicnn"
    return "genrelab" if name in OWN else name


@cache
def _session(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise BackboneError(f"{path}: this network is not here yet; `{bring(path.stem)}` brings it")
    try:
        return open_session(path)
    except Exception as error:  # ONNX Runtime's errors have no base of their own
        raise BackboneError(f"{path}: damaged ({error}); `{bring(path.stem)}` writes it anew") from error
