"""A bundle file opened: ONNX Runtime's session, and the metadata, checked against the graph."""

import importlib.resources
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime

from genrelab import __version__
from genrelab.bundles.metadata import KEY, Metadata
from genrelab.errors import BundleError, GenrelabError
from genrelab.extractors import EXTRACTORS, Extractor
from genrelab.extractors.session import open_session
from genrelab.files import cache_folder

INPUT = "waveform"
EXAMPLE = "example"  # of the metadata's extractor
LOGITS = "logits"
EMBEDDING = "embedding"
TAGS = "tags"  # optional, as metadata.tags
STRANGENESS = "strangeness"  # optional: the higher, the less a window is like what the model knows


def default_bundle() -> Path:
    """Return the path of the bundle that comes with the package.

    Raises
    ------
    BundleError
        This installation has none.
    """
    path = Path(str(importlib.resources.files("genrelab.bundles") / "default.onnx"))
    if not path.is_file():
        raise BundleError(
            f"{path}: the default bundle is missing from this installation; install genrelab again, or name a bundle "
            "made by `genrelab export` (--bundle FILE)"
        )
    return path


DEFAULT, TEACHER = "default", "teacher"


def teacher_bundle() -> Path:
    """Return where the bundle lies that ``genrelab backbone fetch musicnn`` builds."""
    return cache_folder() / "bundles" / f"{TEACHER}.onnx"


def find_bundle(name: "str | os.PathLike[str] | None") -> Path:
    """Return the path of a bundle.

    Parameters
    ----------
    name
        A file; ``"teacher"``; None or ``"default"`` for the default bundle.

    Raises
    ------
    BundleError
        The bundle that is meant is not on this machine.
    """
    known = DEFAULT if name is None else os.fspath(name)
    if known == DEFAULT:
        return default_bundle()
    if known != TEACHER:
        return Path(known)
    path = teacher_bundle()
    if not path.is_file():
        raise BundleError(
            f"{path}: the bundle {TEACHER!r} is not here yet; `genrelab backbone fetch musicnn` builds it"
        )
    return path


def open_bundle(path: Path) -> tuple[onnxruntime.InferenceSession, Metadata]:
    """Open a bundle and check it.

    Parameters
    ----------
    path
        The ``.onnx`` file.

    Raises
    ------
    BundleError
        The file is missing, is no ONNX file or not a bundle, or its graph and its metadata contradict each other.
    """
    if not path.is_file():
        raise BundleError(f"{path}: no such bundle; `genrelab export RUN -o FILE` makes one")
    try:
        with memory_errors():
            session = open_session(path)
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime's errors have no base of their own
        raise BundleError(
            f"{path}: not a bundle, or one for a newer ONNX Runtime: {onnxruntime.__version__} cannot open it ({error})"
            "; make or get it again, or pip install --upgrade onnxruntime"
        ) from error
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise BundleError(
            f"{path}: an ONNX file, but not a bundle: its metadata have no {KEY!r}; "
            "`genrelab export RUN -o FILE` makes one"
        )
    try:
        metadata = Metadata.from_json(text)
        require_fit(session, metadata)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error
    return session, metadata


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise `MemoryError` where ONNX Runtime has none left, which its own errors, of several types, only mention."""
    try:
        yield
    except Exception as error:
        if any(mention in str(error) for mention in ("bad_alloc", "Failed to allocate memory")):
            raise MemoryError(str(error)) from error
        raise


def build_extractor(metadata: Metadata) -> Extractor | None:
    """Return what turns windows into the examples that the graph takes; None where it takes the windows.

    Raises
    ------
    BundleError
        This version has no such extractor, or not with these options.
    """
    if not metadata.extractor:
        return None
    options = dict(metadata.extractor)
    kind = options.pop("kind", None)
    try:
        return EXTRACTORS[str(kind)](metadata.sample_rate, **options)
    except (KeyError, TypeError, GenrelabError) as error:
        raise BundleError(
            f"it needs the extractor {dict(metadata.extractor)}, which genrelab {__version__} does not have "
            f"(made by {metadata.genrelab_version or 'an unknown version'}); install a newer version"
        ) from error


def require_fit(session: onnxruntime.InferenceSession, metadata: Metadata) -> None:
    """Raise where a graph and the metadata contradict each other.

    Raises
    ------
    BundleError
        The graph lacks an input or an output that the metadata speak of, or one is of another shape.
    """
    inputs = {value.name: value.shape for value in session.get_inputs()}
    outputs = {value.name: value.shape for value in session.get_outputs()}
    extractor = build_extractor(metadata)
    taken = EXAMPLE if extractor else INPUT
    if list(inputs) != [taken] or not {LOGITS, EMBEDDING} <= set(outputs):
        raise BundleError(
            f"its graph takes {', '.join(inputs)} and gives {', '.join(outputs)}; "
            f"a bundle of this kind takes {taken} and gives {LOGITS} and {EMBEDDING}"
        )
    length, says = (extractor.size, "extractor") if extractor else (metadata.window, "window")
    genres, tags = len(metadata.genres), len(metadata.tags)
    sizes = [
        (taken, inputs[taken], length, f"the metadata's {says} is {length}"),
        (LOGITS, outputs[LOGITS], genres, f"the metadata's number of genres is {genres}"),
    ]
    if tags:
        _require_output(TAGS, "tags", outputs)
        sizes.append((TAGS, outputs[TAGS], tags, f"the metadata's number of tags is {tags}"))
    if metadata.unknown_above is not None:
        _require_output(STRANGENESS, "unknown_above", outputs)
        sizes.append((STRANGENESS, outputs[STRANGENESS], 1, "it must be one number a window"))
    for name, shape, size, expected in sizes:
        # An axis of open length is a name; it fits whatever the metadata say.
        if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != size):
            raise BundleError(f"its graph's {name} is of shape {shape}, but {expected}; export it again")
        if isinstance(shape[0], int):
            raise BundleError(
                f"its graph's {name} is of shape {shape}, but the batch must be of any size; export it again"
            )


def _require_output(name: str, key: str, outputs: Iterable[str]) -> None:
    if name not in outputs:
        raise BundleError(
            f"its metadata's {key} needs the output {name}, but its graph gives {', '.join(outputs)}; export it again"
        )
