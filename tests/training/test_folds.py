"""Folds of one run that are trained apart, perhaps at the same time on several machines."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from genrelab.errors import RunError
from genrelab.evaluation.predictions import Predictions
from genrelab.evaluation.run_folder import read_summary
from genrelab.locks import reserved
from genrelab.training import run
from genrelab.training.recipe import Recipe


def test_whoever_trains_the_last_fold_joins_them_all(recipe: Recipe, tmp_path: Path) -> None:
    folder, options = tmp_path / "apart", run.Options(resume=True, stores=tmp_path / "stores")
    assert not run.train_folds(recipe, folder, [], options)
    assert sorted(path.name for path in folder.iterdir()) == ["environment.json", "recipe.yaml", "splits.sha256"]
    assert not run.train_folds(recipe, folder, [1], options)
    assert not (folder / "run.json").exists()
    assert run.train_folds(recipe, folder, [0], options)
    whole = run.train(recipe, tmp_path / "whole", options)
    pd.testing.assert_frame_equal(Predictions.read(folder / "predictions.parquet").table, whole.table, check_exact=True)


def test_what_a_finished_run_says_of_its_making_stays_when_it_is_asked_for_again(
    recipe: Recipe, tmp_path: Path
) -> None:
    folder, options = tmp_path / "run", run.Options(resume=True, stores=tmp_path / "stores")
    run.train(recipe, folder, options)
    (folder / "environment.json").write_text('{"torch": "of then"}')
    for place in folder.glob("fold-*/fold.json"):
        os.utime(place, (86400, 86400))
    (folder / "run.json").write_text("damaged")
    run.train(recipe, folder, options)
    assert json.loads((folder / "environment.json").read_text()) == {"torch": "of then"}
    assert read_summary(folder)["created"] == "1970-01-02T00:00:00+00:00"


def test_a_fold_leaves_alone_what_others_are_writing(recipe: Recipe, tmp_path: Path) -> None:
    own, other = tmp_path / "fold-0" / ".genrelab-x", tmp_path / "fold-1" / ".genrelab-y"
    for path in (own, other):
        path.parent.mkdir()
        path.touch()
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    run.check_folder(tmp_path, recipe.to_yaml(), resume=True, folds=[0])
    assert (own.exists(), other.exists()) == (False, True)


def test_a_fold_goes_on_with_a_run_that_was_killed_in_its_first_moment(recipe: Recipe, tmp_path: Path) -> None:
    """Or that another process is about to begin."""
    (tmp_path / ".genrelab-x1y2.yaml").write_text(recipe.to_yaml()[:100])
    run.check_folder(tmp_path, recipe.to_yaml(), resume=True, folds=[0])
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty and holds no run"):
        run.check_folder(tmp_path, recipe.to_yaml(), resume=True, folds=[0])


def test_what_another_process_trains_is_refused_and_what_it_leaves_is_trained(recipe: Recipe, tmp_path: Path) -> None:
    folder, options = tmp_path / "run", run.Options(resume=True, stores=tmp_path / "stores")
    with reserved(folder / "fold-1"):
        with pytest.raises(RunError, match="another process is training fold 1 of this run; wait for it, or"):
            run.train(recipe, folder, options)
        assert not folder.exists()
        assert not run.train_folds(recipe, folder, [0, 0], options)
        half = folder / "fold-1" / ".genrelab-half"
        half.parent.mkdir()
        half.touch()
        with pytest.raises(RunError, match="fold 1"):
            run.train_folds(recipe, folder, [1], options)
        assert half.exists()
    assert run.train_folds(recipe, folder, [1], options)


def test_a_fold_that_the_protocol_does_not_have_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no fold 2; the recipe's protocol has folds 0 to 1"):
        run.train_folds(recipe, tmp_path / "run", [2], run.Options(stores=tmp_path / "stores"))
    assert not (tmp_path / "run").exists()
