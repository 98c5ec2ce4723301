"""The pages: what they list, what their buttons do, and whom they refuse."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from notifications import notify
from notifications.access.reader import HEADER, build_tag
from notifications.conf import settings as conf
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from notifications.protocol.payloads import build_payload
from notifications.reading import listing
from tests.support.contention import Conflict

CENTRE = "/notifications/"
ACTIONS = ("open", "read", "unread", "archive", "unarchive", "delete")
JSON = {"accept": "application/json"}


@pytest.fixture
def page(client: Client, user: User) -> Client:
    """A browser in which the user is logged in."""
    client.force_login(user)
    return client


def listed(page: Client, query: str = "") -> list[str]:
    """Return the titles on a page of the centre, without the empty item in `<template>`."""
    html = page.get(CENTRE + query).content.decode().partition("<template>")[0]
    links = re.findall(r'class="notification-item__link"[^>]*>(.*?)</a>', html, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", link) for link in links]


def state(notification: Notification) -> tuple[bool, bool]:
    """Return whether a notification is read and archived, as stored."""
    notification.refresh_from_db()
    return notification.is_read, notification.is_archived


# --- The centre


def test_lists_own_newest_first(page: Client, user: User, other_user: User) -> None:
    """The centre lists what the user received, newest first, and nothing of another user's."""
    for title in ("First", "Second"):
        notify(user, title=title)
    notify(other_user, title="Secret")
    assert listed(page) == ["Second", "First"]


def test_tabs(page: Client, user: User) -> None:
    """All is what is not archived, unread what counts in the badge, archived the rest."""
    notify(user, title="New")
    notify(user, title="Read").mark_read()
    notify(user, title="Away").archive()
    assert listed(page) == ["Read", "New"]
    assert listed(page, "?tab=unread") == ["New"]
    assert listed(page, "?tab=archived") == ["Away"]


@pytest.mark.parametrize(
    "query", ["?tab=x", "?part=x", "?before=x", "?before=-1", "?before=0", f"?before={10**30}", "?before=%00"]
)
def test_query_that_means_nothing_is_left_out(page: Client, user: User, query: str) -> None:
    """A mistyped query string shows the first page."""
    notify(user, title="One")
    assert listed(page, query) == ["One"]


def test_pages_continue_by_cursor(page: Client, user: User, settings: Settings) -> None:
    """The link to older ones leads through all of them, each once, also while new ones arrive."""
    settings.NOTIFICATIONS_PAGE_SIZE = 2
    for number in range(5):
        notify(user, title=f"N{number}")
    query: str | None = ""
    seen: list[str] = []
    while query is not None:
        seen += listed(page, query)
        html = page.get(CENTRE + query).content.decode()
        older = re.search(r'rel="next"\s+href="/notifications/(\?before=\d+)"\s*>', html)
        query = older[1] if older else None
        notify(user, title="Meanwhile")
    assert seen == ["N4", "N3", "N2", "N1", "N0"]


