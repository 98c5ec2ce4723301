"""The public address: what a reader's browser would get there, through every proxy on the way.

Asks as a browser does, over one connection for each thing that may break. A stream is opened with a token that lives for a
minute, never leaves this machine in clear text, and is deleted at the end. No answer holds the doctor up for long, however
slow, long or endless it is.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import ssl
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from notifications.access.tokens import revoke_tokens, save_new
from notifications.checks.transport import is_here
from notifications.endpoints.stream import FORBIDDEN_TEXTS
from notifications.models.token import ApiToken
from notifications.operations.health import DATABASE_SECONDS
from notifications.protocol.sse import CONTENT_TYPE

from .findings import Finding, broken, note, risky, well
from .static_files import address_of, names

__all__ = ["look"]

ANSWER_SECONDS: Final = 10.0  # longest wait for a whole answer; the health page takes up to DATABASE_SECONDS
ANSWER_BYTES: Final = 65_536  # of an answer that are read: far more than the health page has, and enough of any other
FRAME_SECONDS: Final = 1.0  # within which the first frame follows the headers: the server sends both at once
HELD_SECONDS: Final = 5.0  # longest wait for a stream's headers and first frame: what takes longer is held back
TOKEN_LIFE: Final = dt.timedelta(minutes=1)
TOKEN_NAME: Final = "notifications_doctor"  # noqa: S105 - what it is for, not what it is
EVENT: Final = re.compile(rb"^event: (\w+)\n(?:.+\n)*\n", re.MULTILINE)
BROWSERS_ENCODINGS: Final = "gzip, deflate"  # what a compressor on the way is waiting for
SHOWN_CHARS: Final = 120  # of an answer
# https://html.spec.whatwg.org/multipage/webappapis.html#fetch-a-single-module-script: browsers run no module of another type
SCRIPT_TYPES: Final = {"text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript"}
TYPES: Final = {".js": SCRIPT_TYPES, ".css": {"text/css"}}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]  # by lower-case name
    body: bytes  # or its beginning

    @property
    def kind(self) -> str:
        """The media type."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def shown(self) -> str:
        """The answer in one line, for a message."""
        text = " ".join(self.body.decode(errors="replace").split())
        return f"{self.status} {text[:SHOWN_CHARS]!r}" if text else str(self.status)


def look(url: str | None, user: Any = None) -> Iterator[Finding]:
    """Yield what is found at an address such as `https://example.com`; and for a user, what their stream does there."""
    if url is None:
        yield note(
            "unseen",
            "What browsers get through the public address was not looked at.",
            "Give it: --url https://example.com, and --user with somebody's name to open a stream.",
        )
        return
    try:
        health = urljoin(url, reverse("live_notifications:health"))
        stream = urljoin(url, reverse("live_notifications:stream"))
    except NoReverseMatch:
        yield note("unseen", "The app has no address. The system checks say so.")
        return
    try:
        found = list(look_at_health(health))
        yield from found
        if any(finding.code.startswith("address.") for finding in found):
            return  # it leads elsewhere, or nowhere
        yield from look_at_server(stream)
        yield from look_at_static_files(url)
        if user is None:
            yield note("stream.unseen", "No stream was opened.", "Give --user with somebody's name, to see one pass.")
        else:
            yield from look_at_stream(stream, user)
    except (OSError, HTTPException) as error:
        yield broken(
            "address.away",
            f"{url} cannot be reached: {type(error).__name__}: {error}",
            "Start the server and the proxy, or correct the address. For a certificate of your own set SSL_CERT_FILE.",
        )


# --- The server


def look_at_health(url: str) -> Iterator[Finding]:
    """Yield what the process that answers says of itself."""
    answer = ask(url)
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "")
        yield broken("address.moved", f"{url} leads on to {target}.", "Give the address that readers end up at.")
        return
    try:
        report = json.loads(answer.body)
        problems, streams = report["problems"], report["streams"]
    except (ValueError, TypeError, KeyError):
        yield broken(
            "address.elsewhere",
            f"{url} is not this site's health page: {answer.shown}",
            "Correct --url; add its host to ALLOWED_HOSTS; see that the proxy passes this path on, and that no middleware "
            "asks it for a login.",
        )
        return
    for problem in problems:
        what, _, remedy = str(problem["message"]).partition(". ")
        yield broken(f"server.{problem['code']}", f"The server says: {what}.", remedy)
    if not problems:
        yield well("server", f"The server is well; the process that answered holds {streams} streams.")


