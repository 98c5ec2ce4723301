"""What comes by itself: toasts, what a screen reader hears, the icons, the desktop and the sound; and their switches."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.chromium import CENTRE, Visitors, expect_unread, headings, in_chromium
from tests.support.proxy import Proxy
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Stands in for what a headless browser has not: tabs that nobody looks at, a desktop and a loudspeaker to observe.
OBSERVED = """
let isLookedAt = true;
Object.defineProperty(Document.prototype, "hidden", { get: () => !isLookedAt });
window.look = (isNow) => {
  isLookedAt = isNow;
  document.dispatchEvent(new Event("visibilitychange"));
};
// Where a test can wait for it.
const note = (name, value) => (document.documentElement.dataset[name] = value);
const shown = [];
const closed = [];
let sounds = 0;
const Desktop = Notification;
window.Notification = class extends Desktop {
  constructor(title, options) {
    super(title, options);
    shown.push(`${options.tag} ${title}`);
    note("shown", shown.join(", "));
    window.latest = this;
  }
  close() {
    closed.push(this.tag);
    note("closed", closed.join(", "));
    super.close();
  }
};
const Sound = Audio;
window.Audio = class extends Sound {
  async play() {
    await super.play(); // a refusal, or a file that is none, is no sound
    note("sounds", ++sounds);
  }
};
window.badges = [];
navigator.setAppBadge = async (count) => badges.push(count);
"""
# In one change: five that come one by one are five alerts on a machine that is slow enough.
FIVE = "len(Notification.objects.bulk_create(Notification(recipient_id=user, title=f'Number {n}') for n in range(5)))"
MANY = FIVE.replace("range(5)", "range(200)")
LINK = ".notification-toast__link"
READ = "Notification.objects.filter(recipient=user).mark_read()"


def toasts(page: Page) -> Locator:
    """Return the toasts that show."""
    return page.locator(".notification-toast")


def voice(page: Page) -> Locator:
    """Return what screen readers are told."""
    return page.locator(".notification-voice")


async def observe(visitors: Visitors, server: Server, person: Person, *paths: str, **storage: str) -> list[Page]:
    """Open tabs that are observed, in one profile that may notify, with these settings stored."""
    first = await visitors.arrive(server, person)
    await first.evaluate("settings => Object.assign(localStorage, settings)", storage)
    await first.context.grant_permissions(["notifications"])
    await first.context.add_init_script(OBSERVED)
    await first.goto(paths[0])
    return [first, *[await visitors.open_tab(first, path) for path in paths[1:]]]


async def notify(site: Site, person: Person, title: str = "Hello", **content: Any) -> int:
    """Tell somebody something in another process that rings the server's doorbell by the sweep."""
    pk: int = await site.acall("notify(user, title=title, **content).pk", user=person.pk, title=title, content=content)
    return pk


