"""Clips that a page can play: taken into it where they are few, linked where they are many."""

import io
import math
from collections.abc import Mapping

import pandas as pd
import soundfile

from genrelab.audio.read import probe, read
from genrelab.errors import AudioError
from genrelab.report.page import data_uri

EMBEDDED = 1200.0  # seconds of sound that a page takes in: about 8 MB
_RATE = 22050  # Hz; enough to recognise what one hears


def total_seconds(clips: pd.DataFrame) -> float:
    """Return how much sound some rows of `genrelab.corpora.corpus.Corpus.clips` are; files that are gone count 0."""
    total = 0.0
    for path, seconds in zip(clips["path"], clips["seconds"].astype(float), strict=True):
        try:
            total += seconds if math.isfinite(seconds) else probe(path).seconds
        except AudioError:
            continue
    return total


def taken_in(clips: pd.DataFrame) -> Mapping[str, str]:
    """Return each clip's sound as a data URI of MP3, mono; files that cannot be read are left out."""
    sounds = {}
    columns = (clips["clip"], clips["path"], clips["start"].astype(float), clips["seconds"].astype(float))
    for clip, path, start, seconds in zip(*columns, strict=True):
        try:
            samples = read(path, _RATE, start, seconds if math.isfinite(seconds) else None)
        except AudioError:
            continue
        file = io.BytesIO()
        soundfile.write(file, samples, _RATE, format="MP3")
        sounds[str(clip)] = data_uri("audio/mpeg", file.getvalue())
    return sounds
