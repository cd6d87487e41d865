"""``genrelab explain`` as a person calls it: what it writes, what it says, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.cli.app import main

pytestmark = pytest.mark.xdist_group("explain")


@pytest.fixture(scope="module")
def clip(table: Path) -> Path:
    return table.parent / "high0.wav"


@pytest.fixture(scope="module")
def explained(tones_run: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what is written where no folder is named."""
    here = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        assert main(["explain", str(tones_run), str(clip)]) == 0
    return here / "explanations" / "high0"


def test_a_run_and_a_file_make_a_folder_with_picture_sounds_page_and_numbers(explained, clip) -> None:
    names = {"explanation.json", "explanation.png", "explanation.svg", "index.html", "kept.wav", "left-out.wav"}
    assert {path.name for path in explained.iterdir()} == names
    whole, rate = soundfile.read(clip)
    kept, kept_rate = soundfile.read(explained / "kept.wav")
    left_out, _ = soundfile.read(explained / "left-out.wav")
    assert kept_rate == rate
    np.testing.assert_allclose(kept + left_out, whole, atol=1e-4)
    facts = json.loads((explained / "explanation.json").read_text())
    assert facts["tested"] is True
    assert facts["protocol"] == "artist-folds"
    assert facts["genre"] == max(facts["probabilities"], key=facts["probabilities"].get)
    assert set(facts["methods"]) == {"gradcam", "occlusion"}
    assert facts["methods"]["gradcam"]["layer"] == "blocks.1.conv"
    assert -1 <= facts["agreement"] <= 1


def test_the_page_holds_all_it_needs(explained) -> None:
    page = (explained / "index.html").read_text()
    assert page.count("data:audio/flac;base64,") == 3
    assert "data:image/svg+xml;base64," in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_options_may_stand_before_the_run(tones_run, clip, tmp_path) -> None:
    out = tmp_path / "out"
    words = ["explain", "--method", "gradcam", "--genre", "low", "--keep", "0.5", "--fold", "1", "-o", str(out)]
    assert main([*words, "--start", "0.2", "--seconds", "1", str(tones_run), str(clip)]) == 0
    facts = json.loads((out / "explanation.json").read_text())
    assert (facts["genre"], facts["fold"], facts["start"], facts["seconds"]) == ("low", 1, 0.2, 1.0)
    assert list(facts["methods"]) == ["gradcam"]
    assert facts["listening"]["kept_share"] <= 0.5


def test_what_was_asked_for_is_noted_down(tones_run, clip, tmp_path) -> None:
    words = ["explain", str(tones_run), str(clip), "--layer", "blocks.0.conv", "--patch", "9", "8", "--fill", "mean"]
    assert main([*words, "-o", str(tmp_path)]) == 0
    facts = json.loads((tmp_path / "explanation.json").read_text())
    assert (facts["layer"], facts["patch"], facts["fill"]) == ("blocks.0.conv", [9, 8], "mean")


