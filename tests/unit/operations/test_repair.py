"""`check_inboxes`: an inbox that contradicts its rows is named, and mended so that connected clients get it right."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from notifications import mark_seen, notify, notify_many
from notifications.log.replay import inbox_of
from notifications.log.standings import read_standings
from notifications.models import Inbox, Notification
from notifications.operations import repair
from tests.support.asgi import Site
from tests.support.ledger import Client, assert_exact, standing
from tests.support.model import follow, in_database

pytestmark = pytest.mark.django_db(transaction=True)
UNCHECKED = pytest.mark.only_on("sqlite")  # others cannot be asked to look away


def run(**options: Any) -> str:
    """Run the command and return what it wrote; raises CommandError where its exit status is not 0."""
    out = io.StringIO()
    call_command("check_inboxes", stdout=out, **options)
    return out.getvalue()


def run_and_fail(**options: Any) -> str:
    """Run the command, which must find something wrong; return what it wrote and what it ended with."""
    out = io.StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command("check_inboxes", stdout=out, **options)
    assert refusal.value.returncode == 1
    return f"{out.getvalue()}{refusal.value}"


@contextmanager
def unchecked() -> Iterator[None]:
    """Write what SQLite's constraints would refuse, as a damaged file or a dropped constraint would let in."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        yield
        cursor.execute("PRAGMA ignore_check_constraints = OFF")


def spoil(user: User, **values: Any) -> None:
    """Write to an inbox past the log."""
    Inbox.objects.filter(pk=user.pk).update(**values)


@pytest.fixture
def lived(user: User, other_user: User) -> User:
    """The user whose inbox is spoilt; both users have unread, seen, read and archived rows."""
    for each in (user, other_user):
        rows = [notify(each, title=f"{n}") for n in range(5)]
        mark_seen(each)
        notify(each, title="unseen")
        rows[0].mark_read()
        rows[1].archive()
    return user


def test_right_inboxes_are_left_alone(lived: User, other_user: User) -> None:
    """It says how many it looked at, and writes nothing."""
    User.objects.create_user("without-inbox")
    before = standing(lived), standing(other_user)
    assert "Checked the inboxes of 3 users: all are right." in run()
    assert run(repair=True, verbosity=0) == ""
    assert (standing(lived), standing(other_user)) == before


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"unread": 9}, "unread is 9, expected 4"),
        ({"unread": 4, "unseen": 0}, "unseen is 0, expected 1"),
        ({"unread": 0, "unseen": 0}, "unread is 0, expected 4; unseen is 0, expected 1"),
        ({"modseq": 8}, "modseq is 8, expected at least 10 as of its rows"),
        ({"seen_upto": 99, "unseen": 0}, "seen_upto is 99, expected at most the modseq 10"),
        pytest.param({"floor": 99}, "floor is 99, expected at most the modseq 10", marks=UNCHECKED),
        pytest.param({"unseen": 9, "unread": 2}, "unread is 2, expected 4; unseen is 9, expected 1", marks=UNCHECKED),
    ],
)
def test_a_wrong_inbox_is_named_and_mended(lived: User, other_user: User, values: dict[str, int], words: str) -> None:
    """It is reported by user with found and expected; a repair sets it right, and clients of any position follow."""
    others, client, late = standing(other_user), Client(lived), Client(lived)
    with unchecked() if connection.vendor == "sqlite" else nullcontext():
        spoil(lived, **values)
    report = run_and_fail()
    assert f"user {lived.pk}: {words}\n" in report
    assert f"user {other_user.pk}" not in report
    assert "1 of 2 inboxes are wrong; repair them with --repair." in report
    assert f"user {lived.pk}: {words}, repaired\n" in run(repair=True)
    assert_exact(lived)
    for page in (client, late):
        page.read()
        page.assert_up_to_date()
        assert page.resets == 1
        notify(lived, title="later")
    assert "all are right" in run()
    assert standing(other_user) == others