def test_queries_do_not_grow(page: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A page takes four queries, bell included: session, user, inbox with rows, categories; the panel one less."""
    for number in range(30):
        notify(user, title=f"N{number}", url="/x/", actor="Ada", category=f"c{number}")
    with django_assert_num_queries(4):
        page.get(CENTRE)
    with django_assert_num_queries(7):
        page.get(CENTRE + "?q=N&category=c1&level=info&tab=unread")
    for part in ("panel", "rows"):
        with django_assert_num_queries(3):
            page.get(f"{CENTRE}?part={part}")


def test_bell_and_list_stand_at_one_position(page: Client, user: User) -> None:
    """Bell and list carry the same position, so the script starts one stream from it."""
    html = page.get(CENTRE).content.decode()
    assert re.findall(r'data-position="([^"]+)"', html) == [inbox_of(user).position] * 2


def test_text_is_escaped(page: Client, user: User) -> None:
    """What a notification says is text, also where it looks like markup or a dangerous link."""
    notification = notify(user, title="<script>x</script>", body="<img src=x>", actor='"><b>', url="/ok/")
    Notification.objects.filter(pk=notification.pk).update_rows(url="javascript:alert(1)")  # as a fixture could
    html = page.get(CENTRE).content.decode()
    assert "&lt;script&gt;x" in html
    assert "<img src=x" not in html
    assert "javascript:" not in html


@pytest.mark.parametrize(("url", "is_hidden"), [("/orders/7/", False), ("https://a.example/", True), ("", True)])
def test_open_button_is_for_links_on_this_site(page: Client, user: User, url: str, is_hidden: bool) -> None:
    """The page's own policy would stop a form that is redirected off the site, so there is only the link."""
    notify(user, title="One", url=url)
    html = page.get(CENTRE).content.decode()
    button = re.search(r"<button[^>]*notification-item__open[^>]*>", html)
    assert button is not None
    assert button[0].endswith(" hidden>") == is_hidden


def test_empty_centre_says_so(page: Client, user: User) -> None:
    """An empty list shows why it is empty, and marking all as read has nothing to do."""
    html = page.get(CENTRE).content.decode()
    assert "<notification-list" in html
    assert re.search(r"\sdata-empty\s", html)
    assert "Nothing here yet" in html
    assert re.search(r"notification-centre__read-all[^>]* disabled>", html)


def test_page_follows_strict_policy(page: Client, user: User) -> None:
    """The page holds no inline script, style or handler, and its policy allows none."""
    notify(user, title="One")
    response = page.get(CENTRE)
    html = response.content.decode()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", html)
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_needs_no_layout_of_the_site(page: Client, user: User, settings: Settings) -> None:
    """A site without a layout of its own gets a whole page all the same."""
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [engine | {"DIRS": []}]
    notify(user, title="One")
    assert listed(page) == ["One"]
    html = page.get(CENTRE).content.decode()
    assert html.startswith("<!doctype html>")
    assert "/static/notifications/page.css" in html


def test_reading_changes_nothing(page: Client, user: User) -> None:
    """Looking at any tab moves neither the log nor a counter."""
    notify(user, title="One")
    before = stored(user)
    for query in ("", "?tab=unread", "?tab=archived"):
        page.get(CENTRE + query)
    assert stored(user) == before


# --- Actions


@pytest.mark.parametrize(
    ("start", "action", "end"),
    [
        ((False, False), "read", (True, False)),
        ((True, False), "unread", (False, False)),
        ((False, False), "archive", (True, True)),
        ((False, True), "unarchive", (True, False)),
        ((False, True), "unread", (False, False)),
        ((False, False), "open", (True, False)),
    ],
)
def test_action_changes_state(
    page: Client, user: User, start: tuple[bool, bool], action: str, end: tuple[bool, bool]
) -> None:
    """Each button changes what it says, and a form goes back to where it came from."""
    notification = notify(user, title="One")
    if start[0]:
        notification.mark_read()
    if start[1]:
        notification.archive()
    response = page.post(f"{CENTRE}{notification.pk}/{action}/", {"next": CENTRE + "?tab=unread"})
    assert (response.status_code, response["Location"]) == (302, CENTRE + "?tab=unread")
    assert state(notification) == end


def test_no_archived_one_is_shown_as_unread(page: Client, user: User) -> None:
    """Not even one that was archived unread, past `archive()`."""
    notify(user, title="One")
    Notification.objects.all().update(archived_at=timezone.now())
    html = page.get(CENTRE + "?tab=archived").content.decode()
    assert re.search(r'data-id="[1-9][0-9]*"[^>]* data-read\s+data-archived', html)


def test_delete(page: Client, user: User) -> None:
    """Delete removes the row and its count."""
    notification = notify(user, title="One")
    page.post(f"{CENTRE}{notification.pk}/delete/")
    assert not Notification.objects.filter(pk=notification.pk).exists()
    assert inbox_of(user).unread == 0


@pytest.mark.parametrize("url", ["/orders/7/", "https://a.example/x"])
def test_open_goes_where_it_leads(page: Client, user: User, url: str) -> None:
    """Open marks as read and redirects to the notification's own link, whatever `next` says."""
    notification = notify(user, title="One", url=url)
    response = page.post(f"{CENTRE}{notification.pk}/open/", {"next": "/elsewhere/"})
    assert response["Location"] == url
    assert state(notification) == (True, False)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "/\\evil.example"]
)
def test_next_stays_on_site(page: Client, user: User, target: str) -> None:
    """A form cannot send its reader to another site."""
    notification = notify(user, title="One")
    response = page.post(f"{CENTRE}{notification.pk}/read/", {"next": target})
    assert response["Location"] == CENTRE


