"""Every state that a reader can see, and how to bring it about: for the tests of accessibility and for the pictures.

Receives a stage: a site, the line to a server that soon shows what other processes write, and a browser. Guarantees that
each state is reached as a reader would, by clicks and by events, in an account of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Page, expect

from .chromium import ADD_FORM, CENTRE, Visitors, headings
from .inboxes import FILL, events_of
from .proxy import Proxy
from .servers import Person, Site

__all__ = ["STATES", "Stage", "State", "reach"]


@dataclass(slots=True)
class Stage:
    """Where states are played.

    Attributes:
        proxy: the line between browser and server.
        invite: creates an account for "reader" or "staff".
        language: of what is in the inboxes.
        person: who looks at the state that was reached last.
    """

    site: Site
    proxy: Proxy
    visitors: Visitors
    invite: Callable[[str], Person]
    language: str = "en"
    person: Person | None = None

    async def write(self, code: str, **names: Any) -> Any:
        """Run code in another process, for the person."""
        assert self.person is not None
        return await self.site.acall(code, user=self.person.pk, **names)


Steps = Callable[[Page, Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class State:
    """A page, who looks at it, what they have, and what happens then.

    Attributes:
        name: of the picture's file.
        caption: what the picture shows.
        who: "nobody", "reader" or "staff".
        inbox: what `events_of()` knows.
    """

    name: str
    caption: str
    path: str
    who: str = "reader"
    inbox: str = "empty"
    steps: Steps | None = None


async def reach(state: State, stage: Stage, **look: Any) -> Page:
    """Bring a state about in a new profile; the keywords are Playwright's for it."""
    stage.person = None
    if state.who != "nobody":
        stage.person = await asyncio.to_thread(stage.invite, state.who)
        await stage.write(FILL, events=events_of(state.inbox, stage.language))
    page = await stage.visitors.arrive(stage.proxy.url, stage.person, path=state.path, **look)
    if state.steps is not None:
        await state.steps(page, stage)
    return page


# --- what happens then


async def be_refused(page: Page, _stage: Stage) -> None:
    """Send a login form with the wrong password."""
    await page.get_by_label("Username").fill("nobody")
    await page.get_by_label("Password").fill("nothing")
    await page.locator("main button").click()
    await expect(page.get_by_role("alert")).to_be_visible()


async def receive(page: Page, stage: Stage) -> None:
    """Look at the page while a notification arrives."""
    before = await headings(page).count()
    fields = {"body": "1,204 rows, 3 MB", "url": "/", "level": "success", "category": "exports"}
    await stage.write("notify(user, title='Your export is ready', **fields).pk", fields=fields)
    await expect(headings(page)).to_have_count(before + 1)


async def page_back(page: Page, _stage: Stage) -> None:
    """Go on to older notifications."""
    await page.locator(".notification-pages__older").click()
    await page.wait_for_url("**before=**")


async def fail_to_act(page: Page, stage: Stage) -> None:
    """Press a button that cannot reach the server."""
    stage.visitors.expect_problem("net::ERR_|NS_ERROR_")
    await page.route("**/read/", lambda route: route.abort())
    await page.locator(".notification-item__read").first.click()
    await expect(page.locator(".notification-status")).not_to_be_empty()


STATES: Final = (
    State("start", "The start page, for somebody who is not logged in.", "/", who="nobody"),
    State("login", "Logging in.", "/accounts/login/", who="nobody"),
    State("login-refused", "A password that was wrong.", "/accounts/login/", who="nobody", steps=be_refused),
    State("home", "Any page, with the bell.", "/", inbox="full"),
    State("full", "The centre.", CENTRE, inbox="full"),
    State("empty", "Nothing has happened yet.", CENTRE),
    State("unread", "What is unread.", f"{CENTRE}?tab=unread", inbox="full"),
    State("all-read", "Everything has been read.", f"{CENTRE}?tab=unread", inbox="read"),
    State("archived", "What was archived.", f"{CENTRE}?tab=archived", inbox="archived"),
    State("nothing-archived", "Nothing was archived.", f"{CENTRE}?tab=archived", inbox="full"),
    State("older", "The next page.", CENTRE, inbox="long", steps=page_back),
    State("arrived", "A notification that came while the page was open.", CENTRE, inbox="full", steps=receive),
    State("failed", "An action that could not reach the server.", CENTRE, inbox="full", steps=fail_to_act),
    State("403", "A page for others.", "/errors/403.html", inbox="full"),
    State("403-csrf", "A form from before the login.", "/errors/403_csrf.html", who="nobody"),
    State("404", "No such page.", "/errors/404.html", inbox="full"),
    State("500", "Something broke.", "/errors/500.html", who="nobody"),
    State("api", "The description of the JSON API.", f"{CENTRE}api/docs", inbox="full"),
    State("admin-list", "The admin's list of notifications.", "/admin/notifications/notification/", "staff", "full"),
    State("admin-compose", "Sending from the admin.", ADD_FORM, who="staff"),
    State("admin-inboxes", "The admin's list of inboxes.", "/admin/notifications/inbox/", "staff", "full"),
)
