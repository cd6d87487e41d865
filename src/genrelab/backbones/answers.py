"""What a default bundle says beyond a head's genres: further genres and tags it was told of, and whether it is music.

The ten genres of GTZAN are a head's, learned from labelled clips. Others are tags of the Million Song Dataset that are
genres: a network that knows tags gives the odds that one is there. Both come under one rule: the odds of a further
genre are set against the ten together, whose probabilities the head shares out.
"""

import importlib.resources
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from genrelab.backbones.listener import tag_names
from genrelab.backbones.teacher import Whole, keep_built, load_heads, save_heads
from genrelab.bundles.export import Committee, export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.bundles.session import EMBEDDING, LARGE, LOGITS, STRANGENESS, TAGS
from genrelab.errors import BackboneError
from genrelab.extractors.backbone import LISTENER, NETWORKS
from genrelab.networks.model import GenreModel

Rule = Mapping[str, Sequence[str]]
FURTHER: Rule = {
    "electronic": ("electronic", "electronica", "dance", "electro", "House"),
    "folk": ("folk",),
    "soul": ("soul", "rnb"),
    "punk": ("punk",),
    "funk": ("funk",),
    "ambient": ("ambient", "chillout"),
}
"""Genres that listeners miss among GTZAN's ten, each with the tags of which the likeliest speaks for it."""
GENRE_TAGS = frozenset(
    ("rock", "pop", "jazz", "metal", "blues", "Hip-Hop", "country", *(tag for tags in FURTHER.values() for tag in tags))
)
"""Tags that are genres of the answer already, and are not shown beside it."""
_JUDGE = "familiarity"  # the key of what is kept beside the heads
RANGE = 5.0
"""Deviations beyond which a layer's value is no stranger still."""


class Familiarity(nn.Module):
    """A linear judge of whether a window's layers are those of music.

    Parameters
    ----------
    mean, deviation
        Of each value over music, (size,); a deviation of 0 leaves the value out.
    weight
        What each value's deviation from its mean says, and what its absolute deviation says, (2, size).
    bias
        What is added.
    """

    mean: Tensor
    deviation: Tensor
    weight: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor, weight: Tensor, bias: float) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", torch.where(deviation > 0, deviation, torch.inf))
        self.register_buffer("weight", weight)
        self.bias = bias

    def forward(self, layers: Tensor) -> Tensor:
        """Return how strange windows are whose layers are (batch, size): log-odds, (batch, 1)."""
        apart = ((layers - self.mean) / self.deviation).clamp(-RANGE, RANGE)
        return (apart @ self.weight[0] + apart.abs() @ self.weight[1] + self.bias)[:, None]


class Answers(nn.Module):
    """Waveform to the outputs of a default bundle.

    Parameters
    ----------
    whole
        The listener, whose first layer is that of the tags, and any networks behind it.
    temperature
        By which the head's logits are divided.
    tags
        The names of the tags.
    offsets
        What is added to the log-odds of each further genre of `FURTHER`, in its order; a genre that is missing is not
        answered.
    familiarity
        The judge of the listener's layers.
    """

    outputs = (LOGITS, EMBEDDING, TAGS, STRANGENESS)

    def __init__(
        self,
        whole: Whole,
        temperature: float,
        tags: Sequence[str],
        offsets: Mapping[str, float],
        familiarity: Familiarity,
    ) -> None:
        super().__init__()
        self.whole, self.temperature = whole, temperature
        self.further = [[tags.index(tag) for tag in FURTHER[genre]] for genre in offsets]
        self.named = [place for place, tag in enumerate(tags) if tag not in GENRE_TAGS]
        self.offsets = torch.tensor(list(offsets.values()))
        self.familiarity = familiarity
        sizes = list(NETWORKS[LISTENER].values())  # tags come first, then what is shown as the embedding
        self.tags, self.shown = slice(sizes[0]), slice(sizes[0], sizes[0] + sizes[1])

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return `outputs` of `waveform` (batch, samples)."""
        layers = self.whole.layers(waveform)
        ten, _ = self.whole.head(layers)
        tags = layers[:, self.tags]
        logits = torch.cat([(ten / self.temperature).log_softmax(1), further(tags, self.further, self.offsets)], 1)
        return logits, layers[:, self.shown], tags[:, self.named], self.familiarity(layers)


def save_answers(
    models: Sequence[GenreModel],
    metadata: Metadata,
    temperature: float,
    offsets: Mapping[str, float],
    familiarity: Familiarity,
    path: str | os.PathLike[str],
) -> None:
    """Write what `load_answers` joins to the networks: all of `Answers` that the developers trained.

    Parameters
    ----------
    models, metadata
        See `genrelab.backbones.teacher.save_heads`.
    temperature, offsets, familiarity
        See `Answers`.
    path
        The ``.safetensors`` file.
    """
    judge = {f"{_JUDGE}.{key}": value.contiguous() for key, value in familiarity.state_dict().items()}
    said = {"temperature": temperature, "offsets": dict(offsets), "bias": familiarity.bias}
    save_heads(models, metadata, path, judge, {_JUDGE: json.dumps(said)})


def load_answers(path: Path) -> tuple[Answers, Metadata]:
    """Read what `save_answers` wrote, and join it to the networks on this machine.

    Raises
    ------
    BackboneError
        The file is missing, damaged or of something else, or a network is not here.
    """
    try:
        with safe_open(path, "pt") as file:
            said = json.loads(file.metadata()[_JUDGE])
            judge = {key: file.get_tensor(f"{_JUDGE}.{key}") for key in ("mean", "deviation", "weight")}
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"{path}: holds no judge of what is music that can be read ({reason})") from None
    models, metadata = load_heads(path, len(said["offsets"]))
    frontend = metadata.recipe["frontend"]
    whole = Whole(frontend["networks"], frontend["level"], Committee(models))
    familiarity = Familiarity(**judge, bias=said["bias"])
    return Answers(whole, said["temperature"], tag_names(), said["offsets"], familiarity), metadata


def large_file() -> Path:
    """Return where that part of the bundle ``large`` lies which comes with the package."""
    return Path(str(importlib.resources.files("genrelab.backbones") / f"{LARGE}.safetensors"))


def build_large(say: Callable[[str], None] = lambda line: None) -> Path:
    """Join what comes with the package to the listener and YAMNet, for ``--bundle large``.

    Parameters
    ----------
    say
        Told what is being done.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    BackboneError
        YAMNet is not on this machine.
    """
    answers, metadata = load_answers(large_file())
    return keep_built(LARGE, lambda path: export_bundle([answers], metadata, path), say)


def further(tags: Tensor, places: Sequence[Sequence[int]], offsets: Tensor) -> Tensor:
    """Return the log-odds of further genres against the others together, (batch, genres).

    Parameters
    ----------
    tags
        Logits of all tags, (batch, tags).
    places
        For each genre the tags of which the likeliest speaks for it.
    offsets
        What is added for each genre, (genres,).
    """
    return torch.stack([tags[:, place].amax(1) for place in places], 1) + offsets
