"""The JSON line that programs read."""

import json

from genrelab.bundles.prediction import Prediction


def test_the_json_line_is_exactly_what_the_manual_says():
    prediction = Prediction("a.mp3", "jazz", 0.75, False, (("jazz", 0.75), ("rock", 0.25)), 30.0)
    assert prediction.to_json() == (
        '{"path": "a.mp3", "genre": "jazz", "probability": 0.75, "unknown": false, "genres": '
        '[{"genre": "jazz", "probability": 0.75}, {"genre": "rock", "probability": 0.25}], '
        '"seconds": 30.0, "error": null, "blend": []}'
    )


def test_a_file_that_failed_has_no_genre_and_an_error():
    assert Prediction("a.mp3", error="empty file").to_json() == (
        '{"path": "a.mp3", "genre": null, "probability": null, "unknown": false, "genres": [], "seconds": null, '
        '"error": "empty file", "blend": []}'
    )


def test_a_silent_file_is_unknown_without_a_genre_and_without_an_error():
    silent = Prediction("a.mp3", unknown=True, seconds=2.0)
    assert silent.silent
    assert silent.to_json() == (
        '{"path": "a.mp3", "genre": null, "probability": null, "unknown": true, "genres": [], "seconds": 2.0, '
        '"error": null, "blend": []}'
    )


def test_neither_a_failure_nor_an_unknown_genre_is_silent():
    assert not Prediction("a.mp3", error="empty file").silent
    assert not Prediction("a.mp3", "jazz", 0.2, True, (("jazz", 0.2),)).silent


def test_a_blend_is_a_list_of_two_genres():
    blended = Prediction("a.mp3", "blues", 0.5, genres=(("blues", 0.5), ("rock", 0.4)), blend=("blues", "rock"))
    assert json.loads(blended.to_json())["blend"] == ["blues", "rock"]


def test_tags_are_a_further_key_where_they_are_asked_for():
    tagged = Prediction("a.mp3", "jazz", 0.75, tags=(("piano", 0.91234567), ("vocal", 0.1)))
    assert "tags" not in json.loads(tagged.to_json())
    values = json.loads(tagged.to_json(tags=True))
    assert list(values)[-2:] == ["blend", "tags"]
    assert values["tags"] == [{"tag": "piano", "probability": 0.912346}, {"tag": "vocal", "probability": 0.1}]


def test_bytes_that_are_not_utf8_become_replacement_characters():
    line = Prediction("caf\udce9.mp3", error="caf\udce9.mp3: empty").to_json()
    assert json.loads(line.encode("utf-8"))["path"] == "caf\ufffd.mp3"


def test_letters_beyond_ascii_stay_letters():
    assert '"path": "Björk – Jóga.flac"' in Prediction("Björk – Jóga.flac", error="x").to_json()  # noqa: RUF001