async def test_a_toast_shows_what_is_new(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """A notification shows with sender, title, body and link on any page of its user, and what is older does not."""
    await notify(site, user, "Old")
    await site.acall("Notification.objects.filter(recipient=user).update(created_at='2026-01-01T12:00Z')", user=user.pk)
    mine = await visitors.arrive(daphne, user)
    theirs = await visitors.arrive(daphne, other)
    await site.acall("Notification.objects.filter(recipient=user).update(title='Edited')", user=user.pk)
    await notify(site, user, "Low disk", body="2 % left", level="warning", url="/?disk", actor="Ada Lovelace")
    toast = toasts(mine)
    await expect(toast).to_have_count(1)
    await expect(mine.get_by_role("region", name="New notifications")).to_be_visible()
    await expect(toast).to_contain_text(re.compile(r"AL\s+Warning\s+Ada Lovelace\s+Low disk\s*2 % left"))
    await expect(toast.locator("use")).to_have_attribute("href", "#notification-icon-warning")
    assert await mine.locator("symbol#notification-icon-warning").count() == 1
    await notify(site, other, "Yours")
    await expect(toasts(theirs)).to_contain_text("Yours")

    await toast.click(position={"x": 5, "y": 5})  # all of it is the link
    await mine.wait_for_url("**/?disk")
    await expect_unread(mine, 1)
    assert await site.acall("Notification.objects.get(recipient=user, title='Low disk').is_read", user=user.pk)


async def test_a_toast_says_who_sent_it(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """The sender's face and name stand there once; a level only where it says something, and then as a shape and a word."""
    page = await visitors.arrive(daphne, user)
    await notify(site, user, "Ada Lovelace mentioned you", actor="Ada Lovelace")
    said = re.compile(r"^\s*AL\s+Ada Lovelace mentioned you\s+Open\s+Mark as read")
    await expect(toasts(page)).to_have_text(said, use_inner_text=True)
    await expect(toasts(page).locator(".notification-avatar__glyph")).to_be_hidden()
    await expect(toasts(page).locator(".notification-avatar:visible")).to_have_attribute("data-hue", "0")
    await notify(site, user, "The export has failed", level="error", actor="Ada Lovelace")
    failed = toasts(page).last
    said = re.compile(r"^\s*AL\s+Error\s+Ada Lovelace\s+The export has failed")
    await expect(failed).to_have_text(said, use_inner_text=True)
    await expect(failed.locator(".notification-avatar__glyph")).to_be_visible()
    await notify(site, user, "By itself")
    system = toasts(page).last
    await expect(system).to_have_text(re.compile(r"^\s*By itself"), use_inner_text=True)
    await expect(system.locator(".notification-avatar__glyph")).to_be_visible()
    await expect(system.locator(".notification-avatar:visible")).to_have_text([re.compile(r"^\s*$")])


async def test_a_toast_is_read_and_opened(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A button in the toast marks as read what it stands for, one or many; a link opens it, and the buttons tell of what."""
    page = await visitors.arrive(daphne, user)
    await notify(site, user, "First", url="/?first", level="error")
    await expect(toasts(page)).to_have_count(1)
    await expect(toasts(page).get_by_role("button", name="Mark as read")).to_have_accessible_description("First")
    await toasts(page).get_by_role("button", name="Mark as read").click()
    await expect(toasts(page)).to_have_count(0)
    await expect_unread(page, 0)
    await site.acall("[notify(user, title=f'Number {n}').pk for n in range(12)]", user=user.pk)
    await expect(toasts(page).locator(LINK)).to_have_text(["12 new notifications"])
    await toasts(page).get_by_role("button", name="Mark as read").click()
    await expect_unread(page, 0)
    await notify(site, user, "Second", url="/?second")
    await toasts(page).get_by_role("link", name="Open", exact=True).click()
    await page.wait_for_url("**/?second")
    await expect_unread(page, 0)
    pk = await notify(site, user, "Without a link")
    await toasts(page).get_by_role("link", name="Open", exact=True).click()
    await page.wait_for_url(f"**{CENTRE}{pk}/")


async def test_a_toast_waits_while_it_is_read(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A toast goes by itself, but not under the pointer, with the focus, or while the tab is not looked at."""
    [page] = await observe(visitors, daphne, user, "/")
    await page.clock.install()
    await page.reload()
    await notify(site, user)
    await expect(toasts(page)).to_have_count(1)
    await toasts(page).hover()
    await page.clock.run_for(20_000)
    await expect(toasts(page)).to_have_count(1)
    await page.mouse.move(1, 1)
    await page.keyboard.press("F6")
    await expect(page.get_by_role("region", name="New notifications")).to_be_focused()
    await page.clock.run_for(20_000)
    await expect(toasts(page)).to_have_count(1)
    await page.evaluate("look(false); document.activeElement.blur()")
    await page.clock.run_for(20_000)
    await expect(toasts(page)).to_have_count(1)
    await page.evaluate("look(true)")
    await page.clock.run_for(10_000)
    await expect(toasts(page)).to_have_count(0)
    await expect(page.locator("notification-toasts")).to_be_hidden()

    await notify(site, user, "Broken", level="error")
    await expect(toasts(page)).to_have_count(1)
    await page.clock.run_for(30_000)
    await expect(toasts(page)).to_have_text(re.compile("Broken"))


async def test_toasts_are_closed_by_keyboard(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """F6 goes to the toasts and back, the button closes one, Escape the rest; the focus returns."""
    page = await visitors.arrive(daphne, user)
    link = page.get_by_role("link", name="Open your notifications")
    await link.focus()
    await site.acall("[notify(user, title=title, level='error').pk for title in ('One', 'Two', 'Three')]", user=user.pk)
    await expect(toasts(page)).to_have_count(3)
    await page.keyboard.press("F6")
    await expect(page.get_by_role("region", name="New notifications")).to_be_focused()
    await page.keyboard.press("F6")
    await expect(link).to_be_focused()
    await page.keyboard.press("F6")
    await page.keyboard.press("Tab")
    await expect(toasts(page).first.get_by_role("link", name="Open")).to_be_focused()
    for _ in range(2):
        await page.keyboard.press("Tab")
    await expect(toasts(page).first.get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(toasts(page).locator(LINK)).to_have_text(["Two", "Three"])
    await expect(toasts(page).first.get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(toasts(page)).to_have_count(0)
    await expect(link).to_be_focused()
    await expect_unread(page, 3)


@in_chromium
async def test_a_toast_comes_late_rather_than_never(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """What shows toasts is loaded with the first; where that fails, the count is right, and the toast comes with the next.

    Other browsers remember that a module could not be loaded, until the page is loaded anew.
    """
    page = await visitors.arrive(daphne, user)
    visitors.expect_problem(r"toast_stack")
    late = re.compile(r"/toast_stack_")
    await page.route(late, lambda route: route.abort())
    async with page.expect_event("requestfailed", lambda request: bool(late.search(request.url))):
        await notify(site, user, "First")
    await expect_unread(page, 1)
    assert await toasts(page).count() == 0
    await page.unroute(late)
    await notify(site, user, "Second")
    await expect(page.locator(LINK)).to_have_text(["First", "Second"])


async def test_many_are_one_toast(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A storm is one toast with the count, which leads to the centre and follows what is read elsewhere."""
    page = await visitors.arrive(daphne, user)
    await notify(site, user, "First", level="error")
    await expect(toasts(page)).to_have_count(1)
    await site.acall("[notify(user, title=f'Number {n}', level='error').pk for n in range(11)]", user=user.pk)
    await expect(toasts(page).locator(LINK)).to_have_text(["12 new · 12 failed"])
    await expect(toasts(page).locator(LINK)).to_have_attribute("href", CENTRE)
    await expect(toasts(page)).not_to_contain_text("Error")
    await site.acall("Notification.objects.filter(recipient=user, title__gt='Number 2').mark_read()", user=user.pk)
    await expect(toasts(page).locator(LINK)).to_have_text(["5 new · 5 failed"])
    await site.acall("Notification.objects.filter(recipient=user, title__gt='Number').mark_read()", user=user.pk)
    await expect(toasts(page).locator(LINK)).to_have_text(["First"])
    await site.acall(READ, user=user.pk)
    await expect(toasts(page)).to_have_count(0)


async def test_a_storm_is_summed_up(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """By who sent how much, or of what kind it is where nobody sent it; with a face for each of up to three senders."""
    page = await visitors.arrive(daphne, user)
    await site.acall(
        "len(Notification.objects.bulk_create(Notification(recipient_id=user, title='News', actor=actor, category='builds',"
        " level='info' if actor else 'error') for actor in ['Ada Lovelace'] * 5 + ['Li Wei'] * 3 + ['Bob', 'Cy', '', '']))",
        user=user.pk,
    )
    await expect(toasts(page).locator(LINK)).to_have_text(["12 new · 2 failed"])
    body = toasts(page).locator(".notification-toast__body")
    await expect(body).to_have_text("Ada Lovelace (5), Li Wei (3), builds (2), and 2 more")
    await expect(toasts(page).locator(".notification-avatar:visible")).to_have_text(["AL", "LW"])
    await site.acall("Notification.objects.filter(recipient=user, actor='').mark_read()", user=user.pk)
    await expect(body).to_have_text("Ada Lovelace (5), Li Wei (3), Bob, and 1 more")
    await expect(toasts(page).locator(".notification-avatar:visible")).to_have_text(["AL", "LW", "B"])


@pytest.mark.parametrize("settle", [".mark_read()", ".archive()", ".delete()"], ids=["read", "archived", "deleted"])
async def test_a_toast_follows_its_notification(
    visitors: Visitors, daphne: Server, site: Site, user: Person, settle: str
) -> None:
    """A toast says what its notification says now, and goes when that is settled elsewhere."""
    page = await visitors.arrive(daphne, user)
    pk = await notify(site, user, "Befroe", level="error")
    await expect(toasts(page)).to_have_count(1)
    await site.acall("Notification.objects.filter(pk=pk).update(title='Before')", pk=pk)
    await expect(toasts(page).locator(LINK)).to_have_text(["Before"])
    await site.acall(f"Notification.objects.filter(pk=pk){settle}", pk=pk)
    await expect(toasts(page)).to_have_count(0)


async def test_what_the_list_shows_is_no_toast(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """In the centre what appears in the list, in sight, is not shown twice; it is said all the same."""
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await notify(site, user, "In sight")
    await expect(headings(page)).to_have_text(["In sight"])
    await expect(voice(page)).to_have_text("New notification: In sight")
    await expect(toasts(page)).to_have_count(0)
    await page.goto(f"{CENTRE}?tab=archived")
    await notify(site, user, "Elsewhere")
    await expect(toasts(page)).to_contain_text("Elsewhere")


async def test_news_are_said_in_batches(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Screen readers are told once what came together, politely, and the toasts say nothing of their own."""
    page = await visitors.arrive(daphne, user)
    await page.evaluate(
        """() => {
          window.said = [];
          const voice = document.querySelector(".notification-voice");
          new MutationObserver(() => said.push(voice.textContent)).observe(voice, { childList: true });
        }"""
    )
    await site.acall("[notify(user, title=title).pk for title in ('One', 'Two', 'Three')]", user=user.pk)
    await expect(voice(page)).to_have_text("3 new notifications: One …")
    await expect(toasts(page)).to_have_count(3)
    await notify(site, user, "Four")
    await expect(voice(page)).to_have_text("New notification: Four")
    assert await page.evaluate("said") == ["3 new notifications: One …", "New notification: Four"]
    await expect(page.get_by_role("status")).to_have_count(1)
    assert await page.locator("notification-toasts :is([aria-live], [role=alert], [role=status])").count() == 0


async def test_icons_are_marked(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """While something is unread the page shows its other icon and the app's icon the count; then they are as before."""
    [page] = await observe(visitors, daphne, user, "/")
    icon = page.locator("link[rel=icon]")
    await expect(icon).to_have_attribute("href", re.compile(r"/static/favicon(\.\w+)?\.svg$"))
    await site.acall("[notify(user, title='Hello').pk for _ in range(2)]", user=user.pk)
    await expect(icon).to_have_attribute("href", re.compile(r"/static/favicon-unread(\.\w+)?\.svg$"))
    assert (await page.request.get(await icon.evaluate("link => link.href"))).ok
    await site.acall(READ, user=user.pk)
    await expect(icon).to_have_attribute("href", re.compile(r"/static/favicon(\.\w+)?\.svg$"))
    assert await page.evaluate("[badges[0], ...new Set(badges)].slice(-2)") == [0, 2]
    assert await page.evaluate("badges.at(-1)") == 0


async def test_the_bell_rings_once(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """What arrives rings the bell, much at once or soon again does not; and nothing moves for who wants no movement."""
    page = await visitors.arrive(daphne, user)
    await page.context.add_init_script(
        """window.rings = 0;
        new MutationObserver((records) => {
          rings += records.filter(({ target }) => target.hasAttribute("data-ringing")).length;
        }).observe(document, { subtree: true, attributeFilter: ["data-ringing"] });"""
    )
    await page.reload()
    await expect(page.locator("notification-toasts")).to_have_attribute("data-joined", "")
    await site.acall(FIVE, user=user.pk)
    await expect(toasts(page)).to_contain_text(["5 new notifications"])
    assert await page.evaluate("rings") == 0

    await page.reload()
    bell = page.locator("notification-bell")
    await notify(site, user, "One")
    await expect(bell).to_have_attribute("data-ringing", "")
    await notify(site, user, "Two")
    await expect(toasts(page)).to_have_count(2)
    await expect(bell).not_to_have_attribute("data-ringing", "")
    assert await page.evaluate("rings") == 1
    if visitors.is_firefox:  # nobody can ask it for less motion from here
        return
    await page.emulate_media(reduced_motion="reduce")
    await bell.evaluate("bell => bell.setAttribute('data-ringing', '')")
    await expect(page.locator(".notification-bell__icon")).to_have_css("animation-name", "none")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_a_badge_grows_towards_the_bell(
    visitors: Visitors, daphne: Server, site: Site, user: Person, direction: str
) -> None:
    """However much is unread, the badge keeps its end, stays within the bell's own square, and is 16 px high."""
    page = await visitors.arrive(daphne, user)
    await page.evaluate("direction => { document.dir = direction }", direction)
    badge, bell = page.locator(".notification-bell__badge"), page.locator(".notification-bell")
    ends = []
    for code, shown in (("notify(user, title='One').pk", "1"), (MANY, "99+")):
        await site.acall(code, user=user.pk)
        await expect(badge).to_have_text(shown)
        inner, outer = await badge.bounding_box(), await bell.bounding_box()
        assert inner is not None
        assert outer is not None
        assert inner["height"] == 16
        start, end = inner["x"] - outer["x"], outer["x"] + outer["width"] - inner["x"] - inner["width"]
        assert min(start, end) > 1.9  # px; 2 but for how browsers round
        ends.append(inner["x"] if direction == "rtl" else inner["x"] + inner["width"])
    assert ends[0] == pytest.approx(ends[1], abs=0.5)


async def test_the_bell_says_when_nothing_comes(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """While the browser is offline the bell is struck through and says so, and it is as before once it is back."""
    visitors.expect_problem("net::ERR_|NS_ERROR_|can’t establish a connection")
    async with Proxy(daphne.port) as proxy:
        page = await visitors.arrive(proxy.url, user)
        bell, slash = page.locator(".notification-bell"), page.locator(".notification-bell__slash")
        await expect(bell).to_have_accessible_description("")
        await expect(slash).to_have_css("visibility", "hidden")
        proxy.accepts = False
        await page.context.set_offline(True)
        proxy.cut()
        await expect(bell).to_have_accessible_description(re.compile("You are offline"))
        await expect(slash).to_have_css("visibility", "visible")
        proxy.accepts = True
        await page.context.set_offline(False)
        await expect(bell).to_have_accessible_description("")
        await expect(slash).to_have_css("visibility", "hidden")


async def test_settings_hold_in_all_tabs(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Toasts and shortcuts are on, desktop and sound off; a switch takes effect at once in every tab of the browser."""
    page = await visitors.arrive(daphne, user, path=CENTRE)
    tab = await visitors.open_tab(page, f"{CENTRE}?tab=archived")
    for each in (page, tab):
        await each.get_by_role("button", name="Settings").click()
        for name, is_on in {"Toasts": True, "Desktop": False, "Sound": False, "Keyboard": True}.items():
            await expect(each.get_by_role("switch", name=name)).to_be_checked(checked=is_on)
    await page.get_by_role("switch", name="Toasts").uncheck()
    await expect(tab.get_by_role("switch", name="Toasts")).not_to_be_checked()
    await notify(site, user, "Quietly")
    await expect(voice(tab)).to_have_text("New notification: Quietly")
    await expect(toasts(tab)).to_have_count(0)
    await tab.get_by_role("switch", name="Toasts").check()
    await expect(page.get_by_role("switch", name="Toasts")).to_be_checked()
    await notify(site, user, "Again")
    await expect(toasts(tab)).to_contain_text("Again")
    await tab.reload()
    await tab.get_by_role("button", name="Settings").click()
    await expect(tab.get_by_role("switch", name="Toasts")).to_be_checked()


@pytest.mark.parametrize("path", [CENTRE, "/"], ids=["centre", "panel"])
async def test_settings_stand_at_their_button(visitors: Visitors, daphne: Server, user: Person, path: str) -> None:
    """They open below their button, in the panel too, which stays open, look like switches, and are closed by Escape."""
    page = await visitors.arrive(daphne, user, path=path)
    if path == "/":
        await page.locator(".notification-bell").click()
    button = page.get_by_role("button", name="Settings")
    await button.click()
    menu = page.get_by_role("dialog", name="Settings for this browser")
    await expect(menu).to_be_visible()
    switch = page.get_by_role("switch", name="Toasts")
    await expect(switch).to_have_css("appearance", "none")
    await menu.evaluate("menu => Promise.all(menu.getAnimations().map(({ finished }) => finished))")
    box, place = await menu.bounding_box(), await button.bounding_box()
    assert box is not None
    assert place is not None
    assert box["y"] >= 0
    if await page.evaluate("CSS.supports('position-area', 'block-end')"):
        assert abs(box["y"] - place["y"] - place["height"]) < 12
        assert abs(box["x"] + box["width"] - place["x"] - place["width"]) < 12
    await switch.focus()
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    if path == "/":
        await expect(page.locator(".notification-panel")).to_be_visible()


async def test_settings_need_the_script(visitors: Visitors, daphne: Server, user: Person) -> None:
    """Without JavaScript there is nothing to switch, so no button for it."""
    page = await visitors.arrive(daphne, user, path=CENTRE, has_javascript=False)
    await expect(page.get_by_role("button", name="Mark all as read")).to_be_visible()
    await expect(page.get_by_role("button", name="Settings")).to_be_hidden()


async def test_permission_is_asked_by_the_switch_only(visitors: Visitors, daphne: Server, user: Person) -> None:
    """The browser's question follows the click on the switch; a refusal switches back and is explained."""
    page = await visitors.arrive(daphne, user)
    await page.context.add_init_script(
        """window.asked = 0;
        let permission = "default";
        Object.defineProperty(Notification, "permission", { get: () => permission });
        Notification.requestPermission = async () => {
          asked += 1;
          permission = "denied";
          return permission;
        };"""
    )
    await page.goto(CENTRE)
    await page.get_by_role("button", name="Settings").click()
    switch = page.get_by_role("switch", name="Desktop notifications")
    await expect(switch).to_be_enabled()
    assert await page.evaluate("asked") == 0
    await switch.click()
    await expect(page.get_by_text("Your browser blocks them for this site.")).to_be_visible()
    await expect(switch).not_to_be_checked()
    await expect(switch).to_be_disabled()
    assert await page.evaluate("asked") == 1


async def test_desktop_is_told_once(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """With two tabs open that nobody looks at, one of them tells the desktop; while either is looked at, none does."""
    settings = {"notifications.desktop": "on"}
    pages = await observe(visitors, daphne, user, "/", "/", **settings)
    first, second = pages
    desktop = first.locator("html")
    await first.evaluate("look(false)")  # and `second` is looked at
    await notify(site, user, "In sight")
    for page in pages:
        await expect(toasts(page)).to_contain_text("In sight")
    await expect(voice(second)).to_have_text("New notification: In sight")
    await second.evaluate("look(false)")
    pk = await notify(site, user, "Out of sight", url="/?opened")
    await expect(desktop).to_have_attribute("data-shown", f"notification-{pk} Out of sight")
    await site.acall("Notification.objects.filter(pk=pk).update(title='Now')", pk=pk)
    await expect(desktop).to_have_attribute("data-shown", re.compile(f", notification-{pk} Now$"))
    await expect(second.locator("html")).not_to_have_attribute("data-shown", re.compile("."))

    # The tab holds somebody's work, so the link opens in another one.
    await first.evaluate("document.body.append(Object.assign(document.createElement('textarea'), { value: 'Draft' }))")
    async with first.context.expect_page() as opened:
        await first.evaluate("latest.onclick()")
    await (await opened.value).wait_for_url("**/?opened")
    await expect_unread(first, 1)
    await expect(desktop).to_have_attribute("data-closed", re.compile(f"notification-{pk}"))


async def test_a_click_on_the_desktop_leads_the_tab(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """What stands on the desktop has an icon, and a click leads the open tab there; many are one, gone when all are read."""
    [page] = await observe(visitors, daphne, user, CENTRE, **{"notifications.desktop": "on"})
    desktop = page.locator("html")
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_role("switch", name="Sound").check()  # a switch is no work that could be lost
    await page.evaluate("look(false)")
    await site.acall(FIVE, user=user.pk)
    await expect(desktop).to_have_attribute("data-shown", "notification-0 5 new notifications")
    assert (await page.request.get(await page.evaluate("latest.icon"))).ok
    await site.acall("Notification.objects.filter(recipient=user, title='Number 1').mark_read()", user=user.pk)
    await expect_unread(page, 4)
    await expect(desktop).not_to_have_attribute("data-closed", re.compile("."))
    await site.acall(READ, user=user.pk)
    await expect(desktop).to_have_attribute("data-closed", "notification-0")
    await notify(site, user, "Out of sight", url="/?opened")
    await expect(desktop).to_have_attribute("data-shown", re.compile("Out of sight"))
    await page.evaluate("latest.onclick()")
    await page.wait_for_url("**/?opened")
    await expect_unread(page, 0)
    assert len(page.context.pages) == 1


async def test_desktop_and_sound_are_off_by_default(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Nothing reaches the desktop or the loudspeaker unless the reader has switched it on."""
    [page] = await observe(visitors, daphne, user, "/")
    await page.clock.install()
    await page.reload()
    observed = page.locator("html")
    await page.mouse.click(1, 1)
    await page.evaluate("look(false)")
    await notify(site, user, "One")
    await expect(toasts(page)).to_contain_text("One")
    await page.clock.run_for(2000)
    await page.evaluate("navigator.locks.query()")  # what the tab asks before it alerts
    await page.evaluate("localStorage['notifications.sound'] = localStorage['notifications.desktop'] = 'on'")
    await site.acall(FIVE, user=user.pk)
    await expect(toasts(page)).to_contain_text(["6 new notifications"])
    await page.clock.run_for(6000)
    await expect(observed).to_have_attribute("data-shown", "notification-0 5 new notifications")
    await expect(observed).to_have_attribute("data-sounds", "1")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_toasts_fit_a_phone(visitors: Visitors, daphne: Server, site: Site, user: Person, direction: str) -> None:
    """At 320 px toasts are within the window and leave its head free, in both directions of writing."""
    page = await visitors.arrive(daphne, user)
    await page.set_viewport_size({"width": 320, "height": 568})
    await page.evaluate("direction => { document.dir = direction }", direction)
    await notify(site, user, "Wordswithoutaspace" * 8, body="Much to say. " * 90, level="error", url="/")
    await expect(toasts(page)).to_have_count(1)
    head = await page.locator(".notification-bell").bounding_box()
    for part in ("", "__link", "__open", "__close", "__body"):
        box = await page.locator(f".notification-toast{part}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert head is not None
        assert head["y"] + head["height"] <= box["y"] <= box["y"] + box["height"] <= 568
