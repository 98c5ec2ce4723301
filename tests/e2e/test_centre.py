"""The panel and the centre in a real Chromium: what a reader does shows at once, everywhere, and can be taken back."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route, expect

from notifications.conf import settings
from tests.support.chromium import CENTRE, Visitors, badge, expect_unread, headings
from tests.support.proxy import Proxy
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

ITEMS = ".notification-list > .notification-item"
SEND = "[notify(user, title=title, url=url).pk for title in titles]"
# Past the log, as the test is about the page: ten thousand rows in one change.
SEND_MANY = """
rows = [Notification(recipient_id=user, title=f"Number {n}", body="text " * (n % 40)) for n in range(count)]
len(Notification.objects.bulk_create(rows, batch_size=1000))
"""
# Whether a click with Ctrl is left to the browser, which is then kept from following it.
LEAVES_TO_THE_BROWSER = """(link) => {
  let isLeft;
  const stop = (event) => {
    isLeft = !event.defaultPrevented;
    event.preventDefault();
  };
  addEventListener("click", stop, { once: true });
  link.dispatchEvent(new MouseEvent("click", { ctrlKey: true, bubbles: true, cancelable: true }));
  return isLeft;
}"""
# More than the log replays (NOTIFICATIONS_REPLAY_ROWS, 300), and two of those that are being read.
MISS = """
Notification.objects.get(recipient=user, title="Number 101").delete()
Notification.objects.filter(recipient=user, title="Number 99").mark_read()
rows = [Notification(recipient_id=user, title=f"Later {n}") for n in range(400)]
len(Notification.objects.bulk_create(rows))
"""


# What a site may say of all its elements, and of one of ours.
LOUD = """
* { margin: 0; padding: 0; }
button, a, h1, h2, p, li, span { border: 9px solid red; float: left; }
.notification-centre .notification-centre__read-all { opacity: 0.9; }
"""
BORDER = "element => getComputedStyle(element).borderTopWidth"


ARCHIVED = "[row.title for row in Notification.objects.filter(recipient=user).archived().order_by('-pk')]"


async def tell(site: Site, person: Person, *titles: str, url: str = "") -> None:
    """Send these to a person, in this order."""
    await site.acall(SEND, user=person.pk, titles=list(titles), url=url)


def focused(page: Page) -> str:
    """Return an expression for the text of the item that holds the focus."""
    return "document.activeElement.closest('li')?.querySelector('.notification-item__link').textContent"


# --- The bell's panel


async def test_the_bell_opens_a_panel(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """It is fetched when it is opened and not before, is live, marks what is new as seen, and gives the focus back."""
    await tell(site, user, "One", "Two")
    await tell(site, other, "Secret")
    home = await visitors.arrive(daphne, user)
    asked: list[str] = []
    home.on("request", lambda request: asked.append(f"{request.method} {request.url.removeprefix(daphne.url)}"))
    bell = home.get_by_role("link", name="Notifications, 2 unread")
    await expect(bell).to_have_attribute("aria-expanded", "false")
    assert [line for line in asked if "/notifications/" in line and "stream" not in line] == []
    await bell.focus()
    await home.keyboard.press("Enter")
    panel = home.get_by_role("dialog", name="Notifications")
    await expect(panel.locator(ITEMS)).to_have_count(2)
    await expect(bell).to_have_attribute("aria-expanded", "true")
    assert await panel.evaluate("panel => panel.contains(document.activeElement)")
    assert "GET /notifications/?part=panel" in asked
    while not await site.acall("Inbox.objects.get(pk=user).unseen == 0", user=user.pk):
        await home.wait_for_timeout(20)
    await tell(site, user, "Three")
    await expect(panel.locator(ITEMS)).to_have_count(3, timeout=60_000)
    await panel.get_by_role("button", name="Mark all as read").click()
    await expect_unread(home, 0)
    await panel.get_by_role("link", name="Unread").click()
    await expect(panel.get_by_text("You have read everything")).to_be_visible()
    await expect(panel.get_by_role("link", name="Unread")).to_be_focused()
    await home.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(home.locator(".notification-bell")).to_be_focused()
    await home.locator(".notification-bell").click()
    await expect(panel).to_be_visible()
    await home.locator(".notification-bell").click()
    await expect(panel).to_be_hidden()
    assert sum("part=panel" in line for line in asked) == 2, "once opened, it is kept right by the stream"
    assert await home.locator(".notification-bell").evaluate(LEAVES_TO_THE_BROWSER), "it opens the centre in a new tab"
    await expect(panel).to_be_hidden()
    assert await site.acall("Inbox.objects.get(pk=user).unread", user=other.pk) == 1


async def test_a_panel_that_cannot_be_loaded_says_so(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """A reader without a network, or who was logged out meanwhile, is told, and tries again."""
    visitors.expect_problem("net::ERR_")
    await tell(site, user, "One")
    home = await visitors.arrive(daphne, user)
    await home.route("**/*part=panel*", lambda route: route.abort())
    await home.locator(".notification-bell").click()
    failed = home.get_by_text("The list could not be loaded.")
    await expect(failed).to_be_visible()
    await home.unroute_all()
    await home.route(
        "**/*part=panel*", lambda route: route.fulfill(body="<form>Log in</form>", content_type="text/html")
    )
    async with home.expect_response("**/*part=panel*"):
        await home.get_by_role("button", name="Try again").click()
    await expect(failed).to_be_visible()
    await expect(home.locator(".notification-panel > *")).to_have_count(1)
    await home.unroute_all()
    await home.get_by_role("button", name="Try again").click()
    await expect(home.locator(".notification-panel").locator(ITEMS)).to_have_count(1)
    assert await home.evaluate("document.querySelector('.notification-panel').contains(document.activeElement)")


async def test_a_panel_lacks_nothing(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """What the page was told of while the panel was on its way, and the panel does not have, shows there as well."""
    await tell(site, user, "One")
    home = await visitors.arrive(daphne, user)

    async def come_late(route: Route) -> None:
        answer = await route.fetch()
        await tell(site, user, "Two")
        await expect_unread(home, 2)
        await route.fulfill(response=answer)

    await home.route("**/*part=panel*", come_late)
    await home.locator(".notification-bell").click()
    await expect(headings(home.locator(".notification-panel"))).to_have_text(["Two", "One"])


# --- Actions


async def test_an_action_shows_before_the_server_answers(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """The row, the counters and the badge change at once; where the server refuses they are as before, with a message."""
    visitors.expect_problem("500|net::ERR_|Failed to fetch")
    await tell(site, user, "One", "Two")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await expect_unread(page, 2)
    waiting: list[Route] = []
    await page.route("**/selection/", lambda route: waiting.append(route))
    await page.locator(ITEMS, has_text="Two").hover()
    await page.locator(ITEMS, has_text="Two").get_by_role("button", name="Archive").click()
    await expect(headings(page)).to_have_text(["One"])
    await expect_unread(page, 1)
    assert await site.acall("Inbox.objects.get(pk=user).unread", user=user.pk) == 2
    await waiting[0].fulfill(status=500, body="broken")
    await expect(headings(page)).to_have_text(["Two", "One"])
    await expect_unread(page, 2)
    await expect(page.locator(".notification-status")).to_contain_text("everything is as before")


async def test_undo_on_every_device(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """What a selection was put through shows on another device, and so does taking it back."""
    await tell(site, user, "One", "Two", "Three")
    await tell(site, other, "Secret")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    device = await visitors.arrive(daphne, user, path=CENTRE)
    theirs = await visitors.arrive(daphne, other, path=CENTRE)
    for title in ("One", "Three"):
        await page.get_by_label(f"Select “{title}”").check()
    await expect(page.get_by_text("2 selected")).to_be_visible()
    await page.locator(".notification-selection").get_by_role("button", name="Delete").click()
    for each in (page, device):
        await expect(headings(each)).to_have_text(["Two"])
        await expect_unread(each, 1)
    await expect(page.get_by_text("2 deleted")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    for each in (page, device):
        await expect(headings(each)).to_have_text(["Three", "Two", "One"])
        await expect_unread(each, 3)
    await expect(page.locator(".notification-undo")).to_be_hidden()
    await expect(headings(theirs)).to_have_text(["Secret"])


async def test_the_clock_of_undo_stops_under_the_pointer(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Undo is offered for the time of the setting; while the reader points at it or has the focus there the clock stands."""
    await tell(site, user, "One")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await page.locator(ITEMS).hover()
    await page.get_by_role("button", name="Archive").first.click()
    clock = page.locator(".notification-undo > i")
    await page.locator(".notification-undo").hover()
    playing = "clock => [clock.getAnimations()[0].playState, clock.getAnimations()[0].effect.getTiming().duration]"
    assert await clock.evaluate(playing) == ["paused", settings.undo_seconds * 1000]
    await page.mouse.move(0, 0)
    assert await clock.evaluate(playing) == ["running", settings.undo_seconds * 1000]
    await clock.evaluate("clock => clock.getAnimations()[0].finish()")
    await expect(page.locator(".notification-undo")).to_be_hidden()


