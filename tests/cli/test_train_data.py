"""What ``--data`` takes what lies there for."""

from pathlib import Path

import pytest

from genrelab.cli.train import corpus_overrides, corpus_section
from genrelab.errors import RecipeError


@pytest.mark.parametrize(
    ("made", "kind"),
    [("genres/blues", "gtzan"), ("images_original/blues", "gtzan-pictures"), ("blues/somebody", "folder")],
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
    with pytest.raises(RecipeError, match="absent: neither a table"):
        corpus_section(tmp_path / "absent")


def test_a_place_with_odd_characters_survives_yaml():
    assert corpus_overrides({"root": 'a: "b" #c'}) == ['corpus.root="a: \\"b\\" #c"']
