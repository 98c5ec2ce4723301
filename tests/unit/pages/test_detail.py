"""One notification at its own address: what it shows, to whom, and what its forms do without a script."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from notifications import notify
from notifications.access.reader import HEADER, build_tag
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification

CENTRE = "/notifications/"


@pytest.fixture
def page(client: Client, user: User) -> Client:
    """A browser in which the user is logged in."""
    client.force_login(user)
    return client


def html_of(page: Client, row: Notification, query: str = "") -> str:
    """Return the page of a notification."""
    response = page.get(f"{CENTRE}{row.pk}/{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_all_of_one(page: Client, user: User) -> None:
    """Title, whole text with links, who, which kind, when, and where it leads."""
    row = notify(
        user,
        title="Figures for <October>",
        body="Line one\nSee https://example.com/a?b=1&c=2.",
        actor="Ada Lovelace",
        category="reports",
        level="warning",
        url="/reports/42/",
    )
    html = html_of(page, row)
    assert "Figures for &lt;October&gt;</h1>" in html
    assert '<a href="https://example.com/a?b=1&amp;c=2" rel="noopener nofollow" dir="ltr">' in html
    assert "Line one\nSee" in html
    for shown in (">Ada Lovelace</bdi>", ">AL</span>", ">reports</bdi>", ">Warning</span>"):
        assert shown in html
    assert f'datetime="{row.created_at.isoformat()}"' in html
    assert re.search(r'href="/reports/42/"\s+rel="noopener nofollow"[^>]*>Open</a>', html)
    assert f'data-position="{inbox_of(user).position}"' in html


@pytest.mark.parametrize(
    ("url", "label"),
    [("https://example.com:8000/x", "Open example.com:8000"), ("https://a@b.example/", "Open b.example")],
)
def test_a_link_to_another_site_says_which(page: Client, user: User, url: str, label: str) -> None:
    """Nobody leaves the site without having read where to."""
    assert f">{label}</a>" in html_of(page, notify(user, title="One", url=url))


def test_a_link_that_runs_something_is_none(page: Client, user: User) -> None:
    """What raw SQL has written is not followed either."""
    row = notify(user, title="One")
    Notification.objects.filter(pk=row.pk).update_rows(url="javascript:alert(1)")
    assert "notification-detail__open" not in html_of(page, row)


def test_nobody_elses_is_found(page: Client, user: User, other_user: User) -> None:
    """Another user's notification is as unknown as one that never was, as a page and as a part."""
    theirs = notify(other_user, title="Secret")
    for pk in (theirs.pk, theirs.pk + 1, 10**30):
        for query in ("", "?part=preview"):
            response = page.get(f"{CENTRE}{pk}/{query}")
            assert response.status_code == 404
            assert b"Secret" not in response.content
    assert page.get(f"{CENTRE}{theirs.pk}/?part=preview").json()["error"]["code"] == "not_found"
    assert not Notification.objects.get(pk=theirs.pk).is_read


def test_a_get_changes_nothing(page: Client, user: User) -> None:
    """Not the state and not the log; no cache keeps it; other methods are refused."""
    row = notify(user, title="One", topic="t")
    before = Inbox.objects.values().get(pk=user.pk)
    response = page.get(f"{CENTRE}{row.pk}/")
    assert "no-store" in response["Cache-Control"]
    assert Inbox.objects.values().get(pk=user.pk) == before
    assert not Notification.objects.get(pk=row.pk).is_read
    assert page.post(f"{CENTRE}{row.pk}/").status_code == 405


def test_who_is_not_logged_in_is_sent_to_log_in(client: Client, user: User, other_user: User) -> None:
    """And comes back here; what a script asks for says so, also where the page was somebody else's."""
    row = notify(user, title="One")
    response = client.get(f"{CENTRE}{row.pk}/")
    assert response["Location"] == f"/accounts/login/?next=/notifications/{row.pk}/"
    refused = client.get(f"{CENTRE}{row.pk}/?part=preview")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_logged_in")
    client.force_login(user)
    refused = client.get(f"{CENTRE}{row.pk}/?part=preview", headers={HEADER: build_tag(other_user)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "reader")


def test_what_came_before_about_the_same(
    page: Client, user: User, other_user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The five latest before it, each by its address, archived ones too; one query more, however many there are."""
    rows = [notify(user, title=f"Build {number}", topic="builds.main") for number in range(9)]
    notify(user, title="Of another subject", topic="builds.other")
    notify(other_user, title="Theirs", topic="builds.main")
    rows[5].archive()
    older = re.findall(r'<li( data-unread)?><a href="/notifications/([0-9]+)/"', html_of(page, rows[7]))
    assert [int(pk) for _mark, pk in older] == [row.pk for row in rows[6:1:-1]]
    assert [bool(mark) for mark, _pk in older] == [True, False, True, True, True]
    with django_assert_num_queries(4):  # session, user, the notification with its inbox, what is older
        page.get(f"{CENTRE}{rows[7].pk}/")
    alone = notify(user, title="About nothing")
    with django_assert_num_queries(3):
        html = page.get(f"{CENTRE}{alone.pk}/").content.decode()
    assert "notification-detail__older" not in html


def test_a_part_is_the_notification_alone(page: Client, user: User) -> None:
    """For whoever shows it beside the list: no frame, no bell, a smaller heading."""
    row = notify(user, title="One", topic="t")
    html = html_of(page, row, "?part=preview")
    assert "<html" not in html
    assert "<notification-bell" not in html
    assert "One</h2>" in html
    assert html.count("<notification-detail\n") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("start", "label", "action", "lands", "end"),
    [
        ("unread", "Mark as read", "read", "here", (True, False)),
        ("read", "Mark as unread", "unread", "centre", (False, False)),
        ("unread", "Archive", "archive", "centre", (True, True)),
        ("archived", "Move to inbox", "unarchive", "here", (True, False)),
        ("archived", "Mark as unread", "unread", "centre", (False, False)),
    ],
)
def test_its_buttons_work_without_a_script(
    page: Client, user: User, start: str, label: str, action: str, lands: str, end: tuple[bool, bool]
) -> None:
    """Each form does what its button says, and goes back to the list, or stays where there is more to do."""
    row = notify(user, title="One")
    if start != "unread":
        row.archive() if start == "archived" else row.mark_read()
    html = html_of(page, row)
    button = re.search(
        rf'<button[^>]*formaction="(/notifications/{row.pk}/{action}/)"([^>]*)>.*?</button>', html, re.DOTALL
    )
    assert button is not None
    assert label in button[0]
    here = re.search(r'name="next" value="([^"]+)"', button[2])
    fields = re.findall(r'<input type="hidden" name="next" value="([^"]+)">', html)
    response = page.post(button[1], {"next": [*fields, *([here[1]] if here else [])]})
    assert response["Location"] == (f"{CENTRE}{row.pk}/" if lands == "here" else CENTRE)
    row.refresh_from_db()
    assert (row.is_read, row.is_archived) == end


def test_it_needs_no_layout_of_the_site(page: Client, user: User, settings: Settings) -> None:
    """The app's own frame shows it, with the bell, and no script or style in the page itself."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": []}]
    html = html_of(page, notify(user, title="One"))
    assert "<notification-bell" in html
    assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=|\sstyle=|<style", html)


def test_open_still_marks_and_leads_on(page: Client, user: User) -> None:
    """The button of a list without a script goes on working beside the address."""
    row = notify(user, title="One", url="/reports/42/")
    assert page.post(f"{CENTRE}{row.pk}/open/")["Location"] == "/reports/42/"
    row.refresh_from_db()
    assert row.is_read
