"""The security log: ids only, each event once, and what strangers repeat is counted."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications import notify
from notifications.access import audit
from notifications.access.audit import EVENTS, Tally, record
from tests.support.asgi import Site
from tests.support.staff import LIST, login_with

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "security-log.md"


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what other tests repeated."""
    monkeypatch.setattr(audit, "tally", Tally())


def test_what_is_repeated_is_told_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first one at once, the next line a minute later with all that came between; each reason by itself."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for _ in range(500):
        record("token.refused", reason="unknown")
    record("token.refused", reason="expired", token=5, user=7)
    now += 60
    record("token.refused", reason="unknown")
    assert caplog.messages == [
        "token.refused reason=unknown times=1",
        "token.refused reason=expired token=5 user=7 times=1",
        "token.refused reason=unknown times=500",
    ]


def test_strangers_take_bounded_memory() -> None:
    """However many ids are made up, so many are kept."""
    tally = Tally()
    for number in range(tally.MAX_KEYS + 500):
        tally.count(number)
    assert len(tally._lines) == tally.MAX_KEYS


def test_a_line_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A primary key may be text: nothing in it begins another line or another field."""
    with caplog.at_level(logging.INFO, "notifications.security"):
        record("staff.looked", by="a b\n=c", user=None)
    assert caplog.messages == ["staff.looked by=a%20b%0A%3Dc user=-"]


def test_every_event_is_documented() -> None:
    """The table in the reference is this table."""
    rows = re.findall(r"^\| `([a-z]+\.[a-z]+)` \| (INFO|WARNING) \| (.+) \|$", REFERENCE.read_text(), re.MULTILINE)
    assert rows == [(name, logging.getLevelName(event.level), event.meaning) for name, event in EVENTS.items()]


@pytest.mark.django_db
def test_who_looks_at_what_is_not_theirs_is_told(
    user: User, other_user: User, caplog: pytest.LogCaptureFixture
) -> None:
    """A list, a notification and an inbox: by whom, and whose."""
    row = notify(user, title="Secret words")
    staff = login_with("view_notification", "view_inbox")
    by = staff.session["_auth_user_id"]
    with caplog.at_level(logging.INFO, "notifications.security"):
        for address in (LIST, f"{LIST}{row.pk}/change/", f"/admin/live_notifications/inbox/{user.pk}/change/"):
            assert staff.get(address).status_code == 200
    assert caplog.messages == [
        f"staff.listed by={by} what=notifications times=1",
        f"staff.looked by={by} what=notification id={row.pk} user={user.pk}",
        f"staff.looked by={by} what=inbox id={user.pk} user={user.pk}",
    ]


@pytest.mark.django_db
def test_what_staff_may_not_is_told(user: User, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody without the permission asks for a page of the admin."""
    row = notify(user, title="Secret words")
    staff = login_with("view_inbox")
    assert staff.get(f"{LIST}{row.pk}/change/").status_code == 403
    (line,) = [each for each in caplog.messages if each.startswith("permission.refused")]
    assert line.startswith(f"permission.refused user={staff.session['_auth_user_id']} ")


@pytest.mark.django_db(transaction=True)
async def test_who_is_turned_away_from_the_stream_is_counted(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Three openings without a login are one line, and nothing of what was sent stands in it."""
    with caplog.at_level(logging.INFO, "notifications.security"):
        for _ in range(3):
            status, _headers, _body = await site.connect("no-such-session").answer()
            assert status == 403
    assert [each for each in caplog.messages if each.startswith("login")] == ["login.missing door=stream times=1"]
    assert "no-such-session" not in caplog.text


@pytest.mark.django_db
def test_a_csrf_refusal_is_told(client: Client, user: User, caplog: pytest.LogCaptureFixture) -> None:
    """A page of another site that tries the API with its reader's login."""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post("/notifications/api/seen").status_code == 403
    assert f"origin.refused door=api user={user.pk} times=1" in caplog.messages
