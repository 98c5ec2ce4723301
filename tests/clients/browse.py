"""A real browser as a program of the matrix: logs in by the form, opens the page of `examples/browser/`, says what it says.

    python -m tests.clients.browse Chromium https://127.0.0.1:8443 user1 demo

Receives the browser's name, the site's address and a login. Guarantees a line for each that the page writes to its
console, and that the program ends when the page says that its session is over. Any certificate is believed.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from playwright.async_api import expect

from tests.support.chromium import chromium, log_in
from tests.support.firefox import firefox
from tests.support.servers import Person

__all__ = ["BROWSERS"]

BROWSERS: Final = {"Chromium": chromium, "Firefox": firefox}
PAGE: Final = "/static/follow.html"
LIFE_MS: Final = 300_000.0


async def main(name: str, url: str, username: str, password: str) -> None:
    """Follow until the session ends."""
    async with BROWSERS[name]() as browser:
        context = await browser.new_context(base_url=url, ignore_https_errors=True)
        page = await context.new_page()
        page.on("console", lambda message: print(message.text, flush=True))
        page.on("pageerror", lambda error: print("uncaught", error, flush=True))
        await page.goto(f"/accounts/login/?next={PAGE}")
        await log_in(page, Person(0, username, password))
        await expect(page.locator("#state")).to_have_text("Logged out", timeout=LIFE_MS)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
