"""What a default bundle says beyond a head's genres: further genres and tags it was told of, and whether it is music.

The ten genres of GTZAN are a head's, learned from labelled clips. Others are tags of the Million Song Dataset that are
genres: a network that knows tags gives the odds that one is there. Both come under one rule: the odds of a further
genre are set against the ten together, whose probabilities the head shares out.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from genrelab.backbones.own import tag_names
from genrelab.backbones.teacher import Whole
from genrelab.bundles.session import EMBEDDING, LOGITS, STRANGENESS, TAGS
from genrelab.extractors.backbone import LISTENER, NETWORKS

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
SOUNDS = frozenset(
    (
        # voices
        *("Speech", "Singing", "Choir", "Chant", "Rapping", "Humming", "Whistling", "Laughter", "Yodeling"),
        # instruments
        *("Electric guitar", "Bass guitar", "Acoustic guitar", "Steel guitar, slide guitar", "Banjo", "Sitar"),
        *("Mandolin", "Zither", "Ukulele", "Piano", "Electric piano", "Organ", "Hammond organ", "Synthesizer"),
        *("Harpsichord", "Drum kit", "Drum machine", "Timpani", "Tabla", "Cymbal", "Hi-hat", "Tambourine", "Maraca"),
        *("Gong", "Marimba, xylophone", "Glockenspiel", "Vibraphone", "Steelpan", "Orchestra", "Brass instrument"),
        *("French horn", "Trumpet", "Trombone", "String section", "Violin, fiddle", "Pizzicato", "Cello"),
        *("Double bass", "Flute", "Saxophone", "Clarinet", "Harp", "Harmonica", "Accordion", "Bagpipes"),
        *("Didgeridoo", "Theremin", "Scratching (performance technique)", "Beatboxing"),
        # what is no music
        *("Applause", "Crowd", "Walk, footsteps", "Animal", "Dog", "Cat", "Bird", "Insect", "Wind", "Thunderstorm"),
        *("Water", "Rain", "Ocean", "Fire", "Vehicle", "Car", "Rail transport", "Aircraft", "Engine", "Door"),
        *("Telephone", "Typing", "Alarm", "Siren", "Bell", "Clock", "Mechanisms", "Tools", "Explosion"),
        *("Gunshot, gunfire", "Beep, bleep", "Sine wave", "Hum", "Static", "White noise"),
    )
)
"""Kinds of sound of AudioSet that are shown as tags: voices, instruments, and what an unknown sound may be."""
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
        The listener, whose first layer is that of the tags, and any others of our own behind it.
    temperature
        By which the head's logits are divided.
    tags
        The names of the listener's tags.
    offsets
        What is added to the log-odds of each further genre of `FURTHER`, in its order; a genre that is missing is not
        answered.
    familiarity
        The judge of all layers.
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
        self.named = list(shown_tags(list(whole.networks)).values())
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
        return logits, layers[:, self.shown], layers[:, self.named], self.familiarity(layers)


def shown_tags(networks: Sequence[str]) -> dict[str, int]:
    """Return the tags that are shown beside genres, and where each lies in the layers of these networks of our own.

    Of a name like "Violin, fiddle" or "Scratching (performance technique)" the first part is shown.
    """
    found: dict[str, int] = {}
    start = 0
    for network in networks:
        for place, tag in enumerate(tag_names(network)):  # the first layer
            if tag not in GENRE_TAGS if network == LISTENER else tag in SOUNDS:
                found[re.split(r", | \(", tag)[0]] = start + place
        start += sum(NETWORKS[network].values())
    return found


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
