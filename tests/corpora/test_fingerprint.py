import io

import numpy as np
import pytest
import soundfile
import soxr

from genrelab.corpora.fingerprint import HOP, SAMPLE_RATE, fingerprint, matches
from genrelab.corpora.toy_music import make_artist, render

RATE = 22050


@pytest.fixture(scope="module")
def music() -> list[np.ndarray]:
    """Return two pieces each of six artists: music in which much is alike and nothing is the same."""
    artists = [make_artist(genre, 0, 5, RATE) for genre in ("funk", "metal", "swing", "techno", "waltz", "ballad")]
    rng = np.random.default_rng(0)
    return [render(artist, nth, rng)[0] for artist in artists for nth in range(2)]


def _coded(samples: np.ndarray, form: str, subtype: str, quality: float) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=form, subtype=subtype, compression_level=quality)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


CHANGES = {
    "quieter": lambda x: (0.05 * x, RATE),
    "mp3": lambda x: (_coded(x, "MP3", "MPEG_LAYER_III", 0.7), RATE),
    "vorbis": lambda x: (_coded(x, "OGG", "VORBIS", 0.7), RATE),
    "resampled": lambda x: (soxr.resample(x, RATE, 16000), 16000),
    "offset": lambda x: (x[int(0.8137 * RATE) :], RATE),
    "noisy": lambda x: (x + 0.02 * x.std() * np.random.default_rng(1).normal(size=len(x)).astype("f4"), RATE),
    "all at once": lambda x: (soxr.resample(_coded(0.3 * x[9999:], "OGG", "VORBIS", 0.5), RATE, 11025), 11025),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_no_other_clip_taken_for_it(music, change):
    copies = [fingerprint(*CHANGES[change](samples)) for samples in music]
    found = matches([fingerprint(samples, RATE) for samples in music] + copies)
    assert [(match.a, match.b) for match in found] == [(i, i + len(music)) for i in range(len(music))]


def test_the_offset_is_that_of_the_sound(music):
    a = fingerprint(music[0], RATE)
    b = fingerprint(music[0][RATE // 2 :], RATE)
    (match,) = matches([a, b])
    assert match.offset == pytest.approx(-0.5, abs=HOP / SAMPLE_RATE)
    assert match.similarity > 0.9


def test_of_several_offsets_the_one_with_the_most_in_common_is_told(music):
    sound = music[0][: 6 * RATE]
    noisy, _ = CHANGES["noisy"](sound)
    prints = [fingerprint(samples, RATE) for samples in (sound, np.concatenate([noisy, sound]))]
    (match,) = matches(prints)
    assert match.offset == pytest.approx(6, abs=HOP / SAMPLE_RATE)
    assert match.similarity > 0.98


def test_all_pairs_of_many_copies_are_found(music):
    found = matches([fingerprint(music[0][: 4 * RATE], RATE)] * 5)
    assert [(match.a, match.b) for match in found] == [(a, b) for a in range(5) for b in range(a + 1, 5)]


def test_short_clips_half_of_which_is_common_are_found(music):
    short = [samples[: int(2.6 * RATE)] for samples in music]
    later = [samples[int(0.9 * RATE) : int(3.5 * RATE)] for samples in music]
    found = matches([fingerprint(samples, RATE) for samples in (*short, *later)])
    assert [(match.a, match.b) for match in found] == [(i, i + len(music)) for i in range(len(music))]


def test_a_sound_that_is_there_fifty_times_is_found_each_time(music):
    rng = np.random.default_rng(0)
    notice = music[0][: 4 * RATE]
    copies = [notice + 0.01 * notice.std() * rng.normal(size=len(notice)).astype("f4") for _ in range(50)]
    for prints in ([fingerprint(notice, RATE)] * 50, [fingerprint(copy, RATE) for copy in copies]):
        found = matches([*prints, *(fingerprint(samples, RATE) for samples in music[1:])])
        assert {(match.a, match.b) for match in found} >= {(i, i + 1) for i in range(49)}
        assert max(match.b for match in found) < 50


def test_a_moment_in_common_makes_no_copy(music):
    a = music[0][: 6 * RATE]
    b = np.concatenate([music[2][: 5 * RATE], a[:RATE]])
    assert matches([fingerprint(a, RATE), fingerprint(b, RATE)]) == []


def _words(seconds: float, seed: int) -> np.ndarray:
    count = round(seconds * SAMPLE_RATE / HOP)
    return np.random.default_rng(seed).integers(1, 2**32, count, dtype=np.uint32)


def _offsets(a: np.ndarray, b: np.ndarray) -> list[float]:
    return [match.offset for match in matches([a, b])]


def test_how_much_must_be_common_depends_on_the_shorter_clip_within_bounds():
    assert _offsets(_words(0.68, 0), _words(0.68, 0)) == []  # 0.7 s at least
    assert _offsets(_words(0.7, 0), _words(0.7, 0)) == [0.0]
    assert _offsets(_words(2, 0), np.concatenate([_words(40, 1), _words(2, 0)])) == [40.0]
    for seconds, found in ((2.9, []), (3.0, [-17.0])):  # half of the shorter is 10 s, but 3 s are enough
        common = _words(seconds, 0)
        assert _offsets(np.concatenate([_words(17, 1), common]), np.concatenate([common, _words(20, 2)])) == found


def test_silence_in_common_is_nothing_in_common():
    a, b = (np.concatenate([_words(2, seed), np.zeros(500, np.uint32)]) for seed in (0, 1))
    b[50] = a[50]  # what proposes the pair
    assert _offsets(a, b) == []


def test_unchanged_sound_has_all_bits_in_common(music):
    prints = [fingerprint(music[0], RATE), fingerprint(music[0].copy(), RATE)]
    (match,) = matches(prints)
    assert (match.similarity, match.offset) == (1.0, 0.0)


def test_there_is_a_word_every_20_ms_and_silence_is_zero():
    sound = np.random.default_rng(0).normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32)
    sound[SAMPLE_RATE : 2 * SAMPLE_RATE] = 0.0
    words = fingerprint(sound, SAMPLE_RATE)
    assert words.dtype == np.uint32
    assert len(words) == 1 + (3 * SAMPLE_RATE - 2048) // HOP - 4
    assert (words[46:88] == 0).all()  # frames 50 to 87 lie in the silence, and a word is of frames t and t + 4
    assert (words[:40] != 0).all()


@pytest.mark.parametrize("n", [0, 1, 100, 2048])
def test_a_sound_too_short_has_an_empty_fingerprint_and_no_copies(n):
    words = fingerprint(np.ones(n, np.float32), SAMPLE_RATE)
    assert len(words) == 0
    assert matches([words, words]) == []


def test_silence_is_no_copy_of_silence():
    silence = fingerprint(np.zeros(5 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    assert (silence == 0).all()
    assert matches([silence, silence]) == []
    assert matches([]) == []


def test_exact_repeats_in_gtzan_are_found_and_nothing_else(shared_data):
    from genrelab.corpora import load_corpus
    from genrelab.corpora.gtzan_facts import repeats

    corpus = load_corpus("table", path=shared_data / "gtzan-full" / "clips.csv")
    clips = corpus.clips[corpus.clips["genre"] == "jazz"].reset_index(drop=True)
    # The first ten seconds are enough, and cheaper.
    prints = [fingerprint(*_begin(path)) for path in clips["path"]]
    found = {(clips["clip"][match.a], clips["clip"][match.b]) for match in matches(prints)}
    assert found == {(first, again) for again, first in repeats().items() if again.startswith("jazz")}
    assert len(found) == 13


def _begin(path: str) -> tuple[np.ndarray, int]:
    with soundfile.SoundFile(path) as file:
        return file.read(10 * file.samplerate, dtype="float32"), file.samplerate
