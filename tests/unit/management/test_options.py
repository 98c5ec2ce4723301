"""The options of `prune_notifications` and what it shows on a terminal."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from notifications.models import Inbox, Notification

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(user: User, other_user: User) -> None:
    """The user has ten notifications that were read long ago, the other user a new one."""
    long_ago = timezone.now() - dt.timedelta(days=100)
    Notification.objects.bulk_create(
        [Notification(recipient=user, title=f"{n}", created_at=long_ago) for n in range(10)]
    )
    Notification.objects.bulk_create([Notification(recipient=other_user, title="new")])
    Notification.objects.all().mark_read()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "--older-than 90d, --keep 500 or both"),
        ({"older_than": "90"}, "'90' is not an age; write a number from 1 and h, d or w"),
        ({"older_than": "0d"}, "'0d' is not an age"),
        ({"older_than": "-1d"}, "'-1d' is not an age"),
        ({"older_than": "9999999w"}, "'9999999w' reaches back before the year 1"),
        ({"keep": "0"}, "--keep '0' is not a number from 1"),
        ({"keep": "many"}, "--keep 'many' is not a number"),
        ({"keep": 1.5}, "--keep 1.5 is not a number"),
        ({"keep": 5, "batch": 0}, "--batch 0 is not a number from 1 to 10,000"),
        ({"keep": 5, "user": ["x"]}, "--user 'x' cannot be a user's primary key"),
        ({"keep": 5, "user": ["999999"]}, "--user 999999: no user has this primary key"),
        ({"keep": 5, "include_unread": True, "archived_only": True}, "contradict each other"),
    ],
)
@pytest.mark.usefixtures("old")
def test_a_wrong_option_is_refused_with_its_remedy(options: dict[str, Any], words: str) -> None:
    """Before anything was deleted."""
    with pytest.raises(CommandError) as refusal:
        call_command("prune_notifications", **options)
    assert words in str(refusal.value)
    assert Notification.objects.count() == 11


class Terminal(io.StringIO):
    """An output that someone looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("old")
def test_on_a_terminal_a_bar_shows_how_far_it_is(user: User, other_user: User) -> None:
    """It counts to the number that a dry run says, and is wiped away at the end; elsewhere there is none."""
    out, file = Terminal(), io.StringIO()
    call_command("prune_notifications", older_than="90d", stdout=out)
    assert "[########################] 100%  10 of 10" in out.getvalue()
    assert out.getvalue().rpartition("\x1b[K")[2].startswith("Deleted 10 notifications")
    assert Notification.objects.get().recipient == other_user
    call_command("prune_notifications", older_than="90d", stdout=file)
    assert file.getvalue().startswith("Deleted 0 notifications")


@pytest.mark.usefixtures("old")
def test_a_report_line_stands_above_the_bar(user: User, other_user: User) -> None:
    """What `check_inboxes` finds is not written into the bar."""
    Inbox.objects.filter(pk=user.pk).update(unread=3)
    out = Terminal()
    call_command("check_inboxes", stdout=out, repair=True)
    assert f"\x1b[Kuser {user.pk}: unread is 3, expected 0, repaired\n" in out.getvalue()
    assert f"user {other_user.pk}" not in out.getvalue()