def test_a_second_run_does_not_overwrite_what_the_first_says_of_a_song(tones_run, clip, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = Path(shutil.copytree(tones_run, tmp_path / "other"))
    for run in (tones_run, other, tones_run):
        assert main(["explain", str(run), str(clip), "--method", "gradcam"]) == 0
    told = {
        folder.name: json.loads((folder / "explanation.json").read_text())["run"]
        for folder in (tmp_path / "explanations").iterdir()
    }
    assert told == {"high0": tones_run.name, "high0-2": "other"}


def test_files_of_one_name_are_explained_in_folders_of_their_own(tones_run, clip, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples, rate = soundfile.read(clip)
    files = [tmp_path / "a" / "song.wav", tmp_path / "b" / "song.wav", tmp_path / "a" / "song.flac"]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        soundfile.write(file, samples, rate)
    # The first is asked again, and by another way to it, at last: its folder is written anew.
    for file in [*files, Path("a/song.wav")]:
        assert main(["explain", str(tones_run), str(file), "--method", "gradcam"]) == 0
    told = {
        folder.name: json.loads((folder / "explanation.json").read_text())["file"]
        for folder in (tmp_path / "explanations").iterdir()
    }
    assert told == {"song": "a/song.wav", "song-2": str(files[1]), "song-3": str(files[2])}


def test_the_help_names_every_verb(capsys) -> None:
    assert main(["explain", "--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {verb} " in listed for verb in ("file", "sanity", "confusions", "embedding"))
    assert main(["explain", "sanity", "--help"]) == 0


def test_a_folder_named_like_a_verb_is_reached_by_its_path(clip, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sanity").mkdir()
    assert main(["explain", "./sanity", str(clip)]) == 2
    assert "not a run" in capsys.readouterr().err


def test_sanity_prints_a_table_and_writes_it_clip_by_clip(tones_run, tmp_path, capsys) -> None:
    out = tmp_path / "sanity.csv"
    assert main(["explain", "sanity", str(tones_run), "--clips", "2", "--method", "gradcam", "-o", str(out)]) == 0
    assert "salient part hidden" in capsys.readouterr().out
    assert len(out.read_text().splitlines()) == 3


def sound(path: Path, kind: str) -> Path:
    if kind == "text":
        path.write_text("this is no sound\n" * 50)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "silent":
        soundfile.write(path, np.zeros(16000), 8000)
    elif kind == "short":
        soundfile.write(path, np.full(400, 0.1), 8000)
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("text", "not audio"),
        ("empty", "empty file"),
        ("silent", "silent: below -80 dB"),
        ("short", "too short: 0.05 s of sound, at least 0.1 s are needed"),
        ("missing", "no such file"),
    ],
)
def test_a_bad_sound_file_is_one_sentence_and_leaves_nothing(tones_run, tmp_path, capsys, kind, reason) -> None:
    path = sound(tmp_path / "bad.wav", kind)
    assert main(["explain", str(tones_run), str(path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert reason in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--genre", "polka"], "knows no genre 'polka'; its genres are high, low, noise"),
        (["--layer", "conv9"], "has no convolution 'conv9'; it has blocks.0.conv, blocks.1.conv"),
        (["--fold", "7"], "has no fold 7; its folds are 0 to 1"),
        (["--start", "90"], "nothing to hear at 90 s"),
        (["--patch", "900", "4"], "is no patch of this network's map"),
    ],
)
def test_a_bad_wish_is_one_sentence_and_leaves_nothing(tones_run, clip, tmp_path, capsys, words, reason) -> None:
    assert main(["explain", str(tones_run), str(clip), *words, "-o", str(tmp_path / "out")]) == 2
    assert reason in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_a_run_whose_weights_are_gone_or_damaged(tones_run, clip, tmp_path, capsys) -> None:
    run = shutil.copytree(tones_run, tmp_path / "run")
    weights = run / "fold-0" / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert main(["explain", str(run), str(clip), "--fold", "0", "-o", str(tmp_path / "out")]) == 2
    assert "cannot be loaded" in capsys.readouterr().err
    weights.unlink()
    assert main(["explain", str(run), str(clip), "--fold", "0", "-o", str(tmp_path / "out")]) == 2
    assert "choose another fold" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_left_alone(tones_run, clip, tmp_path, capsys) -> None:
    taken = tmp_path / "out"
    taken.write_text("mine")
    assert main(["explain", str(tones_run), str(clip), "--method", "gradcam", "-o", str(taken)]) == 2
    assert "is there and is no folder" in capsys.readouterr().err
    assert taken.read_text() == "mine"


@pytest.mark.parametrize("verb", ["sanity", "embedding", "confusions"])
def test_a_place_that_cannot_be_written_is_refused_before_work(tones_run, tmp_path, capsys, monkeypatch, verb) -> None:
    def work(*values: object, **more: object) -> None:
        pytest.fail("has begun to work")

    monkeypatch.setattr("genrelab.explain.sanity.sanity", work)
    monkeypatch.setattr("genrelab.explain.embedding.embed_run", work)
    monkeypatch.setattr("genrelab.report.confusions.soft_confusion_figure", work)
    taken = tmp_path / "out"
    if verb == "sanity":
        taken.mkdir()
    else:
        taken.write_text("mine")
    assert main(["explain", verb, str(tones_run), "-o", str(taken)]) == 2
    assert "is there and is no" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")
@pytest.mark.parametrize("verb", ["", "embedding", "confusions"])
def test_a_read_only_place_is_refused_before_work(tones_run, clip, capsys, monkeypatch, verb) -> None:
    def work(*values: object, **more: object) -> None:
        pytest.fail("has begun to work")

    for worker in ("explain.explanation.explain", "explain.embedding.embed_run", "report.confusions.overlap_figure"):
        monkeypatch.setattr(f"genrelab.{worker}", work)
    asked = [verb, str(tones_run)] if verb else [str(tones_run), str(clip)]
    assert main(["explain", *asked, "-o", "/proc/out"]) == 2
    assert capsys.readouterr().err == "genrelab: /proc/out: No such file or directory\n"
