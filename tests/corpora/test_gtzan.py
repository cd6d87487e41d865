import shutil
from pathlib import Path

import pytest

from genrelab.corpora import load_corpus
from genrelab.corpora.gtzan_facts import GENRES, published_parts, repeats
from genrelab.corpora.protocols import make_splits
from genrelab.errors import CorpusError


@pytest.fixture
def whole(tmp_path, sound):
    """Return what lays out all thousand clips: hard links to one short sound."""

    def lay_out(folder: str, suffix: str) -> Path:
        original = sound(tmp_path / f"sound.{suffix}", seconds=0.2)
        for genre in GENRES:
            (tmp_path / folder / genre).mkdir(parents=True)
            for number in range(100):
                (tmp_path / folder / genre / f"{genre}.{number:05d}.{suffix}").hardlink_to(original)
        return tmp_path

    return lay_out


def _damage(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"not a sound at all, whatever it is called\n" * 20)


@pytest.mark.parametrize(
    ("folder", "suffix", "root"),
    [
        ("genres", "au", "."),
        ("genres_original", "wav", "."),
        ("Data/genres_original", "wav", "."),
        ("copy", "flac", "copy"),
    ],
)
def test_every_usual_layout_is_found(whole, folder, suffix, root):
    corpus = load_corpus("gtzan", root=whole(folder, suffix) / root)
    assert (len(corpus), corpus.genres, corpus.notes) == (1000, GENRES, ())
    assert corpus.clips["path"][0].endswith(f"blues.00000.{suffix}")
    assert (corpus.clips["artist"] == "").all()


def test_a_clip_known_to_be_unreadable_is_left_out_only_where_it_is(whole):
    root = whole("genres", "wav")
    assert "jazz.00054" in set(load_corpus("gtzan", root=root).clips["clip"])
    _damage(root / "genres/jazz/jazz.00054.wav")
    corpus = load_corpus("gtzan", root=root)
    assert len(corpus) == 999
    assert corpus.notes == ("jazz.00054 is left out: its header is damaged in the usual copies",)
    (root / "genres/jazz/jazz.00054.wav").unlink()
    assert len(load_corpus("gtzan", root=root)) == 999


def test_a_new_fault_is_loud(whole):
    root = whole("genres", "wav")
    _damage(root / "genres/pop/pop.00007.wav")
    (root / "genres/rock/rock.00001.wav").unlink()
    with pytest.raises(CorpusError, match=r"pop.00007 cannot be read \(.*\); 1 clips are missing: rock.00001"):
        load_corpus("gtzan", root=root)
    corpus = load_corpus("gtzan", root=root, partial=True)
    assert len(corpus) == 998
    assert any("pop.00007" in note for note in corpus.notes)


def test_a_clip_that_is_there_twice_is_refused(whole):
    root = whole("genres", "wav")
    shutil.copy(root / "genres/pop/pop.00007.wav", root / "genres/pop/pop.00007.flac")
    with pytest.raises(CorpusError, match=r"pop\.00007 is here twice"):
        load_corpus("gtzan", root=root)


def test_artists_come_from_the_index(whole):
    root = whole("genres", "wav")
    index = root / "GTZANindex.txt"
    # with the mark that Notepad puts in front
    index.write_text("\ufeffblues.00000.wav ::: John Lee Hooker ::: Boom Boom\nblues.00001.wav ::: ::: \n", "utf-8")
    clips = load_corpus("gtzan", root=root).clips  # found beside the data
    assert list(clips["artist"][:3]) == ["John Lee Hooker", "", ""]
    assert clips["title"][0] == "Boom Boom"
    index.write_text("blues.00000.wav: John Lee Hooker\n")
    with pytest.raises(CorpusError, match="line 1 is not"):
        load_corpus("gtzan", root=root, index=index)
    with pytest.raises(CorpusError, match="there is no such file"):
        load_corpus("gtzan", root=root, index=root / "absent.txt")


def test_without_an_index_artist_folds_says_where_to_get_one(whole):
    corpus = load_corpus("gtzan", root=whole("genres", "wav"))
    with pytest.raises(CorpusError, match=r"GTZANindex\.txt.*arXiv:1306\.1461"):
        make_splits(corpus, "artist-folds", folds=3)


def test_known_repeats_share_their_track_and_are_named(whole):
    clips = load_corpus("gtzan", root=whole("genres", "wav")).clips.set_index("clip")
    assert clips.at["jazz.00051", "track"] == "jazz.00033"
    assert clips.at["jazz.00051", "fault"] == "repeats jazz.00033"
    assert clips.at["reggae.00086", "fault"] == "all but the first seconds is noise"
    assert clips["track"].nunique() == 1000 - len(repeats())


def test_the_published_partition_comes_with_the_package(whole):
    corpus = load_corpus("gtzan", root=whole("genres", "wav"))
    (split,) = make_splits(corpus, "gtzan-filtered")
    assert [len(split.clips(part)) for part in ("train", "validation", "test", "")] == [443, 197, 290, 70]


def test_lists_beside_the_data_go_before_those_of_the_package(whole):
    root = whole("genres", "wav")
    for name, clips in (("train", GENRES), ("valid", GENRES), ("test", GENRES)):
        number = {"train": 0, "valid": 1, "test": 2}[name]
        (root / f"{name}_filtered.txt").write_text("".join(f"{g}/{g}.{number:05d}.wav\n" for g in clips))
    (split,) = make_splits(load_corpus("gtzan", root=root), "gtzan-filtered")
    assert split.clips("test")[0] == "blues.00002"
    assert [len(split.clips(part)) for part in ("train", "validation", "test")] == [10, 10, 10]
    (root / "test_filtered.txt").write_text("blues/blues.00000.wav\n")
    with pytest.raises(CorpusError, match=r"blues\.00000 stands in the train list as well"):
        load_corpus("gtzan", root=root)


def test_the_packages_partition_is_the_published_one(shared_data):
    published = {}
    for part, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
        for line in (shared_data / "gtzan-lists" / f"{name}_filtered.txt").read_text().split():
            published[Path(line).stem] = part
    assert published_parts() == published


def test_of_known_repeats_the_published_partition_keeps_one_at_most():
    parts = published_parts()
    sets: dict[str, list[str]] = {}
    for again, first in repeats().items():
        sets.setdefault(first, [first]).append(again)
    assert len(sets) == 45
    assert all(sum(clip in parts for clip in clips) <= 1 for clips in sets.values())


def test_the_research_copy_loads_with_its_index(shared_data):
    root, lists = shared_data / "gtzan-excerpts" / "audio", shared_data / "gtzan-lists"
    corpus = load_corpus("gtzan", root=root, index=lists, lists=lists, partial=True)
    assert len(corpus) == 538
    assert corpus.clips.set_index("clip").at["blues.00000", "artist"] == "John Lee Hooker"
