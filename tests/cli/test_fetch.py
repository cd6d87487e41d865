import dataclasses
import hashlib
import io
import shlex
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.cli.app import main
from genrelab.cli.fetch import fetch
from genrelab.corpora import fetch as fetching
from genrelab.corpora import load_corpus, sources
from genrelab.corpora import unpack as unpacking

GENRES = ("blues", "rock")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a small GTZAN: one clip in each of two genres."""
    sound = io.BytesIO()
    soundfile.write(sound, np.random.default_rng(0).normal(0, 0.1, 4000), 8000, format="WAV")
    path = tmp_path / "there" / "genres.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        for genre in GENRES:
            file.writestr(f"genres/{genre}/{genre}.00000.wav", sound.getvalue())
    return path


@pytest.fixture
def served(archive, monkeypatch):
    """Return what offers the archive on loopback as the source ``gtzan``; keywords change the source."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=archive.parent))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{archive.name}"

    def offer(**changes: object) -> str:
        right = {
            "url": url,
            "archive": archive.name,
            "checksum": f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
            "then": ("genrelab corpus describe gtzan --root {root} -o partial=true",),
        }
        source = dataclasses.replace(sources.SOURCES["gtzan"], **(right | changes))
        monkeypatch.setitem(sources.SOURCES, "gtzan", source)
        return url

    yield offer
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("GENRELAB_MIRROR", raising=False)
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Sit at a terminal and type."""
    terminal = io.StringIO(text)
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", terminal)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_terms_are_shown_and_without_a_terminal_must_be_accepted(served, capsys, tmp_path):
    served()
    assert main(["corpus", "fetch", "gtzan"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "licence: unknown" in err
    assert "size:    1.2 GB" in err
    assert "without their owners' permission" in err
    assert err.splitlines()[-1] == "genrelab: nobody is there to accept these terms; give --accept-licence if you do"
    assert not (tmp_path / "music").exists()


def test_who_says_no_gets_nothing(served, capsys, tmp_path, monkeypatch):
    served()
    for text in ("n\n", "\n"):
        answer(monkeypatch, text)
        assert main(["corpus", "fetch", "gtzan"]) == 1
    assert "Fetch it under these terms? [y/N]" in capsys.readouterr().err
    assert not (tmp_path / "music").exists()


def test_who_says_yes_gets_a_corpus_that_loads(served, capsys, tmp_path, monkeypatch):
    served()
    answer(monkeypatch, "y\n")
    assert main(["corpus", "fetch", "gtzan"]) == 0
    out, err = capsys.readouterr()
    assert "music/genres is ready" in err
    assert names(tmp_path / "music") == {"genres"}
    assert len(load_corpus("gtzan", root="music", partial=True)) == 2
    assert out == "next: genrelab corpus describe gtzan --root music -o partial=true\n"
    assert main(shlex.split(out)[2:]) == 0
    assert "997 clips are missing" in capsys.readouterr().out


def test_what_is_there_already_is_not_fetched_again(served, capsys, tmp_path):
    served(url="http://127.0.0.1:9/nobody")
    (tmp_path / "my music" / "genres").mkdir(parents=True)
    assert main(["corpus", "fetch", "gtzan", "--to", "my music"]) == 0
    out, err = capsys.readouterr()
    assert "my music/genres is there already" in err
    assert "--root 'my music'" in out


def test_an_archive_that_is_kept_is_used_again(served, capsys, tmp_path):
    served()
    assert main(["corpus", "fetch", "gtzan", "--accept-licence", "--keep-archive"]) == 0
    assert names(tmp_path / "music") == {"genres", "genres.zip"}
    (tmp_path / "music/genres").rename(tmp_path / "old")
    served(url="http://127.0.0.1:9/nobody")
    capsys.readouterr()
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 0
    assert "genres.zip is here already: it is taken, and left here" in capsys.readouterr().err
    assert names(tmp_path / "music") == {"genres", "genres.zip"}  # it was not this call that brought it


def test_a_wrong_archive_is_removed_and_not_unpacked(served, capsys, tmp_path):
    served(checksum="sha1:ade154f733639d52e35e32f5593efe5be76c6d70")
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 2
    assert "is not the published archive (sha1:ade1" in capsys.readouterr().err
    assert names(tmp_path / "music") == set()


def test_ones_own_wrong_archive_is_neither_unpacked_nor_removed(served, archive, capsys, tmp_path):
    served(checksum="sha1:ade154f733639d52e35e32f5593efe5be76c6d70")
    assert main(["corpus", "fetch", "gtzan", "--accept-licence", "--source", str(archive)]) == 2
    assert "give another with --source" in capsys.readouterr().err
    assert archive.is_file()
    assert names(tmp_path / "music") == set()


@pytest.mark.parametrize("form", ["path", "file", "http", "mirror of files", "mirror on the net"])
def test_the_archive_may_come_from_elsewhere(served, archive, form, tmp_path, monkeypatch):
    url = served()
    served(url="http://127.0.0.1:9/nobody")
    place = {"path": str(archive), "file": archive.as_uri(), "http": url}.get(form)
    if place is None:
        mirror = str(archive.parent) if form == "mirror of files" else url.rpartition("/")[0] + "/"
        monkeypatch.setenv("GENRELAB_MIRROR", mirror)
    arguments = ["--source", place] if place else []
    assert main(["corpus", "fetch", "gtzan", "--accept-licence", *arguments]) == 0
    assert names(tmp_path / "music") == {"genres"}
    assert archive.is_file()


def test_what_nobody_published_a_checksum_of_is_said_to_be_unchecked(served, archive, capsys):
    served(checksum="")
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 0
    assert "nobody publishes a checksum of this archive" in capsys.readouterr().err


def test_who_interrupts_is_told_how_to_go_on(served, capsys, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    served()
    monkeypatch.setattr("genrelab.corpora.fetch.download", interrupted)
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "genrelab: interrupted: the same command goes on from here"


def test_what_is_no_archive_is_not_taken_for_it_for_ever(served, archive, capsys, tmp_path):
    served(checksum="")
    whole = archive.read_bytes()
    archive.write_text("<html>Please sign in</html>")
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 2
    assert capsys.readouterr().err.endswith(": it is removed; fetch it anew\n")
    assert names(tmp_path / "music") == set()
    assert main(["corpus", "fetch", "gtzan", "--accept-licence", "--source", str(archive)]) == 2
    assert "remove it, or give another with --source" in capsys.readouterr().err
    archive.write_bytes(whole)
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 0


def test_two_that_fetch_the_same_do_so_one_after_the_other(served, capsys, tmp_path, monkeypatch):
    served()
    download, others = fetching.download, []

    def meanwhile(*arguments, **options):
        if not others:
            others.append(threading.Thread(target=fetch, args=["gtzan"], kwargs={"accept_licence": True}))
            others[0].start()
            others[0].join(0.5)
            assert others[0].is_alive()
        download(*arguments, **options)

    monkeypatch.setattr(fetching, "download", meanwhile)
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 0
    others[0].join(10)
    err = capsys.readouterr().err
    assert err.count("another process is fetching it: waiting") == 1
    assert err.count("music/genres is ready") == 2
    assert names(tmp_path / "music") == {"genres"}


def test_a_cache_that_cannot_be_written_to_keeps_nobody_from_fetching(served, tmp_path):
    served()
    (tmp_path / "cache").write_text("in the way")
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 0


def test_nor_does_the_want_of_a_home_folder(served, request):
    served()
    request.getfixturevalue("no_home")
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mp3s"], "'mp3s' cannot be fetched; choose one of gtzan, gtzan-pictures, fma-small"),
        (["gtzan-pictures", "--accept-licence"], "cannot be downloaded without signing in; get the archive from https"),
        (["gtzan", "--accept-licence", "--source", "absent.zip"], "absent.zip: there is no such file"),
        (["gtzan", "--accept-licence", "--source", "ftp://127.0.0.1/x"], "is no http or https address"),
        (["gtzan", "--accept-licence", "--to", "there/genres.zip/x"], "genres.zip"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(served, arguments, message, capsys):
    served()
    assert main(["corpus", "fetch", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_full_disk_is_one_sentence_and_what_came_is_kept(served, capsys, tmp_path, monkeypatch):
    served()
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    assert main(["corpus", "fetch", "gtzan", "--accept-licence"]) == 2
    assert "bytes are to come and 100 are free" in capsys.readouterr().err.splitlines()[-1]


def test_help_does_not_load_what_fetching_needs():
    code = (
        "import sys; from genrelab.cli.app import main; main(['corpus', 'fetch', '--help']); "
        "heavy = {'pandas', 'numpy', 'http.client', 'tarfile', 'genrelab.corpora.fetch'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
