"""The page of a study: what it must hold, that it is one file, that every number names its run, how it is printed."""

import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from genrelab.errors import GenrelabError, RunError
from genrelab.evaluation.intervals import Interval, bootstrap
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.run_folder import read_run
from genrelab.files import content_hash
from genrelab.report.pdf import VARIABLE, find_browser, print_pdf
from genrelab.report.references import LITERATURE, references
from genrelab.report.save import save
from genrelab.report.spectrogram import spectrogram_figure
from genrelab.report.study import study_page
from genrelab.report.study_parts import SECTIONS, Difference, Found, Group, Method, Part, Row, Study, StudyRun

RECIPE = {
    "name": "fma-cnn",
    "frontend": {"kind": "mfcc"},
    "network": {"kind": "cnn"},
    "augment": [{"kind": "mixup"}],
    "train": {"optimizer": "adamw", "schedule": "none"},
}
ALL = [Part(show=name) for name in SECTIONS]


def row(make_run, number: int, label: str, behind: Difference | None = None, **options: object) -> Row:
    run = StudyRun(number, f"runs/{number}", read_run(make_run(label, noise_seed=number, **options)), RECIPE)
    test = run.run.predictions.part("test")
    return Row(label, [run], test, metrics(test), bootstrap(test), float("nan"), behind)


@pytest.fixture(scope="module")
def study(make_run, tmp_path_factory) -> Study:
    """Return a study of two runs, an ablation and an explanation."""
    rows = [
        row(make_run, 1, "a <b>", skill=2.5, leaks=("two tracks stand in both parts",)),
        row(make_run, 2, "other", Difference(0.1, Interval(0.05, 0.15), 0.01, larger=True, seeds=1)),
    ]
    runs = [run for each in rows for run in each.runs]
    folder = tmp_path_factory.mktemp("found")
    save(spectrogram_figure(np.zeros((4, 5)), np.arange(5.0)), folder, "explanation")
    save(spectrogram_figure(np.zeros((4, 5)), np.arange(5.0)), folder, "ablation")
    for name in ("kept", "left-out"):
        soundfile.write(folder / f"{name}.wav", np.zeros(800), 8000)
    said = {"kept": 0.6, "left_out": 0.2, "hidden": 0.1}
    facts = {
        "file": "/somewhere/song.flac", "run": "a", "fold": 0, "tested": True, "genre": "jazz",
        "probabilities": {"jazz": 0.7, "rock": 0.3}, "agreement": -0.25,
        "methods": {"gradcam": {"words": "It speaks in the mids."}}, "refused": {}, "start": 0.0, "seconds": 30.0,
        "listening": {"method": "gradcam", "keep": 0.25, "probability": said, "probability_random": said,
                      "random_parts": 8, "random_as_good": 0},
    }  # fmt: skip
    ablation = {
        "name": "size", "about": "", "base": "small", "corpus": "gtzan", "baseline": "small", "folds": 3,
        "seeds": [0, 1], "protocols": ["random"], "overrides": [], "runs": [{}] * 4,
        "variants": {"small": None, "large": {"network": {"filters": [64]}}},
    }  # fmt: skip
    line = {"protocol": "random", "seeds": 2, "accuracy": 0.5, "low": 0.4, "high": 0.6, "spread": 0.01,
            "macro_f1": 0.5, "parameters": 1000, "difference": np.nan, "difference_low": np.nan,
            "difference_high": np.nan, "p": np.nan, "larger": False}  # fmt: skip
    better = {"difference": 0.1, "difference_low": 0.05, "difference_high": 0.15, "p": 0.01, "larger": True}
    table = pd.DataFrame([line | {"variant": "small"}, line | {"variant": "large"} | better])
    return Study(
        title='Genres & "seconds"</style>',
        authors="A. Student",
        abstract="We asked.",
        parts=ALL,
        runs=runs,
        groups=[
            Group("gtzan", rows[0].test.genres, "artist-folds", rows, ["Mind the folds."]),
            Group("gtzan", rows[0].test.genres, "random", rows),
        ],
        methods=[Method("a <b>", "A network.", {"network": "cnn"}, runs)],
        ablations=[Found("A1", "size", folder, ablation, table)],
        explanations=[Found("E1", "why", folder, facts, runs=runs[:1])],
        command="genrelab report .",
    )


@pytest.fixture(scope="module")
def page(study: Study) -> str:
    return study_page(study)


def test_the_contents_lead_to_every_part_and_what_there_is_not_has_none(page: str) -> None:
    links = re.findall(r'<a href="#(part-\d+)">\d+&ensp;([^<]+)</a>', page)
    assert [heading for _, heading in links] == [
        *("Summary", "Data", "Methods", "Results", "Ablations", "Explanations", "Reproducing this", "References")
    ]
    assert all(f'id="{place}"' in page for place, _ in links)


