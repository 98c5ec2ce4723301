"""What keys do in the centre and the panel, in a real Chromium: one tab stop, ranges, a stack of undos, the help."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.chromium import CENTRE, Visitors, expect_unread, headings
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEND: Final = "[notify(user, title=title, url='/?opened').pk for title in titles]"
SEND_MANY: Final = """
rows = [Notification(recipient_id=user, title=f"Number {n}") for n in range(count)]
len(Notification.objects.bulk_create(rows, batch_size=1000))
"""
UNREAD: Final = "list(Notification.objects.filter(recipient_id=user, read_at=None).values_list('title', flat=True))"
NUMBERS: Final = ("One", "Two", "Three", "Four", "Five", "Six")
# The title of the row with the focus, or what else has it.
FOCUSED: Final = """() => {
  const row = document.activeElement.closest('li');
  const title = row?.querySelector('.notification-item__link').textContent;
  const { activeElement } = document;
  return activeElement === row ? title : `${title ?? ''} > ${activeElement.value ?? activeElement.tagName}`;
}"""
SELECTED: Final = """() => [...document.querySelectorAll('.notification-list > [data-id]')]
  .filter((row) => row.querySelector('input:checked'))
  .map((row) => row.querySelector('.notification-item__link').textContent)
"""


async def press(page: Page, keys: str) -> None:
    """Press keys one after the other, such as `j Shift+j x`."""
    for key in keys.split():
        await page.keyboard.press(key)


async def arrive(
    visitors: Visitors, daphne: Server, site: Site, user: Person, titles: tuple[str, ...] = NUMBERS
) -> Page:
    """Open the centre of a person who has these; the newest stands first."""
    await site.acall(SEND, user=user.pk, titles=list(titles))
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await page.locator("notification-list:defined").wait_for()
    return page


async def expect_focus(page: Page, title: str) -> None:
    """Wait until a row has the focus."""
    await page.wait_for_function(f"title => ({FOCUSED})() === title", arg=title)


async def expect_selected(page: Page, *titles: str) -> None:
    """Wait until these are selected, from the top."""
    await page.wait_for_function(f"titles => JSON.stringify(({SELECTED})()) === titles", arg=_json(titles))


def _json(titles: tuple[str, ...]) -> str:
    return "[" + ",".join(f'"{title}"' for title in titles) + "]"


# --- Where the focus is


async def test_a_list_is_one_tab_stop(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Tab enters the list at the current row, goes through what that row holds, and leaves; arrows go from row to row."""
    page = await arrive(visitors, daphne, site, user)
    stops = ".notification-list :is(a[href], button, input, .notification-item):not([tabindex='-1'])"
    rows = f"new Set([...document.querySelectorAll(`{stops}`)].map((each) => each.closest('li').dataset.id)).size"
    assert await page.evaluate(rows) == 1
    await press(page, "j ArrowDown ArrowDown")
    await expect_focus(page, "Four")
    assert await page.evaluate(rows) == 1
    await press(page, "End")
    await expect_focus(page, "One")
    await press(page, "ArrowUp")
    await expect_focus(page, "Two")
    await press(page, "Home")
    await expect_focus(page, "Six")
    await press(page, "ArrowUp")
    await expect_focus(page, "Six")
    for _ in range(12):
        await page.keyboard.press("Tab")
        if not await page.evaluate("document.querySelector('.notification-list').contains(document.activeElement)"):
            break
    else:
        pytest.fail("Tab does not leave the list")
    await page.keyboard.press("Shift+Tab")
    assert (await page.evaluate(FOCUSED)).startswith("Six > "), "it comes back to where it was"


