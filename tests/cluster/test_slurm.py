import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import pytest
import torch

from genrelab.cli.app import main
from genrelab.cluster.slurm import JOBS, Cluster, resolve, submit, write_jobs
from genrelab.errors import GenrelabError, RecipeError
from genrelab.training import run
from genrelab.training.recipe import Recipe, load_recipe

FAKE = Path(__file__).with_name("fake_slurm.py")
ODD = 'it\'s "50 %" & $HOME'
EVERYTHING = Cluster(
    nodes=2,
    gpus_per_node=4,
    mem="16G",
    time="04:00:00",
    partition="gpu",
    account="mir",
    qos="long",
    constraint="a100&nvme",
    at_once=3,
    modules=["python/3.11", "cuda"],
    venv=Path("envs/my env"),
    stores=Path("decoded sound"),
    scratch="$SLURM_TMPDIR",
)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a cluster's commands and our own on the PATH; return the folder in which the former keep what happened."""
    home = tmp_path / "slurm home"
    programs = home / "bin"
    programs.mkdir(parents=True)
    for name in ("sbatch", "srun", "scontrol"):
        words = " ".join(map(shlex.quote, (sys.executable, str(FAKE), name)))
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (programs / name).chmod(0o755)
    ours = Path(sys.executable).parent  # pytest runs without its environment being activated
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (programs, ours, os.environ["PATH"]))))
    monkeypatch.setenv("FAKE_SLURM", str(home))
    return home


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute with one thread, as the jobs do: sums depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def header(script: Path) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in script.read_text().splitlines() if line.startswith("#SBATCH ")]


def done(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (home / "jobs").read_text().splitlines()]


def test_each_fold_of_each_run_is_a_task(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "tones.yaml").write_text(recipe.to_yaml())
    recipes = resolve([str(tmp_path / "tones.yaml")], ["artist-folds", "random"], 2, ["protocol.folds=3"])
    assert write_jobs(tmp_path / "jobs", recipes, Cluster(at_once=5)) == 12
    assert "--array=0-11%5" in header(tmp_path / "jobs" / "train.sbatch")
    script = (tmp_path / "jobs" / "train.sbatch").read_text()
    names = ["tones-artist-folds-0", "tones-artist-folds-1", "tones-random-0", "tones-random-1"]
    assert [f"  {n}) run={names[n % 4]} fold={n // 4} ;;" in script for n in range(12)] == [True] * 12
    written = load_recipe(tmp_path / "jobs" / "recipes" / "tones-random-1.yaml")
    assert (written.protocol.name, written.protocol.folds, written.seed) == ("random", 3, 1)


def test_what_is_asked_of_the_cluster_stands_in_the_header(recipe: Recipe, tmp_path: Path) -> None:
    write_jobs(tmp_path, [recipe], EVERYTHING)
    assert header(tmp_path / "train.sbatch") == [
        "--job-name=genrelab-train",
        "--array=0-1%3",
        "--nodes=2",
        "--ntasks-per-node=4",
        "--cpus-per-task=4",
        "--gpus-per-node=4",
        f'--output="{tmp_path}/logs/train-%A-%a.log"',
        "--signal=B:USR1@120",
        '--mem="16G"',
        '--time="04:00:00"',
        '--partition="gpu"',
        '--account="mir"',
        '--qos="long"',
        '--constraint="a100&nvme"',
        "--open-mode=append",
        "--requeue",
    ]
    assert not {"--gpus-per-node=4", "--nodes=2"} & set(header(tmp_path / "prepare.sbatch"))


def test_without_requeue_a_script_asks_for_no_signal(recipe: Recipe, tmp_path: Path) -> None:
    write_jobs(tmp_path, [recipe], Cluster(requeue=False))
    script = (tmp_path / "train.sbatch").read_text()
    assert "--no-requeue" in header(tmp_path / "train.sbatch")
    assert "USR1" not in script
    assert "trap" not in script


@pytest.mark.parametrize("cluster", [Cluster(), Cluster(requeue=False), EVERYTHING])
@pytest.mark.parametrize("folder", ["jobs", ODD])
def test_scripts_are_sound_shell_whatever_the_paths(
    recipe: Recipe, tmp_path: Path, cluster: Cluster, folder: str
) -> None:
    odd = recipe.model_copy(update={"name": ODD})
    write_jobs(tmp_path / folder, [recipe, odd], cluster, ["--track", "wandb"])
    for job in JOBS:
        script = tmp_path / folder / f"{job}.sbatch"
        subprocess.run(["bash", "-n", script], check=True)
        if shutil.which("shellcheck"):  # SC2016: the $ in a path that is quoted is meant
            found = subprocess.run(
                ["shellcheck", "--exclude=SC2016", script], capture_output=True, text=True, check=False
            )
            assert found.returncode == 0, found.stdout


