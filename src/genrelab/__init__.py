"""genrelab tells the genre of a piece of music, shows why, and is the laboratory for such classifiers.

>>> import genrelab
>>> genrelab.load().classify_file("song.mp3")  # doctest: +SKIP
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrelab.bundles.classifier import Classifier

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

# Newer builds of ONNX Runtime report their use to Microsoft, and keep a number for this machine in the user's cache,
# unless told not to before they are loaded. Nobody who asks for a genre expects that; who wants it sets the variable.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def load(bundle: "str | os.PathLike[str] | None" = None, *, vocabulary: str | None = None) -> "Classifier":
    """Return a classifier, from a bundle file or from the one that comes with the package.

    Parameters
    ----------
    bundle
        Path of an ``.onnx`` bundle made by ``genrelab export``; None for the default bundle.
    vocabulary
        Confines the answers to some of the bundle's genres, e.g. ``"gtzan"``; None for all that it knows.

    Raises
    ------
    BundleError
        The file is missing or is not a bundle, or has no such vocabulary.
    """
    from genrelab.bundles.classifier import Classifier  # waits until it is wanted: it brings onnxruntime

    return Classifier(bundle, vocabulary=vocabulary)
