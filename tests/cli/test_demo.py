from pathlib import Path

import pytest

from genrelab.cli import demo as module
from genrelab.cli.app import main
from genrelab.locks import reserved


@pytest.mark.slow
def test_the_demo_goes_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = []
    for name in ("cnn", "rnn"):
        recipes.append(str(tmp_path / f"{name}.yaml"))
        Path(recipes[-1]).write_text(
            f"base: demo/{name}\nprotocol: {{folds: 2}}\ntrain: {{epochs: 1, crops_per_clip: 1}}\n"
        )
    monkeypatch.setattr(module, "RECIPES", recipes)
    monkeypatch.setattr(module, "CLIPS", 60)
    music = tmp_path / "music"
    music.mkdir()
    (music / "broken.mp3").write_text("not music")
    assert main(["demo", "-o", str(tmp_path / "demo"), "--music", str(music)]) == 0
    out = capsys.readouterr().out
    assert "New songs, by artists that training never heard" in out
    assert out.count(".flac") >= 20  # ten songs, by two classifiers
    assert "not audio" in out.replace("\n", " ")
    for name in (
        "report.html",
        "demo.onnx",
        "runs/cnn/report.html",
        "runs/rnn/report.html",
        "toy/clips.csv",
        "explanation/kept.wav",
        "study.html",
    ):
        assert (tmp_path / "demo" / name).is_file()
    assert (tmp_path / "demo" / "report.html").read_text().startswith("<!doctype html>")


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "thesis.txt").write_text("mine")
    assert main(["demo", "-o", str(tmp_path)]) == 2
    assert "was not made by a demo" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "runs" / "thesis.txt").read_text() == "mine"


def test_a_demo_that_is_being_made_is_not_swept_away_by_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "made by genrelab demo").touch()
    (tmp_path / "toy").mkdir()
    with reserved(tmp_path):
        assert main(["demo", "-o", str(tmp_path)]) == 2
    assert "another demo is being made here; wait for it" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "toy").is_dir()


def test_a_demo_made_anew_keeps_no_page_that_tells_of_the_last_one(tmp_path: Path) -> None:
    module._claim(tmp_path)
    for name in ("report.html", "demo.onnx", "study.html", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "runs" / "cnn").mkdir(parents=True)
    module._claim(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"made by genrelab demo", "notes.txt"}


def test_music_that_is_not_there_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "-o", str(tmp_path / "demo"), "--music", str(tmp_path / "nosuch")]) == 2
    assert "no such folder of music" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "demo").exists()
