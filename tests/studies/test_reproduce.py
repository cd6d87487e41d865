"""Which rows are trained on what, and what is told of them."""

from pathlib import Path

import pandas as pd
import pytest

from genrelab.cli.app import main
from genrelab.errors import RecipeError, RunError
from genrelab.evaluation.metrics import metrics
from genrelab.extractors.handcrafted import COLUMNS
from genrelab.studies.jobs import Job, train_all
from genrelab.studies.reproduce import Data, Plan, extracted, published_rows, reproduce, resolve, summarise, waves
from genrelab.training.recipe import EnsembleRecipe, Recipe
from genrelab.training.run import Options, load_run_recipe

OUT = Path("reproduced")


def resolved(plan: Plan, row: str) -> Recipe:
    recipe = resolve(plan, row, "artist-folds", 7, OUT)
    assert isinstance(recipe, Recipe)
    return recipe


def test_every_row_of_the_five_projects_has_its_recipe():
    project_a = [
        f"fma-{name}" for name in ("cnn", "lstm", "gru", "lstm-small", "cnn-lstm", "cnn-gru", "cnn-lstm-small")
    ]
    b_c_d = [f"gtzan-{name}" for name in ("crnn", "mfcc-cnn", "fusion-cnn", "m5", "cnn-transformer", "cnn-lstm")]
    images = [f"image-cnn-{number}" for number in ("0.0", "1.0", "1.1", "1.2", "1.3", "1.4")]
    tables = [f"table-lstm-{number}" for number in ("0.0", "1.0", "1.1", "1.2")]
    rest = ["hybrid-2.0", "ensemble-3.1", "ensemble-3.2", "ensemble-3.3"]
    assert sorted(published_rows()) == sorted(project_a + b_c_d + images + tables + rest)


def test_what_a_row_is_made_of_comes_before_it():
    assert waves(["ensemble-3.2", "fma-cnn"]) == [
        ["image-cnn-1.4", "table-lstm-1.2", "fma-cnn"],
        ["hybrid-2.0"],
        ["ensemble-3.2"],
    ]


def test_a_recipe_s_own_file_is_trained_within_the_output_wherever_it_lies(tmp_path, monkeypatch):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yaml").write_text("base: gtzan-mfcc-cnn\n")
    monkeypatch.chdir(tmp_path / "here")
    trained = []
    monkeypatch.setattr("genrelab.studies.reproduce.train_all", lambda jobs, *_: trained.extend(jobs))
    for row in ("mine.yaml", "../there/mine.yaml", str(tmp_path / "there" / "mine.yaml")):
        reproduce(Plan([row], protocols=["random"], seeds=[0]), OUT, Options())
    assert {job.folder for job in trained} == {OUT / "mine" / "random-0"}
    with pytest.raises(RecipeError, match="both be trained in mine; rename one"):
        waves(["mine.yaml", "../there/mine.yaml"])


def test_the_members_of_an_ensemble_are_the_runs_of_the_same_protocol_and_seed():
    recipe = resolve(Plan(["ensemble-3.1"]), "ensemble-3.1", "random", 2, OUT)
    assert isinstance(recipe, EnsembleRecipe)
    assert [str(member) for member in recipe.ensemble.members] == [
        "reproduced/hybrid-2.0/random-2",
        "reproduced/table-lstm-1.2/random-2",
    ]


def test_a_row_starts_from_the_run_of_the_same_protocol_and_seed():
    start = resolved(Plan(["hybrid-2.0"]), "hybrid-2.0").start
    assert start is not None
    assert str(start.run) == "reproduced/image-cnn-1.4/artist-folds-7"


def moved(folder: Path, **toy: object) -> list[Job]:
    """Return the job of a row that starts from another's run, as a study in this folder has it."""
    plan = Plan([], Data({"kind": "toy", "root": str(folder / "toy"), "clips": 20} | toy))
    recipe = resolve(plan, "hybrid-2.0", "random", 0, folder)
    assert isinstance(recipe, Recipe)
    return [Job(recipe, folder / "hybrid-2.0" / "random-0")]


