"""People with a real browser: a profile for each, on any number of pages, all watched for errors.

Receives servers and persons. Guarantees that whatever a page complains about, a violation of its content security policy
included, is noted in `problems`; a test's fixture fails on any that was not expected. The browser is the Chromium that
is started here, or a Firefox (`firefox.py`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    async_playwright,
    expect,
)

from .processes import find_program
from .servers import Person, Server
from .visit import Visit

__all__ = [
    "ADD_FORM",
    "CENTRE",
    "INTRANET",
    "Visitors",
    "badge",
    "choose",
    "chromium",
    "expect_unread",
    "headings",
    "in_chromium",
    "log_in",
    "send",
]

CENTRE: Final = "/notifications/"
INTRANET: Final = "intranet.test"  # leads to 127.0.0.1, and browsers do not trust plain HTTP to it
ADD_FORM: Final = "/admin/live_notifications/notification/add/"
WAIT_MS: Final = 40_000  # what takes a second here may take forty on a busy machine; only what fails waits for so long
# How Firefox calls what is no failure: a page that is left, a stream that is closed.
LEFT: Final = {"NS_BINDING_ABORTED", "NS_ERROR_ABORT"}
ARGUMENTS: Final = [
    "--headless",
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {INTRANET} 127.0.0.1",
]
expect.set_options(timeout=WAIT_MS)
# For a test whose claim does not depend on the browser: the other one of the two is not started for it.
in_chromium: Final = pytest.mark.parametrize("each_browser", ["browser"], ids=["chromium"], indirect=True)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run the Chromium that the system has."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_program("chromium"), args=ARGUMENTS)
        yield browser
        await browser.close()


class Visitors:
    """The profiles and pages of one test.

    Attributes:
        problems: console errors and uncaught exceptions of all pages, with the address.
        streams: addresses of the stream that pages have asked for, in order.
        leaders: the tabs that have asked for it.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.problems: list[str] = []
        self.streams: list[str] = []
        self.leaders: set[Page] = set()
        self._contexts: list[BrowserContext] = []
        self._expected: list[str] = []

    def expect_problem(self, pattern: str) -> None:
        """Let problems pass that match a regular expression, such as `net::ERR_` where the test cuts the line."""
        self._expected.append(pattern)

    @property
    def unexpected(self) -> list[str]:
        """The problems that no test has asked for. A browser fetches icons when it likes, also as a test ends its line."""
        expected = [*self._expected, r"^NS_ERROR_\w+ \(\S+/favicon[\w-]*\.svg\)$"]
        return [text for text in self.problems if not any(re.search(it, text) for it in expected)]

    async def arrive(
        self,
        server: Server | str,
        person: Person | None = None,
        *,
        session: str = "",
        path: str = "/",
        has_javascript: bool = True,
        **look: Any,
    ) -> Page:
        """Open a page in a new profile, logged in already where there is a person, or the key of a session.

        Keywords are those of `Browser.new_context()`, such as `viewport` and `locale`.
        """
        url = server if isinstance(server, str) else server.url
        context = await self.browser.new_context(java_script_enabled=has_javascript, base_url=url, **look)
        self._contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        self._watch(context)
        if not has_javascript and self.is_firefox:  # BiDi has no switch for it
            await context.route("**/*.js", lambda route: route.abort())
        if session:
            await context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        if person is not None:
            async with Visit(url) as visit:
                await visit.login(person)
                cookies = visit.http.cookies.items()
                await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies])
        page = await context.new_page()
        await page.goto(path)
        return page

    async def open_tab(self, beside: Page, path: str) -> Page:
        """Open a page in the profile of another one."""
        page = await beside.context.new_page()
        await page.goto(path)
        return page

    async def leave(self) -> None:
        """Close every profile."""
        for context in self._contexts:
            await context.close()

    @property
    def is_firefox(self) -> bool:
        return self.browser.browser_type.name == "firefox"

    def _watch(self, context: BrowserContext) -> None:
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self.problems.append(f"uncaught: {error.error}"))
        context.on("request", self._note_request)
        if self.is_firefox:  # its console does not hold what Chromium's does
            context.on("response", self._note_response)
            context.on("requestfailed", self._note_failure)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            page = message.page.url if message.page else "?"
            self.problems.append(f"{page}: {message.text} ({message.location.get('url', '')})")

    def _note_response(self, response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST:
            self.problems.append(f"answered with {response.status} ({response.url})")

    def _note_failure(self, request: Request) -> None:
        if request.failure not in LEFT:
            self.problems.append(f"{request.failure} ({request.url})")

    def _note_request(self, request: Request) -> None:
        if "/notifications/stream/" in request.url:
            self.streams.append(request.url)
            self.leaders.add(request.frame.page)


def badge(page: Page) -> Locator:
    """Return the number on the bell."""
    return page.locator(".notification-bell__badge")


def headings(page: Page | Locator) -> Locator:
    """Return the titles of the listed notifications, newest first."""
    return page.locator(".notification-list .notification-item__link")


async def expect_unread(page: Page, unread: int) -> None:
    """Wait until badge and title show a count, or none for 0."""
    if unread:
        await expect(badge(page)).to_have_text(str(unread))
        await expect(badge(page)).to_be_visible()
        await expect(page).to_have_title(re.compile(rf"^\({unread}\) \S"))
    else:
        await expect(badge(page)).to_be_hidden()
        await expect(page).to_have_title(re.compile(r"^[^(]"))


async def log_in(page: Page, person: Person) -> None:
    """Fill in the login form that a page shows."""
    await page.get_by_label("Username").fill(person.username)
    await page.get_by_label("Password").fill(person.password)
    await page.get_by_role("button", name="Log in").click()


async def choose(page: Page, person: Person) -> None:
    """Choose a recipient in the admin's add form."""
    await page.locator(".field-recipients .select2-search__field").fill(person.username)
    offered = page.locator(".select2-results__option")
    # the list of before the search has others, is about to be replaced, and a click on what goes chooses nobody
    await expect(offered.filter(has_not_text=person.username)).to_have_count(0)
    await offered.filter(has_text=person.username).click()


async def send(page: Page, person: Person, title: str) -> None:
    """Fill in the admin's add form and save."""
    await page.goto(ADD_FORM)
    await page.locator(".field-recipients .select2-selection").click()
    await choose(page, person)
    await page.get_by_label("Title").fill(title)
    await page.get_by_role("button", name=re.compile(r"^Send to ")).click()
    await expect(page.locator(".messagelist .success")).to_contain_text(title)