def test_every_figure_and_row_names_runs_that_the_appendix_lists(page: str) -> None:
    figures = re.findall(r"<figcaption>.*?</figcaption>", page, re.S)
    # Radar, reliability, genres, difference and training of the first protocol, a table of the second; the ablation's.
    assert len(figures) == 6
    assert all("from:" in caption for caption in figures[:5])
    assert "from its own 4 runs in size" in page
    for number in set(re.findall(r'href="#run-(\d+)"', page)):
        assert page.count(f'<tr id="run-{number}">') == 1
    assert '<a href="#run-1">R1</a>' in page.partition("E1, from")[2][:60]


def test_the_page_is_one_file_that_loads_nothing(page: str) -> None:
    sources = re.findall(r'src="([^"]{0,20})', page)
    assert len(sources) == 7 + 3  # pictures, and the sound whole, kept and left out
    assert all(source.startswith("data:") for source in sources)
    assert not re.search(r"url\(|@import|<script|<link(?! rel=\"icon\")", page)


def test_names_cannot_become_markup_or_end_the_style(page: str) -> None:
    assert "a &lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("</style>") == 2  # the house's and the page's own
    assert '@top-left { content: "Genres \\26  \\22 seconds\\22 \\3c \\2f style\\3e "' in page


def test_leaks_and_warnings_stand_where_the_numbers_do(page: str) -> None:
    assert "R1: two tracks stand in both parts" in page
    assert "Mind the folds." in page
    assert "The parts of the split leak into each other in R1: those figures are too high." in page


def test_players_are_for_the_screen_and_file_names_for_paper(page: str) -> None:
    assert re.search(r'class="sounds screen".*?<audio controls preload="none"', page, re.S)
    assert '<span class="paper">To hear: kept.wav, left-out.wav. </span>' in page
    assert "/somewhere" not in page


def test_commands_say_how_to_make_it_anew(page: str) -> None:
    assert "genrelab ablate size --protocol random --folds 3 --seeds 2 --output size" in page
    asked = "--fold 0 --genre jazz --keep 0.25 --start 0 --seconds 30 --method gradcam"
    assert f"genrelab explain runs/1 song.flac {asked} --output why" in page
    assert "genrelab report ." in page


def test_commands_ask_again_for_what_was_asked_for(study: Study) -> None:
    usual = study.explanations[0].facts
    asked = usual | {"file": "a song.flac", "genre": "rock", "start": 30.0, "seconds": 10.0, "refused": {"gradcam": ""}}
    asked["listening"] = usual["listening"] | {"keep": 0.1}
    asked |= {"layer": "blocks.0.conv", "patch": [4, 8], "fill": "silence"}
    mapped = {"name": "a", "words": [], "fold": 1, "parts": ["test", "train", "validation"], "map_seed": 3}
    of_bundle = {"name": "b", "words": [], "source": "bundle", "parts": ["all"], "map_seed": 0}
    sized = study.ablations[0].facts | {"asked": "/m/it's.yaml", "recipe": "tuned/m5", "overrides": ["name=it's"]}
    tuned = {"recipe": "small", "study": "mine", "objective": "validation_loss", "trials": {"complete": 3, "fail": 1},
             "best": {"number": 0, "value": 1.0}, "folds": 2, "overrides": ["max_clips=8"], "seed": 1,
             "asked_space": ["train.lr=log:1e-4:1e-2", "/m/space.yaml"], "pruner": "none"}  # fmt: skip
    blend = {"name": "a", "words": [], "pairs": [], "pair": ["r & b", "rock"], "as_blend": "/m/afro.csv"}
    blend["part"] = "validation"
    folder = study.explanations[0].folder
    (folder / "figures").mkdir(exist_ok=True)
    for name in ("figures/soft", "figures/by_genre", "tuning"):
        (folder / f"{name}.svg").write_text("<svg/>")
    page = study_page(
        replace(
            study,
            ablations=[replace(study.ablations[0], facts=sized)],
            tunings=[Found("T1", "a tuning", folder, tuned)],
            explanations=[Found("E1", "why", folder, asked, runs=study.runs[:1])],
            maps=[
                Found("M1", "map", folder, mapped | {"merits": {"artist_effect": None}}, runs=study.runs[:1]),
                Found("M2", "bundle", folder, of_bundle | {"merits": {"artist_effect": None}}),
            ],
            confusions=[Found("C1", "pairs", folder, blend, runs=study.runs[:1])],
        )
    )
    commands = unescape(re.search(r"<h3>Commands</h3>\n<pre>(.*?)</pre>", page, re.S)[1])
    options = "--protocol random --folds 3 --seeds 2 --set 'name=it'\"'\"'s'"
    assert f"genrelab ablate 'it'\"'\"'s.yaml' --recipe tuned/m5 {options} --output size" in commands
    options = "--space train.lr=log:1e-4:1e-2 --space space.yaml --trials 4 --folds 2 --seed 1 --pruner none"
    assert f"genrelab tune small {options} --study mine --set max_clips=8 --output 'a tuning'" in commands
    assert "genrelab explain embedding runs/1 --fold 1 --train --seed 3 --output map" in commands
    assert "genrelab explain embedding --bundle BUNDLE --data DATA --output bundle" in commands
    options = (
        "--fold 0 --genre rock --keep 0.1 --start 30 --seconds 10 --layer blocks.0.conv --patch 4 8 --fill silence"
    )
    assert f"genrelab explain runs/1 'a song.flac' {options} --output why" in commands
    options = "--pair 'r & b,rock' --as-blend afro.csv --part validation"
    assert f"genrelab explain confusions runs/1 {options} --output pairs" in commands


