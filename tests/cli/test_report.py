"""``genrelab report`` on a run that was really trained, and what it says of studies that are none."""

import shutil
from pathlib import Path

import pytest

from genrelab.cli.app import main


@pytest.fixture
def study(tones_run: Path, tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "run").symlink_to(tones_run)
    return tmp_path / "study"


def test_a_folder_becomes_a_page_and_the_findings_are_said(study: Path, tmp_path: Path, capsys) -> None:
    assert main(["report", str(study), "--output", str(tmp_path / "out" / "page.html")]) == 0
    page = (tmp_path / "out" / "page.html").read_text()
    assert 'id="run-1"' in page
    assert str(tmp_path) not in page
    said = capsys.readouterr().out
    assert "is right on" in said
    assert "page.html tells it all." in said


def test_without_a_browser_the_page_is_there_all_the_same(study: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "page.html"
    assert main(["report", str(study), "-o", str(output), "--pdf", "--browser", "no-such-browser"]) == 2
    assert output.is_file()
    assert not output.with_suffix(".pdf").exists()
    assert "no-such-browser: no such program" in " ".join(capsys.readouterr().err.split())


def test_the_pdf_lies_beside_the_page(study: Path, tmp_path: Path, capsys) -> None:
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\nfor a; do case "$a" in --print-to-pdf=*) printf %%PDF-1 > "${a#*=}";; esac; done\n')
    browser.chmod(0o755)
    assert main(["report", str(study), "-o", str(tmp_path / "page.html"), "--pdf", "--browser", str(browser)]) == 0
    assert (tmp_path / "page.pdf").read_bytes() == b"%PDF-1"


@pytest.mark.parametrize("what", ["unknown", "empty", "without predictions"])
def test_bad_studies_get_one_sentence_and_status_2(study: Path, tones_run: Path, tmp_path: Path, capsys, what) -> None:
    if what == "unknown":
        study = tmp_path / "nowhere"
    elif what == "empty":
        (study / "run").unlink()
    else:
        (study / "run").unlink()
        shutil.copytree(tones_run, study / "run", ignore=shutil.ignore_patterns("fold-*", "predictions.parquet"))
    assert main(["report", str(study), "-o", str(tmp_path / "page.html")]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert {"unknown": "no such study", "empty": "holds neither run", "without predictions": "no such file"}[
        what
    ] in said
    assert "Traceback" not in said
    assert not (tmp_path / "page.html").exists()