def test_a_study_that_was_moved_is_the_same_and_its_runs_name_its_new_place(tmp_path):
    (job,) = moved(tmp_path / "old")
    job.folder.mkdir(parents=True)
    (job.folder / "recipe.yaml").write_text(job.recipe.to_yaml())
    (job.folder / "run.json").write_text("{}")
    (tmp_path / "old").rename(tmp_path / "new")
    train_all(moved(tmp_path / "new"), tmp_path / "new", Options())
    recipe = load_run_recipe(tmp_path / "new" / "hybrid-2.0" / "random-0")
    assert recipe.start is not None
    assert recipe.start.run == tmp_path / "new" / "image-cnn-1.4" / "random-0"
    assert recipe.corpus.options["root"] == str(tmp_path / "new" / "toy")
    with pytest.raises(RunError, match="holds a run of another recipe"):
        train_all(moved(tmp_path / "new", clips=30), tmp_path / "new", Options())
    assert load_run_recipe(tmp_path / "new" / "hybrid-2.0" / "random-0") == recipe


def test_a_run_that_starts_from_another_row_is_of_another_recipe(tmp_path):
    (job,) = moved(tmp_path)
    job.folder.mkdir(parents=True)
    text = job.recipe.to_yaml().replace("image-cnn-1.4/random-0", "image-cnn-1.4/random-1")
    (job.folder / "recipe.yaml").write_text(text)
    with pytest.raises(RunError, match="holds a run of another recipe"):
        train_all([job], tmp_path, Options())


def test_rows_of_pictures_and_columns_take_what_is_given_and_else_the_sound(tmp_path):
    pieces = tmp_path / "features_10_sec.csv"
    names = [f"{genre}.00000.{piece}.wav" for genre in ("blues", "rock") for piece in range(3)]
    pd.DataFrame({"filename": names} | dict.fromkeys(COLUMNS, 1.0)).to_csv(pieces, index=False)
    sound = {"kind": "table", "path": "clips.csv"}
    everything = Plan([], Data(sound, Path("kaggle"), Path("30.csv"), pieces))
    assert resolved(everything, "fma-cnn").corpus.options["path"] == "clips.csv"
    for row in ("image-cnn-1.4", "hybrid-2.0", "table-lstm-1.2"):  # the same clips, or no ensemble could be made
        corpus = resolved(everything, row).corpus
        assert (corpus.kind, corpus.options["root"], corpus.options["table"]) == ("gtzan-pictures", "kaggle", "30.csv")
    assert resolved(everything, "table-lstm-1.2").frontend.options["pieces"] == 3
    tables = resolved(Plan([], Data(sound, pieces_table=pieces)), "table-lstm-1.2")
    assert (tables.corpus.kind, tables.corpus.options["path"]) == ("gtzan-tables", str(pieces))
    assert resolved(Plan([], Data(sound)), "table-lstm-1.2").corpus.kind == "table"


def test_what_is_set_holds_for_the_corpus_that_is_given():
    data = Data({"kind": "table", "path": "clips.csv"}, Path("kaggle"))
    corpus = resolved(Plan([], data, overrides=["corpus.index=artists.txt"]), "image-cnn-1.4").corpus
    assert (corpus.kind, corpus.options["index"]) == ("gtzan-pictures", "artists.txt")


@pytest.mark.parametrize(
    ("worker", "command"),
    [
        ("reproduce.reproduce", ["reproduce", "fma-cnn"]),
        ("jobs.train_all", ["ablate", "representation"]),
        ("tuning.Tuning.work", ["tune", "mel-cnn"]),
    ],
)
def test_who_interrupts_is_told_how_to_go_on(worker, command, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"genrelab.studies.{worker}", interrupted)
    assert main(command) == 130
    assert capsys.readouterr().err.endswith("genrelab: interrupted: the same command goes on from here\n")


def test_short_clips_take_the_row_s_short_variant_where_there_is_one():
    plan = Plan([], short=True)
    assert resolved(plan, "fma-cnn").name == "short/fma-cnn-short"
    assert resolved(plan, "gtzan-cnn-lstm").name == "published/gtzan-cnn-lstm"


def test_a_hybrid_takes_both_kinds_of_examples():
    assert extracted(resolved(Plan([]), "hybrid-2.0")) == {"picture", "handcrafted"}
    assert extracted(resolved(Plan([]), "fma-cnn")) == set()