async def test_read_all_spares_what_was_not_in_sight(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """What arrives above the view is announced and stays unread until its reader has been there."""
    await site.acall(SEND_MANY, user=user.pk, count=60)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await expect_unread(page, 60)
    await page.locator(ITEMS).nth(10).scroll_into_view_if_needed()
    await page.mouse.wheel(0, 900)
    fresh = page.locator(".notification-arrived")
    row = page.locator(ITEMS, has_text="Number 44")
    await row.evaluate("row => row.scrollIntoView({block: 'center'})")
    top = await row.evaluate("row => row.getBoundingClientRect().top")
    await tell(site, user, "New above", "Newer above")
    await expect(fresh).to_have_text("2 new", timeout=60_000)
    assert abs(await row.evaluate("row => row.getBoundingClientRect().top") - top) < 2, "what is read has moved"
    await page.get_by_role("button", name="Mark all as read").evaluate("button => button.click()")
    await expect_unread(page, 2)
    await fresh.click()
    await expect(page.locator(ITEMS).first).to_contain_text("Newer above")
    await expect(page.locator(ITEMS).first).to_be_in_viewport()
    await expect(fresh).to_be_hidden()
    await page.get_by_role("button", name="Mark all as read").click()
    await expect_unread(page, 0)


# --- Long lists, filters


async def test_ten_thousand_scroll_in_a_bounded_document(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """All of them can be reached, down and up again, in order, and at most 200 are in the document."""
    count = 10_000
    await site.acall(SEND_MANY, user=user.pk, count=count)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await page.evaluate(
        """() => {
          window.seen = new Set();
          window.most = 0;
          const list = document.querySelector('.notification-list');
          window.look = () => {
            const ids = [...list.querySelectorAll('.notification-item')].map((item) => Number(item.dataset.id));
            window.most = Math.max(window.most, ids.length);
            if (ids.some((id, index) => index && ids[index - 1] <= id)) throw new Error('not in order');
            for (const id of ids) window.seen.add(id);
          };
          new MutationObserver(window.look).observe(list, {childList: true});
          window.look();
        }"""
    )
    await page.evaluate(
        """async () => {
          const older = document.querySelector('.notification-pages__older');
          while (!older.hidden) {
            scrollTo(0, document.documentElement.scrollHeight);
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await expect(page.locator(ITEMS, has_text=re.compile(r"Number 0\b"))).to_be_in_viewport()
    assert await page.evaluate("[window.seen.size, window.most]") == [count, 200]
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    await page.wait_for_function(
        """() => [...document.querySelectorAll('.notification-list > .notification-item')].some((item) => {
             const {top, bottom} = item.getBoundingClientRect();
             return top < innerHeight && bottom > 0;
           })"""
    )
    await page.evaluate("scrollTo(0, 0)")
    await expect(page.locator(ITEMS).first).to_contain_text("Number 9999")
    await expect(page.locator(ITEMS).first).to_be_in_viewport()
    assert await page.locator(ITEMS).count() == 200


async def test_a_step_touches_only_the_rows_that_come_and_go(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Rows that stay are not written to, and few are asked where they are: a step costs the same in a list of any length."""
    await site.acall(SEND_MANY, user=user.pk, count=400)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await page.evaluate(
        """async () => {
          const older = document.querySelector('.notification-pages__older');
          while (!older.hidden) {
            scrollTo(0, document.documentElement.scrollHeight);
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    counts = await page.evaluate(
        """async () => {
          const list = document.querySelector('.notification-list');
          const rows = () => new Set(list.querySelectorAll(':scope > .notification-item'));
          const records = [];
          const observer = new MutationObserver((found) => records.push(...found));
          const { getBoundingClientRect } = Element.prototype;
          let asked = 0;
          Element.prototype.getBoundingClientRect = function () {
            asked += 1;
            return getBoundingClientRect.call(this);
          };
          let before = rows();
          const isSame = () => list.querySelector('.notification-item') === [...before][0];
          while (isSame()) {
            before = rows();
            asked = 0;
            observer.disconnect();
            records.length = 0;
            observer.observe(list, { childList: true, subtree: true, attributes: true, characterData: true });
            scrollBy(0, -innerHeight);
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          }
          records.push(...observer.takeRecords());
          Element.prototype.getBoundingClientRect = getBoundingClientRect;
          const stayed = [...rows()].filter((row) => before.has(row));
          const written = stayed.filter((row) => records.some(({ target }) => row.contains(target)));
          return { stayed: stayed.length, written: written.length, asked };
        }"""
    )
    assert counts["stayed"] == 150
    assert counts["written"] <= 1, counts  # what Tab reaches, where that has gone
    assert counts["asked"] <= 100, counts  # of 200 rows each time that anything is drawn it would be 400 and more


async def test_older_ones_are_asked_for_again_by_the_reader(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Where older ones cannot be fetched scrolling on does not ask again and again; "Try again" does."""
    visitors.expect_problem("net::ERR_|NS_ERROR_")
    await site.acall(SEND_MANY, user=user.pk, count=400)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    asked: list[Route] = []
    older = re.compile(r"part=rows&before=\d{1,9}$")  # not the newest ones, which a reset asks for
    await page.route(older, lambda route: asked.append(route))
    while not asked:
        await page.mouse.wheel(0, 5000)
        await page.wait_for_timeout(20)
    known = await page.locator(ITEMS).count()
    await asked[0].abort()
    await expect(page.get_by_text("it may be out of date")).to_be_visible()
    scrolled = "() => new Promise((done) => { addEventListener('scroll', done, { once: true }); scrollBy(0, -50); })"
    for _ in range(3):
        await page.evaluate(scrolled)
    assert len(asked) == 1
    await page.unroute_all()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("it may be out of date")).to_be_hidden()
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await expect(page.locator(ITEMS).nth(known)).to_be_attached()


async def test_a_list_that_scrolls_in_a_part_of_the_page(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Where a part of the page scrolls older ones come as well, and what is new is seen at the top."""
    await site.acall(SEND_MANY, user=user.pk, count=400)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    first = await page.locator(ITEMS).count()
    part = page.locator(":has(> notification-list)")
    await part.evaluate("part => Object.assign(part.style, { blockSize: '30rem', overflow: 'auto' })")
    await part.evaluate("part => part.scrollTo(0, part.scrollHeight)")
    await expect(page.locator(ITEMS).nth(first)).to_be_attached()
    await tell(site, user, "New")
    await expect(page.get_by_role("button", name="1 new")).to_be_visible()
    await part.evaluate("part => part.scrollTo(0, 0)")
    await expect(page.locator(".notification-arrived")).to_be_empty()


async def test_a_reset_keeps_the_place(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Who reads far down when more was missed than the log replays goes on there; what changed meanwhile shows."""
    visitors.expect_problem(r"/notifications/stream/|net::ERR_|NS_ERROR_")
    await site.acall(SEND_MANY, user=user.pk, count=260)
    async with Proxy(daphne.port) as proxy:
        page = await visitors.arrive(proxy.url, user, path=CENTRE)
        row, gone, read = (page.locator(ITEMS, has_text=re.compile(rf"Number {n}\b")) for n in (100, 101, 99))
        while not await row.count():
            await page.mouse.wheel(0, 20_000)
            await page.wait_for_timeout(20)
        await row.evaluate("row => row.scrollIntoView({block: 'center'})")
        await expect(read).to_be_visible()
        proxy.accepts = False
        proxy.cut()
        top = await row.evaluate("row => row.getBoundingClientRect().top")
        await site.acall(MISS, user=user.pk)
        proxy.accepts = True
        for _ in range(
            30
        ):  # seldom asked: Firefox comes to nothing while it is asked for the place of things all the time
            await page.wait_for_timeout(2000)
            if await page.evaluate("document.querySelector('.notification-arrived').textContent") == "400 new":
                break
        await expect(page.locator(".notification-arrived")).to_have_text("400 new")
        await expect(gone).to_have_count(0)
        await expect(read).to_have_attribute("data-read", "")
        height = 200  # the row above it has gone
        assert abs(await row.evaluate("row => row.getBoundingClientRect().top") - top) < height, (
            "what is read has moved"
        )
        await expect(page.locator(".notification-tabs__count")).to_have_text("658")
        await page.locator(".notification-arrived").click()
        await expect(page.locator(ITEMS).first).to_contain_text("Later 399")
        await expect(page.locator(ITEMS).first).to_be_in_viewport()
        await visitors.leave()


async def test_live_changes_obey_the_filters(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """What matches enters, what does not stays out, and what no longer matches leaves."""
    await site.acall("notify(user, title='Paid', category='billing').pk", user=user.pk)
    page = await visitors.arrive(daphne, user, path=f"{CENTRE}?tab=unread&category=billing")
    await page.get_by_role("searchbox").fill("paid")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("q=paid"))
    code = "[notify(user, title=title, category=kind).pk for title, kind in pairs]"
    pairs = [("Not this", "billing"), ("Paid the team", "team"), ("Paid again", "billing")]
    await site.acall(code, user=user.pk, pairs=pairs)
    await expect_unread(page, 4)
    await expect(headings(page)).to_have_text(["Paid again", "Paid"])
    await site.acall("Notification.objects.get(title='Paid', recipient=user).mark_read()", user=user.pk)
    await expect(headings(page)).to_have_text(["Paid again"], timeout=60_000)


# --- Selecting


async def test_a_selection_survives_scrolling(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """What was selected stays so far out of the document, is named in the label, and is what an action acts on.

    Regression: the boxes in the document were the selection, so that scrolling on dropped it without a word.
    """
    await site.acall(SEND_MANY, user=user.pk, count=400)
    page = await visitors.arrive(daphne, user, path=CENTRE)
    for number in (399, 398):
        await page.get_by_label(f"Select “Number {number}”").check()
    label = page.locator(".notification-selection__all > span")
    await expect(label).to_have_text("2 selected")
    last = page.locator(ITEMS, has_text=re.compile(r"Number 0\b"))
    while not await last.count():
        await page.mouse.wheel(0, 20_000)
        await page.wait_for_timeout(20)
    await expect(page.get_by_label("Select “Number 399”")).to_have_count(0)
    await expect(label).to_have_text("2 selected, 2 of them out of view")
    await last.get_by_role("checkbox").check()
    await expect(label).to_have_text("3 selected, 2 of them out of view")
    await page.locator(".notification-selection").get_by_role("button", name="Archive").click()
    count = page.locator(".notification-tabs__count")
    await expect(count).to_have_text("397")
    await expect(page.get_by_text("3 archived")).to_be_visible()
    await page.locator(".notification-undo").hover()  # its clock stands
    assert await site.acall(ARCHIVED, user=user.pk) == ["Number 399", "Number 398", "Number 0"]
    await page.get_by_role("button", name="Undo").click()
    await expect(count).to_have_text("400")


async def test_all_of_a_long_list(visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person) -> None:
    """What the page does not hold can be selected with a second step, spares what came above the view, and is undone."""
    await site.acall(SEND_MANY, user=user.pk, count=700)
    await tell(site, other, "Theirs")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    bar = page.locator(".notification-selection")
    everything = bar.get_by_role("button", name="Select all 700")
    await expect(bar.locator(".notification-selection__rest")).to_be_hidden()
    await page.mouse.wheel(0, 1500)
    await tell(site, user, "New above")
    await expect(page.locator(".notification-arrived")).to_have_text("1 new", timeout=60_000)
    for key in "jx":  # one in view: to go to the first would be to see what came above
        await page.keyboard.press(key)
    await bar.get_by_role("checkbox").click()
    await everything.click()
    await expect(bar.get_by_text("All 700 are selected")).to_be_visible()
    await expect(bar.get_by_role("button", name="Delete")).to_be_disabled()
    await bar.get_by_role("button", name="Archive").click()
    await expect_unread(page, 1)
    await expect(page.get_by_text("700 archived")).to_be_visible()
    await expect(headings(page)).to_have_text(["New above"])
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".notification-tabs__count")).to_have_text("701")
    assert await site.acall("Inbox.objects.get(pk=user).unread", user=other.pk) == 1


async def test_keys_act_on_the_selection(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """With something selected `e`, `u` and `#` act on all of it, wherever the focus is.

    Regression: they acted on the item with the focus and dropped the rest.
    """
    await tell(site, user, "One", "Two", "Three", "Four")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    for key in "jxjxjx":
        await page.keyboard.press(key)
    await expect(page.get_by_text("3 selected")).to_be_visible()
    await page.keyboard.press("u")
    await expect_unread(page, 1)
    for key in "kxkx":
        await page.keyboard.press(key)
    await page.keyboard.press("u")
    await expect_unread(page, 3)
    for key in "xjxjx":
        await page.keyboard.press(key)
    await page.keyboard.press("e")
    await expect(headings(page)).to_have_text(["One"])
    await expect(page.get_by_text("3 archived")).to_be_visible()


# --- Keyboard


async def test_all_of_it_by_keyboard(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """The documented keys do what the help says; the focus goes on to the next item when one leaves."""
    await tell(site, user, "One", "Two", "Three", "Four", url="/?opened")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    press = page.keyboard.press
    await press("j")
    await press("j")
    assert await page.evaluate(focused(page)) == "Three"
    await press("u")
    await expect_unread(page, 3)
    await press("u")
    await expect_unread(page, 4)
    await press("e")
    await expect(headings(page)).to_have_text(["Four", "Two", "One"])
    assert await page.evaluate(focused(page)) == "Two"
    await press("#")
    await expect(headings(page)).to_have_text(["Four", "One"])
    assert await page.evaluate(focused(page)) == "One"
    await expect(page.get_by_text("“Two” deleted")).to_be_visible()
    await press("z")
    await expect(headings(page)).to_have_text(["Four", "Two", "One"])
    assert await page.evaluate(focused(page)) == "Two"
    await press("x")
    await expect(page.get_by_label("Select “Two”")).to_be_checked()
    await press("k")
    assert await page.evaluate(focused(page)) == "Four"
    await press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("e#x")
    await expect(headings(page)).to_have_count(3)
    await page.get_by_role("searchbox").fill("")
    await page.locator(".notification-list").focus()
    await press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await press("Escape")
    await page.evaluate("localStorage.setItem('notifications.shortcuts', 'off')")
    await press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    await page.evaluate("localStorage.removeItem('notifications.shortcuts')")
    await press("j")
    await press("Enter")
    await page.locator(".notification-detail__open").click()
    await expect(page).to_have_url(re.compile(r"/\?opened$"))
    await expect(badge(page)).to_have_text("2")


# --- Looks


async def test_a_bell_after_the_content(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """The centre shows wherever a site puts its bell.

    Regression: the bell's style hid the list until the list's own had come, and the one that stands later won.
    """
    await tell(site, user, "One")
    page = await visitors.arrive(daphne, user)

    async def move_bell(route: Route) -> None:
        response = await route.fetch()
        html = await response.text()
        bell = re.search(
            r'<link[^>]*notifications\.css">\s*(?:<link[^>]*>\s*)*<script[^>]*></script>\s*<notification-bell.*?</notification-bell>',
            html,
            re.DOTALL,
        )
        assert bell
        html = html.replace(bell[0], "", 1).replace("</body>", f"<footer>{bell[0]}</footer></body>")
        await route.fulfill(response=response, body=html)

    await page.route(f"**{CENTRE}", move_bell)
    await page.goto(CENTRE)
    await page.locator("notification-list[data-connection=live]").wait_for()
    await expect(page.locator("footer .notification-bell")).to_be_visible()
    await expect(page.get_by_role("heading", name="Notifications", exact=True)).to_be_visible()
    await expect(headings(page).first).to_be_visible()


async def test_what_a_site_says_of_all_elements_stays_outside(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Rules for all buttons and links, in no layer, do not reach into bell and centre; one that names our classes does."""
    await tell(site, user, "One")
    page = await visitors.arrive(daphne, user)

    async def say_more(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, body=await response.text() + LOUD)

    await page.route("**/static/site.css", say_more)
    await page.goto(CENTRE)
    await page.locator("notification-list[data-connection=live]").wait_for()
    assert await page.locator(".who").evaluate(BORDER) == "9px", "the rule is there"
    ours = page.locator("notification-list :is(button, a, h1, h2, p, li, span), .notification-bell")
    assert set(await ours.evaluate_all(f"elements => elements.map({BORDER})")) <= {"0px", "1px"}
    assert await page.locator(".notification-centre__read-all").evaluate("e => getComputedStyle(e).opacity") == "0.9"


async def test_the_placeholder_can_be_read(visitors: Visitors, daphne: Server, user: Person) -> None:
    """The search field's placeholder has the colour of secondary text, which is checked for contrast; axe passes over it."""
    page = await visitors.arrive(daphne, user, path=CENTRE, color_scheme="dark")
    field = page.get_by_role("searchbox")
    colours = (
        "field => [getComputedStyle(field, '::placeholder').color, getComputedStyle(field, '::placeholder').opacity]"
    )
    muted = await page.locator(".notification-empty:visible").evaluate("empty => getComputedStyle(empty).color")
    assert await field.evaluate(colours) == [muted, "1"]


# --- States


async def test_one_thing_is_told_at_a_time(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """What an action without a network came to is told in one place, and no longer once the line is back."""
    visitors.expect_problem(r"/notifications/stream/|net::ERR_|NS_ERROR_|Failed to fetch")
    await tell(site, user, "One", "Two")
    async with Proxy(daphne.port) as proxy:
        page = await visitors.arrive(proxy.url, user, path=CENTRE)
        await page.locator("notification-list[data-connection=live]").wait_for()
        proxy.accepts = False
        proxy.cut()
        await page.locator("notification-list[data-connection=connecting]").wait_for()
        for title in ("One", "Two"):
            await page.locator(ITEMS, has_text=title).get_by_role("button", name="Archive").click()
        failed = page.get_by_text("everything is as before")
        await expect(failed).to_be_visible()
        await expect(headings(page)).to_have_text(["Two", "One"])
        await expect_unread(page, 2)
        late = "line => line.getAnimations().forEach((animation) => animation.finish())"
        await page.get_by_text("Reconnecting…").evaluate(late)
        shown = page.locator(".notification-states > :visible")
        await expect(shown).to_have_count(1)
        proxy.accepts = True
        await expect(failed).to_be_hidden(timeout=30_000)
        await expect(shown.and_(page.locator(":not(:empty)"))).to_have_count(0)
        await expect_unread(page, 2)
        await visitors.leave()


@pytest.mark.parametrize("status", [502, 404])
async def test_the_count_after_a_lost_answer(
    visitors: Visitors, daphne: Server, site: Site, user: Person, status: int
) -> None:
    """What the server did is counted once, also where its answer is lost or says that another device was quicker.

    Regression: the stream's own frame made the count equal to what was expected, and the failure put the old one back.
    """
    visitors.expect_problem(f"{status}|Failed to fetch")
    await tell(site, user, "One", "Two", "Three")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    await page.locator("notification-list[data-connection=live]").wait_for()

    async def do_and_lose(route: Route) -> None:
        await site.acall("Notification.objects.get(recipient=user, title='Two').archive()", user=user.pk)
        await expect(page.locator(".notification-tabs__count")).to_have_text("2")
        await site.acall("Notification.objects.filter(recipient=user, title='One').update(body='Edited')", user=user.pk)
        await expect(
            page.locator(ITEMS, has_text="Edited")
        ).to_be_attached()  # so the frame of the action has come, too
        await route.fulfill(status=status, body="{}", content_type="application/json")

    await page.route("**/selection/", do_and_lose)
    await page.locator(ITEMS, has_text="Two").get_by_role("button", name="Archive").click()
    await expect(page.locator(".notification-status")).not_to_be_empty()
    await expect_unread(page, 2)
    await expect(headings(page)).to_have_text(["Three", "One"])
    await expect(page.locator(".notification-tabs__count")).to_have_text("2")


async def test_a_bound_waits_for_the_list(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Where a list could not be fetched after a reset, "mark all as read" spares what it does not show.

    Regression: the next change moved the bound to the head of the log, and 400 unseen ones were marked.
    """
    visitors.expect_problem(r"/notifications/stream/|net::ERR_|NS_ERROR_|Failed to fetch")
    await tell(site, user, "Seen")
    async with Proxy(daphne.port) as proxy:
        page = await visitors.arrive(proxy.url, user, path=CENTRE)
        await page.locator("notification-list[data-connection=live]").wait_for()
        await page.route("**/*part=rows*", lambda route: route.abort())
        proxy.accepts = False
        proxy.cut()
        await site.acall(SEND_MANY, user=user.pk, count=400)
        proxy.accepts = True
        await expect(page.get_by_text("it may be out of date")).to_be_visible(timeout=60_000)
        await tell(site, user, "The next change")
        await expect(page.locator(".notification-tabs__count")).to_have_text("402", timeout=60_000)
        await page.get_by_role("button", name="Mark all as read").click()
        await expect(page.locator(".notification-tabs__count")).to_have_text("401", timeout=60_000)
        await page.unroute_all()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("it may be out of date")).to_be_hidden()
        await page.locator("notification-list:not([aria-busy])").wait_for()  # the list is fetched
        await expect(headings(page).first).to_have_text("The next change")
        await page.get_by_role("button", name="Mark all as read").click()
        await expect_unread(page, 0)
        await visitors.leave()


async def test_the_line_is_told(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A reader who is offline is told so, and what came meanwhile shows once they are back."""
    visitors.expect_problem("net::ERR_")
    page = await visitors.arrive(daphne, user, path=CENTRE)
    offline = page.get_by_text("You are offline.")
    await page.locator("notification-list[data-connection=live]").wait_for()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    await expect(offline).to_be_hidden()
    await page.context.set_offline(True)
    await expect(offline).to_be_visible()
    await page.context.set_offline(False)
    await expect(offline).to_be_hidden()
    await tell(site, user, "Back")
    await expect(headings(page)).to_have_text(["Back"], timeout=60_000)


async def test_a_line_that_breaks_is_told(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A reader whose server cannot be reached is told that the page reconnects, not that there is no network."""
    visitors.expect_problem(r"/notifications/stream/|net::ERR_|NS_ERROR_")
    async with Proxy(daphne.port) as proxy:
        page = await visitors.arrive(proxy.url, user, path=CENTRE)
        await page.locator("notification-list[data-connection=live]").wait_for()
        reconnecting = page.get_by_text("Reconnecting…")
        await expect(reconnecting).to_be_hidden()
        proxy.accepts = False
        proxy.cut()
        await page.locator("notification-list[data-connection=connecting]").wait_for()
        await reconnecting.evaluate(
            "line => line.getAnimations().forEach((animation) => animation.finish())"
        )  # 7 s later
        await expect(reconnecting).to_be_visible()
        await expect(page.get_by_text("You are offline.")).to_be_hidden()
        proxy.accepts = True
        await tell(site, user, "Back")
        await expect(headings(page)).to_have_text(["Back"], timeout=60_000)
        await expect(reconnecting).to_be_hidden()
        await visitors.leave()
