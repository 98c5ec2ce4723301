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

UNREACHABLE: Final = "net::ERR_|NS_ERROR_|can’t establish a connection"  # as Chromium and Firefox put it


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
    stage.proxy.accepts = True
    stage.proxy.resume()
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
    await page.locator("[name=username]").fill("nobody")
    await page.locator("[name=password]").fill("nothing")
    await page.locator("main button").click()
    await expect(page.get_by_role("alert")).to_be_visible()


async def receive(page: Page, stage: Stage) -> None:
    """Look at the page while a notification arrives."""
    before = await headings(page).count()
    await send(stage, "Your export is ready")
    await expect(headings(page)).to_have_count(before + 1)


async def read_below(page: Page, stage: Stage) -> None:
    """Read further down while something arrives on top."""
    await page.locator(".notification-item").nth(15).hover()
    await send(stage, "Your export is ready")
    await expect(page.locator(".notification-arrived")).to_be_visible()


async def page_back(page: Page, _stage: Stage) -> None:
    """Go on to older notifications as one does without the script."""
    last = await page.locator(".notification-item").last.get_attribute("data-id")
    await page.goto(f"{CENTRE}?before={last}")
    await expect(page.locator(".notification-pages__newest")).to_be_visible()


async def fail_to_act(page: Page, stage: Stage) -> None:
    """Do something that cannot reach the server."""
    stage.visitors.expect_problem(UNREACHABLE)
    await page.route("**/selection/", lambda route: route.abort())
    await page.locator(".notification-item").first.hover()
    await page.locator(".notification-item__read").first.click()
    await expect(page.locator(".notification-status")).not_to_be_empty()


async def open_panel(page: Page, _stage: Stage) -> None:
    """Click the bell."""
    await page.locator(".notification-bell").click()
    await expect(page.locator(".notification-panel notification-list")).to_be_visible()


async def wait_for_panel(page: Page, stage: Stage) -> None:
    """Click the bell while the server takes its time."""
    stage.proxy.pause()
    await page.locator(".notification-bell").click()
    await expect(page.locator(".notification-panel .notification-skeleton")).to_be_visible()


async def miss_panel(page: Page, stage: Stage) -> None:
    """Click the bell while the server cannot be reached."""
    stage.visitors.expect_problem(UNREACHABLE)
    await page.route("**/*part=panel*", lambda route: route.abort())
    await page.locator(".notification-bell").click()
    await expect(page.locator(".notification-panel__failed")).to_be_visible()


async def select_two(page: Page, _stage: Stage) -> None:
    """Check the boxes of two notifications."""
    for n in range(2):
        await page.locator(".notification-item__select").nth(n).check()
    await expect(page.locator(".notification-selection__all")).to_contain_text("2")


async def archive_one(page: Page, _stage: Stage) -> None:
    """Archive the latest, and do not look away from what offers to take it back."""
    await page.locator(".notification-item").first.hover()
    await page.locator(".notification-item__archive").first.click()
    await expect(page.locator(".notification-undo")).to_be_visible()
    await page.locator(".notification-undo__button").focus()


async def choose_one(page: Page, _stage: Stage) -> None:
    """Choose what has a link of its own; beside a narrow list the page of one opens."""
    await page.locator(".notification-item").nth(1).click()
    await expect(page.locator(".notification-detail__title")).to_be_visible()


async def open_page_of_one(page: Page, _stage: Stage) -> None:
    """Go to the page of the second notification, which marks it as read."""
    key = await page.locator(".notification-item").nth(1).get_attribute("data-id")
    await page.goto(f"{CENTRE}{key}/")
    await page.locator("notification-detail[data-read]").wait_for()


async def ask_for_help(page: Page, _stage: Stage) -> None:
    """Ask which keys there are."""
    await page.locator(".notification-centre__keys").click()
    await expect(page.locator(".notification-help")).to_be_visible()


async def open_settings(page: Page, _stage: Stage) -> None:
    """Open the settings."""
    await page.locator("notification-settings > button").click()
    await expect(page.locator(".notification-settings")).to_be_visible()


async def lose_network(page: Page, stage: Stage) -> None:
    """Go where there is no network."""
    stage.visitors.expect_problem(UNREACHABLE)
    stage.proxy.accepts = False
    await page.context.set_offline(True)
    stage.proxy.cut()
    await expect(page.locator(".notification-connection[data-connection=offline]")).to_be_visible()


async def lose_line(page: Page, stage: Stage) -> None:
    """Lose the connection to a server that does not come back at once."""
    stage.visitors.expect_problem(UNREACHABLE)
    stage.proxy.accepts = False
    stage.proxy.cut()
    line = page.locator(".notification-connection[data-connection=connecting]")
    await expect(line).to_be_visible()
    await line.evaluate("line => line.getAnimations().forEach((animation) => animation.finish())")  # 7 s later


