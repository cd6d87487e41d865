from pathlib import Path

import numpy as np
import pytest

from genrelab.corpora import load_corpus
from genrelab.corpora.gtzan_facts import GENRES, published_parts
from genrelab.corpora.pictures import read_picture
from genrelab.corpora.protocols import make_splits
from genrelab.errors import AudioError, CorpusError

Image = pytest.importorskip("PIL.Image")

INDEX = "".join(f"{genre}.{n:05d}.wav ::: {genre}-{n // 3} ::: title\n" for genre in GENRES for n in range(100))


@pytest.fixture
def dots() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (288, 432, 4), dtype=np.uint8)


@pytest.fixture
def whole(tmp_path) -> Path:
    """Lay out all thousand names but the one that Kaggle's copy lacks; pictures are not opened until they are read."""
    for genre in GENRES:
        folder = tmp_path / "images_original" / genre
        folder.mkdir(parents=True)
        for number in range(100):
            (folder / f"{genre}{number:05d}.png").touch()
    (tmp_path / "images_original" / "jazz" / "jazz00054.png").unlink()
    return tmp_path


@pytest.mark.parametrize("below", [".", "images_original"])
def test_kaggles_layout_is_found_under_gtzans_names(whole, below):
    corpus = load_corpus("gtzan-pictures", root=whole / below)
    assert (len(corpus), corpus.holds, corpus.genres, corpus.notes) == (999, "pictures", GENRES, ())
    assert corpus.clips["clip"][0] == "blues.00000"
    assert corpus.clips["path"][0] == str(whole / "images_original" / "blues" / "blues00000.png")
    clips = corpus.clips.set_index("clip")
    assert clips.at["jazz.00051", "track"] == "jazz.00033"
    assert clips.at["reggae.00086", "fault"] == "all but the first seconds is noise"


def test_artists_come_from_the_index(whole):
    (whole / "GTZANindex.txt").write_text(INDEX)
    assert load_corpus("gtzan-pictures", root=whole).clips["artist"][3] == "blues-1"


def test_a_missing_picture_is_loud_unless_a_partial_copy_will_do(whole):
    (whole / "images_original" / "pop" / "pop00007.png").unlink()
    with pytest.raises(CorpusError, match=r"1 pictures are missing: pop\.00007.*partial=true"):
        load_corpus("gtzan-pictures", root=whole)
    corpus = load_corpus("gtzan-pictures", root=whole, partial=True)
    assert (len(corpus), corpus.notes) == (998, ("1 pictures are missing: pop.00007",))


def test_a_picture_that_is_there_twice_is_refused(whole):
    (whole / "images_original" / "pop" / "pop.00007.png").touch()
    with pytest.raises(CorpusError, match=r"pop\.00007 is here twice"):
        load_corpus("gtzan-pictures", root=whole)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="there are no pictures of GTZAN here"):
        load_corpus("gtzan-pictures", root=tmp_path)


def test_a_picture_is_read_row_by_row(tmp_path, dots):
    Image.fromarray(dots).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert (picture.shape, picture.dtype) == ((288 * 432 * 4,), np.float32)
    np.testing.assert_array_equal(picture.reshape(288, 432, 4), dots)


def test_another_size_or_mode_is_told(tmp_path, dots):
    Image.fromarray(dots[:100]).save(tmp_path / "small.png")
    Image.fromarray(dots[..., :3]).save(tmp_path / "rgb.png")
    with pytest.raises(AudioError, match=r"small\.png: is a picture of 432 x 100 in RGBA, not 432 x 288 in RGBA"):
        read_picture(tmp_path / "small.png")
    with pytest.raises(AudioError, match="432 x 288 in RGB, not 432 x 288 in RGBA"):
        read_picture(tmp_path / "rgb.png")


