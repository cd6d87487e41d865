"""Ensembles that were moved, or are used from another folder than they were made in."""

from pathlib import Path

import pytest

from genrelab.errors import RunError
from genrelab.locks import reserved
from genrelab.training.ensemble import combine_runs, read_ensemble
from genrelab.training.recipe import EnsembleRecipe


@pytest.mark.parametrize("there", [True, False])
def test_members_that_are_not_where_they_are_named_are_found_beside_the_run(tmp_path: Path, monkeypatch, there: bool):
    for name in ("a", "b", "both"):
        (tmp_path / "moved" / name).mkdir(parents=True)
    (tmp_path / "moved/both/recipe.yaml").write_text("name: two\nensemble: {rule: mean, members: [runs/a, runs/b]}\n")
    if there:
        (tmp_path / "runs/a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    recipe = read_ensemble(Path("moved/both"))
    assert recipe is not None
    first = Path("runs/a") if there else tmp_path / "moved/a"
    assert recipe.ensemble.members == (first, tmp_path / "moved/b")


def test_an_ensemble_that_another_process_makes_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    tree = {"name": "two", "ensemble": {"rule": "mean", "members": ["a", "b"]}}
    with (
        reserved(tmp_path / "both"),
        pytest.raises(RunError, match="both: another process is writing this run; wait for it, or choose another"),
    ):
        combine_runs(EnsembleRecipe.model_validate(tree), tmp_path / "both", resume=True)
    assert not (tmp_path / "both").exists()