def test_every_wide_table_scrolls_by_itself_on_a_narrow_screen(page: str) -> None:
    tables = re.findall(r'(<div class="wide">)?<table class="(?:runs|tight)[^"]*"', page)
    assert len(tables) >= 4
    assert all(tables)


def test_a_figure_that_there_is_not_is_refused_by_name(study: Study) -> None:
    wrong = Study(study.title, "", "", [Part(show="results", figures=["pie"])], study.runs, study.groups, study.methods)
    with pytest.raises(RunError, match="no figure 'pie' of results; choose among radar, reliability"):
        study_page(wrong)


def test_a_picture_that_is_gone_is_refused_by_its_file(study: Study, tmp_path: Path) -> None:
    lost = Found("E1", "why", tmp_path, study.explanations[0].facts)
    with pytest.raises(RunError, match=r"explanation\.png: no such file"):
        study_page(Study("t", "", "", ALL, [], [], [], explanations=[lost]))


def test_references_are_those_of_what_was_used_by_first_authors() -> None:
    cited = references([RECIPE], ["gtzan-excerpts"], ["holm"])
    surnames = [re.split(r"[,:]| and | et al", entry)[0].split()[-1] for entry in cited]
    assert surnames == ["Davis", "Holm", "Ioffe", "Loshchilov", "Stevens", "Sturm", "Tzanetakis", "Zhang"]
    assert all(re.search(r"(19|20)\d\d", entry) for entry in LITERATURE.values())


def browser(folder: Path, script: str) -> str:
    path = folder / "browser"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_browser_is_found_by_option_then_variable_then_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b").mkdir()
    ours, theirs = browser(tmp_path, ""), browser(tmp_path / "b", "")
    monkeypatch.setenv(VARIABLE, theirs)
    assert find_browser(ours) == ours
    assert find_browser() == theirs
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    shutil.copy(ours, tmp_path / "chromium")
    assert find_browser() == str(tmp_path / "chromium")
    with pytest.raises(GenrelabError, match="nothing-here: no such program; name a Chromium with --browser"):
        find_browser("nothing-here")
    (tmp_path / "chromium").unlink()
    with pytest.raises(GenrelabError, match=r"no Chromium is installed.*apt install chromium"):
        find_browser()


TEXT_FOR_PDF = 'for a; do case "$a" in --print-to-pdf=*) echo text > "${a#*=}";; esac; done'


@pytest.mark.parametrize("script", ["echo gone wrong >&2; exit 3", "exit 0", TEXT_FOR_PDF])
def test_a_browser_that_fails_leaves_the_old_pdf(tmp_path: Path, script: str) -> None:
    (tmp_path / "page.html").write_text("<p>")
    (tmp_path / "page.pdf").write_bytes(b"old")
    with pytest.raises(
        GenrelabError, match=r"could not print .*page\.html \(status \d: (gone wrong|it wrote no PDF)\)"
    ):
        print_pdf(tmp_path / "page.html", tmp_path / "page.pdf", browser(tmp_path, script))
    assert (tmp_path / "page.pdf").read_bytes() == b"old"
    assert [path.name for path in tmp_path.glob(".genrelab*")] == []


def test_only_root_leaves_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.html").write_text("<p>")
    said = tmp_path / "said.json"
    script = f'printf "%s\\n" "$@" > {said}\n'
    script += 'for a; do case "$a" in --print-to-pdf=*) printf %%PDF-1 > "${a#*=}";; esac; done'
    for user, root in ((0, True), (1000, False)):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        print_pdf(tmp_path / "page.html", tmp_path / "page.pdf", browser(tmp_path, script))
        assert ("--no-sandbox" in said.read_text().splitlines()) == root
    assert (tmp_path / "page.pdf").read_bytes() == b"%PDF-1"


def test_a_printed_study_has_numbered_pages_and_a_running_title(page: str, tmp_path: Path) -> None:
    try:
        program = find_browser()
    except GenrelabError:
        pytest.skip("no Chromium is installed")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    (tmp_path / "page.html").write_text(page)
    print_pdf(tmp_path / "page.html", tmp_path / "page.pdf", program)
    done = subprocess.run(["pdftotext", "-layout", str(tmp_path / "page.pdf"), "-"], capture_output=True, check=True)
    pages = done.stdout.decode().split("\f")[:-1]
    assert 4 <= len(pages) <= 8
    for number, text in enumerate(pages, 1):
        assert text.split()[-1] == f"{number}/{len(pages)}" or text.split()[-3:] == [str(number), "/", str(len(pages))]
        assert ('Genres & "seconds"' in text.splitlines()[0]) == (number > 1)


def test_hashes_are_those_of_the_runs_files(study: Study, page: str) -> None:
    for run in study.runs:
        assert content_hash(run.run.folder / "predictions.parquet")[:12] in page