def test_json_answer(page: Client, user: User) -> None:
    """The script gets what the action did, how to take it back, the counters and the position that it led to."""
    notification = notify(user, title="One")
    answer = page.post(f"{CENTRE}{notification.pk}/read/", headers=JSON).json()
    assert answer.pop("undo").keys() == {"token", "expires_at"}
    assert answer == {"changed": 1, "unread": 0, "unseen": 0, "position": inbox_of(user).position}


@pytest.mark.django_db(transaction=True)  # one transaction is one step of the log
def test_read_all_spares_what_arrived_later(page: Client, user: User) -> None:
    """Mark all as read reaches up to what the page showed."""
    shown = notify(user, title="Shown")
    up_to = inbox_of(user).modseq
    later = notify(user, title="Later")
    page.post(CENTRE + "read-all/", {"up_to": up_to})
    assert (state(shown)[0], state(later)[0]) == (True, False)


def test_read_all_without_bound(page: Client, user: User, other_user: User) -> None:
    """Without a bound all of the user's own are read, and none of another user's."""
    notify(user, title="Mine")
    notify(other_user, title="Theirs")
    page.post(CENTRE + "read-all/")
    assert (inbox_of(user).unread, inbox_of(other_user).unread) == (0, 1)


@pytest.mark.parametrize("up_to", ["x", "-1", str(2**63), "1.x", ".5", "1.2.3", "٣"])
def test_read_all_with_bad_bound(page: Client, user: User, up_to: str) -> None:
    """A bound that is no position is refused, naming field and remedy, and nothing is read."""
    notify(user, title="One")
    response = page.post(CENTRE + "read-all/", {"up_to": up_to}, headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"]["field"] == "up_to"
    assert "such as 42" in response.json()["error"]["message"]
    assert page.post(CENTRE + "read-all/", {"up_to": up_to}).status_code == 400
    assert inbox_of(user).unread == 1


@pytest.mark.parametrize("path", ["read-all/", "selection/"])
def test_a_bound_of_another_history_marks_nothing(page: Client, user: User, path: str) -> None:
    """A page that was made before history was replaced does not say what its reader has seen of the new one.

    Regression: only the number was sent, which in a restored backup lies above what the page has ever shown.
    """
    notify(user, title="One")
    before = inbox_of(user)
    Inbox.objects.filter(pk=user.pk).update(epoch=before.epoch + 1)
    body = {"up_to": before.position, "action": "read", "tab": "all"}
    refused = page.post(CENTRE + path, body, headers=JSON)
    assert (refused.status_code, refused.json()["error"]["field"]) == (409, "up_to")
    assert inbox_of(user).unread == 1


def send_many(user: User, count: int, **fields: Any) -> None:
    """Send these in one change."""
    rows = [Notification(recipient=user, title=f"Number {number}", **fields) for number in range(count)]
    Notification.objects.bulk_create(rows)


@pytest.mark.django_db(transaction=True)  # one transaction is one step of the log
@pytest.mark.parametrize(("action", "field"), [("archive", "archived_at"), ("read", "read_at")])
def test_all_that_a_list_holds(page: Client, user: User, other_user: User, action: str, field: str) -> None:
    """One action reaches all up to a position and within the filters, spares what came since, and can be taken back."""
    send_many(user, 260, category="builds")
    notify(user, title="Of another category", category="team")
    notify(other_user, title="Theirs", category="builds")
    bound = inbox_of(user).position
    notify(user, title="Came since", category="builds")
    body = {"action": action, "up_to": bound, "tab": "unread", "category": "builds", "level": ""}
    answer = page.post(CENTRE + "selection/", body, headers=JSON).json()
    assert (answer["changed"], answer["unread"]) == (260, 2)
    left = Notification.objects.filter(**{field: None}).values_list("title", flat=True)
    assert sorted(left) == ["Came since", "Of another category", "Theirs"]
    undone = page.post(CENTRE + "undo/", {"token": answer["undo"]["token"]}, headers=JSON).json()
    assert (undone["undone"], undone["left"], undone["unread"]) == (260, 0, 262)
    assert inbox_of(other_user).unread == 1


@pytest.mark.django_db(transaction=True)  # one transaction is one step of the log
@pytest.mark.parametrize("tab", ["all", "unread"])
def test_how_many_all_are(page: Client, user: User, other_user: User, tab: str) -> None:
    """The number that "select all" names is the number that the action then reaches, up to the same position."""
    send_many(user, 12, category="builds")
    first, second, *_ = Notification.objects.for_user(user)
    first.mark_read()
    second.archive()
    notify(user, title="Of another category", category="team")
    notify(other_user, title="Theirs", category="builds")
    bound = inbox_of(user).position
    notify(user, title="Came since", category="builds")
    listed = {"up_to": bound, "tab": tab, "category": "builds", "level": ""}
    count = page.get(CENTRE, {"part": "count", **listed}).json()["count"]
    assert count == {"all": 11, "unread": 10}[tab]
    assert page.post(CENTRE + "selection/", {"action": "archive", **listed}, headers=JSON).json()["changed"] == count


def test_how_many_has_a_bound(page: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that counting would take long are not counted, and a bound that makes no sense counts as left out."""
    monkeypatch.setattr(listing, "COUNTED_ROWS", 3)
    send_many(user, 3)
    assert page.get(CENTRE, {"part": "count", "up_to": "soon"}).json() == {"count": 3}
    notify(user, title="One more")
    assert page.get(CENTRE, {"part": "count"}).json() == {"count": None}


@pytest.mark.django_db(transaction=True)
def test_all_costs_the_same_however_many(
    page: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Five hundred rows are archived by a fixed number of statements."""
    send_many(user, 500)
    body = {"action": "archive", "up_to": inbox_of(user).position, "tab": "all"}
    with django_assert_max_num_queries(20):
        assert page.post(CENTRE + "selection/", body, headers=JSON).json()["changed"] == 500


def test_no_cache_keeps_a_personal_answer(page: Client, user: User) -> None:
    """After a logout "back" finds nothing in the browser's cache: neither page nor part nor answer may be stored."""
    pk = notify(user, title="One").pk
    answers = [page.get(CENTRE + query) for query in ("", "?part=list", "?part=panel", "?part=rows", "?part=count")]
    answers += [page.post(f"{CENTRE}{path}", headers=JSON) for path in (f"{pk}/read/", "seen/", "read-all/")]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert ["no-store" in answer["Cache-Control"] for answer in answers] == [True] * len(answers)


def test_a_part_is_no_login_page(client: Client) -> None:
    """What the script fetches for somebody who was logged out says so, instead of a page to log in on."""
    refused = client.get(CENTRE + "?part=panel", headers=JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_logged_in")
    assert (
        client.get(CENTRE + "?tab=unread").headers["Location"] == "/accounts/login/?next=/notifications/%3Ftab%3Dunread"
    )


def test_a_page_of_somebody_else_gets_nothing(page: Client, user: User, other_user: User) -> None:
    """Parts and actions of a page that was made for another reader are refused; its own reader's are not."""
    notification = notify(user, title="Mine")
    for tag, status in ((build_tag(other_user), 403), (build_tag(user), 200)):
        headers = {**JSON, HEADER: tag}
        assert page.get(CENTRE + "?part=rows", headers=headers).status_code == status
        assert page.post(f"{CENTRE}{notification.pk}/read/", headers=headers).status_code == status
        assert state(notification)[0] == (status == 200)


def test_seen(page: Client, user: User) -> None:
    """Having looked clears what is new and leaves it unread."""
    notify(user, title="One")
    answer = page.post(CENTRE + "seen/", headers=JSON).json()
    assert (answer["unread"], answer["unseen"]) == (1, 0)


# --- Filters, search, parts


def many_kinds(user: User) -> None:
    """Send four that differ in what a list may be narrowed by."""
    notify(user, title="Invoice overdue", category="billing", level="error")
    notify(user, title="Paid", body="Invoice 7 was paid", category="billing", level="success")
    notify(user, title="Hello", actor="Ada Invoice", category="team")
    notify(user, title="Backup", category="system").archive()


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("?category=billing", ["Paid", "Invoice overdue"]),
        ("?level=error", ["Invoice overdue"]),
        ("?q=invoice", ["Hello", "Paid", "Invoice overdue"]),
        ("?q=invoice&category=billing&level=success", ["Paid"]),
        ("?tab=archived&category=system", ["Backup"]),
        ("?q=zebra", []),
        ("?q=paid+invoice", ["Paid"]),
        ("?q=team+hello", ["Hello"]),
        ('?q=from:"ada+invoice"', ["Hello"]),
        ("?q=in:billing+is:unread+7", ["Paid"]),
        ("?q=is:archived", ["Backup"]),
        ("?tab=archived&q=is:unread+hello", ["Hello"]),
        ("?q=after:1999-01-01+before:9000-01-01+hello", ["Hello"]),
        ("?q=before:1999-01-01", []),
        ("?q=before:yesterday+hello", ["Hello"]),
        ("?level=loud&category=%00&q=%00", ["Hello", "Paid", "Invoice overdue"]),
    ],
)
def test_filters_and_search(page: Client, user: User, other_user: User, query: str, titles: list[str]) -> None:
    """The query string narrows the list, without a script; what means nothing narrows nothing."""
    many_kinds(user)
    many_kinds(other_user)
    assert listed(page, query) == titles


def test_a_bad_date_is_told_and_narrows_nothing(page: Client, user: User) -> None:
    """The page says which word it left out, escaped, and how a date is written."""
    html = page.get(CENTRE + "?q=before:<b>").content.decode()
    assert "“&lt;b&gt;” is not a date; write it as in before:2026-11-01</p>" in html
    assert "is not a date" not in page.get(CENTRE + "?q=before:2026-11-01").content.decode()


def test_the_page_says_by_whose_days_it_searches(page: Client) -> None:
    """The zone that is current for the request, which a middleware may have set, and one without a name."""
    assert 'data-zone="UTC"' in page.get(CENTRE).content.decode()
    with timezone.override("Europe/Vienna"):
        assert 'data-zone="Europe/Vienna"' in page.get(CENTRE).content.decode()
    with timezone.override(timezone.get_fixed_timezone(-210)):
        assert 'data-zone="-0330"' in page.get(CENTRE).content.decode()


def test_filters_offer_what_there_is(page: Client, user: User, other_user: User) -> None:
    """The form offers the user's own categories and keeps what was chosen, also across tabs and pages."""
    many_kinds(user)
    notify(other_user, title="Secret", category="secret")
    html = page.get(CENTRE + "?category=gone&q=a%26b&tab=unread").content.decode()
    assert re.findall(r"<option(?: selected)?>(\w+)</option>", html) == ["billing", "gone", "system", "team"]
    assert "<option selected>gone</option>" in html
    assert re.search(r'name="q"\s+value="a&amp;b"', html)
    assert 'href="/notifications/?category=gone&amp;q=a%26b&amp;tab=archived"' in html
    assert "Nothing matches" in html


def test_pages_keep_filters(page: Client, user: User, settings: Settings) -> None:
    """The link to older ones keeps what narrows the list."""
    settings.NOTIFICATIONS_PAGE_SIZE = 1
    many_kinds(user)
    html = page.get(CENTRE + "?category=billing").content.decode()
    older = re.search(r'rel="next"\s+href="/notifications/([^"]+)"', html)
    assert older is not None
    assert listed(page, older[1].replace("&amp;", "&")) == ["Invoice overdue"]


def test_rows_are_a_further_page_as_json(page: Client, user: User, settings: Settings) -> None:
    """What the script fetches as its reader scrolls is five pages at once, in the shape of the stream, to the end."""
    settings.NOTIFICATIONS_PAGE_SIZE = 1
    sent = [notify(user, title=f"N{number}") for number in range(8)]
    first = page.get(f"{CENTRE}?part=rows&before={sent[7].pk}")
    assert [item["title"] for item in first.json()["items"]] == ["N6", "N5", "N4", "N3", "N2"]
    assert first.json()["items"][0] == build_payload(sent[6])
    last = page.get(f"{CENTRE}?part=rows&before={first.json()['next']}").json()
    assert ([item["title"] for item in last["items"]], last["next"]) == (["N1", "N0"], None)


def test_rows_say_what_is_wrong_with_a_search(page: Client, user: User) -> None:
    """A search in the page is told the same as one that loads a page; one without a mistake is told nothing."""
    assert "soon" in page.get(CENTRE + "?part=rows&q=before:soon").json()["problem"]
    assert page.get(CENTRE + "?part=rows&q=report").json()["problem"] == ""


@pytest.mark.parametrize("part", ["list", "panel"])
def test_parts_have_no_frame(page: Client, user: User, part: str) -> None:
    """The script fetches the list without the site around it; the panel is the same list with less around it."""
    notify(user, title="One")
    html = page.get(f"{CENTRE}?part={part}").content.decode()
    assert "<html" not in html
    assert "<notification-bell" not in html
    assert f'data-part="{part}"' in html
    assert ('role="search"' in html, 'name="id"' in html) == (part == "list", part == "list")
    assert not re.search(r'(?:href|action|value)="[^"]*part=', html), "no link or form leads to a part"


# --- A selection, and undo


def test_selection_by_plain_form(page: Client, user: User) -> None:
    """Checked boxes and one button do the same to each, and the form goes back to where it came from."""
    one, two, three = (notify(user, title=title) for title in ("One", "Two", "Three"))
    body = {"action": "archive", "id": [one.pk, three.pk], "next": CENTRE + "?tab=unread"}
    response = page.post(CENTRE + "selection/", body)
    assert (response.status_code, response["Location"]) == (302, CENTRE + "?tab=unread")
    assert [state(row)[1] for row in (one, two, three)] == [True, False, True]


def test_selection_of_none_goes_back(page: Client, user: User) -> None:
    """A button pressed with no box checked changes nothing; a person is back on the list, a program is told."""
    notify(user, title="One")
    before = stored(user)
    assert page.post(CENTRE + "selection/", {"action": "delete"})["Location"] == CENTRE
    refused = page.post(CENTRE + "selection/", {"action": "delete"}, headers=JSON)
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "id")
    assert stored(user) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "burn", "id": "1"}, "action"),
        ({"id": "1"}, "action"),
        ({"action": "read", "id": "x"}, "id"),
        ({"action": "read", "id": "-1"}, "id"),
        ({"action": "read", "id": "٣"}, "id"),
        ({"action": "read", "id": [str(number) for number in range(501)]}, "id"),
        ({"action": "delete", "tab": "all", "up_to": "42"}, "action"),
        ({"action": "read", "tab": "archived", "up_to": "42"}, "tab"),
        ({"action": "read", "tab": "all", "up_to": "x"}, "up_to"),
        ({"action": "read", "tab": "all", "up_to": ""}, "up_to"),
    ],
)
def test_bad_selection_is_refused(page: Client, user: User, body: dict[str, Any], field: str) -> None:
    """An action or id that makes no sense is refused by its name."""
    refused = page.post(CENTRE + "selection/", body, headers=JSON)
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, field)