def look_at_server(url: str) -> Iterator[Finding]:
    """Yield whether the stream's address is answered by the stream: by an ASGI server, in front of Django."""
    answer = ask(url)
    if answer.status == 403 and answer.body.decode(errors="replace") in FORBIDDEN_TEXTS.values():
        yield well("stream.routed", "An ASGI server answers for the stream, and lets in nobody without a login.")
        return
    yield broken(
        "stream.unrouted",
        f"{url} is not answered by the stream, but: {answer.shown}",
        "Run an ASGI server (daphne, uvicorn) on an application made by `with_stream()`. gunicorn needs the worker class of "
        "uvicorn; a WSGI server cannot hold a stream open.",
    )


# --- Static files


def look_at_static_files(url: str) -> Iterator[Finding]:
    """Yield whether each module and style is served, and in a way that a browser takes it."""
    page = urlsplit(url)
    addresses = [(name, urljoin(url, address)) for name in names() if (address := address_of(name)) is not None]
    faults: dict[str, list[str]] = {}
    for name, address in addresses:
        answer = ask(address, {"Origin": f"{page.scheme}://{page.netloc}"})
        fault = fault_of(name, answer, is_elsewhere=urlsplit(address).netloc != page.netloc)
        if fault:
            faults.setdefault(fault, []).append(f"{address} ({answer.status} {answer.kind})")
    for fault, wrong in faults.items():
        message, remedy = FAULTS[fault]
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        yield broken(f"static.{fault}", f"{message}: {wrong[0]}{more}.", remedy)
    if addresses and not faults:
        yield well("static.served", f"All {len(addresses)} modules and styles are served, with the right types.")


def fault_of(name: str, answer: Answer, *, is_elsewhere: bool) -> str:
    """Return why a browser would not use what was answered; nothing where it would."""
    if answer.status != 200:
        return "unserved"
    if answer.kind not in TYPES[name[name.rindex(".") :]]:
        return "type"
    # a module of another origin is fetched with CORS, whatever its tag says
    if is_elsewhere and name.endswith(".js") and "access-control-allow-origin" not in answer.headers:
        return "cors"
    return ""


FAULTS: Final = {
    "unserved": (
        "Static files are not served, so the bell is dead",
        "Run `manage.py collectstatic`, and have the proxy or WhiteNoise serve STATIC_ROOT at STATIC_URL.",
    ),
    "type": (
        "Browsers refuse a module or a style of this type",
        "Have what serves them say text/javascript for .js and text/css for .css: in nginx, `include mime.types`.",
    ),
    "cors": (
        "Browsers refuse modules of another origin that does not allow it",
        "Have the CDN answer with `Access-Control-Allow-Origin`, or serve the app's files from the site itself.",
    ),
}


# --- A stream