async def be_told(page: Page, stage: Stage) -> None:
    """Look at any page while notifications arrive: from a person, from nobody, and of an error."""
    for title, fields in (
        (
            "Ada Lovelace mentioned you in Figures for October",
            {"actor": "Ada Lovelace", "body": "Can you look at them?"},
        ),
        ("Your export is ready", {"body": "1,204 rows, 3 MB", "level": "success", "url": "/"}),
        ("The figures could not be sent", {"actor": "Li Wei", "body": "The address is unknown.", "level": "error"}),
    ):
        await send(stage, title, **fields)
        await expect(page.locator(".notification-toast", has_text=title)).to_be_visible()
    await page.locator(".notification-toast").first.hover()  # they stay


async def be_flooded(page: Page, stage: Stage) -> None:
    """Look at any page while twelve notifications arrive at once."""
    senders = ["Ada Lovelace"] * 5 + ["Li Wei"] * 3 + ["Sara Okafor", "Uma Patel"] + [""] * 2
    await stage.write(
        "[notify(user, title='News', actor=actor, category='builds', level='info' if actor else 'error').pk"
        " for actor in actors]",
        actors=senders,
    )
    toasts = page.locator(".notification-toast")
    await expect(toasts).to_have_count(1)
    await expect(toasts).to_contain_text("12")
    await toasts.hover()


async def send(stage: Stage, title: str, **content: Any) -> None:
    """Send the person something."""
    fields = content or {"body": "1,204 rows, 3 MB", "url": "/", "level": "success", "category": "exports"}
    await stage.write("notify(user, title=title, **fields).pk", title=title, fields=fields)


STATES: Final = (
    State("start", "The start page, for somebody who is not logged in.", "/", who="nobody"),
    State("login", "Logging in.", "/accounts/login/", who="nobody"),
    State("login-refused", "A password that was wrong.", "/accounts/login/", who="nobody", steps=be_refused),
    State("home", "Any page, with the bell.", "/", inbox="full"),
    State("panel", "What the bell opens, on any page.", "/", inbox="full", steps=open_panel),
    State("panel-empty", "Nothing has happened yet.", "/", steps=open_panel),
    State("panel-loading", "The server takes its time.", "/", inbox="full", steps=wait_for_panel),
    State("panel-failed", "The server cannot be reached.", "/", inbox="full", steps=miss_panel),
    State("toasts", "What comes while a page is open.", "/", inbox="full", steps=be_told),
    State("toast-storm", "Much at once is one toast.", "/", inbox="full", steps=be_flooded),
    State("full", "The centre.", CENTRE, inbox="full"),
    State("chosen", "One of them is chosen.", CENTRE, inbox="full", steps=choose_one),
    State("notification", "The page of one notification.", CENTRE, inbox="full", steps=open_page_of_one),
    State("empty", "Nothing has happened yet.", CENTRE),
    State("unread", "What is unread.", f"{CENTRE}?tab=unread", inbox="full"),
    State("all-read", "Everything has been read.", f"{CENTRE}?tab=unread", inbox="read"),
    State("archived", "What was archived.", f"{CENTRE}?tab=archived", inbox="archived"),
    State("nothing-archived", "Nothing was archived.", f"{CENTRE}?tab=archived", inbox="full"),
    State("category", "One category.", f"{CENTRE}?category=reports", inbox="full"),
    State("search", "Searching.", f"{CENTRE}?q=october", inbox="full"),
    State("no-match", "A search without a match.", f"{CENTRE}?q=november&level=error", inbox="full"),
    State("older", "Older notifications, without the script.", CENTRE, inbox="long", steps=page_back),
    State("reading", "Something new, while older ones are being read.", CENTRE, inbox="long", steps=read_below),
    State("selection", "Two are selected.", CENTRE, inbox="full", steps=select_two),
    State("undo", "Ten seconds to take it back.", CENTRE, inbox="full", steps=archive_one),
    State("keys", "The keyboard shortcuts.", CENTRE, inbox="full", steps=ask_for_help),
    State("settings", "What this browser may do.", CENTRE, inbox="full", steps=open_settings),
    State("offline", "No network.", CENTRE, inbox="full", steps=lose_network),
    State("reconnecting", "No line to the server.", CENTRE, inbox="full", steps=lose_line),
    State("arrived", "A notification that came while the page was open.", CENTRE, inbox="full", steps=receive),
    State("failed", "An action that could not reach the server.", CENTRE, inbox="full", steps=fail_to_act),
    State("403", "A page for others.", "/errors/403.html", inbox="full"),
    State("403-csrf", "A form from before the login.", "/errors/403_csrf.html", who="nobody"),
    State("404", "No such page.", "/errors/404.html", inbox="full"),
    State("500", "Something broke.", "/errors/500.html", who="nobody"),
    State("api", "The description of the JSON API.", f"{CENTRE}api/docs", inbox="full"),
    State(
        "admin-list", "The admin's list of notifications.", "/admin/live_notifications/notification/", "staff", "full"
    ),
    State("admin-compose", "Sending from the admin.", ADD_FORM, who="staff"),
    State("admin-broadcasts", "The admin's list of broadcasts.", "/admin/live_notifications/broadcast/", "staff"),
    State("admin-broadcast", "Composing a broadcast.", "/admin/live_notifications/broadcast/add/", who="staff"),
    State("admin-inboxes", "The admin's list of inboxes.", "/admin/live_notifications/inbox/", "staff", "full"),
)