@pytest.fixture(scope="module")
def quickly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prove two cheap rows."""
    folder = tmp_path_factory.mktemp("quick")
    assert main(["reproduce", "table-lstm-1.2", "gtzan-cnn-lstm", "--quick", "--jobs", "2", "-o", str(folder)]) == 0
    return folder


def test_quick_trains_exports_and_classifies_each_row(quickly: Path):
    table = pd.read_csv(quickly / "reproduced.csv")
    assert list(table["row"]) == ["table-lstm-1.2", "gtzan-cnn-lstm"]
    for row in table["row"]:
        assert (quickly / row / "random-0" / "bundle.onnx").is_file()


def test_what_is_trained_already_is_left_as_it_is(quickly: Path, capsys):
    before = (quickly / "gtzan-cnn-lstm" / "random-0" / "run.json").stat().st_mtime_ns
    assert main(["reproduce", "gtzan-cnn-lstm", "--quick", "-o", str(quickly)]) == 0
    assert (quickly / "gtzan-cnn-lstm" / "random-0" / "run.json").stat().st_mtime_ns == before
    assert "gtzan-cnn-lstm" in capsys.readouterr().out


def test_the_summary_is_the_mean_over_seeds_with_one_interval(quickly, make_predictions, tmp_path):
    made = quickly / "gtzan-cnn-lstm" / "random-0"
    runs, accuracies = [], []
    for seed in range(3):
        folder = tmp_path / f"random-{seed}"
        folder.mkdir()
        (folder / "run.json").write_bytes((made / "run.json").read_bytes())
        (folder / "recipe.yaml").write_bytes((made / "recipe.yaml").read_bytes())
        predictions = make_predictions(noise_seed=seed)
        predictions.write(folder / "predictions.parquet")
        accuracies.append(metrics(predictions.part("test"))["accuracy"])
        runs.append(("gtzan-cnn-lstm", "random", seed, folder))
    (line,) = summarise(runs).to_dict("records")
    assert line["accuracy"] == pytest.approx(sum(accuracies) / 3)
    assert line["low"] < line["accuracy"] < line["high"]
    assert (line["seeds"], line["clips"]) == (3, 540)


def test_rows_must_be_named_or_all(capsys):
    assert main(["reproduce"]) == 2
    assert "--all" in capsys.readouterr().err
    assert main(["reproduce", "fma-cnn", "--all"]) == 2
    assert main(["reproduce", "no-such-row"]) == 2
    assert "'no-such-row'" in capsys.readouterr().err


def test_a_row_that_there_is_not_leaves_nothing(tmp_path, capsys):
    assert main(["reproduce", "gtzan-cnn-lstn", "--quick", "-o", str(tmp_path / "out")]) == 2
    assert "gtzan-cnn-lstn" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "told"), [([], True), (["--set", "corpus.clips=50"], False), (["--pictures", "p"], False)]
)
def test_rows_without_data_are_told_to_learn_from_synthesised_music(given, told, tmp_path, capsys, monkeypatch):
    def stop(*_: object) -> None:
        raise RunError("that is enough")

    monkeypatch.setattr("genrelab.studies.reproduce.reproduce", stop)
    assert main(["reproduce", "fma-cnn", *given, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "that is enough" in said
    assert ("synthesised music" in said) == told


def test_a_protocol_that_the_corpus_does_not_fit_is_told_before_the_first_training(table: Path, tmp_path, capsys):
    clips = pd.read_csv(table).drop(columns="artist")
    clips["path"] = [str(table.parent / path) for path in clips["path"]]
    clips.to_csv(tmp_path / "clips.csv", index=False)
    command = ["reproduce", "gtzan-cnn-lstm", "--data", str(tmp_path / "clips.csv"), "--set", "train.epochs=1"]
    command += ["--folds", "2", "--seeds", "1", "--short", "-o", str(tmp_path / "out")]
    assert main(command) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "artist-folds needs to know the artists, and none is known" in said
    assert "--protocol random" in said
    assert not (tmp_path / "out" / "gtzan-cnn-lstm").exists()
