"""What belongs to a study, found in a folder or listed, and what can be compared with what."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from genrelab.errors import RunError
from genrelab.evaluation.metrics import metrics
from genrelab.evaluation.predictions import Predictions
from genrelab.report.study_words import data_words, summary
from genrelab.studies.study import read_study, report
from genrelab.training.recipe import load_recipe

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, make_predictions) -> Make:
    """Return a maker of finished runs in ``tmp_path/study``, without training."""
    (tmp_path / "study").mkdir()

    def write(place: str, recipe: str = "short/fma-cnn-short", seed: int = 0, **options: object) -> Path:
        folder = tmp_path / "study" / place
        protocol = str(options.pop("protocol", "artist-folds"))
        resolved = load_recipe(recipe, [f"seed={seed}", f"protocol.name={protocol}", *options.pop("overrides", [])])  # type: ignore[misc]
        info = {"name": resolved.name, "protocol": protocol, "seed": seed, "folds": 2, "corpus": "gtzan"}
        predictions = make_predictions(**{"clips": 120, "folds": 2, "noise_seed": seed, **options}, info=info)
        predictions.write(folder / "predictions.parquet")
        facts = predictions.info | {"clips": 120, "parameters": 1000, "minutes": 2.0}
        (folder / "run.json").write_text(json.dumps(facts))
        (folder / "recipe.yaml").write_text(resolved.to_yaml())
        (folder / "environment.json").write_text(json.dumps({"python": "3.11.2"}))
        return folder

    return write


def explain(folder: Path, run: Path) -> None:
    """Write what of an explanation a study reads."""
    folder.mkdir(parents=True)
    facts = {"file": "song.flac", "run": run.name, "recipe": "x"} | {
        key: json.loads((run / "run.json").read_text())[key] for key in ("corpus", "protocol", "folds", "seed")
    }
    (folder / "explanation.json").write_text(json.dumps(facts))
    (folder / "explanation.png").write_bytes(b"")


def ablate(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({"name": "size", "baseline": "small", "corpus": "gtzan"}))
    pd.DataFrame({"variant": ["small"], "protocol": ["random"]}).to_csv(folder / "table.csv", index=False)
    (folder / "ablation.svg").write_text("<svg/>")


def test_runs_are_found_at_any_depth_and_numbered_in_the_order_of_their_folders(make: Make, tmp_path: Path) -> None:
    make("b/deep/er/run")
    make("a", seed=1)
    study = read_study(tmp_path / "study")
    assert [(run.number, run.place) for run in study.runs] == [(1, "a"), (2, "b/deep/er/run")]
    assert study.title == "study"


def test_a_link_to_a_folder_counts_as_the_folder_and_a_loop_of_links_ends(make: Make, tmp_path: Path) -> None:
    run = make("runs/a")
    other = make("../elsewhere", seed=1)
    (tmp_path / "study" / "linked").symlink_to(other)
    (tmp_path / "study" / "again").symlink_to(run)
    (run / "up").symlink_to(tmp_path / "study")
    study = read_study(tmp_path / "study")
    assert len(study.runs) == 2


def test_runs_of_an_ablation_are_no_rows_of_the_study(make: Make, tmp_path: Path) -> None:
    make("a")
    ablate(tmp_path / "study" / "size")
    make("size/small/random/0", seed=5)
    study = read_study(tmp_path / "study")
    assert [run.place for run in study.runs] == ["a"]
    assert [(found.name, found.place) for found in study.ablations] == [("A1", "size")]


def test_seeds_of_a_recipe_are_pooled_into_one_row(make: Make, tmp_path: Path) -> None:
    for seed in range(3):
        make(f"cnn-{seed}", seed=seed)
    (group,) = read_study(tmp_path / "study").groups
    (row,) = group.rows
    assert [run.run.info["seed"] for run in row.runs] == [0, 1, 2]
    assert (row.clips, len(row.test)) == (120, 360)
    assert row.spread > 0
    by_seed = [metrics(run.run.predictions.part("test")) for run in row.runs]
    for name in ("accuracy", "macro_f1"):
        assert row.metrics[name] == pytest.approx(np.mean([one[name] for one in by_seed]))
    assert row.metrics["macro_f1"] != pytest.approx(metrics(row.test)["macro_f1"])
    assert row.metrics["ece"] == metrics(row.test)["ece"]  # that of the figure
    assert row.minutes == 2.0


def test_the_parts_of_a_split_are_those_of_all_rows(make: Make, tmp_path: Path) -> None:
    make("best")
    other = make("other", "short/gtzan-crnn-short", skill=0.5) / "predictions.parquet"
    predictions = Predictions.read(other)
    dropped = (predictions.table["split"] == "validation") & (predictions.table["track"] < "track 3")
    Predictions(predictions.table[~dropped].reset_index(drop=True), predictions.info).write(other)
    (group,) = read_study(tmp_path / "study").groups
    assert group.rows[0].runs[0].place == "best"
    fewest = predictions.table[~dropped & (predictions.table["split"] == "validation")].groupby("fold").size().min()
    assert f"tested on 60 clips and validated on {fewest} to 60;" in data_words(group)


def test_another_option_makes_another_row_and_is_told_in_its_name(make: Make, tmp_path: Path) -> None:
    make("a", noise_seed=3)
    make("b", noise_seed=4, overrides=["train.lr=0.5"])
    (group,) = read_study(tmp_path / "study").groups
    names = {row.label for row in group.rows}
    assert names == {"short/fma-cnn-short", "short/fma-cnn-short (lr 0.5)"}


def test_another_device_makes_no_other_row(make: Make, tmp_path: Path) -> None:
    make("a")
    make("b", seed=1, overrides=["train.device=cpu"])
    (group,) = read_study(tmp_path / "study").groups
    assert len(group.rows) == 1


def test_the_best_is_compared_with_the_others_on_the_seeds_that_both_have(make: Make, tmp_path: Path) -> None:
    for seed in range(3):
        make(f"good-{seed}", seed=seed, skill=2.5)
    for seed in (1, 2):
        make(f"bad-{seed}", "short/gtzan-crnn-short", seed=seed, skill=0.3, noise_seed=50 + seed)
    (group,) = read_study(tmp_path / "study").groups
    behind = group.rows[1].behind
    assert group.rows[0].label == "short/fma-cnn-short"
    assert behind is not None
    assert (behind.seeds, behind.larger) == (2, True)
    assert behind.interval.low < behind.value < behind.interval.high


def test_two_models_alike_are_not_told_apart(make: Make, tmp_path: Path) -> None:
    make("a", noise_seed=3)
    make("b", "short/gtzan-crnn-short", noise_seed=4)
    (group,) = read_study(tmp_path / "study").groups
    assert group.rows[1].behind is not None
    assert not group.rows[1].behind.larger
    told = " ".join(summary(read_study(tmp_path / "study")))
    assert "within the noise, so that nothing can be said (interval, p and seeds have to agree): " in told
    assert "rests on one seed" in told


def test_protocols_stand_apart_the_strictest_first_and_the_fall_between_them_is_told(
    make: Make, tmp_path: Path
) -> None:
    make("a", protocol="random", skill=3)
    make("b", protocol="artist-folds", skill=1)
    study = read_study(tmp_path / "study")
    assert [group.protocol for group in study.groups] == ["artist-folds", "random"]
    assert any("to artists never heard" in sentence for sentence in summary(study))


def test_runs_of_different_genres_stand_apart_and_are_not_compared(make: Make, tmp_path: Path) -> None:
    make("a")
    make("b", "short/gtzan-crnn-short", genres=("polka", "waltz", "march"))
    study = read_study(tmp_path / "study")
    assert [len(group.rows) for group in study.groups] == [1, 1]
    assert any("not compared across them" in sentence for sentence in summary(study))


def test_a_second_run_of_one_recipe_and_seed_is_left_out_and_noted(make: Make, tmp_path: Path) -> None:
    make("a")
    make("b")
    study = read_study(tmp_path / "study")
    assert [run.place for run in study.runs] == ["a"]
    assert study.notes == ["b is left out: it has the recipe, the data and the seed of a."]


def test_what_all_recipes_share_is_told_once(make: Make, tmp_path: Path) -> None:
    make("a")
    make("b", "short/gtzan-crnn-short")
    common, first, second = read_study(tmp_path / "study").methods
    assert common.label == "Common to all"
    assert "batch_size 32" in common.lines["training"]
    assert "batch_size" not in first.lines.get("training", "") + second.lines.get("training", "")
    assert first.lines["network"].startswith("cnn: ")


def test_an_explanation_is_traced_to_its_run(make: Make, tmp_path: Path) -> None:
    make("other", "short/gtzan-crnn-short")
    explain(tmp_path / "study" / "why", make("cnn"))
    explain(make("within", seed=2) / "why", tmp_path / "study" / "cnn")
    study = read_study(tmp_path / "study")
    assert {found.place: [run.place for run in found.runs] for found in study.explanations} == {
        "why": ["cnn"],
        "within/why": ["within"],
    }


def test_an_explanation_is_traced_to_its_run_among_namesakes_of_other_rows(make: Make, tmp_path: Path) -> None:
    first, second = make("cnn/random-0"), make("crnn/random-0", "short/gtzan-crnn-short")
    for run in (first, second):
        why = tmp_path / "study" / "why" / run.parent.name
        explain(why, run)
        facts = json.loads((why / "explanation.json").read_text())
        facts["recipe"] = json.loads((run / "run.json").read_text())["name"]
        (why / "explanation.json").write_text(json.dumps(facts))
    study = read_study(tmp_path / "study")
    assert [[run.place for run in found.runs] for found in study.explanations] == [["cnn/random-0"], ["crnn/random-0"]]


def test_a_file_lists_folders_with_titles_and_says_what_is_shown(make: Make, tmp_path: Path) -> None:
    make("runs/a-0")
    make("runs/a-1", seed=1)
    make("runs/left-out", "short/gtzan-crnn-short")
    tree = {
        "title": "Two seeds",
        "authors": ["A. Student", "B. Student"],
        "include": [{"folder": "study/runs/a-*", "title": "a small network"}],
        "parts": [{"heading": "Why", "words": "One.\n\nTwo."}, {"show": "results", "figures": ["reliability"]}],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(tree))
    study = report(tmp_path / "study.yaml", tmp_path / "out" / "report.html")
    assert [run.place for run in study.runs] == ["study/runs/a-0", "study/runs/a-1"]
    assert [row.label for row in study.groups[0].rows] == ["a small network"]
    assert study.authors == "A. Student, B. Student"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<p>One.</p>" in page
    assert page.count("<figure") == 1
    assert "Radar" not in page


def test_a_title_of_several_recipes_stands_before_their_names(make: Make, tmp_path: Path) -> None:
    make("runs/a-0")
    make("runs/b-0", "short/gtzan-crnn-short")
    (tmp_path / "study.yaml").write_text("include: [{folder: study/runs, title: Two networks}]")
    (group,) = report(tmp_path / "study.yaml", tmp_path / "report.html").groups
    assert {row.label.partition(": ")[0] for row in group.rows} == {"Two networks"}
    assert len({row.label for row in group.rows}) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour: blue", "colour: Extra inputs are not permitted; a study has title, authors"),
        ("parts: [{show: everything}]", "parts.0.show: Input should be 'summary', 'data'"),
        ("title: [", "not YAML"),
        ("- a", "a study has title"),
        ("include: [nowhere]", "include: nowhere: no such folder"),
        ("include: [study, {folder: study, title: twice}]", "include: study: is listed twice"),
        (
            "{include: [study], parts: [{show: results, figures: [pie]}]}",
            "no figure 'pie' of results; choose among radar",
        ),
    ],
)
def test_a_file_that_says_what_it_cannot_is_refused(make: Make, tmp_path: Path, text: str, words: str) -> None:
    make("a")
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(RunError) as error:
        report(tmp_path / "study.yaml", tmp_path / "report.html")
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "report.html").exists()


def test_an_unknown_study_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nowhere: no such study; give a folder that holds runs, or a \.yaml file"):
        read_study(tmp_path / "nowhere")
    with pytest.raises(RunError, match="holds neither run, ablation, explanation nor map"):
        read_study(tmp_path)


@pytest.mark.parametrize(("name", "words"), [("run.json", "this run is not finished"), ("recipe.yaml", "not a run")])
def test_a_run_that_is_not_whole_is_refused_by_its_folder(make: Make, tmp_path: Path, name: str, words: str) -> None:
    make("whole")
    (make("broken", seed=1) / name).unlink()
    with pytest.raises(RunError, match=f"broken: {words}"):
        read_study(tmp_path / "study")


def test_a_recipe_that_is_none_is_refused(make: Make, tmp_path: Path) -> None:
    (make("a") / "recipe.yaml").write_text("name: a\n")
    with pytest.raises(RunError, match=r"a/recipe\.yaml: not a resolved recipe"):
        read_study(tmp_path / "study")


@pytest.mark.parametrize(
    ("name", "words"), [("table.csv", "no such file"), ("ablation.svg", "no such file"), ("study.json", "not JSON")]
)
def test_a_damaged_ablation_is_refused(tmp_path: Path, name: str, words: str) -> None:
    ablate(tmp_path / "size")
    if name == "study.json":
        (tmp_path / "size" / name).write_text("{")
    else:
        (tmp_path / "size" / name).unlink()
    with pytest.raises(RunError, match=f"size/{name}: {words}"):
        read_study(tmp_path)


def as_ensemble(run: Path, *members: Path, name: str = "pair") -> None:
    """Turn a made run into one of an ensemble of other runs."""
    recipe = {"name": name, "about": "", "ensemble": {"rule": "mean", "members": [str(member) for member in members]}}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))


def test_ensembles_are_told_apart_by_what_their_members_do_not_by_where_they_lie(make: Make, tmp_path: Path) -> None:
    out = "../members"
    for seed in (0, 1):
        cnn = make(f"{out}/cnn-{seed}", seed=seed)
        gru = make(f"{out}/gru-{seed}", "short/gtzan-crnn-short", seed=seed)
        fast = make(f"{out}/fast-{seed}", "short/gtzan-crnn-short", seed=seed, overrides=["train.lr=0.5"])
        as_ensemble(make(f"one-{seed}", seed=seed, skill=1 + seed), cnn, gru)
        as_ensemble(make(f"two-{seed}", seed=seed, noise_seed=seed + 7), cnn, fast)
        as_ensemble(make(f"three-{seed}", seed=seed, noise_seed=seed + 9), cnn, cnn)
    (group,) = read_study(tmp_path / "study").groups
    assert sorted(run.place for row in group.rows for run in row.runs) == sorted(
        f"{kind}-{seed}" for kind in ("one", "two", "three") for seed in (0, 1)
    )
    assert [len(row.runs) for row in group.rows] == [2, 2, 2]
    assert len({row.label for row in group.rows}) == 3


def test_ensembles_whose_members_have_gone_are_known_by_their_names(make: Make, tmp_path: Path) -> None:
    for seed in (0, 1):
        for name in ("cnn", "gru"):
            run = make(f"{name}-{seed}", seed=seed)
            as_ensemble(run, tmp_path / f"gone-{name}-{seed}", tmp_path / f"gone-{seed}")
            facts = json.loads((run / "run.json").read_text())
            (run / "run.json").write_text(json.dumps(facts | {"members": [name, "other"]}))
    (group,) = read_study(tmp_path / "study").groups
    assert sorted([run.place for run in row.runs] for row in group.rows) == [["cnn-0", "cnn-1"], ["gru-0", "gru-1"]]


def test_one_ensemble_under_two_protocols_is_two_runs(make: Make, tmp_path: Path) -> None:
    cnn = make("../members/cnn")
    for protocol in ("random", "artist-folds"):
        as_ensemble(make(protocol, protocol=protocol), cnn, cnn)
    assert [group.protocol for group in read_study(tmp_path / "study").groups] == ["artist-folds", "random"]


def test_runs_that_start_from_other_seeds_of_a_recipe_are_seeds_of_one(make: Make, tmp_path: Path) -> None:
    for seed in (0, 1):
        image = make(f"../members/image-{seed}", "image-cnn-1.4", seed=seed)
        make(f"hybrid-{seed}", "hybrid-2.0", seed=seed, overrides=[f"start.run={image}"])
    other = make("../members/other", "image-cnn-1.1")
    make("hybrid-other", "hybrid-2.0", noise_seed=5, overrides=[f"start.run={other}"])
    (group,) = read_study(tmp_path / "study").groups
    assert sorted(len(row.runs) for row in group.rows) == [1, 2]
    assert {row.label for row in group.rows} == {
        "published/hybrid-2.0",
        "published/hybrid-2.0 (run published/image-cnn-1.1)",
    }
