"""An explanation to the folder that holds it: figure, sounds, page and numbers."""

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelab.audio.encoding import encoded
from genrelab.explain.explanation import RANDOM_MASKS, Explanation
from genrelab.explain.listen import mean_answers
from genrelab.explain.subject import Subject
from genrelab.files import atomic_path, require_folder, write_json, write_text
from genrelab.report.explanation import Layer, explanation_figure
from genrelab.report.explanation_page import TITLES, explanation_page, in_words
from genrelab.report.save import save

_PARTIAL = " The network listens past the layer {layer}, too: of what it hears there this map does not tell."


def default_folder(subject: Subject, file: Path) -> Path:
    """Return where a file's explanation goes if nobody says: ``explanations/song`` for ``song.mp3``.

    Where that holds the explanation of another file of this name, or by another run, it is ``explanations/song-2``, and
    so on.
    """
    names = (file.stem if number == 1 else f"{file.stem}-{number}" for number in count(1))
    folders = (Path("explanations") / name for name in names)
    own = _run(subject)
    return next(folder for folder in folders if _explained(folder, own) in (None, (file.resolve(), own)))


def _explained(folder: Path, run: Mapping[str, Any]) -> tuple[Path, dict[str, Any]] | None:
    """Return the file that a folder explains, and by which run, told as `run` is; None where it explains none."""
    try:
        facts = json.loads((folder / "explanation.json").read_text(encoding="utf-8"))
        return Path(facts["file"]).resolve(), {key: facts[key] for key in run}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _run(subject: Subject) -> dict[str, Any]:
    """Return what tells a run from others."""
    summary = subject.summary
    run = {"run": subject.folder.name, "recipe": summary["name"]}
    return run | {key: summary[key] for key in ("corpus", "protocol", "seed")}


def write_explanation(explanation: Explanation, folder: Path) -> dict[str, Any]:
    """Write an explanation's folder: figure, sounds, page and numbers; return what stands in ``explanation.json``.

    The page is written last: where it is, all else is.
    """
    require_folder(folder)
    facts = _facts(explanation)
    layers = [
        Layer(
            f"{TITLES[name]}, for {explanation.genre}",
            found.values,
            found.frequencies,
            found.times,
            found.top(explanation.ways.keep) if name == explanation.listened else None,
        )
        for name, found in explanation.maps.items()
    ]
    figure = explanation_figure(
        explanation.sound, layers, explanation.probabilities, explanation.genre, explanation.start
    )
    sounds = {"kept": explanation.kept, "left-out": explanation.left_out}
    # One gain for all, where one of them would clip: then they can still be compared by ear.
    peak = max(1.0, *(float(np.abs(sound).max()) for sound in sounds.values()))
    page = explanation_page(
        facts,
        figure,
        {name: encoded(sound / peak, explanation.sample_rate) for name, sound in _sounds(explanation).items()},
    )
    picture, _ = save(figure, folder, "explanation")
    for name, sound in sounds.items():
        with atomic_path(folder / f"{name}.wav") as temporary:
            temporary.write_bytes(encoded(sound / peak, explanation.sample_rate, "WAV"))
    write_json(picture.with_suffix(".json"), facts)
    write_text(folder / "index.html", page)
    return facts


def _sounds(explanation: Explanation) -> dict[str, NDArray[np.float32]]:
    return {"whole": explanation.samples, "kept": explanation.kept, "left-out": explanation.left_out}


def _facts(explanation: Explanation) -> dict[str, Any]:
    subject, summary = explanation.subject, explanation.subject.summary
    maps = {
        name: {
            "layer": found.layer or None,
            "rows": found.values.shape[0],
            "frames": found.values.shape[1],
            "over": "time" if found.frequencies is None else "time and frequency",
            "words": in_words(found.values, found.frequencies, found.times, explanation.genre, explanation.start)
            + (_PARTIAL.format(layer=found.layer) if found.partial else ""),
        }
        for name, found in explanation.maps.items()
    }
    return {
        "file": str(explanation.file),
        "start": explanation.start,
        "seconds": len(explanation.samples) / explanation.sample_rate,
        **_run(subject),
        "fold": subject.fold,
        "folds": summary["folds"],
        "leaks": summary["leaks"],
        "tested": subject.tested,
        "network": subject.recipe.network.kind,
        "frontend": subject.recipe.frontend.kind,
        "genre": explanation.genre,
        "probabilities": explanation.probabilities,
        "methods": maps,
        "refused": explanation.refused,
        "layer": explanation.ways.layer,
        "patch": explanation.ways.patch,
        "fill": explanation.ways.fill,
        "agreement": explanation.agreement,
        "listening": {
            "method": explanation.listened,
            "keep": explanation.ways.keep,
            "kept_share": float(explanation.maps[explanation.listened].top(explanation.ways.keep).mean()),
            "probability": explanation.answers._asdict(),
            "random_parts": RANDOM_MASKS,
            "probability_random": mean_answers(explanation.randomly)._asdict(),
            # Of the random parts, those whose hiding left the genre as low as that of the kept part, or lower.
            "random_as_good": sum(one.hidden <= explanation.answers.hidden for one in explanation.randomly),
        },
    }