async def test_arrows_go_into_a_row_and_back(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """→ reaches the tools of a row, ← comes back; from right to left it is the other way round."""
    page = await arrive(visitors, daphne, site, user)
    await press(page, "j j ArrowRight")
    assert (await page.evaluate(FOCUSED)).startswith("Five > ")
    await press(page, "ArrowLeft")
    await expect_focus(page, "Five")
    await press(page, "ArrowLeft")
    await expect_focus(page, "Five")
    for _ in range(8):
        await press(page, "ArrowRight")
        if await page.evaluate(FOCUSED) == "Five > archive":
            break
    await press(page, "Enter")
    await expect(headings(page)).to_have_text(["Six", "Four", "Three", "Two", "One"])
    await page.wait_for_function(f"({FOCUSED})().startsWith('Four')")
    await page.evaluate("document.documentElement.dir = 'rtl'")
    await press(page, "j ArrowLeft")
    assert (await page.evaluate(FOCUSED)).startswith("Three > ")
    await press(page, "ArrowRight")
    await expect_focus(page, "Three")


async def test_each_control_names_its_row(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A row has the name of its heading, and each of its buttons says to which row it belongs; also one that arrived."""
    page = await arrive(visitors, daphne, site, user, ("One",))
    await site.acall(SEND, user=user.pk, titles=["Two"])
    await expect(headings(page)).to_have_text(["Two", "One"])
    for title in ("One", "Two"):
        row = page.locator(".notification-list > [data-id]", has_text=title)
        await expect(row).to_have_accessible_name(re.compile(title))
        for button in await row.locator("button:visible").all():
            await expect(button).to_have_accessible_description(title)
        await expect(row.get_by_role("checkbox")).to_have_accessible_name(re.compile(title))


async def test_the_last_of_a_long_list(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """End reaches the last row that is known, Home the first, though both are not in the document at once."""
    await site.acall(SEND_MANY, user=user.pk, count=420)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    last = page.locator(".notification-list > [data-id]", has_text=re.compile(r"Number 0\b"))
    await press(page, "j")
    while not await last.count():
        await press(page, "End")
        await page.wait_for_timeout(50)
    await press(page, "End")
    await expect_focus(page, "Number 0")
    await expect(last).to_be_in_viewport()
    await expect(page.locator(".notification-list > [data-id]", has_text="Number 419")).to_have_count(0)
    await press(page, "Home")
    await expect_focus(page, "Number 419")


# --- Selecting


async def test_a_range_by_shift(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Shift and a click select all in between, Shift+j and Shift+↓ step by step; Escape selects nothing.

    Regression: a click with Shift selected the two ends, and Escape did nothing.
    """
    page = await arrive(visitors, daphne, site, user)
    box = page.get_by_role("checkbox", name=re.compile("Select “"))
    await box.nth(1).check(force=True)
    await box.nth(4).click(modifiers=["Shift"], force=True)
    await expect_selected(page, "Five", "Four", "Three", "Two")
    await page.keyboard.press("Escape")
    await expect_selected(page)
    await expect(page.locator("notification-list[data-selected]")).to_have_count(0)
    await page.locator("body").click(position={"x": 1, "y": 1})
    await press(page, "Home")
    await page.locator(".notification-list > [data-id]").first.focus()
    await press(page, "Shift+j Shift+ArrowDown")
    await expect_selected(page, "Six", "Five", "Four")
    await expect_focus(page, "Four")
    await press(page, "Shift+k")
    await expect_selected(page, "Six", "Five")
    await press(page, "u")
    await expect_unread(page, 4)
    await press(page, "* a")
    await expect_selected(page, *reversed(NUMBERS))
    await press(page, "e")
    await expect(headings(page)).to_have_count(0)
    await expect(page.get_by_text("6 archived")).to_be_visible()


async def test_archiving_three(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """`jxjxjxe` archives three, and the focus goes to the next one; by the bar's button as well."""
    page = await arrive(visitors, daphne, site, user)
    await press(page, "j x j x j x e")
    await expect(headings(page)).to_have_text(["Three", "Two", "One"])
    await expect_focus(page, "Three")
    await press(page, "x j x")
    await page.locator(".notification-selection").get_by_role("button", name="Archive").click()
    await expect(headings(page)).to_have_text(["One"])
    await expect_focus(page, "One")


async def test_a_long_list_is_selected_by_its_number(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """The second step names how many it reaches, and one action does: those of this list, and nobody else's."""
    await site.acall(SEND_MANY, user=user.pk, count=1001)
    await site.acall(SEND, user=other.pk, titles=["Theirs"])
    page = await visitors.arrive(daphne, user, path=CENTRE)
    bar = page.locator(".notification-selection")
    actions: list[str] = []
    page.on("request", lambda request: actions.append(request.url) if request.method == "POST" else None)
    await page.locator(".notification-item__select").first.check()
    await bar.get_by_role("checkbox").click()  # some are selected: it selects all
    await bar.get_by_role("button", name="Select all 1,001").click()
    await expect(bar.get_by_text("All 1,001 are selected")).to_be_visible()
    await bar.get_by_role("button", name="Archive").click()
    await expect(page.get_by_text("1,001 archived")).to_be_visible()
    assert sum(url.endswith("/selection/") for url in actions) == 1
    await expect_unread(page, 0)
    assert await site.acall("Inbox.objects.get(pk=user).unread", user=other.pk) == 1


# --- Undo


async def test_a_stack_of_undos(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """`z` takes back one after the other, says of each what it was, and gives the focus to what is back."""
    page = await arrive(visitors, daphne, site, user)
    said = page.locator(".notification-undo__text")
    await press(page, "j e")
    await expect(said).to_have_text("“Six” archived")
    await press(page, "e")
    await expect(said).to_have_text("“Five” archived")
    await press(page, "#")
    await expect(said).to_have_text("“Four” deleted")
    await expect(headings(page)).to_have_text(["Three", "Two", "One"])
    await press(page, "z")
    await expect(headings(page)).to_have_text(["Four", "Three", "Two", "One"])
    await expect_focus(page, "Four")
    await expect(said).to_have_text("“Five” archived")
    await page.get_by_role("button", name="Undo").click()
    await expect(headings(page)).to_have_text(["Five", "Four", "Three", "Two", "One"])
    await expect_focus(page, "Five")
    await press(page, "z")
    await expect(headings(page)).to_have_text(list(reversed(NUMBERS)))
    await expect_focus(page, "Six")
    await expect(page.locator(".notification-undo")).to_be_hidden()


async def test_undo_before_the_answer(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Who presses `z` at once takes back what was done last, once the server has answered, and not what was before."""
    page = await arrive(visitors, daphne, site, user)
    await press(page, "j e")
    await expect(page.locator(".notification-undo__text")).to_have_text("“Six” archived")
    waiting: list[Route] = []
    await page.route("**/selection/", lambda route: waiting.append(route))
    await press(page, "e z")
    await expect(headings(page)).to_have_count(4)
    while not waiting:
        await page.wait_for_timeout(10)
    await waiting[0].continue_()
    await expect(headings(page)).to_have_text(["Five", "Four", "Three", "Two", "One"])


# --- The help


async def test_the_help_lists_what_there_is(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """In the centre each key that a control names is in the help; in the panel those that it has nothing for are not."""
    page = await arrive(visitors, daphne, site, user)
    listed = """help => [...help.querySelectorAll('[data-keys]:not([hidden])')]
      .flatMap((line) => line.dataset.keys.split('|'))"""
    named = """list => [...list.querySelectorAll('[aria-keyshortcuts]')]
      .flatMap((each) => each.getAttribute('aria-keyshortcuts').split(' '))"""
    keys = await page.locator(".notification-help").evaluate(listed)
    assert set(await page.locator("notification-list").evaluate(named)) <= set(keys)
    assert {"j", "ArrowDown", "Shift+j", "* a", "Escape", "g i", "F6"} <= set(keys)
    home = await visitors.open_tab(page, "/")
    await home.locator(".notification-bell").click()
    panel = home.locator(".notification-panel notification-list")
    await panel.locator("[data-id]").first.focus()
    await home.keyboard.press("?")
    await expect(panel.locator(".notification-help")).to_be_visible()
    shown = set(await panel.locator(".notification-help").evaluate(listed))
    assert set(await panel.evaluate(named)) <= shown
    assert not shown & {"/", "x", "* a", "Shift+j"}
    await home.keyboard.press("Escape")
    await expect(panel.locator(".notification-help")).to_be_hidden()
    await expect(panel).to_be_visible()


async def test_arrows_work_without_letters(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Who has switched the shortcuts off still reaches each row, and nothing happens by a letter."""
    page = await arrive(visitors, daphne, site, user)
    await page.evaluate("localStorage.setItem('notifications.shortcuts', 'off')")
    await page.locator(".notification-list > [data-id]").first.focus()
    await press(page, "j e # ArrowDown ArrowDown x")
    await expect_focus(page, "Four")
    await expect(headings(page)).to_have_count(6)
    await expect_selected(page)


async def test_two_keys_lead_to_the_inbox(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """`g i` leads from any tab to the inbox; each of the two alone does nothing."""
    await site.acall(SEND, user=user.pk, titles=["One"])
    page = await visitors.arrive(daphne, user, path=f"{CENTRE}?tab=archived")
    await page.locator("notification-list:defined").wait_for()
    await press(page, "i g x i")
    assert page.url.endswith("?tab=archived")
    await press(page, "g i")
    await expect(page).to_have_url(re.compile(f"{CENTRE}$"))
    await expect(headings(page)).to_have_text(["One"])


async def test_the_preview_follows_the_keys(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """What a reader stays at is shown beside the list and then read; what they pass over is neither; the focus stays."""
    page = await arrive(visitors, daphne, site, user)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "part=preview" in request.url else None)
    await press(page, "j j j j j")
    title = page.locator(".notification-view .notification-detail__title")
    await expect(title).to_have_text("Two")
    await expect_focus(page, "Two")
    assert len(asked) == 1, asked
    await expect_unread(page, 5)
    assert await site.acall(UNREAD, user=user.pk) == ["Six", "Five", "Four", "Three", "One"]
    await press(page, "k Enter")  # meant, and not passed over
    await expect_unread(page, 4)
    await expect(title).to_have_text("Three")
    await expect_focus(page, "Three")
    await press(page, "e")
    await expect(title).to_have_text("Two")
    await expect_focus(page, "Two")


async def test_the_preview_follows_nobody_who_reads_what_is_unread(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """What leaves the list because it is read stays beside it; the one below is not read by itself."""
    await arrive(visitors, daphne, site, user)
    page = await visitors.arrive(daphne, user, path=f"{CENTRE}?tab=unread")
    await page.locator("notification-list[data-joined]").wait_for()
    await press(page, "j")
    await expect_unread(page, 5)
    await expect_focus(page, "Five")
    await page.wait_for_timeout(2500)  # longer than it takes to be shown and read
    await expect(page.locator(".notification-view .notification-detail__title")).to_have_text("Six")
    assert len(await site.acall(UNREAD, user=user.pk)) == 5


async def test_the_preview_stays_while_something_is_selected(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Keys that select, and those that move on from there, change nothing beside the list."""
    page = await arrive(visitors, daphne, site, user)
    await press(page, "j")
    title = page.locator(".notification-view .notification-detail__title")
    await expect(title).to_have_text("Six")
    await press(page, "Shift+j j")
    await page.wait_for_timeout(500)  # longer than it takes to be asked for
    await expect(title).to_have_text("Six")
    await press(page, "Escape j")
    await expect(title).to_have_text("Three")
