"""Searching and filtering in the centre, in a real browser: in the page, while one types, and without JavaScript."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.chromium import CENTRE, Visitors, headings, in_chromium
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEND: Final = "[notify(user, title=title, category=kind).pk for title, kind in pairs]"
PAIRS: Final = [("Invoice paid", "billing"), ("Build failed", "builds"), ("Invoice sent", "billing")]


async def arrive(visitors: Visitors, daphne: Server, site: Site, user: Person) -> Page:
    """Open the centre of a person who has these; note in the page that it is still the same."""
    await site.acall(SEND, user=user.pk, pairs=PAIRS)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await page.locator("notification-list[data-connection=live]").wait_for()
    await page.evaluate("window.isSamePage = true")
    return page


async def test_the_list_follows_what_one_types(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """It is narrowed without a page load, the address and the tabs follow, and the focus stays; Escape takes it back."""
    page = await arrive(visitors, daphne, site, user)
    await site.acall(SEND, user=other.pk, pairs=[("Invoice of somebody else", "billing")])
    await page.keyboard.press("/")
    await page.keyboard.type("INVOICE")
    await expect(headings(page)).to_have_text(["Invoice sent", "Invoice paid"])
    await expect(page).to_have_url(re.compile(r"\?q=INVOICE$"))
    field = page.get_by_role("searchbox")
    await expect(field).to_be_focused()
    await expect(page.locator(".notification-filters__found")).to_have_text("2 found")
    await expect(page.locator(".notification-read-all")).to_be_hidden()
    assert "q=INVOICE" in (await page.locator(".notification-tabs__tab").nth(1).get_attribute("href") or "")
    await site.acall(SEND, user=user.pk, pairs=[("Build passed", "builds"), ("Another invoice", "billing")])
    await expect(headings(page)).to_have_text(["Another invoice", "Invoice sent", "Invoice paid"])
    await page.keyboard.press("Escape")
    await expect(field).to_have_value("")
    await expect(headings(page)).to_have_count(5)
    await expect(page).to_have_url(re.compile(f"{CENTRE}$"))
    assert await page.evaluate("document.activeElement.matches('.notification-item')")
    await expect(page.locator(".notification-read-all")).to_be_visible()
    assert await page.evaluate("window.isSamePage")


@in_chromium
async def test_days_are_the_servers_also_for_what_arrives(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """A browser whose day is another one judges what comes as the server would, and the page would show after a reload."""
    now = dt.datetime.now(dt.UTC)
    is_morning = now.hour < 12
    far, day = ("Etc/GMT+12", now.date()) if is_morning else ("Pacific/Kiritimati", now.date() + dt.timedelta(days=1))
    q = f"{'after' if is_morning else 'before'}:{day}"
    page = await visitors.arrive(daphne, user, path=f"{CENTRE}?q={q}", timezone_id=far)
    await page.locator("notification-list[data-connection=live]").wait_for()
    await site.acall(SEND, user=user.pk, pairs=PAIRS)
    await expect(headings(page)).to_have_count(3)
    await page.get_by_role("searchbox").fill(f"{q} paid")  # a list that was narrowed without a page load
    await expect(headings(page)).to_have_count(1)
    await site.acall(SEND, user=user.pk, pairs=[("Paid again", "billing")])
    await expect(headings(page)).to_have_text(["Paid again", "Invoice paid"])


async def test_what_matches_nothing_says_so(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Where nothing matches the list says that, and one click shows all again; a category needs no page load either."""
    page = await arrive(visitors, daphne, site, user)
    await page.get_by_role("searchbox").fill("zebra")
    await expect(page.get_by_role("heading", name="Notifications")).to_be_attached()
    await expect(page.locator(".notification-empty__title:visible")).to_have_text("Nothing matches")
    await page.get_by_role("link", name="Clear the filters").click()
    await expect(headings(page)).to_have_count(3)
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.locator(".notification-filters__more > summary").click()
    await page.get_by_label("Category", exact=True).select_option("builds")
    await expect(headings(page)).to_have_text(["Build failed"])
    await expect(page).to_have_url(re.compile(r"\?category=builds$"))
    await page.get_by_role("searchbox").fill("before:soon")
    await expect(page.locator(".notification-filters__problem")).to_contain_text("soon")
    assert await page.evaluate("window.isSamePage")


async def test_an_older_answer_comes_too_late(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """What was looked for before is never shown for what is looked for now, and what came meanwhile is not missed."""
    page = await arrive(visitors, daphne, site, user)
    held: dict[str, Route] = {}

    async def hold(route: Route) -> None:
        held[route.request.url.partition("&q=")[2].partition("&")[0]] = route

    await page.route("**/*part=rows*", hold)
    field = page.get_by_role("searchbox")
    for text in ("build", "invoice"):
        await field.fill(text)
        while text not in held:
            await page.wait_for_timeout(10)
    newer = await held["invoice"].fetch()
    await site.acall(SEND, user=user.pk, pairs=[("Late invoice", "billing")])
    await expect(headings(page).filter(has_text="Late invoice")).to_have_count(1)
    await held["invoice"].fulfill(response=newer)
    expected = ["Late invoice", "Invoice sent", "Invoice paid"]
    await expect(headings(page)).to_have_text(expected)
    async with page.expect_response("**/*q=build*"):
        await held["build"].continue_()
    await page.wait_for_timeout(100)
    await expect(headings(page)).to_have_text(expected)


async def test_a_refusal_is_told_once(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Who searches too often is told so, keeps the list, and has what was looked for once the server allows it."""
    visitors.expect_problem("429")
    page = await arrive(visitors, daphne, site, user)
    refused: list[Route] = []

    async def refuse(route: Route) -> None:
        refused.append(route)
        if len(refused) < 3:
            await route.fulfill(status=429, json={"error": {"code": "limited"}}, headers={"Retry-After": "1"})
        else:
            await route.continue_()

    await page.route("**/*part=rows*", refuse)
    await page.evaluate(
        """() => {
          window.told = [];
          const status = document.querySelector('.notification-status');
          new MutationObserver(() => window.told.push(status.textContent)).observe(status, { childList: true });
        }"""
    )
    await page.get_by_role("searchbox").fill("build")
    await expect(page.locator(".notification-status")).to_contain_text("too much at once")
    await expect(headings(page)).to_have_count(3)
    await expect(headings(page)).to_have_text(["Build failed"])
    await expect(page.locator(".notification-status")).to_be_empty()
    assert len(refused) == 3
    assert len(await page.evaluate("window.told")) == 2, "told once, and taken back once"


@in_chromium  # nothing tells Firefox to run no scripts, and styles ask for that
async def test_the_form_works_without_the_script(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Without JavaScript a search is a page of its own, which has a button for it."""
    await site.acall(SEND, user=user.pk, pairs=PAIRS)
    page = await visitors.arrive(daphne, user, path=CENTRE, has_javascript=False)
    await page.get_by_role("searchbox").fill("invoice")
    await page.get_by_role("button", name="Apply").click()
    await expect(page).to_have_url(re.compile("q=invoice"))
    await expect(headings(page)).to_have_text(["Invoice sent", "Invoice paid"])
