"""The files that docs/files.md shows are read as it says."""

import re
from pathlib import Path

import pytest
import yaml

from genrelab.studies.ablation import Plan, load_study, resolve
from genrelab.studies.space import read_space
from genrelab.studies.study import StudyFile
from genrelab.training.recipe import load_recipe

TEXT = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path: Path):
    """Return a writer of the first YAML below a heading to a file."""

    def write(heading: str) -> Path:
        path = tmp_path / "example.yaml"
        found = re.search(rf"## {heading}\n.*?```yaml\n(.*?)```", TEXT, re.DOTALL)
        assert found is not None
        path.write_text(found[1])
        return path

    return write


def test_the_recipe_is_one(example) -> None:
    recipe = load_recipe(str(example("A recipe")))
    assert (recipe.audio.window, recipe.audio.sample_rate, len(recipe.augment)) == (5.0, 16000, 2)


def test_every_variant_of_the_ablation_is_a_recipe(example) -> None:
    plan = Plan(load_study(str(example("An ablation"))))
    widths = [resolve(plan, variant, "random", 0).network.model_dump()["filters"] for variant in plan.study.variants]
    assert [sum(width) for width in widths] == [176, 88, 352]


def test_the_space_is_of_keys_that_the_recipe_has(example) -> None:
    space = read_space([str(example("A space to tune in"))], load_recipe("mel-cnn"))
    assert len(space) == 5


def test_the_study_has_parts_that_there_are(example) -> None:
    study = StudyFile.model_validate(yaml.safe_load(example("A study").read_text()))
    shown = re.search(r"A part shows one of `(.*?)`", TEXT)
    assert shown is not None
    assert shown[1].split(", ") == [part.show for part in StudyFile().parts]
    assert len(study.parts) == 4
