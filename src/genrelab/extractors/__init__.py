"""Samples to examples of a fixed size, for front ends that no graph can hold; no PyTorch.

An extractor is found by its name in `EXTRACTORS`. What it makes of a clip is computed once and kept (see
`genrelab.training.examples`); a bundle names its extractor, and the classifier runs the same code.
"""

from genrelab.extractors.backbone import Backbone
from genrelab.extractors.extractor import Extractor
from genrelab.extractors.handcrafted import Handcrafted
from genrelab.extractors.joint import Joint, Samples
from genrelab.extractors.picture import Picture

EXTRACTORS: dict[str, type[Extractor]] = {
    "samples": Samples,
    "joint": Joint,
    "handcrafted": Handcrafted,
    "picture": Picture,
    "backbone": Backbone,
}

__all__ = ["EXTRACTORS", "Extractor"]