def test_damage_names_the_file_and_the_reason_wherever_it_lies(tmp_path, dots):
    path = tmp_path / "a.png"
    Image.fromarray(dots).save(path)
    content = path.read_bytes()
    huge = bytearray(content)
    huge[16:24] = (2**30).to_bytes(4, "big") * 2
    reasons = set()
    for part in (b"", b"no picture", content[:20], content[:100], content[: len(content) // 2], content[:-2000], huge):
        path.write_bytes(part)
        with pytest.raises(AudioError) as caught:
            read_picture(path)
        assert str(caught.value).startswith(f"{path}: ")
        reasons.add(caught.value.reason.split(" (")[0])
    assert reasons == {"is not a PNG picture", "the picture is damaged"}
    with pytest.raises(AudioError, match="there is no such file"):
        read_picture(tmp_path / "absent.png")


def test_without_the_published_test_list_the_validation_list_is_tested(whole):
    (whole / "GTZANindex.txt").write_text(INDEX)
    published = published_parts()
    for clip, part in published.items():
        if part == "test":
            (whole / "images_original" / clip.split(".")[0] / f"{clip.replace('.', '')}.png").unlink()
    corpus = load_corpus("gtzan-pictures", root=whole, partial=True)
    with pytest.raises(CorpusError, match="no clip of this corpus is in the test part"):
        make_splits(corpus, "gtzan-filtered")
    (split,) = make_splits(corpus, "gtzan-train-validation", seed=1)
    assert split.clips("test") == [clip for clip in corpus.clips["clip"] if published.get(clip) == "validation"]
    taught = split.clips("train") + split.clips("validation")
    assert set(taught) == {clip for clip, part in published.items() if part == "train"} - {"jazz.00054"}
    assert 40 <= len(split.clips("validation")) <= 49
    clips = corpus.clips.set_index("clip")
    assert set(clips.loc[split.clips("validation"), "genre"]) == set(GENRES)
    whose = [set(clips.loc[split.clips(part), "artist"]) for part in ("train", "validation")]
    assert not whose[0] & whose[1]


def test_how_much_is_taken_for_validation_and_what_follows_the_seed(whole):
    corpus = load_corpus("gtzan-pictures", root=whole)
    few, most = (make_splits(corpus, "gtzan-train-validation", validation=part)[0] for part in (0.04, 0.3))
    assert len(few.clips("validation")) == pytest.approx(0.04 * 442, abs=8)
    assert most.clips("validation") == make_splits(corpus, "gtzan-train-validation")[0].clips("validation")
    taken = [make_splits(corpus, "gtzan-train-validation", seed=seed)[0].clips("validation") for seed in (0, 0, 1)]
    assert taken[0] == taken[1] != taken[2]
    assert make_splits(corpus, "gtzan-train-validation")[0].clips("test")[0] == "blues.00000"


def test_lists_beside_the_pictures_go_before_those_of_the_package(whole):
    numbers = {"train": range(0, 40), "valid": range(40, 60), "test": range(60, 70)}
    for name, clips in numbers.items():
        lines = (f"{genre}/{genre}.{number:05d}.wav\n" for genre in GENRES for number in clips)
        (whole / f"{name}_filtered.txt").write_text("".join(lines))
    (split,) = make_splits(load_corpus("gtzan-pictures", root=whole), "gtzan-train-validation")
    assert split.clips("test")[0] == "blues.00040"
    assert [len(split.clips(part)) for part in ("train", "validation", "test")] == [360, 40, 199]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 3}, "it has no 3 folds"),
        ({"seed": -1}, "seed is -1; it must be"),
        ({"validation": 0}, "validation is 0; it must"),
    ],
)
def test_the_protocol_refuses_what_it_cannot_do(whole, arguments, message):
    with pytest.raises(CorpusError, match=message):
        make_splits(load_corpus("gtzan-pictures", root=whole), "gtzan-train-validation", **arguments)


def test_the_research_copy_loads_and_reads(shared_data):
    lists = shared_data / "gtzan-lists"
    corpus = load_corpus("gtzan-pictures", root=shared_data / "gtzan-pictures", index=lists, lists=lists, partial=True)
    (split,) = make_splits(corpus, "gtzan-train-validation")
    counts = [len(split.clips(part)) for part in ("train", "validation", "test", "")]
    assert (sum(counts[:2]), counts[2:]) == (442, [197, 70])
    assert corpus.clips.set_index("clip").at["blues.00000", "artist"] == "John Lee Hooker"
    assert read_picture(corpus.clips["path"][0]).reshape(288, 432, 4)[252, 200].tolist() == [51, 51, 51, 255]
