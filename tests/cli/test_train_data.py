"""What ``--data`` takes what lies there for."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from genrelab.cli.overrides import corpus_overrides, corpus_section
from genrelab.corpora.gtzan_facts import GENRES
from genrelab.errors import RecipeError


@pytest.mark.parametrize("given", [".", "fma_medium"])
def test_fma_is_known_by_its_folder_and_its_numbers_are_no_genres(tmp_path: Path, given: str):
    (tmp_path / "fma_medium" / "000").mkdir(parents=True)
    root = tmp_path / given
    assert corpus_section(root) == {"kind": "fma", "subset": "medium", "root": str(root)}
    (tmp_path / "genres").mkdir()  # as `genrelab corpus fetch` puts it beside
    assert corpus_section(tmp_path)["kind"] == "gtzan"
    assert corpus_section(tmp_path / "fma_medium")["kind"] == "fma"


@pytest.mark.parametrize(("clips", "section"), [(100, {"kind": "gtzan"}), (9, {"kind": "gtzan", "partial": True})])
def test_the_folder_of_gtzans_genres_is_gtzan_under_whatever_name(tmp_path: Path, clips: int, section: dict[str, Any]):
    for genre in GENRES:
        (tmp_path / genre).mkdir()
        for number in range(clips):
            (tmp_path / genre / f"{genre}.{number:05}.wav").touch()
    assert corpus_section(tmp_path) == {**section, "root": str(tmp_path)}
    shutil.rmtree(tmp_path / "rock")
    (tmp_path / "rock").mkdir()
    (tmp_path / "rock" / "song.wav").touch()
    assert corpus_section(tmp_path)["kind"] == "folder"


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("genres/blues", "gtzan"),
        ("images_original/blues", "gtzan-pictures"),
        ("Data/images_original/blues", "gtzan-pictures"),
        ("blues/somebody", "folder"),
    ],
)
def test_a_folder_is_known_by_what_it_holds(tmp_path: Path, made: str, kind: str):
    (tmp_path / made).mkdir(parents=True)
    assert corpus_section(tmp_path) == {"kind": kind, "root": str(tmp_path)}


@pytest.mark.parametrize(
    ("header", "kind"), [("path,genre\n", "table"), ("filename,length,chroma_stft_mean,label\n", "gtzan-tables")]
)
def test_a_table_is_known_by_its_columns(tmp_path: Path, header: str, kind: str):
    (tmp_path / "clips.csv").write_text(header)
    assert corpus_section(tmp_path / "clips.csv") == {"kind": kind, "path": str(tmp_path / "clips.csv")}


def test_what_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"absent: there is no such table .*or folder"):
        corpus_section(tmp_path / "absent")


def test_a_place_with_odd_characters_survives_yaml():
    assert corpus_overrides({"root": 'a: "b" #c'}) == ['corpus.root="a: \\"b\\" #c"']