def test_rows_without_an_inbox_are_found(lived: User, other_user: User) -> None:
    """The inbox is made again with everything counted, under a new epoch."""
    client, others = Client(lived), standing(other_user)
    Inbox.objects.filter(pk=lived.pk).delete()
    assert f"user {lived.pk}: inbox is missing, expected one for 6 notifications" in run_and_fail()
    assert not Inbox.objects.filter(pk=lived.pk).exists()
    assert "inbox is missing, expected one for 6 notifications, repaired" in run(repair=True)
    latest = Notification.objects.for_user(lived).order_by("-modseq")[0]
    assert (inbox_of(lived).unread, inbox_of(lived).modseq) == (4, latest.modseq)
    client.read()
    client.assert_up_to_date()
    assert standing(other_user) == others


def test_a_head_behind_its_rows_gets_a_new_epoch(lived: User, other_user: User) -> None:
    """A client may stand just where the mended head comes to lie, with rows of a history that is gone."""
    epoch, others = inbox_of(lived).epoch, standing(other_user)
    spoil(lived, modseq=F("modseq") - 2)
    run(repair=True)
    assert inbox_of(lived).epoch != epoch
    assert standing(other_user) == others


async def test_open_pages_get_the_mended_inbox(site: Site, lived: User, other_user: User) -> None:
    """The repair rings; the stream of the wrong inbox gets a snapshot, the other user's stream hears nothing."""
    browser, client = await follow(site, lived)
    other, _ = await follow(site, other_user)
    past_the_log = Notification.objects.for_user(lived).filter(title="2").update_rows
    await site.do(past_the_log, read_at=lived.date_joined)
    await site.do(run, repair=True)
    client.apply(await browser.next("reset"))
    assert client.state == await site.do(in_database, lived)
    assert client.unread == 3
    assert other.unseen_events == []


def test_only_the_users_asked_for(lived: User, other_user: User) -> None:
    """--user neither reports nor mends another's."""
    spoil(lived, unread=9)
    spoil(other_user, unread=9)
    assert f"user {other_user.pk}" not in run_and_fail(user=[lived.pk])
    run(user=[lived.pk], repair=True)
    assert_exact(lived)
    assert inbox_of(other_user).unread == 9


def test_every_portion_is_looked_at(lived: User, other_user: User) -> None:
    """The portions' borders lose nobody."""
    others = [User.objects.create_user(f"more{n}") for n in range(5)]
    notify_many(others, title="hello")
    for each in (lived, other_user, *others):
        spoil(each, unread=9)
    report = run_and_fail(batch=2)
    assert report.count("unread is 9") == 7
    assert "7 of 7 inboxes are wrong" in report


def test_a_writer_halfway_is_no_error(lived: User, other_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looked wrong and is right under the lock is not reported, and not written to."""
    wrong = repair.Standing(lived.pk, 0, True, modseq=5, unread=1)
    looks = iter([[wrong]])
    real = read_standings
    monkeypatch.setattr(repair, "read_standings", lambda using, ids: next(looks, None) or real(using, ids))
    before = standing(lived), standing(other_user)
    assert list(repair.check("default", [lived.pk, other_user.pk], repair=False)) == []
    looks = iter([[wrong]])
    assert list(repair.check("default", [lived.pk, other_user.pk], repair=True)) == []
    assert (standing(lived), standing(other_user)) == before


def test_a_user_who_left_meanwhile_is_passed_over(other_user: User) -> None:
    """They look wrong, and are gone when the lock is asked for."""
    gone = repair.Standing(10**9, 3, False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repair, "read_standings", lambda using, ids: [gone])
        assert list(repair.check("default", [10**9], repair=True)) == []
    assert "all are right" in run(user=[other_user.pk])


@pytest.mark.parametrize(
    ("options", "words"),
    [({"batch": "0"}, "--batch '0' is not a number from 1 to 5,000"), ({"user": ["0"]}, "--user 0: no user has this")],
)
def test_a_wrong_option_is_refused_with_its_remedy(
    user: User, other_user: User, options: dict[str, Any], words: str
) -> None:
    """The message names what was given and what to give."""
    assert words in run_and_fail(**options)