def test_selection_is_all_or_nothing(page: Client, user: User, other_user: User) -> None:
    """One id that is not the user's refuses the whole, and the other user's row stays as it is."""
    mine, theirs = notify(user, title="Mine"), notify(other_user, title="Theirs")
    body = {"action": "delete", "id": [mine.pk, theirs.pk]}
    assert page.post(CENTRE + "selection/", body, headers=JSON).json()["error"]["code"] == "not_found"
    assert page.post(CENTRE + "selection/", body).status_code == 404
    assert Notification.objects.count() == 2


def test_undo_takes_back(page: Client, user: User) -> None:
    """What an action was answered with takes it back: a deleted row is there again, under its id."""
    rows = [notify(user, title=title) for title in ("One", "Two")]
    body = {"action": "delete", "id": [row.pk for row in rows]}
    token = page.post(CENTRE + "selection/", body, headers=JSON).json()["undo"]["token"]
    assert listed(page) == []
    answer = page.post(CENTRE + "undo/", {"token": token}, headers=JSON).json()
    assert (answer["undone"], answer["left"], answer["unread"]) == (2, 0, 2)
    assert listed(page) == ["Two", "One"]


def test_undo_of_read_all(page: Client, user: User) -> None:
    """Marking all as read is taken back like everything else."""
    notify(user, title="One")
    token = page.post(CENTRE + "read-all/", headers=JSON).json()["undo"]["token"]
    page.post(CENTRE + "undo/", {"token": token})
    assert inbox_of(user).unread == 1


