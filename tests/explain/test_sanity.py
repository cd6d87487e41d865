"""The sanity tests as a table: drawn, averaged and told of. What they find is tested in test_faithful.py."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genrelab.errors import RunError
from genrelab.explain.sanity import MEASURES, sanity, summarise


@pytest.fixture(scope="module")
def tested(tones_run: Path) -> pd.DataFrame:
    return sanity(tones_run, clips=4, seed=0)


def test_every_clip_has_a_row_for_each_method(tested) -> None:
    assert len(tested) == 8
    assert tested["clip"].nunique() == 4
    assert set(MEASURES) <= set(tested.columns)
    assert tested[["whole", "hidden", "kept", "left_out", "hidden_random"]].to_numpy().min() >= 0


def test_the_same_seed_gives_the_same_figures(tones_run, tested) -> None:
    again = sanity(tones_run, clips=4, seed=0, methods=["gradcam"])
    wanted = tested[tested["method"] == "gradcam"].reset_index(drop=True)
    columns = ["clip", "whole", "hidden", "kept", "randomised", "other_fold"]  # random parts are drawn in another order
    pd.testing.assert_frame_equal(again[columns], wanted[columns])


def test_intervals_hold_the_mean_and_come_from_tracks() -> None:
    values = np.array([0.1, 0.1, 0.5, 0.5])
    table = pd.DataFrame({"method": "occlusion", "track": ["a", "a", "b", "b"], "hidden": values})
    row = summarise(table).iloc[0]
    assert row["value"] == pytest.approx(0.3)
    assert (row["low"], row["high"]) == pytest.approx((0.1, 0.5))  # two tracks: one twice, the other never


def test_progress_is_told_clip_by_clip(tones_run) -> None:
    told: list[tuple[int, int]] = []
    sanity(tones_run, 2, methods=["gradcam"], advance=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]


def test_a_corpus_that_has_changed_is_noticed(tones_run, table, tmp_path) -> None:
    import shutil

    copy = shutil.copytree(tones_run, tmp_path / "run")
    rows = pd.read_csv(table)
    other = table.parent / "other.csv"
    rows.assign(clip="new " + rows["clip"]).to_csv(other, index=False)
    recipe = copy / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("clips.csv", "other.csv"))
    with pytest.raises(RunError, match="its corpus no longer holds the clip"):
        sanity(copy, 2, methods=["gradcam"])
