"""`renew_epochs`: after a backup was put back, no position of the lost history can be continued."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from notifications import notify
from notifications.log.replay import inbox_of
from notifications.models import Inbox
from tests.support.asgi import Site
from tests.support.ledger import Client, assert_exact, standing
from tests.support.model import follow, in_database

pytestmark = pytest.mark.django_db(transaction=True)


def run(**options: Any) -> str:
    """Run the command and return what it wrote."""
    out = io.StringIO()
    call_command("renew_epochs", stdout=out, **options)
    return out.getvalue()


def epochs() -> dict[Any, int]:
    """Return every inbox's epoch."""
    return dict(Inbox.objects.values_list("pk", "epoch"))


def test_a_page_of_the_lost_history_starts_anew(user: User, other_user: User) -> None:
    """The restored log was written on until it reached the very position that the page stands at."""
    notify(user, title="in the dump")
    dump = inbox_of(user)
    notify(user, title="lost").delete()
    page, others = Client(user), standing(other_user) if inbox_of(other_user) else None
    Inbox.objects.filter(pk=user.pk).update(modseq=dump.modseq, floor=dump.floor, unread=dump.unread)
    notify(user, title="another history")
    notify(user, title="at the same number")
    assert inbox_of(user).modseq == page.modseq
    page.read()
    assert page.resets == 0, "the page cannot know"
    assert "Renewed the epochs of 1 inboxes" in run(user=[user.pk])
    page.read()
    assert page.resets == 1
    page.assert_up_to_date()
    assert_exact(user)
    assert standing(other_user) == others


def test_every_inbox_gets_an_epoch_of_its_own(user: User, other_user: User) -> None:
    """Also across portions; nothing but the epochs changes, and no two are alike."""
    users = [user, other_user, *(User.objects.create_user(f"more{n}") for n in range(3))]
    for each in users:
        notify(each, title="hello")
    before, stood = epochs(), [standing(each) for each in users]
    assert "Renewed the epochs of 5 inboxes" in run(batch=2)
    after = epochs()
    assert len({*before.values(), *after.values()}) == 10
    for (inbox, rows), each in zip(stood, users, strict=True):
        assert standing(each) == (inbox | {"epoch": after[each.pk]}, rows)


async def test_open_streams_are_reset_at_once(site: Site, user: User, other_user: User) -> None:
    """The doorbell tells them; with --user nobody else's stream hears of it."""
    await site.do(notify, user, title="hello")
    browser, client = await follow(site, user)
    other, _ = await follow(site, other_user)
    await site.do(run, user=[user.pk])
    reset = await browser.next("reset")
    assert reset.data["reason"] == "epoch"
    client.apply(reset)
    assert client.state == await site.do(in_database, user)
    assert other.unseen_events == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 5000}, "--batch 5000 is not a number from 1 to 1,000"),
        ({"user": ["nobody"]}, "--user 'nobody' cannot be a user's primary key"),
    ],
)
def test_a_wrong_option_is_refused_with_its_remedy(
    user: User, other_user: User, options: dict[str, Any], words: str
) -> None:
    """Nobody's epoch was renewed then."""
    notify(user, title="hello")
    before = epochs()
    with pytest.raises(CommandError, match=words):
        run(**options)
    assert epochs() == before
