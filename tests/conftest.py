"""Fixtures shared by all tests."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import soundfile

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from genrelab.evaluation.predictions import Predictions
    from genrelab.training.recipe import Recipe

# Two test processes share two cores; more threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GTZAN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real research data; it lies beside the developers' checkout alone."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the research data (../shared/data) is not on this machine")
    return SHARED_DATA


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the user's home folder away, as in many a container, and with it every place for a cache."""

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")  # as pathlib does, of a number without a name

    monkeypatch.setattr(Path, "home", home)
    monkeypatch.delenv("GENRELAB_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


@pytest.fixture
def bad_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what makes files that Python opens fail from some byte on, as a bad disk does (not libsndfile's)."""

    def fail(from_byte: int) -> None:
        class BadFile(io.FileIO):
            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                if self.tell() > from_byte:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return data

        monkeypatch.setattr(Path, "open", lambda path, *how, **more: BadFile(path))

    return fail


@pytest.fixture(scope="session")
def make_predictions() -> "Callable[..., Predictions]":
    """Return a maker of predictions as a middling classifier of GTZAN's genres gives them, in test and validation."""
    return _make_predictions


def _make_predictions(
    clips: int = 540,
    genres: tuple[str, ...] = GTZAN,
    skill: float = 1.5,
    sharpness: float = 3.0,
    folds: int = 5,
    clips_per_track: int = 2,
    seed: int = 0,
    noise_seed: int | None = None,
    info: dict[str, object] | None = None,
) -> "Predictions":
    """Draw each clip's logits around its genre; neighbours are mistaken for each other, a track's clips are alike.

    Two tables of one `seed` hold the same clips; `noise_seed` makes another model of them. `skill` is how far genres
    lie apart, a high `sharpness` makes the model too sure.
    """
    import numpy as np
    import pandas as pd

    from genrelab.evaluation.predictions import Predictions

    random = np.random.default_rng(seed)
    noise = np.random.default_rng([seed, 1 if noise_seed is None else noise_seed])
    tracks = -(-clips // clips_per_track)
    track = np.repeat(np.arange(tracks), clips_per_track)[:clips]
    genre_of_track = np.arange(tracks) % len(genres)
    fold_of_track = random.permutation(np.arange(tracks) // len(genres)) % folds
    hardness = random.normal(size=(tracks, len(genres)))
    distance = np.abs(np.arange(len(genres))[:, None] - np.arange(len(genres)))
    likeness = np.exp(-distance / 1.5)
    parts = []
    for split, shift in (("validation", 1), ("test", 0)):
        own = skill * likeness[genre_of_track[track]] / likeness.std(axis=1).mean() * 0.5
        logits = own + 0.6 * hardness[track] + 0.8 * noise.normal(size=(clips, len(genres)))
        logits = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
        table = pd.DataFrame(
            {
                "clip": [f"{genres[genre_of_track[t]]}.{number:05}" for number, t in enumerate(track)],
                "track": [f"track {t}" for t in track],
                "artist": [f"artist {t // 2}" for t in track],
                "split": split,
                "fold": (fold_of_track[track] + shift) % folds,
                "genre": [genres[genre_of_track[t]] for t in track],
            }
        )
        probabilities = logits / logits.sum(axis=1, keepdims=True)
        parts.append(table.join(pd.DataFrame(probabilities, columns=[f"p_{genre}" for genre in genres])))
    facts = {"protocol": "artist-folds", "corpus": "gtzan", "seed": 0, "folds": folds, "leaks": []} | (info or {})
    return Predictions(pd.concat(parts, ignore_index=True), facts)


@pytest.fixture(scope="session")
def make_bundle() -> Callable[..., Path]:
    """Return a maker of tiny bundles that hear by arithmetic one can do by hand; keywords change the metadata.

    `outputs` adds the graph's optional outputs, ``tags`` and ``strangeness``.
    """
    return _make_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of the genres bass, voice and whistle, with windows of 1 s at 22 050 Hz."""
    return _make_bundle(tmp_path_factory.mktemp("bundle") / "tiny.onnx")


def _make_bundle(path: Path, outputs: tuple[str, ...] = (), **changes: object) -> Path:
    """Write a graph whose logits are (4 - 20 r, 2, 20 r - 6) of r = mean |x[t + 1] - x[t]| / mean |x[t]|.

    For a sine of f Hz, r is 2 sin(pi f / 22050), however loud: 220 Hz is bass, 1 kHz voice, 3 kHz a whistle. The
    embedding is (mean |x|, r). Of the optional outputs, the tags' logits are (20 mean |x| - 4, 20 r - 6), which one may
    call loud and high, and the strangeness is r: 1.4 for white noise. A metadata value of None leaves its key out;
    ``metadata=None`` leaves out all.
    """
    import json

    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    window = 22050
    values: dict[str, object] = {
        "format": 1,
        "name": "tiny",
        "genres": ["bass", "voice", "whistle"],
        "sample_rate": 22050,
        "window": window,
        "hop": window,
        "temperature": 1.0,
        "unknown_below": 0.0,
        "silence_dbfs": -80.0,
        "metrics": {},
        "licence": "MIT",
        "recipe": {},
        "created": "2026-01-01T00:00:00+00:00",
        "genrelab_version": "0.1.0",
    }
    values = {key: value for key, value in (values | changes).items() if value is not None}
    constants = {
        "one": np.array([1]),
        "zero": np.array([0]),
        "end": np.array([window]),
        "last": np.array([window - 1]),
        "tiny": np.array([1e-12], np.float32),
        "weights": np.array([[-20, 0, 20]], np.float32),
        "biases": np.array([4, 2, -6], np.float32),
        "twenty": np.array([20], np.float32),
        "tag_biases": np.array([-4, -6], np.float32),
    }
    nodes = [
        helper.make_node("Slice", ["waveform", "one", "end", "one"], ["later"]),
        helper.make_node("Slice", ["waveform", "zero", "last", "one"], ["earlier"]),
        helper.make_node("Sub", ["later", "earlier"], ["step"]),
        helper.make_node("Abs", ["step"], ["steps"]),
        helper.make_node("Abs", ["waveform"], ["rectified"]),
        helper.make_node("ReduceMean", ["steps", "one"], ["steepness"]),
        helper.make_node("ReduceMean", ["rectified", "one"], ["loudness"]),
        helper.make_node("Add", ["loudness", "tiny"], ["divisor"]),
        helper.make_node("Div", ["steepness", "divisor"], ["r"]),
        helper.make_node("MatMul", ["r", "weights"], ["scaled"]),
        helper.make_node("Add", ["scaled", "biases"], ["logits"]),
        helper.make_node("Concat", ["loudness", "r"], ["embedding"], axis=1),
        helper.make_node("Mul", ["embedding", "twenty"], ["scaled_embedding"]),
        helper.make_node("Add", ["scaled_embedding", "tag_biases"], ["tags"]),
        helper.make_node("Identity", ["r"], ["strangeness"]),
    ]
    sizes = {"logits": 3, "embedding": 2, "tags": 2, "strangeness": 1}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", window])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", sizes[name]])
            for name in ("logits", "embedding", *outputs)
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if "metadata" not in changes:
        helper.set_model_props(model, {"genrelab": json.dumps(values)})
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def in_onnx() -> "Callable[[nn.Module, Tensor], Callable[[Tensor], NDArray[np.float32]]]":
    """Return what makes of a module and an example, batch first, its ONNX graph: a function of batches of any size."""
    return _in_onnx


def _in_onnx(module: "nn.Module", example: "Tensor") -> "Callable[[Tensor], NDArray[np.float32]]":
    import onnxruntime
    import torch

    from genrelab.networks.recurrence import onnx_translations

    program = torch.onnx.export(
        module,
        (example,),
        custom_translation_table=onnx_translations(),
        dynamo=True,
        opset_version=18,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=["example"],
        verbose=False,
    )
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue())

    def ask(batch: "Tensor") -> "NDArray[np.float32]":
        (found,) = session.run(None, {"example": batch.numpy()})
        return np.asarray(found)

    return ask


@pytest.fixture(scope="session")
def make_tone() -> "Callable[..., NDArray[np.float32]]":
    """Return a maker of sines: Hz, seconds, sample rate, amplitude."""
    import numpy as np

    def tone(hz: float, seconds: float, sample_rate: int = 22050, amplitude: float = 0.5) -> "NDArray[np.float32]":
        time = np.arange(round(seconds * sample_rate)) / sample_rate
        return (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)

    return tone


# A corpus that trains in seconds: three genres of tones, four artists a genre, two clips an artist.
TONES_RATE = 8000
PITCH = {"high": 1800.0, "low": 220.0, "noise": 0.0}


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 24 sound files of 1.5 s and the table that names them."""
    folder = tmp_path_factory.mktemp("tones")
    time = np.arange(int(1.5 * TONES_RATE)) / TONES_RATE
    rows = []
    for genre, pitch in PITCH.items():
        for number in range(8):
            rng = np.random.default_rng((number, len(genre)))
            sound = 0.05 * rng.standard_normal(len(time))
            if pitch:
                sound = sound + 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time)
            path = folder / f"{genre}{number}.wav"
            soundfile.write(path, sound, TONES_RATE)
            rows.append(
                {"clip": path.stem, "path": path.name, "genre": genre, "artist": f"{genre} artist {number // 2}"}
            )
    pd.DataFrame(rows).to_csv(folder / "clips.csv", index=False)
    return folder / "clips.csv"


@pytest.fixture
def recipe(table: Path) -> "Recipe":
    """Return a recipe that learns this corpus in a few small epochs."""
    return _tones_recipe(table)


def _tones_recipe(table: Path) -> "Recipe":
    from genrelab.training.recipe import check_recipe

    return check_recipe(
        {
            "name": "tones",
            "corpus": {"kind": "table", "path": str(table)},
            "protocol": {"name": "artist-folds", "folds": 2, "validation": 0.25},
            "audio": {"sample_rate": TONES_RATE, "window": 1.0, "hop": 0.25},
            "frontend": {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 32, "normalise": "band-standard"},
            "network": {"kind": "cnn", "filters": [8, 16], "dense_units": 16},
            "train": {
                "epochs": 4,
                "batch_size": 8,
                "lr": 0.01,
                "schedule": "plateau",
                "plateau_patience": 1,
                "patience": 3,
            },
        },
        "the tests' recipe",
    )


@pytest.fixture(scope="session")
def tones_run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished and evaluated run on this corpus, not to be written into."""
    from genrelab.report.run import evaluate_run
    from genrelab.training import run

    folder = tmp_path_factory.mktemp("runs") / "tones"
    run.train(_tones_recipe(table), folder, run.Options(stores=folder.parent / "stores"))
    evaluate_run(folder)
    return folder
