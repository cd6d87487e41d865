import ast
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from genrelab.training.recipe import load_recipe

ROOT = Path(__file__).parents[1]


def test_the_source_package_holds_named_things_alone_and_all_of_them_exist():
    target = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["sdist"]
    assert {"src", "tests", "docs", "benchmarks"} <= set(target["only-include"])
    assert [name for name in target["only-include"] if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    "folder",
    # What verbs, and make, write into where nothing else is said.
    [
        "runs",
        "demo",
        "rows",
        "reproduced",
        "music",
        "tuning",
        "ablations",
        "explanations",
        "embedding",
        "slurm",
        "default-model",
    ],
)
def test_git_ignores_what_the_verbs_write(folder: str):
    assert f"/{folder}/" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", ["02_model_experiments", "03_results_analysis"])
def test_notebooks_work_in_the_systems_temporary_folder_whatever_it_is_called(name: str):
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    source = next(text for text in ("".join(cell["source"]) for cell in cells) if text.startswith("TINY = "))
    folder = Path("/tmp/disk #2: scratch")
    overrides = eval(ast.unparse(ast.parse(source).body[0].value), {"folder": folder, "json": json})
    assert load_recipe("demo/cnn", overrides).corpus.options["root"] == str(folder / "toy")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("music", "folder"), [("~/My Music", "/home/anna/My Music"), ("/a  b/~/c", "/a  b/~/c"), ("Music", "Music")]
)
def test_make_knows_the_home_folder_where_the_shell_leaves_it_to_others(music: str, folder: str):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # the one that runs us
    told = subprocess.run(
        ["make", "-n", "demo", f"MUSIC={music}"],
        cwd=ROOT,
        env=clean | {"HOME": "/home/anna"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f'demo --music "{folder}"\n' in told
