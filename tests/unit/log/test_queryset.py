"""What one may ask of notifications, and the bulk writes of Django that the log cannot record."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F, Value
from django.db.models.functions import Upper
from django.utils import timezone

from notifications import BypassesLog, notify
from notifications.models import Notification
from tests.support.ledger import Rung, assert_exact, standing


@pytest.fixture
def rows(user: User, other_user: User) -> dict[str, Notification]:
    """One notification in each state, and the same for the other user."""
    found = {}
    for owner in (other_user, user):
        found = {name: notify(owner, title=name) for name in ("unread", "read", "archived", "both")}
        for name in ("read", "both"):
            found[name].mark_read()
        for name in ("archived", "both"):
            found[name].archive()
    return found


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("all", {"unread", "read", "archived", "both"}),
        ("unread", {"unread"}),
        ("read", {"read"}),
        ("active", {"unread", "read"}),
        ("archived", {"archived", "both"}),
    ],
)
@pytest.mark.usefixtures("rows")
def test_questions_have_exact_answers(user: User, question: str, titles: set[str]) -> None:
    """What is archived is neither read nor unread; questions chain and see one user's rows only."""
    for mine in (Notification.objects.for_user(user), Notification.objects.for_user(user.pk), user.live_notifications):
        found = getattr(mine, question)()
        assert {row.title for row in found} == titles
        assert {row.recipient_id for row in found} == {user.pk}


def test_the_newest_comes_first(user: User, rows: dict[str, Notification]) -> None:
    """Without a word about order."""
    keys = list(Notification.objects.for_user(user).values_list("pk", flat=True))
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"title": F("body")}, r"update\(title=F\(body\)\) sets an SQL expression"),
        ({"title": Upper("title")}, r"call bulk_update\(\)"),
        ({"title": Value("text")}, "set a plain value"),
        ({"modseq": 7}, "'modseq' cannot be changed after sending"),
        ({"recipient_id": 7}, "'recipient_id' cannot be changed"),
        ({"no_such": 7}, "'no_such' cannot be changed"),
    ],
    ids=["F", "function", "Value", "modseq", "recipient", "unknown"],
)
@pytest.mark.usefixtures("rows")
def test_an_update_past_the_log_is_refused(user: User, rung: Rung, words: dict[str, Any], named: str) -> None:
    """An expression or a field of the log's own: nothing is written, and the message names another way."""
    before = standing(user)
    rung.changes.clear()
    with pytest.raises(BypassesLog, match=named):
        Notification.objects.update(**words)
    assert standing(user) == before
    assert rung.changes == []


@pytest.mark.parametrize("words", [{"ignore_conflicts": True}, {"update_conflicts": True, "unique_fields": ["id"]}])
def test_an_upsert_is_refused(user: User, words: dict[str, Any]) -> None:
    """It would not say which rows it wrote; the message names what does."""
    with pytest.raises(BypassesLog, match=r"leave the conflicting ones out, or use save\(\)"):
        Notification.objects.bulk_create([Notification(recipient=user, title="new")], **words)


def test_an_update_stores_and_tells_clean_values(user: User, rung: Rung) -> None:
    """A date as text becomes a time, a number a text, as in a form."""
    notify(user, title="old")
    Notification.objects.update(title=7, created_at="2026-01-01T12:00:00Z")
    row = Notification.objects.get()
    assert row.title == "7"
    assert row.created_at.isoformat() == "2026-01-01T12:00:00+00:00"
    assert rung.changes[-1].data is not None
    assert '"title":"7"' in rung.changes[-1].data
    assert '"created_at":"2026-01-01T12:00:00+00:00"' in rung.changes[-1].data


def test_writes_through_filters_that_the_write_changes(user: User, rows: dict[str, Notification]) -> None:
    """Each row is changed once, though afterwards it no longer meets the filter, or a join or a slice says otherwise."""
    mine = Notification.objects.filter(recipient__username="user1")
    assert mine.filter(read_at=None).update(read_at=timezone.now()) == 1
    assert mine.order_by("-read_at")[1:3].mark_unread() == 2
    assert mine.distinct().filter(title__in=["unread", "read"]).archive() <= 2
    assert mine.exclude(title="both").delete()[0] == 3
    assert_exact(user, *User.objects.filter(username="user2"))


def test_the_other_user_is_never_touched(user: User, other_user: User, rows: dict[str, Notification]) -> None:
    """Every bulk write of one user's rows leaves the other's log where it was."""
    before = standing(other_user)
    mine = user.live_notifications.all()
    for write in (mine.mark_read, mine.mark_unread, mine.archive, mine.unarchive, lambda: mine.update(body="x")):
        write()
    assert mine.delete()[0] == 4
    assert standing(other_user) == before


def test_bulk_update_skips_what_is_gone(user: User, rows: dict[str, Notification]) -> None:
    """A row that another hand deleted is not counted and not brought back."""
    gone = Notification.objects.get(pk=rows["unread"].pk)
    Notification.objects.filter(pk=gone.pk).delete()
    gone.title = rows["read"].title = "edited"
    assert Notification.objects.bulk_update([gone, rows["read"]], ["title"]) == 1
    assert_exact(user)


def test_bulk_update_needs_saved_rows_and_fields(user: User, rows: dict[str, Notification]) -> None:
    """As in Django: a row without a key, or no field at all, is a wrong call and steps no log."""
    before = standing(user)
    for objects, fields in (([Notification(recipient=user, title="new")], ["title"]), ([rows["read"]], [])):
        with pytest.raises(ValueError, match="bulk_update"):
            Notification.objects.bulk_update(objects, fields)
    assert standing(user) == before
