import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from genrelab.corpora import fetch
from genrelab.corpora.fetch import download, verify
from genrelab.corpora.sources import SOURCES
from genrelab.errors import CorpusError

CONTENT = bytes(range(256)) * 400  # 102 400 bytes


@dataclass
class Server:
    """A file on loopback, and how it misbehaves."""

    content: bytes = CONTENT
    etag: str = '"one"'
    cut_after: list[int] = field(default_factory=list)  # bytes of the next answers before the connection is cut
    statuses: list[int] = field(default_factory=list)  # of the next answers, instead of 200
    retry_after: str = "0"
    takes_ranges: bool = True
    heeds_if_range: bool = True
    says_length: int | str | None = None  # instead of the true one
    stalls_after: list[int] = field(default_factory=list)
    redirect: str = ""
    ranges: list[str | None] = field(default_factory=list)  # what was asked for
    url: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server():
    """Return a server that a test may bend; it ends with the test."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            state.ranges.append(asked)
            if state.statuses:
                self.send_response(state.statuses.pop(0))
                self.send_header("Retry-After", state.retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if state.redirect and self.path == "/file.zip":
                self.send_response(302)
                self.send_header("Location", state.redirect)
                self.end_headers()
                return
            begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            partial = asked and state.takes_ranges
            if partial and state.heeds_if_range and self.headers.get("If-Range") != state.etag:
                partial = False
            if partial and begin >= len(state.content):
                self.send_error(416)
                return
            body = state.content[begin if partial else 0 :]
            self.send_response(206 if partial else 200)
            if partial:
                self.send_header("Content-Range", f"bytes {begin}-{len(state.content) - 1}/{len(state.content)}")
            length = len(body) if state.says_length is None else state.says_length
            if length != -1:
                self.send_header("Content-Length", str(length))
            if state.etag:
                self.send_header("ETag", state.etag)
            self.end_headers()
            if state.stalls_after:
                self.wfile.write(body[: state.stalls_after.pop(0)])
                self.wfile.flush()
                state.stopped.wait(10)  # the client's patience ends long before
            else:
                self.wfile.write(body[: state.cut_after.pop(0)] if state.cut_after else body)

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    state.url = f"http://127.0.0.1:{http.server_port}/file.zip"
    yield state
    state.stopped.set()
    http.shutdown()
    http.server_close()


def get(server: Server, folder: Path, **changes) -> Path:
    path = folder / "archives" / "file.zip"
    options = {"largest": 1 << 20, "timeout": 5.0, "tries": 3, "pause": 0.0} | changes
    download(server.url, path, **options)
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "archives").iterdir()}


def test_a_file_comes_whole_and_leaves_nothing_beside_it(server, tmp_path):
    told = []
    path = get(server, tmp_path, progress=lambda *numbers: told.append(numbers))
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == {"file.zip"}
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert server.ranges == [None]


def test_a_cut_connection_is_gone_on_with_where_it_broke(server, tmp_path):
    server.cut_after = [30_000, 20_000]
    told = []
    assert get(server, tmp_path, report=told.append).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=30000-", "bytes=50000-"]
    assert told[0] == "the connection ended at 30000 of 102400 bytes; trying again in 0 s"


def test_a_later_call_goes_on_with_what_an_earlier_one_left(server, tmp_path):
    server.cut_after = [30_000]
    with pytest.raises(CorpusError, match=r"ended at 30000 of 102400 bytes; gave up after 1 tries\. What came is kept"):
        get(server, tmp_path, tries=1)
    assert names(tmp_path) == {"file.zip.part", "file.zip.part.json"}
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=30000-"]


def test_a_part_that_is_whole_needs_no_connection(server, tmp_path):
    server.cut_after = [30_000]
    with pytest.raises(CorpusError):
        get(server, tmp_path, tries=1)
    (tmp_path / "archives/file.zip.part").write_bytes(CONTENT)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.ranges) == 1


def test_a_server_that_ignores_ranges_is_asked_from_the_start(server, tmp_path):
    server.takes_ranges = False
    server.cut_after = [30_000]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=30000-"]


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changed_meanwhile_starts_over(server, tmp_path, heeds_if_range):
    server.heeds_if_range = heeds_if_range
    server.cut_after = [30_000]
    with pytest.raises(CorpusError):
        get(server, tmp_path, tries=1)
    server.content, server.etag = CONTENT[::-1] + b"more", '"two"'
    assert get(server, tmp_path).read_bytes() == server.content


def test_a_file_that_became_shorter_than_the_part_starts_over(server, tmp_path):
    server.heeds_if_range = False
    server.cut_after = [30_000]
    with pytest.raises(CorpusError):
        get(server, tmp_path, tries=1)
    server.content = b"short"
    assert get(server, tmp_path).read_bytes() == b"short"
    assert server.ranges == [None, "bytes=30000-", None]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_mark_of_its_version_a_file_starts_over(server, tmp_path, etag):
    server.etag = etag
    server.cut_after = [30_000]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_a_damaged_note_starts_over(server, tmp_path):
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives/file.zip.part").write_bytes(b"x" * 30_000)
    for note in ("", "[]", "{", json.dumps({"url": server.url, "version": '"one"', "size": "many"})):
        (tmp_path / "archives/file.zip.part.json").write_text(note)
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None] * 4


def test_a_stall_is_a_broken_connection(server, tmp_path):
    server.stalls_after = [30_000]
    told = []
    assert get(server, tmp_path, timeout=0.2, report=told.append).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=30000-"]
    assert told == ["nothing came for too long; trying again in 0 s"]


def test_tries_count_only_those_that_brought_nothing(server, tmp_path):
    server.cut_after = [10_000] * 8
    assert get(server, tmp_path, tries=2).read_bytes() == CONTENT
    server.takes_ranges = False
    server.cut_after = [10_000] * 8
    (tmp_path / "archives/file.zip").unlink()
    with pytest.raises(CorpusError, match="gave up after 2 tries"):
        get(server, tmp_path, tries=2)
    assert len(server.cut_after) == 6  # one brought something, one nothing more


def test_waits_double_and_end_at_a_minute(server, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    server.statuses = [503] * 9
    with pytest.raises(CorpusError, match=r"the server says 503 .*; gave up after 9 tries"):
        get(server, tmp_path, tries=9, pause=1.0)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(("asked", "waited"), [("20", 20.0), ("1", 4.0), ("3600", 60.0), ("tomorrow", 4.0)])
def test_a_server_that_asks_for_patience_gets_it(server, tmp_path, monkeypatch, asked, waited):
    waits = []
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    server.statuses, server.retry_after = [429], asked
    assert get(server, tmp_path, pause=4.0).read_bytes() == CONTENT
    assert waits == [waited]


def test_a_passing_fault_of_the_server_is_waited_out(server, tmp_path):
    server.statuses = [500, 429]
    assert get(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_lasting_refusal_is_told_at_once(server, tmp_path, status):
    server.statuses = [status]
    with pytest.raises(CorpusError, match=f"the server says {status} .*; the file may have moved"):
        get(server, tmp_path)
    assert len(server.ranges) == 1
    assert names(tmp_path) == set()


def test_a_server_that_promises_more_than_it_sends_fails(server, tmp_path):
    server.says_length = len(CONTENT) + 1
    with pytest.raises(CorpusError, match="ended at 102400 of 102401 bytes"):
        get(server, tmp_path)
    assert not (tmp_path / "archives/file.zip").exists()


def test_a_file_larger_than_allowed_is_refused_before_or_while_it_comes(server, tmp_path):
    with pytest.raises(CorpusError, match="has 102400 bytes, more than the 1000 that it may have"):
        get(server, tmp_path, largest=1000)
    assert names(tmp_path) == set()
    server.says_length = -1
    with pytest.raises(CorpusError, match="sends more than the 1000 bytes it may"):
        get(server, tmp_path, largest=1000)
    assert not (tmp_path / "archives/file.zip").exists()


def test_a_file_of_unknown_length_comes_until_its_end(server, tmp_path):
    server.says_length = -1
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_a_disk_without_room_is_an_error_of_the_place(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(OSError, match="102400 bytes are to come and 1000 are free") as error:
        get(server, tmp_path)
    assert error.value.filename == str(tmp_path / "archives")


def test_redirects_are_followed_and_go_on_with_ranges(server, tmp_path):
    server.redirect = "/elsewhere.zip"
    server.cut_after = [30_000]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, None, "bytes=30000-", "bytes=30000-"]


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_redirects_lead_to_no_other_scheme(server, tmp_path, target):
    server.redirect = target
    with pytest.raises(CorpusError, match=r"which is not safe to follow|is not allowed"):
        get(server, tmp_path)


def test_a_circle_of_redirects_ends(server, tmp_path):
    server.redirect = "/file.zip"
    with pytest.raises(CorpusError, match=r"the server says 302 [^\n\\]*; the file may have moved"):
        get(server, tmp_path)


@pytest.mark.parametrize("target", ["http://[bad/x", "http://127.0.0.1:port/"])
def test_a_redirect_to_no_address_is_told_at_once(server, tmp_path, target):
    server.redirect = target
    with pytest.raises(CorpusError, match="leads to what is no address"):
        get(server, tmp_path)
    assert len(server.ranges) == 1


@pytest.mark.parametrize("url", ["http://[bad", "http://", "http:///x", "http://127.0.0.1:port/x", "s3://a/b"])
def test_what_is_no_address_is_told_at_once(tmp_path, url):
    with pytest.raises(CorpusError, match="is no http or https address"):
        download(url, tmp_path / "x", largest=10)


def test_an_address_may_be_pasted_as_people_read_it(server, tmp_path):
    server.url += "/a b/é%20?x=ü"
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_a_length_of_thousands_of_digits_is_none(server, tmp_path):
    server.says_length = "9" * 5000
    with pytest.raises(CorpusError, match="sends more than the 1000 bytes it may"):
        get(server, tmp_path, largest=1000)


def test_what_did_not_come_is_not_said_to_be_kept(server, tmp_path):
    server.statuses = [503] * 3
    with pytest.raises(CorpusError, match=r"gave up after 3 tries$"):
        get(server, tmp_path)


def test_nobody_at_the_other_end_is_told(tmp_path):
    with pytest.raises(CorpusError, match="refused; gave up after 2 tries"):
        download("http://127.0.0.1:9/x", tmp_path / "x", largest=10, timeout=1, tries=2, pause=0)
    with pytest.raises(CorpusError, match="is no http or https address"):
        download("ftp://127.0.0.1/x", tmp_path / "x", largest=10)


def test_checksums_are_told_apart(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    for algorithm in ("md5", "sha1", "sha256"):
        digits = hashlib.new(algorithm, CONTENT).hexdigest()
        assert verify(path, f"{algorithm}:{digits.upper()}")
        assert not verify(path, f"{algorithm}:{digits[:-1]}")
    with pytest.raises(ValueError, match="none of md5, sha1, sha256"):
        verify(path, "crc32:00")


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_says_all_that_is_needed(name):
    source = SOURCES[name]
    assert source.url.startswith("https://") or source.url == ""
    assert source.url.endswith(f"/{source.archive}") or source.url == ""
    assert 0 <= source.size < source.largest
    algorithm, _, digits = source.checksum.partition(":")
    assert len(digits) == {"sha256": 64, "sha1": 40, "": 0}[algorithm]
    assert all("{root}" in command for command in source.then)
    assert source.licence
    assert source.terms
