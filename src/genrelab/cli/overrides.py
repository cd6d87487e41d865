"""What the command line says of a recipe, as overrides of its keys."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from genrelab.errors import RecipeError


def recipe_overrides(data: Path | None, set_: Iterable[str] | None, **keys: object) -> list[str]:
    """Return overrides, ``key=value``, in the order in which they take effect.

    `data` is what ``--data`` names, `set_` what ``--set`` says, `keys` what options of their own say of a key, or None.
    """
    given = [f"{key}={value}" for key, value in keys.items() if value is not None]
    return [*corpus_overrides(corpus_section(data)), *(set_ or []), *given]


def corpus_section(data: Path | None) -> dict[str, Any]:
    """Return a recipe's corpus section for what lies at `data`: a published corpus, or one's own; {} for None."""
    if data is None:
        return {}
    place = str(data.absolute())
    if data.is_dir():
        return {**_folder_of(data.absolute()), "root": place}
    if data.is_file():
        with data.open("rb") as file:
            columns = file.readline(10_000)
        # GTZAN 2.0's feature tables; any other table says what its clips are.
        return {"kind": "gtzan-tables" if b"chroma_stft_mean" in columns else "table", "path": place}
    raise RecipeError(f"--data {data}: there is no such table (.csv, .tsv, .parquet, .jsonl) or folder")


def _folder_of(data: Path) -> dict[str, Any]:
    """Return the kind of a folder's corpus. Published ones are known by their folders' names, as they are unpacked."""
    from genrelab.corpora.gtzan_facts import GENRES

    if (data / "images_original").is_dir():
        return {"kind": "gtzan-pictures"}
    if any((data / name).is_dir() for name in ("genres", "genres_original")):
        return {"kind": "gtzan"}
    if (data / "Data" / "images_original").is_dir():
        return {"kind": "gtzan-pictures"}
    for subset in ("small", "medium", "large"):
        # Its own folders, 000 to 155, would pass for genres.
        if data.name == f"fma_{subset}" or (data / f"fma_{subset}").is_dir():
            return {"kind": "fma", "subset": subset}
    # What genres/ holds, under whatever name: its artists, repeats and lists are known.
    clips = min(len(list((data / genre).glob(f"{genre}.[0-9][0-9][0-9][0-9][0-9].*"))) for genre in GENRES)
    if not clips:
        return {"kind": "folder"}
    # Where much is missing a part of it is meant, and its notes say so; where little is, the copy is damaged.
    return {"kind": "gtzan"} if clips > 90 else {"kind": "gtzan", "partial": True}


def corpus_overrides(section: Mapping[str, object]) -> list[str]:
    """Return a corpus section as overrides, ``key=value``."""
    # YAML reads JSON, and mistakes nothing in it for its own.
    return [f"corpus.{key}={json.dumps(value)}" for key, value in section.items()]
