"""Downloads that go on where they broke off.

What has come lies in ``<file>.part``; ``<file>.part.json`` beside it says which version of the file it is the beginning
of (its address, size and ETag or date). Only that version is gone on with; of any other the download starts over.
"""

import errno
import hashlib
import json
import os
import shutil
import string
import time
from collections.abc import Callable
from http.client import BadStatusLine, HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from genrelab.errors import CorpusError, one_line, printable
from genrelab.files import write_json

Progress = Callable[[int, int], None]
"""Called with the bytes that are done and those there are in all (0: not known)."""

_BLOCK = 1 << 20
_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}
_CHECKSUMS = {"md5", "sha1", "sha256"}


class _BrokenOffError(Exception):
    """The connection ended too soon, what came is kept; and for how many seconds the server wants to be left alone."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def download(
    url: str,
    path: str | os.PathLike[str],
    *,
    largest: int,
    timeout: float = 60.0,
    tries: int = 6,
    pause: float = 1.0,
    progress: Progress | None = None,
    report: Callable[[str], None] | None = None,
) -> None:
    """Download a file, going on with what an earlier call left.

    Where the server does not say how long the file is, a connection that ended early looks like the end of the file:
    only a checksum (`verify`) tells.

    Parameters
    ----------
    url
        ``http://`` or ``https://``.
    path
        Where the file shall appear, whole or not at all. Its folder is made if need be.
    largest
        The most bytes that are taken.
    timeout
        Seconds without a byte after which the connection counts as dead.
    tries
        How often in a row a connection may fail without bringing anything new.
    pause
        Seconds before the second try; they double from try to try. A server that asks for more (Retry-After) gets it;
        but none more than a minute.
    progress
        Told now and then how far it is.
    report
        Told why a connection failed, and when the next is tried.

    Raises
    ------
    CorpusError
        The server has no such file, is not to be reached, or sends too much; the disk cannot hold the file.
    OSError
        The file cannot be written.
    """
    if not _is_address(url):
        raise CorpusError(f"{printable(url)}: is no http or https address")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    transfer = _Transfer(url, path, largest, timeout, progress or (lambda done, total: None))
    failures, furthest = 0, transfer.part.stat().st_size if transfer.part.exists() else 0
    while True:
        try:
            transfer.run()
            break
        except _BrokenOffError as error:
            came = transfer.part.stat().st_size if transfer.part.exists() else 0
            failures = 1 if came > furthest else failures + 1
            furthest = max(furthest, came)
            if failures >= tries:
                kept = ". What came is kept: the same command goes on with it" if transfer.part.exists() else ""
                raise CorpusError(f"{printable(url)}: {error}; gave up after {failures} tries{kept}") from None
            wait = min(60.0, max(error.wait, pause * 2 ** (failures - 1)))
            if report:
                report(f"{error}; trying again in {wait:g} s")
            time.sleep(wait)
    transfer.part.replace(path)
    transfer.note.unlink(missing_ok=True)


def verify(path: str | os.PathLike[str], checksum: str, progress: Progress | None = None) -> bool:
    """Return whether a file has a checksum.

    Parameters
    ----------
    path
        The file.
    checksum
        ``sha256:``, ``sha1:`` or ``md5:`` and hexadecimal digits.
    progress
        Told now and then how far it is.

    Raises
    ------
    ValueError
        It is no such checksum.
    """
    algorithm, _, digits = checksum.partition(":")
    if algorithm not in _CHECKSUMS:
        raise ValueError(f"{checksum!r} is none of {', '.join(sorted(_CHECKSUMS))}")
    # Broken against forgers, SHA-1 and MD5 still tell a damaged file, and FMA publishes nothing better.
    digest = hashlib.new(algorithm, usedforsecurity=False)
    total, done = Path(path).stat().st_size, 0
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            if progress:
                progress(done, total)
    return digest.hexdigest() == digits.lower()


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets of half an IPv6 address, a port that is no number
        return False


class _Redirects(HTTPRedirectHandler):
    """Follow redirects to http and https, but never from the safe one to the other."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme != "https" and (scheme != "http" or req.type == "https"):
            raise CorpusError(f"{printable(req.full_url)}: leads to {printable(newurl)}, which is not safe to follow")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Transfer:
    """One file's way from a server to the disk; `run` is one connection."""

    def __init__(self, url: str, path: Path, largest: int, timeout: float, progress: Progress) -> None:
        self.url = url
        self.part = path.with_name(path.name + ".part")
        self.note = path.with_name(path.name + ".part.json")
        self.largest = largest
        self.timeout = timeout
        self.progress = progress

    def run(self) -> None:
        """Get what is lacking; raise `_BrokenOffError` where that did not work out, but might another time."""
        known = self._known()
        done = self.part.stat().st_size if known else 0
        if known and done == known["size"]:
            return
        # A pasted address may hold spaces and letters that a request may not; what is encoded stays.
        address = quote(self.url, safe=string.punctuation)
        request = Request(address, headers={"User-Agent": "genrelab", "Accept-Encoding": "identity"})  # noqa: S310
        if known and done > 0:
            request.add_header("Range", f"bytes={done}-")
            request.add_header("If-Range", known["version"])  # else another version would be sewn to this one
        try:
            response = build_opener(_Redirects).open(request, timeout=self.timeout)
        except HTTPError as error:
            error.close()
            self._refused(error)
        except (ValueError, InvalidURL) as error:  # what a redirect leads to may be no address at all
            raise CorpusError(f"{printable(self.url)}: leads to what is no address ({_reason(error)})") from None
        except (OSError, HTTPException) as error:  # URLError, timeouts, TLS
            raise _BrokenOffError(_reason(error)) from None
        with response:
            version, size = _version(response), _size(response, done)
            goes_on = response.status == 206 and version == known.get("version") and size == known.get("size")
            if response.status == 206 and not goes_on:
                self._forget()
                raise _BrokenOffError("the server has another version of the file now")
            done = done if goes_on else 0
            self._check_room(size, done)
            if not goes_on:
                self._forget()
                write_json(self.note, {"url": self.url, "version": version, "size": size})
            self._receive(response, done, size)

    def _known(self) -> dict[str, Any]:
        """Return what the note says if it is about a part that can be gone on with."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            if note["url"] == self.url and note["version"] and self.part.stat().st_size <= note["size"]:
                return dict(note)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {}

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _refused(self, error: HTTPError) -> NoReturn:
        if error.code == 416:  # there is nothing after what came: the part is of no version that there is now
            self._forget()
            raise _BrokenOffError("the server has another version of the file now") from None
        reason = printable(one_line(error.reason))
        if error.code in _WORTH_ANOTHER_TRY:
            after = str(error.headers.get("Retry-After", ""))  # or a date, which is seldom
            wait = float(after) if after.isdecimal() else 0.0
            raise _BrokenOffError(f"the server says {error.code} {reason}", wait) from None
        raise CorpusError(
            f"{printable(self.url)}: the server says {error.code} {reason}; the file may have moved"
        ) from None

    def _check_room(self, size: int, done: int) -> None:
        if size > self.largest:
            raise CorpusError(f"{printable(self.url)}: has {size} bytes, more than the {self.largest} that it may have")
        if size - done > (free := shutil.disk_usage(self.part.parent).free):
            raise OSError(errno.ENOSPC, f"{size - done} bytes are to come and {free} are free", str(self.part.parent))

    def _receive(self, response: HTTPResponse, done: int, size: int) -> None:
        with self.part.open("ab" if done else "wb") as file:
            while True:
                try:
                    block = response.read1(_BLOCK)  # what is there: a connection that dies takes nothing with it
                except (OSError, HTTPException) as error:
                    raise _BrokenOffError(_reason(error)) from None
                if not block:
                    break
                done += len(block)
                if done > (size or self.largest):
                    raise CorpusError(f"{printable(self.url)}: sends more than the {size or self.largest} bytes it may")
                file.write(block)
                self.progress(done, size)
            file.flush()
            os.fsync(file.fileno())
        if size and done < size:
            raise _BrokenOffError(f"the connection ended at {done} of {size} bytes")


def _version(response: HTTPResponse) -> str:
    """Return what tells this version of the file from others: a strong ETag, else its date; "": nothing does."""
    etag = str(response.headers.get("ETag", ""))
    return etag if etag.startswith('"') else str(response.headers.get("Last-Modified", ""))


def _size(response: HTTPResponse, asked_from: int) -> int:
    """Return the size of the whole file, 0 where it is not said, -1 where it is not what was asked for."""
    if response.status == 206:
        span, _, total = str(response.headers.get("Content-Range", "")).partition("/")
        begin = span.removeprefix("bytes ").partition("-")[0]
        return int(total) if _is_size(total) and begin == str(asked_from) else -1
    length = str(response.headers.get("Content-Length", ""))
    return int(length) if _is_size(length) else 0


def _is_size(text: str) -> bool:
    return text.isdecimal() and len(text) < 20  # Python refuses to read thousands of digits


def _reason(error: Exception) -> str:
    if isinstance(error, URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if type(error) is BadStatusLine:  # its text is what came
        return "what answers is no web server"
    if isinstance(error, TimeoutError):
        return "nothing came for too long"
    return printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)