def look_at_stream(url: str, user: Any) -> Iterator[Finding]:
    """Yield what happens to a stream of this user's on its way."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_here(parts.hostname or ""):
        yield risky(
            "stream.plain",
            f"No stream was opened: over http:// anybody on the way to {parts.hostname} could read the token, as they can "
            "read the readers' sessions.",
            "Give the address that begins with https://; a site that has none needs a certificate.",
        )
        return
    now = timezone.now()
    token = ApiToken(user=user, name=TOKEN_NAME, may_read=True, expires_at=now + TOKEN_LIFE)
    text = save_new(token)
    try:
        yield from follow(url, text)
    finally:
        revoke_tokens(ApiToken.objects.filter(pk=token.pk))
        # and what a doctor left that was killed; another's token may be in use
        left = Q(user=user, name=TOKEN_NAME, made_by=None, expires_at__lte=now)
        ApiToken.objects.filter(Q(pk=token.pk) | left).delete()


def follow(url: str, token: str) -> Iterator[Finding]:
    """Open a stream, wait for its first frame, and yield what is found."""
    connection = connect(urlsplit(url), seconds=HELD_SECONDS)
    try:
        began = time.monotonic()
        try:
            response = send(connection, url, {"Authorization": f"Bearer {token}", "Accept": CONTENT_TYPE.decode()})
        except TimeoutError:
            yield held(f"Not even the headers of a stream came within {HELD_SECONDS:g} s.")
            return
        if response.status != 200 or content_type(response) != CONTENT_TYPE.decode():
            yield refused(response)
            return
        opened = time.monotonic()
        is_compressed = bool(response.headers.get("Content-Encoding"))
        event, seconds = first_event(connection, response, since=opened)
        if not event:
            yield held(f"The headers of a stream came, and no frame within {HELD_SECONDS:g} s.")
        elif event != "hello":
            yield broken(
                "stream.ended",
                f"The stream began with {event!r} and ended, so the server is full, or could not read the database.",
                "See what the log of notifications says, and NOTIFICATIONS_STREAMS_PER_PROCESS.",
            )
        elif seconds > FRAME_SECONDS:
            yield held(f"The first frame came {seconds:.1f} s after the headers, which the server sends together.")
        else:
            total = opened - began + seconds
            yield well("stream", f"A stream opens, and its first frame comes at once ({total * 1000:.0f} ms).")
        if is_compressed and event:
            yield risky(
                "stream.compressed",
                f"Something compresses the stream ({response.headers['Content-Encoding']}): it may wait for more bytes.",
                "Leave text/event-stream out of what the proxy or a middleware compresses.",
            )
        if "no-store" not in response.headers.get("Cache-Control", ""):
            yield risky(
                "stream.headers",
                "Something on the way has taken `Cache-Control: no-store` off the stream.",
                "Have the proxy pass the headers of this path on as they are.",
            )
    finally:
        connection.close()


def first_event(connection: HTTPConnection, response: HTTPResponse, *, since: float) -> tuple[str, float]:
    """Return the name of the first event, and after how long it had come in full; no name where it does not."""
    encoding = response.headers.get("Content-Encoding", "")
    unpack = zlib.decompressobj(wbits=47).decompress if encoding in ("gzip", "deflate") else bytes
    received = b""
    try:
        for chunk in read(connection, response, until=since + HELD_SECONDS):
            received += unpack(chunk)
            found = EVENT.search(received)
            if found is not None:
                return found[1].decode(), time.monotonic() - since
    except TimeoutError:
        pass
    return "", HELD_SECONDS


def held(what: str) -> Finding:
    """Return that something on the way keeps frames back."""
    return broken(
        "stream.held",
        f"{what} A proxy holds frames back until it has enough of them.",
        "Let no proxy buffer or cache this path: in nginx remove `proxy_ignore_headers X-Accel-Buffering`, or set "
        "`proxy_buffering off`; elsewhere switch off buffering and compression for text/event-stream.",
    )


def refused(response: HTTPResponse) -> Finding:
    """Return why a stream was not opened with a token that is good."""
    text = " ".join(response.read(SHOWN_CHARS).decode(errors="replace").split())
    shown = f"{response.status} {text!r}"
    if response.status == 401:
        return broken(
            "stream.unknown_token",
            f"The server does not know the token that was just made: {shown}",
            "See that the server and this command have one database.",
        )
    if response.status == 403 and text == FORBIDDEN_TEXTS["anonymous"].strip():
        return broken(
            "stream.no_token",
            f"The token did not reach the server: {shown}",
            "Have the proxy pass the header Authorization on. Pages do without it; programs need it.",
        )
    return broken(
        "stream.refused", f"The stream was not opened: {shown}", "See what NOTIFICATIONS_ADMIT says of this user."
    )


# --- HTTP


def ask(url: str, headers: dict[str, str] | None = None) -> Answer:
    """Return what is answered to a GET, of a long answer the beginning, of a stream what comes first. Follows nothing.

    Raises:
        OSError, HTTPException: there is no answer, or it does not end in time.
    """
    seconds = max(ANSWER_SECONDS, DATABASE_SECONDS)
    until = time.monotonic() + seconds
    connection = connect(urlsplit(url), seconds=seconds)
    try:
        response = send(connection, url, headers or {})
        fields = {name.lower(): value for name, value in response.getheaders()}
        is_stream = content_type(response) == CONTENT_TYPE.decode()
        body = b""
        try:
            for chunk in read(connection, response, until=until):
                body += chunk
                if is_stream or len(body) >= ANSWER_BYTES:
                    break
        except TimeoutError:
            if not is_stream:  # which is open, and may have nothing to say
                raise
        return Answer(response.status, fields, body)
    finally:
        connection.close()


def read(connection: HTTPConnection, response: HTTPResponse, *, until: float) -> Iterator[bytes]:
    """Yield the body as it comes, until it ends.

    Raises:
        TimeoutError: it goes on.
        HTTPException: it ends before it is whole.
    """
    while (left := until - time.monotonic()) > 0:
        # It is None where the server closes after its answer: then the last wait may be as long as all of them together.
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = response.read1(ANSWER_BYTES)
        if not chunk:
            if response.length:
                raise IncompleteRead(b"", response.length)
            return
        yield chunk
    raise TimeoutError("the answer does not end")


def connect(parts: SplitResult, *, seconds: float) -> HTTPConnection:
    """Return a connection to the host of an address, past any proxy of this machine's own."""
    host = parts.hostname or ""
    if parts.scheme == "https":
        return HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())
    return HTTPConnection(host, parts.port, timeout=seconds)


def send(connection: HTTPConnection, url: str, headers: dict[str, str]) -> HTTPResponse:
    """Ask for an address as a browser does; return the response once its headers are there."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    # only where it matters how bytes travel: an answer that is read in full is asked for as it is
    encodings = {"Accept-Encoding": BROWSERS_ENCODINGS} if "Authorization" in headers else {}
    connection.request("GET", target or "/", headers={"User-Agent": TOKEN_NAME, **encodings, **headers})
    return connection.getresponse()


def content_type(response: HTTPResponse) -> str:
    return str(response.headers.get_content_type())
