"""Ensembles that were moved, or are used from another folder than they were made in."""

from pathlib import Path

import pytest

from genrelab.training.ensemble import read_ensemble


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
