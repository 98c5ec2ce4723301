"""A host project whose front end is a single-page application of another origin, with django-cors-headers."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from playwright.async_api import expect

from tests.support.chromium import Visitors
from tests.support.host import Host
from tests.support.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

SETTINGS: Final = """
INSTALLED_APPS += ["corsheaders"]
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]
CORS_ALLOWED_ORIGINS = ["http://127.0.0.1:{port}"]
CORS_ALLOW_CREDENTIALS = True
NOTIFICATIONS_ALLOWED_ORIGINS = CORS_ALLOWED_ORIGINS
"""
APPLICATION: Final = """
async (url) => {
  const list = document.body;
  const options = { credentials: "include" };
  const counts = await (await fetch(`${url}/notifications/api/counts`, options)).json();
  list.dataset.unread = counts.unread;
  const stream = new EventSource(`${url}/notifications/stream/`, { withCredentials: true });
  stream.addEventListener("change", ({ data }) => {
    list.textContent = JSON.parse(data).upsert.map(({ title }) => title).join();
  });
  await new Promise((resolve) => stream.addEventListener("hello", resolve));
}
"""


async def test_an_application_of_another_origin_reads_and_follows(host: Host, visitors: Visitors) -> None:
    """A page of a listed origin asks the API and follows the stream, with its reader's cookie.

    Regression: both named the origin in the API's answer, and browsers refuse it twice.
    """
    port = free_port()
    host.append("mysite/settings.py", SETTINGS.replace("{port}", str(port)))
    host.manage("check", "--fail-level", "WARNING")
    with host.runserver() as (_process, url):
        # the application's own server; what it serves does not matter, where it stands does
        server = await asyncio.start_server(serve_page, "127.0.0.1", port)
        page = await visitors.arrive(url, session=host.people["user1"][1], path="/notifications/")
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.evaluate(APPLICATION, url)
        await expect(page.locator("body")).to_have_attribute("data-unread", "0")
        await asyncio.to_thread(host.notify, "user1", "From the other origin")
        await expect(page.locator("body")).to_have_text("From the other origin")
        server.close()


async def serve_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer any request with a page without content."""
    await reader.readuntil(b"\r\n\r\n")
    body = b"<!doctype html><link rel=icon href=data:,><title>An application</title><body></body>"
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    writer.write(body)
    await writer.drain()
    writer.close()