def test_two_recipes_of_one_name_are_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(GenrelabError, match="two recipes would train in one run folder, tones-artist-folds-0; give"):
        write_jobs(tmp_path, [recipe, recipe], Cluster())


def test_what_cannot_be_said_in_a_script_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(GenrelabError, match="SLURM cannot write logs into such a folder"):
        write_jobs(tmp_path / "back\\slash", [recipe], Cluster())
    with pytest.raises(GenrelabError, match=r"--scratch '\$\(rm\)': give a path of letters"):
        write_jobs(tmp_path, [recipe], Cluster(scratch="$(rm)"))
    with pytest.raises(GenrelabError, match="a job script's header cannot hold a line break"):
        write_jobs(tmp_path, [recipe], Cluster(partition="gpu\n#SBATCH --account=other"))


def test_an_ensemble_is_no_job() -> None:
    with pytest.raises(RecipeError, match=r"ensemble-3\.1: is an ensemble, which is not trained but made of"):
        resolve(["published/ensemble-3.1"], [], 1, [])


def test_the_words_of_every_task_arrive_whole(recipe: Recipe, tmp_path: Path, slurm: Path) -> None:
    place = tmp_path / ODD
    program = place / "bin" / "genrelab"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\" --\n")
    program.chmod(0o755)
    recipes = [recipe, recipe.model_copy(update={"name": ODD})]
    write_jobs(place / "jobs", recipes, Cluster(venv=place, cpus_per_task=2), ["--track", "wandb"])
    assert submit(place / "jobs") == {"prepare": "100", "train": "101", "compare": "102"}
    assert [job["by"][1:-1] for job in done(slurm)] == [  # type: ignore[index]
        [],
        ["--dependency=afterok:100"],
        ["--dependency=afterok:101"],
    ]
    logs = {path.name: path.read_text().split("\n--\n") for path in (place / "jobs" / "logs").iterdir()}
    assert sorted(logs) == ["compare-102.log", "prepare-100.log", *(f"train-101-{n}.log" for n in range(4))]
    names = ["tones-artist-folds-0", f"{ODD}-artist-folds-0"]
    stores = ["--stores", f"{place}/jobs/stores", "--track", "wandb", "--threads", "2"]
    words = [
        ["train", f"{place}/jobs/recipes/{name}.yaml", "--output", f"{place}/jobs/runs/{name}", *stores]
        for name in names
    ]
    assert logs["prepare-100.log"] == ["\n".join([*line, "--prepare", "--resume"]) for line in words] + [""]
    for task in range(4):
        line = [*words[task % 2], "--only-fold", str(task // 2), "--resume"]
        assert logs[f"train-101-{task}.log"] == ["\n".join(line), ""]
    runs = [f"{place}/jobs/runs/{name}" for name in names]
    assert logs["compare-102.log"] == ["\n".join(["compare", "--output", f"{place}/jobs/compare.html", *runs]), ""]


@pytest.mark.parametrize(("body", "status"), [("return 1", [1]), ('test "$*" = "load python/3.11 a&b"', [0])])
def test_a_module_that_cannot_be_loaded_ends_the_first_job(
    recipe: Recipe, tmp_path: Path, slurm: Path, monkeypatch: pytest.MonkeyPatch, body: str, status: list[int]
) -> None:
    (tmp_path / "modules.sh").write_text(f"module() {{ {body}; }}\n")
    monkeypatch.setenv("BASH_ENV", str(tmp_path / "modules.sh"))
    program = tmp_path / "bin" / "genrelab"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    write_jobs(tmp_path / "jobs", [recipe], Cluster(venv=tmp_path, modules=["python/3.11", "a&b"]))
    with nullcontext() if status == [0] else pytest.raises(GenrelabError, match=r"train\.sbatch: sbatch refused it"):
        submit(tmp_path / "jobs")
    assert done(slurm)[0]["status"] == status


def test_a_copy_to_a_nodes_disk_that_was_cut_is_made_anew(recipe: Recipe, tmp_path: Path, slurm: Path) -> None:
    program = tmp_path / "bin" / "genrelab"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    sound, copied = tmp_path / "stores" / "tones" / "sound", tmp_path / "node" / "genrelab-stores" / "tones" / "sound"
    for file, text in ((sound, "all of it"), (copied, "all"), (copied.parents[1] / ".copying", "")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)  # the copy is newer, as one that was killed leaves it
    os.utime(sound, (0, 0))
    cluster = Cluster(venv=tmp_path, stores=tmp_path / "stores", scratch=str(tmp_path / "node"))
    write_jobs(tmp_path / "jobs", [recipe], cluster)
    submit(tmp_path / "jobs")
    assert [job["status"] for job in done(slurm)] == [[0], [0, 0]]
    assert copied.read_text() == "all of it"
    assert copied.stat().st_mtime == 0  # which -u goes by
    assert list((tmp_path / "node").rglob(".*")) == []


def test_a_job_whose_first_step_failed_stays_out_of_the_queue(recipe: Recipe, tmp_path: Path, slurm: Path) -> None:
    program = tmp_path / "bin" / "genrelab"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    write_jobs(tmp_path / "jobs", [recipe], Cluster(venv=tmp_path))
    with pytest.raises(
        GenrelabError, match=r"train\.sbatch: sbatch refused it: .*problem \(jobs 100 are in the queue\)"
    ):
        submit(tmp_path / "jobs")
    assert [job["status"] for job in done(slurm)] == [[3]]


def test_without_sbatch_the_scripts_stay_and_one_sentence_says_so(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tones.yaml").write_text(recipe.to_yaml())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["slurm", str(tmp_path / "tones.yaml"), "--output", str(tmp_path / "jobs"), "--submit"]) == 2
    assert (
        f"there is no sbatch on this machine's PATH; the job scripts are in {tmp_path}/jobs" in capsys.readouterr().err
    )
    assert all((tmp_path / "jobs" / f"{job}.sbatch").is_file() for job in JOBS)  # of three seeds


def test_what_sbatch_says_against_a_script_is_told(
    recipe: Recipe, tmp_path: Path, slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (slurm / "bin" / "sbatch").write_text(
        "#!/bin/sh\necho 'sbatch: error: invalid partition specified: x' >&2\nexit 1\n"
    )
    write_jobs(tmp_path / "jobs", [recipe], Cluster(partition="x"))
    with pytest.raises(GenrelabError, match=r"prepare\.sbatch: sbatch refused it: .*invalid partition specified: x"):
        submit(tmp_path / "jobs")


@pytest.mark.slow
def test_a_preempted_array_ends_like_an_undisturbed_run(
    recipe: Recipe, tmp_path: Path, slurm: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    place = tmp_path / ODD
    place.mkdir()
    (place / "my tones.yaml").write_text(recipe.to_yaml())
    monkeypatch.chdir(place)
    made = place / "jobs" / "runs" / "tones-artist-folds-0"
    monkeypatch.setenv("FAKE_SLURM_PREEMPT", f"0:{made}/fold-0/history.csv")
    longer = ["train.epochs=40", "train.patience=null"]
    words = ["--seeds", "1", "--cpus-per-task", "1", "--at-once", "2", "--output", "jobs", "--submit"]
    assert main(["slurm", "my tones.yaml", *(word for key in longer for word in ("--set", key)), *words]) == 0

    logs = {path.name: path.read_text() for path in (place / "jobs" / "logs").iterdir()}
    assert sorted(logs) == ["prepare-100.log", "train-101-0.log", "train-101-1.log"]
    assert [job["status"] for job in done(slurm)] == [[0], [0, 0]], logs
    assert "time is nearly up after 0 restarts" in logs["train-101-0.log"]
    assert 1 < len((slurm / "preempted").read_text().splitlines()) < 40  # it was in the middle
    assert any("artist-folds, 2 folds, seed 0" in log for log in logs.values())  # whichever fold was last

    undisturbed = load_recipe("my tones.yaml", longer)
    expected = run.train(undisturbed, tmp_path / "undisturbed", run.Options(stores=tmp_path / "stores"))
    got = pd.read_parquet(made / "predictions.parquet")
    pd.testing.assert_frame_equal(got, expected.table, check_exact=True)
    assert (made / "report.html").is_file()
    assert not list(made.rglob(".*"))


@pytest.mark.slow
def test_two_nodes_train_as_two_processes_of_one(recipe: Recipe, tmp_path: Path, slurm: Path, one_thread: None) -> None:
    single = recipe.model_copy(update={"protocol": recipe.protocol.model_copy(update={"folds": 1})})
    (tmp_path / "tones.yaml").write_text(single.to_yaml())
    made, stores = tmp_path / "two nodes", tmp_path / "stores"
    words = ["genrelab", "train", "tones.yaml", "--output", made, "--stores", stores, "--threads", "1"]
    environment = os.environ | {"SLURM_NNODES": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_JOB_ID": str(os.getpid())}
    step = ["srun", "--kill-on-bad-exit=1", *words]
    ran = subprocess.run(step, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("macro F1") == 1  # the first alone judges
    two = single.model_copy(update={"train": single.train.model_copy(update={"devices": 2})})
    expected = run.train(two, tmp_path / "spawned", run.Options(stores=stores))
    pd.testing.assert_frame_equal(pd.read_parquet(made / "predictions.parquet"), expected.table, check_exact=True)
    again = subprocess.run(["srun", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert again.stderr.count("already holds a run; add --resume") == 1
    assert again.stderr.count("the first process of this job step has ended early") == 1