def test_undo_refuses(page: Client, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of another user or of nobody is refused, and so is one that comes too late."""
    other = Client()
    other.force_login(other_user)
    row = notify(other_user, title="Theirs")
    token = other.post(f"{CENTRE}{row.pk}/archive/", headers=JSON).json()["undo"]["token"]
    for bad in (token, "x", ""):
        refused = page.post(CENTRE + "undo/", {"token": bad}, headers=JSON)
        assert (refused.status_code, refused.json()["error"]["field"]) == (400, "token")
    later = timezone.now() + dt.timedelta(seconds=conf.page_undo_seconds + 1)
    monkeypatch.setattr("notifications.reading.actions.timezone.now", lambda: later)
    assert other.post(CENTRE + "undo/", {"token": token}, headers=JSON).status_code == 410
    row.refresh_from_db()
    assert row.is_archived


def test_the_clock_of_undo_follows_the_setting(page: Client, user: User, settings: Settings) -> None:
    """The page offers undo for NOTIFICATIONS_UNDO_SECONDS; its tokens are good for 50 s more, while the clock stands."""
    settings.NOTIFICATIONS_UNDO_SECONDS = 30.5
    assert 'data-seconds="30.5"' in page.get(CENTRE).content.decode()
    before = timezone.now()
    row = notify(user, title="One")
    offer = page.post(f"{CENTRE}{row.pk}/archive/", headers=JSON).json()["undo"]
    left = dt.datetime.fromisoformat(offer["expires_at"]) - before
    assert dt.timedelta(seconds=80.5) <= left < dt.timedelta(seconds=110)


# --- Refusals


@pytest.mark.parametrize("action", ACTIONS)
def test_other_users_notification_is_not_found(page: Client, user: User, other_user: User, action: str) -> None:
    """Another user's id is answered like one that does not exist, and the row stays as it is."""
    notification = notify(other_user, title="Secret", url="/secret/")
    before = stored(other_user)
    for pk in (notification.pk, 10**6, 2**70):
        assert page.post(f"{CENTRE}{pk}/{action}/").status_code == 404
        response = page.post(f"{CENTRE}{pk}/{action}/", headers=JSON)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    assert stored(other_user) == before


@pytest.mark.parametrize("path", [*(f"1/{action}/" for action in ACTIONS), "read-all/", "seen/", "selection/", "undo/"])
@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_only_post_changes(page: Client, user: User, path: str, method: str) -> None:
    """Any method but POST is refused and named in the answer, also to programs."""
    response = getattr(page, method)(CENTRE + path)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    response = getattr(page, method)(CENTRE + path, headers=JSON)
    assert (response.status_code, response["Allow"], response["Content-Type"]) == (405, "POST", "application/json")


def test_centre_refuses_post(page: Client, user: User) -> None:
    """The centre is only read."""
    assert page.post(CENTRE).status_code == 405


@pytest.mark.parametrize("path", ["1/read/", "read-all/", "seen/", "selection/", "undo/"])
def test_anonymous_action(client: Client, db: None, path: str) -> None:
    """Who is not logged in is sent to the login and then to the centre; a program gets 403."""
    response = client.post(CENTRE + path)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={CENTRE}")
    refused = client.post(CENTRE + path, headers=JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_logged_in")


def test_anonymous_centre(client: Client, db: None) -> None:
    """The centre asks for a login and returns to the tab that was wanted."""
    response = client.get(CENTRE + "?tab=unread")
    assert (response.status_code, response["Location"]) == (
        302,
        "/accounts/login/?next=/notifications/%3Ftab%3Dunread",
    )


def test_action_needs_token(user: User) -> None:
    """A form of another site changes nothing."""
    notification = notify(user, title="One")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(f"{CENTRE}{notification.pk}/read/").status_code == 403
    assert state(notification) == (False, False)


def stored(user: User) -> dict[str, Any]:
    """Return everything that is stored of an inbox and its rows."""
    inbox = inbox_of(user)
    rows = list(Notification.objects.for_user(user).values())
    return {"modseq": inbox.modseq, "unread": inbox.unread, "unseen": inbox.unseen, "rows": rows}


# --- The site's own pages


def test_home_has_bell_for_users_only(client: Client, user: User) -> None:
    """The start page shows the bell to who is logged in and a login link to everybody else."""
    assert "<notification-bell" not in client.get("/").content.decode()
    client.force_login(user)
    assert "<notification-bell" in client.get("/").content.decode()


def test_logout_is_a_form_that_goes_home(page: Client, user: User) -> None:
    """Logging out is a POST and ends on the start page."""
    assert '<form method="post" action="/accounts/logout/">' in page.get("/").content.decode()
    assert page.post("/accounts/logout/")["Location"] == "/"


def test_login_says_what_was_wrong(client: Client, db: None) -> None:
    """A wrong password is told in words that a screen reader announces."""
    response = client.post("/accounts/login/", {"username": "user1", "password": "wrong"})
    assert 'role="alert"' in response.content.decode()


# --- Conflicts


class RefusesOnce:
    """An `execute_wrapper` by which the database undoes the transaction of one statement: the one of this number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = 0

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        """Run a statement, or refuse it."""
        self.seen += 1
        if self.seen == self.number:
            raise OperationalError("deadlock detected") from Conflict()
        return execute(*arguments)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ["read", "delete", "open"])
def test_a_conflict_at_any_statement_reaches_no_reader(page: Client, user: User, action: str) -> None:
    """Whichever statement of an action the database refuses once, the answer is as without it.

    Regression: under SERIALIZABLE a reader sometimes saw an error page, where the refused statement only read.
    """
    number, is_over = 0, False
    while not is_over:
        number += 1
        sent = notify(user, title="Read me")
        refuses = RefusesOnce(number)
        with connection.execute_wrapper(refuses):
            response = page.post(f"{CENTRE}{sent.pk}/{action}/", headers=JSON)
        assert (response.status_code, response.json()["changed"]) == (200, 1), f"statement {number}"
        is_over = refuses.seen < number
    assert number > 5
