from pathlib import Path

import pytest

from genrelab.training.publish import describe
from genrelab.training.run import load_run_recipe


@pytest.mark.parametrize(
    ("crop", "heard"),
    [("start", "the first 0.5 s of each alone"), ("centre", "the middle 0.5 s of each alone"), ("random", None)],
)
def test_figures_of_one_window_a_clip_say_so(tones_run: Path, crop: str, heard: str | None) -> None:
    """A classifier hears the whole file, and so answers otherwise than what was measured."""
    recipe = load_run_recipe(tones_run)
    audio = recipe.audio.model_copy(update={"crop": crop, "window": 0.5})
    described = describe(tones_run, recipe.model_copy(update={"audio": audio}), averaged=False)
    assert described.metrics.get("heard") == heard
