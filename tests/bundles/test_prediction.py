"""The JSON line that programs read."""

import json

from genrelab.bundles.prediction import Prediction


def test_the_json_line_is_exactly_what_the_manual_says():
    prediction = Prediction("a.mp3", "jazz", 0.75, False, (("jazz", 0.75), ("rock", 0.25)), 30.0)
    assert prediction.to_json() == (
        '{"path": "a.mp3", "genre": "jazz", "probability": 0.75, "unknown": false, "genres": '
        '[{"genre": "jazz", "probability": 0.75}, {"genre": "rock", "probability": 0.25}], '
        '"seconds": 30.0, "error": null}'
    )


def test_a_file_that_failed_has_no_genre_and_an_error():
    assert Prediction("a.mp3", error="empty file").to_json() == (
        '{"path": "a.mp3", "genre": null, "probability": null, "unknown": false, "genres": [], "seconds": null, '
        '"error": "empty file"}'
    )


def test_bytes_that_are_not_utf8_become_replacement_characters():
    line = Prediction("caf\udce9.mp3", error="caf\udce9.mp3: empty").to_json()
    assert json.loads(line.encode("utf-8"))["path"] == "caf\ufffd.mp3"


def test_letters_beyond_ascii_stay_letters():
    assert '"path": "Björk – Jóga.flac"' in Prediction("Björk – Jóga.flac", error="x").to_json()  # noqa: RUF001
