import tomllib
from pathlib import Path

import pytest

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
