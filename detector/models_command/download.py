"""Resumable downloads over HTTPS only, with a size limit.

Proxies and certificates come from the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE).
"""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import IO, Any

from contracts.errors import ImportFailed, InvalidInput

_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 60
_UNKNOWN_MOST = 4 << 30
_PARTIAL, _WHOLE, _BAD_RANGE = 206, 200, 416

OnProgress = Callable[[int, int], None]


def download(url: str, part: Path, size: int, on_progress: OnProgress = lambda done, total: None) -> None:
    """Download a URL into a file, resuming a partial download of the same file.

    part: the partial file; part + ".from" next to it keeps the URL and the server's ETag or date. size: in bytes, 0
    where unknown. on_progress(bytes so far, total or 0).
    Raises InvalidInput for an address that is not https, ImportFailed for all other errors. The partial file is kept
    for another attempt, unless it is known to be wrong.
    """
    if not url.lower().startswith("https://"):
        raise InvalidInput(f"{url} is no https:// address: models are downloaded over https only")
    try:
        _fetch(url, part, size, on_progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _BAD_RANGE:  # the file has changed, or was complete
            discard(part)
            raise ImportFailed(f"{url} changed during the download; run the command again") from error
        raise ImportFailed(f"{url} answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise ImportFailed(f"{url} cannot be reached: {error.reason}; run the command again to resume") from error
    except (OSError, http.client.HTTPException) as error:
        text = str(error) or type(error).__name__
        raise ImportFailed(f"the download of {url} was interrupted: {text}; run the command again to resume") from error


def discard(part: Path) -> None:
    """Delete a partial download."""
    part.unlink(missing_ok=True)
    _origin(part).unlink(missing_ok=True)


def _fetch(url: str, part: Path, size: int, on_progress: OnProgress) -> None:
    have = part.stat().st_size if part.exists() else 0
    validator = _remembered(part, url) if have else ""
    # Without a validator the rest could be that of another file.
    headers = {"Range": f"bytes={have}-", "If-Range": validator} if validator else {}
    headers |= {"User-Agent": "web-detector", "Accept-Encoding": "identity"}
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context()), _HttpsOnly()
    )
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (https, as checked)
    if size and have == size:
        return
    with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
        goes_on = answer.status == _PARTIAL and _starts_at(answer.headers, have)
        if not goes_on and answer.status != _WHOLE:
            raise ImportFailed(f"{url} answers {answer.status} instead of a file")
        begin = have if goes_on else 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = begin + length if length else 0
        most = size or _UNKNOWN_MOST
        if total > most or (size and total and total != size):
            discard(part)
            raise ImportFailed(f"{url} has {total} bytes, but {_expected(size)}: it is another file")
        _origin(part).write_text(f"{url}\n{_validator(answer.headers)}\n")
        with part.open("ab" if goes_on else "wb") as sink:
            done = _receive(url, answer, sink, begin, (size, most), lambda so_far: on_progress(so_far, total or size))
    if done < (total or size):
        raise ImportFailed(f"{url} ended after {done} of {total or size} bytes; run the command again to resume")


def _receive(
    url: str, answer: Any, sink: IO[bytes], done: int, limits: tuple[int, int], on_progress: Callable[[int], None]
) -> int:
    size, most = limits
    while block := answer.read(_BLOCK):
        done += len(block)
        if done > most:
            discard(Path(sink.name))
            raise ImportFailed(f"{url} sends more than {most} bytes, but {_expected(size)}: it is another file")
        sink.write(block)
        on_progress(done)
    return done


def _expected(size: int) -> str:
    return f"{size} were expected" if size else f"at most {_UNKNOWN_MOST} are accepted"


def _origin(part: Path) -> Path:
    return part.with_name(part.name + ".from")


def _remembered(part: Path, url: str) -> str:
    """The validator of the partial download; empty where there is none for this URL."""
    try:
        came_from, _, validator = _origin(part).read_text().partition("\n")
    except OSError:
        return ""
    return validator.strip() if came_from == url else ""


def _validator(headers: Message) -> str:
    """A strong ETag, else the date: a weak ETag does not guarantee the same bytes."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _starts_at(headers: Message, begin: int) -> bool:
    return headers.get("Content-Range", "").startswith(f"bytes {begin}-")


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Refuses redirects to addresses that are not https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.lower().startswith("https://"):
            raise ImportFailed(f"{req.full_url} redirects to {newurl}, which is no https:// address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
