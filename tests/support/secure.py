"""Visitors who come over TLS, in HTTP/1.1 or HTTP/2, and believe every certificate: with a form, a stream, a browser.

The stream is read by httpx and h2 here, so what nginx sends is judged by programs that nobody here wrote.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from playwright.async_api import Page

from .chromium import Visitors, log_in
from .client import PATH, Client
from .servers import Person, Server
from .visit import TIMEOUT_SECONDS, Visit

__all__ = ["SecureClient", "SecureVisit", "SecureVisitors", "follow_securely", "trusting_anybody"]

LOGIN: Final = "/accounts/login/"


def client_of(
    url: str, headers: dict[str, str], *, http2: bool, timeout: float | None, local_address: str | None = None
) -> httpx.AsyncClient:
    """Return a client that speaks one protocol and no other, from an address of this machine."""
    line = httpx.AsyncHTTPTransport(
        verify=trusting_anybody(), http1=not http2, http2=http2, local_address=local_address
    )
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, trust_env=False, transport=line)


def trusting_anybody() -> ssl.SSLContext:
    """Return what believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class SecureVisit(Visit):
    """A visitor who says, as browsers do over TLS, from which page a form is sent."""

    def __init__(self, url: str, *, local_address: str | None = None) -> None:
        headers = {"Referer": f"{url}/"}
        self.http = client_of(url, headers, http2=False, timeout=TIMEOUT_SECONDS, local_address=local_address)
        self.url = url


class SecureClient(Client):
    """A client over TLS, which offers to take the stream compressed.

    Attributes:
        pieces: what came, as it came: chunks of HTTP/1.1, data frames of HTTP/2, each decompressed where it has to be.
    """

    def __init__(self, url: str, cookie: str, *, http2: bool = False, **options: Any) -> None:
        super().__init__(url, cookie, **options)
        self.is_http2 = http2
        self.pieces: list[bytes] = []

    async def _follow(self, silence: asyncio.Timeout) -> str:
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, deflate, br", "Cookie": self.cookie}
        headers |= {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        if self._decoder.last_event_id:
            headers["Last-Event-ID"] = self._decoder.last_event_id
        address = f"{PATH}?since={self.since}" if self.since else PATH
        try:
            async with (
                client_of(self.url, headers, http2=self.is_http2, timeout=None) as http,
                http.stream("GET", address) as answer,
            ):
                return await self._read(answer, silence)
        except httpx.TransportError as error:
            raise ConnectionError(str(error)) from error

    async def _read(self, answer: httpx.Response, silence: asyncio.Timeout) -> str:
        head = {"protocol": answer.http_version, "status": str(answer.status_code), **answer.headers}
        if answer.status_code != 200:
            self._note("refused", "", head)
            return str(answer.status_code)
        self._note("open", "", head)
        reason = "end"
        inflate = zlib.decompressobj(wbits=31).decompress if head.get("content-encoding") == "gzip" else bytes
        async for raw in answer.aiter_raw():
            piece = inflate(raw)
            self.pieces.append(piece)
            for event in self._decoder.feed(piece):
                if self._take(event) == "gap":
                    return "gap"
                if event.name == "bye":
                    reason = json.loads(event.data)["reason"]
            silence.reschedule(asyncio.get_running_loop().time() + self.silence_seconds)
        return reason


@asynccontextmanager
async def follow_securely(url: str, person: Person, *, cookie: str = "", **options: Any) -> AsyncIterator[SecureClient]:
    """Do what `follow()` does, over TLS."""
    if not cookie:
        async with SecureVisit(url) as visit:
            await visit.login(person)
            cookie = visit.cookie
    async with SecureClient(url, cookie, **options) as client:
        await client.until(lambda client: client.replica.modseq)
        yield client


class SecureVisitors(Visitors):
    """People with a real Chromium who come over TLS, and log in through the form."""

    async def arrive(
        self,
        server: Server | str,
        person: Person | None = None,
        *,
        path: str = "/",
        has_javascript: bool = True,
        **look: Any,
    ) -> Page:
        """Open a page in a new profile, logged in already where there is a person."""
        first = path if person is None else f"{LOGIN}?next={path}"
        look["ignore_https_errors"] = True
        page = await super().arrive(server, path=first, has_javascript=has_javascript, **look)
        if person is not None:
            await log_in(page, person)
            await page.wait_for_url(f"**{path}")
        return page
