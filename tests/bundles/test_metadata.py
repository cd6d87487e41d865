"""What a bundle says about itself, and what it may not say."""

import json
from typing import Any

import pytest

from genrelab.bundles.metadata import Metadata
from genrelab.errors import BundleError

GOOD: dict[str, Any] = {"name": "tiny", "genres": ("jazz", "rock"), "sample_rate": 16000, "window": 32000, "hop": 16000}


def test_what_is_written_is_read_again():
    metadata = Metadata(
        **GOOD,
        temperature=1.7,
        unknown_below=0.25,
        metrics={"protocol": "artist-folds", "clips": 538, "accuracy": {"value": 0.61, "low": 0.57, "high": 0.65}},
        licence="MIT",
        recipe={"network": {"kind": "cnn"}},
        vocabularies={"old": ["rock", "jazz"]},
        tags=("guitar", "loud"),
        unknown_above=2.5,
    )
    assert Metadata.from_json(metadata.to_json()) == metadata


def test_the_json_has_the_format_number_and_genres_as_a_list():
    values = json.loads(Metadata(**GOOD).to_json())
    assert values["format"] == 1
    assert values["genres"] == ["jazz", "rock"]


def test_an_old_bundle_that_does_not_say_when_it_was_made_was_not_made_today():
    text = json.dumps({"format": 1, **GOOD})
    assert (Metadata.from_json(text).created, Metadata.from_json(text).genrelab_version) == ("", "")


def test_a_key_of_a_later_version_is_passed_over():
    assert Metadata.from_json(json.dumps({"format": 1, **GOOD, "mood": "blue"})).name == "tiny"


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_missing_key_is_named(key: str):
    values = {"format": 1, **GOOD}
    del values[key]
    with pytest.raises(BundleError, match=f"lack {key}; export it again"):
        Metadata.from_json(json.dumps(values))


def test_a_later_format_says_who_made_it():
    with pytest.raises(BundleError, match=r"format 2, made by genrelab 9\.9"):
        Metadata.from_json(json.dumps({"format": 2, "genrelab_version": "9.9", **GOOD}))


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[1]", "not a JSON object"), ("{}", "format None")])
def test_what_is_no_metadata_is_refused(text: str, message: str):
    with pytest.raises(BundleError, match=message):
        Metadata.from_json(text)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", 3, "must be a text"),
        ("genres", ("rock",), "two or more names"),
        ("genres", ["jazz", "rock"], "two or more names"),
        ("genres", ("rock", ""), "two or more names"),
        ("genres", ("rock", "rock"), "names that all differ"),
        ("sample_rate", 0, "a whole number above 0"),
        ("sample_rate", 22050.0, "a whole number above 0"),
        ("window", True, "a whole number above 0"),
        ("hop", 32001, "at most the window, 32000"),
        ("temperature", 0.0, "above 0"),
        ("temperature", float("nan"), "a finite number"),
        ("unknown_below", 1.5, "between 0 and 1"),
        ("unknown_below", "0.5", "a finite number"),
        ("silence_dbfs", 0, "below 0"),
        ("metrics", [], "an object"),
        ("licence", None, "must be a text"),
        ("vocabularies", ["gtzan"], "an object"),
        ("vocabularies", {"": ["jazz", "rock"]}, "named by texts"),
        ("tags", ["guitar"], "names"),
        ("tags", ("guitar", 3), "names"),
        ("tags", ("guitar", "guitar"), "names that all differ"),
        ("unknown_above", "2", "a finite number, or null"),
        ("unknown_above", float("inf"), "a finite number, or null"),
    ],
)
def test_an_impossible_value_is_refused_by_name(key: str, value: object, message: str):
    with pytest.raises(BundleError, match=f"metadata: {key} is .*{message}"):
        Metadata(**{**GOOD, key: value})


@pytest.mark.parametrize("chosen", [["rock"], ["rock", "rock"], ["rock", "polka"], "jazz", None])
def test_a_vocabulary_is_two_or_more_of_the_genres(chosen: object):
    with pytest.raises(BundleError, match=r"vocabularies\.old is .* two or more of the genres, each of them once"):
        Metadata(**GOOD, vocabularies={"old": chosen})


def test_a_bundle_from_before_vocabularies_tags_and_strangeness_has_none():
    metadata = Metadata.from_json(json.dumps({"format": 1, **GOOD}))
    assert (metadata.vocabularies, metadata.tags, metadata.unknown_above) == ({}, (), None)


def test_a_vocabulary_keeps_columns_in_the_order_of_the_genres():
    genres = ("blues", "folk", "jazz", "rock")
    metadata = Metadata(**{**GOOD, "genres": genres}, vocabularies={"old": ["rock", "blues", "jazz"]})
    assert metadata.columns("old") == (0, 2, 3)
    assert metadata.columns() == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("vocabularies", "there_are"),
    [({}, "it has none"), ({"a": ["jazz", "rock"], "b": ["jazz", "rock"]}, "it has a, b")],
)
def test_an_unknown_vocabulary_is_answered_with_those_that_there_are(
    vocabularies: dict[str, list[str]], there_are: str
):
    with pytest.raises(BundleError, match=f"no vocabulary 'gtzan': {there_are}; without one, all genres are answered"):
        Metadata(**GOOD, vocabularies=vocabularies).columns("gtzan")
