"""Whose network is explained: the fold that never learned from the clip, and a sentence where there is none."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from genrelab.errors import RunError
from genrelab.evaluation.predictions import Predictions
from genrelab.explain.subject import load_subject, log_odds


def test_a_clip_of_the_run_is_explained_by_the_fold_that_was_tested_on_it(tones_run, table) -> None:
    tests = Predictions.read(tones_run / "predictions.parquet").part("test").table
    for clip, fold in tests[["clip", "fold"]].itertuples(index=False):
        subject = load_subject(tones_run, table.parent / f"{clip}.wav")
        assert (subject.fold, subject.tested) == (fold, True)


def test_any_other_file_is_explained_by_the_first_fold(tones_run) -> None:
    subject = load_subject(tones_run, Path("my song.mp3"))
    assert (subject.fold, subject.tested) == (0, False)


def test_a_fold_that_is_asked_for_is_taken(tones_run, table) -> None:
    subjects = [load_subject(tones_run, table.parent / "high0.wav", fold) for fold in (0, 1)]
    assert [subject.fold for subject in subjects] == [0, 1]
    assert sum(subject.tested for subject in subjects) == 1


def test_a_subject_says_what_training_wrote_down(tones_run, table) -> None:
    from genrelab.audio.read import read

    tests = Predictions.read(tones_run / "predictions.parquet").part("test").table
    for row in tests.head(4).to_dict("records"):
        path = table.parent / f"{row['clip']}.wav"
        subject = load_subject(tones_run, path)
        found = subject.probabilities(read(path, subject.sample_rate))
        # The store that training reads keeps 16 bits of a sample.
        np.testing.assert_allclose(found, [row[f"p_{genre}"] for genre in subject.genres], atol=2e-3)


def test_mel_rows_lie_where_librosa_has_them(make_subject) -> None:
    librosa = pytest.importorskip("librosa")
    found = make_subject("mel", fmax=3000.0, fmin=50.0).row_frequencies()
    np.testing.assert_allclose(found, librosa.mel_frequencies(34, fmin=50, fmax=3000)[1:-1], rtol=1e-6)


def test_rows_of_a_spectrogram_are_its_bins(make_subject) -> None:
    assert make_subject("spectrogram").row_frequencies()[:3].tolist() == [0, 62.5, 125]


@pytest.mark.parametrize("frontend", ["mfcc", "waveform", "stack"])
def test_rows_of_other_features_are_no_frequencies(make_subject, frontend) -> None:
    network, options = ("m5", {"filters": [4, 8]}) if frontend == "waveform" else ("cnn", None)
    assert make_subject(frontend, network, options).row_frequencies() is None


def test_long_clips_are_heard_in_windows_side_by_side(make_subject) -> None:
    subject = make_subject(hop=0.5)
    assert len(subject.windows(np.zeros(6 * 8000, np.float32))[0]) == 11
    assert len(subject.windows(np.zeros(30 * 8000, np.float32))[0]) == 30


def test_log_odds_are_those_of_the_softmax() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1]]))
    assert log_odds(logits, 0) == pytest.approx([np.log(0.7 / 0.3)])
    assert np.isfinite(log_odds(np.array([[900.0, 0.0, -900.0]]), 0)).all()


def test_what_is_no_run_is_said_in_a_sentence(tmp_path) -> None:
    with pytest.raises(RunError, match="no such folder; give the run folder"):
        load_subject(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"not a run \(it has no recipe.yaml\)"):
        load_subject(tmp_path)


def test_an_unfinished_run_is_told_from_none(tones_run, tmp_path) -> None:
    shutil.copy(tones_run / "recipe.yaml", tmp_path)
    with pytest.raises(RunError, match="this run is not finished"):
        load_subject(tmp_path)


def test_an_ensemble_names_its_members(tones_run, tmp_path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: two\nensemble: {rule: mean, members: [runs/a, runs/b]}\n")
    with pytest.raises(RunError, match="no single network to explain; explain a member: runs/a or runs/b"):
        load_subject(tmp_path)


def test_a_fold_without_weights_and_one_that_is_not_there(tones_run, tmp_path) -> None:
    run = shutil.copytree(tones_run, tmp_path / "run")
    (run / "fold-1" / "best.safetensors").unlink()
    with pytest.raises(RunError, match=r"fold-1/best.safetensors: no such file; choose another fold \(--fold\)"):
        load_subject(run, fold=1)
    with pytest.raises(RunError, match="has no fold 2; its folds are 0 to 1"):
        load_subject(run, fold=2)


def test_a_genre_that_the_run_does_not_know_is_answered_with_those_it_does(make_subject) -> None:
    with pytest.raises(RunError, match="knows no genre 'polka'; its genres are high, low, noise"):
        make_subject().genre("polka")
