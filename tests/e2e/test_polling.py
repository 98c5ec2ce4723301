"""Sites where nothing can stream, in a browser: under WSGI, and behind a proxy that holds streams back.

The page's clock is wound on, so that a test need not wait for what a page waits for.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, TimeoutError as PlaywrightTimeout, expect

from tests.support.chromium import CENTRE, Visitors, expect_unread, headings, in_chromium
from tests.support.nginx import PlainNginx
from tests.support.processes import free_port
from tests.support.servers import Person, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), in_chromium]

WITHOUT_SCRIPT: Final = "/static/notifications/page.css"
POLL_MS: Final = 31_000
TRIAL_MS: Final = 61_000
NOTICE_MS: Final = 45_000
THROUGH: Final = "proxy_pass http://127.0.0.1:{port}; proxy_set_header Host $http_host; {more}"
# Whatever a worker asks for: an answer goes on when it is whole.
HELD_BACK: Final = """
    proxy_ignore_headers X-Accel-Buffering;
    proxy_buffering on;
    proxy_buffer_size 64k;
    proxy_buffers 8 64k;
    proxy_busy_buffers_size 128k;
"""


async def arrive(visitors: Visitors, url: str, person: Person) -> Page:
    """Open the centre with a clock that a test may wind on."""
    page = await visitors.arrive(url, person, path=WITHOUT_SCRIPT)
    await page.clock.install()
    await page.goto(CENTRE)
    return page


async def tell(site: Site, person: Person, title: str) -> None:
    """Send a person something."""
    await site.acall("notify(user, title=title).pk", user=person.pk, title=title)


def connection(page: Page, state: str) -> Any:
    """Return the list while its connection is in this state."""
    return page.locator(f"notification-list[data-connection={state}]")


async def come_back_to_life(page: Page) -> None:
    """Wind the clock on until a stream is tried and gets through: the pauses are random, and double."""
    for _ in range(10):
        await page.clock.fast_forward(TRIAL_MS)
        with suppress(PlaywrightTimeout):
            await connection(page, "live").wait_for(timeout=3000)
            return
    pytest.fail("no stream got through")


async def test_under_wsgi_the_page_polls_and_nobody_is_mailed(visitors: Visitors, blank: Path, tmp_path: Path) -> None:
    """It says so, shows what comes within half a minute, and goes live by itself; no error is logged, no mail sent."""
    mails = tmp_path / "mails"
    mails.mkdir()
    settings: dict[str, Any] = {
        "DEBUG": False,
        "LOGGING": {},  # Django's own: errors are mailed
        "ADMINS": [["Ada", "ada@example.com"]],
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(mails),
        "NOTIFICATIONS_SWEEP_SECONDS": 0.2,
    }
    with Site(tmp_path, blank=blank) as site:
        user, other = site.add_person("user"), site.add_person("other")
        port = free_port()
        server = site.gunicorn(port=port, **settings)
        page = await arrive(visitors, server.url, user)
        theirs = await arrive(visitors, server.url, other)
        await connection(page, "polling").wait_for()
        await expect(page.locator(".notification-connection[data-connection=polling]")).to_be_visible()
        for number in (1, 2):
            await tell(site, user, f"Number {number}")
            await page.clock.fast_forward(POLL_MS)
            await expect_unread(page, number)
            await expect(headings(page).first).to_have_text(f"Number {number}")
        await theirs.clock.fast_forward(POLL_MS)
        await expect_unread(theirs, 0)
        assert list(mails.iterdir()) == []
        assert server.process.log.count("Nothing streams here") <= 2  # once for each process

        visitors.expect_problem(r"ERR_")  # one server ends, then the other
        server.process.stop()
        site.uvicorn(port=port, **settings)
        await come_back_to_life(page)
        await tell(site, user, "Live")
        await expect_unread(page, 3)


async def test_behind_a_proxy_that_buffers_the_page_polls(
    visitors: Visitors, site: Site, user: Person, other: Person, tmp_path: Path
) -> None:
    """It notices within 45 s, shows what comes within half a minute, and is live once the proxy lets streams pass."""
    server = site.daphne(NOTIFICATIONS_SWEEP_SECONDS=0.2)
    held, free = (
        f"location /static/ {{ {THROUGH} }} location / {{ {THROUGH} }}".replace("{port}", str(server.port)).replace(
            "{more}", more
        )
        for more in (HELD_BACK, "")
    )
    with PlainNginx(tmp_path, held) as nginx:
        page = await arrive(visitors, nginx.url, user)
        theirs = await arrive(visitors, nginx.url, other)
        await connection(page, "connecting").wait_for()
        await tell(site, user, "Number 1")
        await page.clock.fast_forward(NOTICE_MS)
        await connection(page, "polling").wait_for()
        await expect_unread(page, 1)
        await tell(site, user, "Number 2")
        await page.clock.fast_forward(POLL_MS)
        await expect_unread(page, 2)
        await theirs.clock.fast_forward(NOTICE_MS)
        await connection(theirs, "polling").wait_for()
        await expect_unread(theirs, 0)

        visitors.expect_problem(r"ERR_|50[24]")
        nginx.kill()
        nginx.write(free)
        nginx.start()
        await come_back_to_life(page)
        await tell(site, user, "Number 3")
        await expect_unread(page, 3)
