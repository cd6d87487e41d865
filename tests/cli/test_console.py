"""Progress bars on a terminal of the usual width."""

import pytest

from genrelab.cli.console import progress_bars


def test_on_a_narrow_terminal_the_figures_of_a_long_task_are_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "80")
    with progress_bars() as progress:
        words = "published-fma-cnn-lstm-small 1/2  3 epochs  train 10%  validation 9%"
        progress.add_task(words, total=2000, completed=1800)
    drawn = capsys.readouterr().err
    assert "1800/2000 0:00:00" in drawn
    assert "…" not in drawn
    assert "validation 9%" in drawn
    assert max(map(len, drawn.splitlines())) <= 80
