"""The admin's lists: what they show and find, at a cost that does not grow; and the inboxes."""

import datetime as dt
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from notifications import notify, notify_many
from notifications.admin import changelist as admin_list
from notifications.models import Inbox, Notification
from tests.support.staff import LIST

# --- the list


def test_list_shows_level_by_colour_and_word(admin_client: Client, user: User) -> None:
    """The level has a class for its colour and its word for everyone; the state is a word."""
    notify(user, title="<b>Disk</b>", level="error").archive()
    page = admin_client.get(LIST).content.decode()
    assert '<span class="notification-level notification-level--error">Error</span>' in page
    assert '<td class="field-state">Archived</td>' in page
    assert "&lt;b&gt;Disk&lt;/b&gt;" in page
    assert "notifications/admin/admin.css" in page


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=disk", ["Disk"]),
        ("q=user2", ["Mail"]),
        ("q=disks:42", ["Disk"]),
        ("q=user1+up", ["Up", "Backup"]),
        ('q="k is"', []),
        ("q=%22", ["Up", "Backup", "Disk", "Mail"]),
        ("state=unread", ["Up", "Disk", "Mail"]),
        ("state=read", ["Backup"]),
        ("state=archived", []),
        ("state=odd", ["Up", "Backup", "Disk", "Mail"]),
        ("level__exact=error", ["Disk"]),
        ("category=mail", ["Mail"]),
        ("category=unheard-of", []),
        ("created_at__year=2024", ["Up"]),
        ("created_at__year=2024&created_at__month=2&created_at__day=29", ["Up"]),
        ("created_at__year=2024&created_at__month=1", []),
    ],
)
def test_list_finds(admin_client: Client, user: User, other_user: User, query: str, titles: list[str]) -> None:
    """Search looks into title, topic and username; filters go by state, level, category and date."""
    notify(other_user, title="Mail", category="mail")
    notify(user, title="Disk", level="error", topic="disks:42")
    notify(user, title="Backup").mark_read()
    leap_day = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    Notification.objects.filter(pk=notify(user, title="Up").pk).update(created_at=leap_day)
    found = [row.title for row in admin_client.get(f"{LIST}?{query}").context["cl"].result_list]
    assert sorted(found) == sorted(titles)


def test_list_gives_a_number_where_it_has_one(
    admin_client: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search says how many it found; the whole list, and one that was not counted to its end, say nothing."""
    notify(user, title="Disk")
    notify(user, title="Disk")
    assert "2 results" in admin_client.get(f"{LIST}?q=disk").content.decode()
    assert " results" not in admin_client.get(LIST).content.decode()
    monkeypatch.setattr(admin_list, "MAX_LISTED_ROWS", 1)
    assert " results" not in admin_client.get(f"{LIST}?q=disk").content.decode()


def test_list_costs_the_same_at_any_length(
    admin_client: Client, user: User, other_user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Session, user, page, its recipients, count, categories and the calendar's two ends: 8 queries."""
    for count in (1, 30):
        for number in range(count):
            notify_many([user, other_user], title=f"Number {number}")
        with django_assert_num_queries(8) as captured:
            admin_client.get(LIST)
        counting = [query["sql"] for query in captured if "COUNT" in query["sql"]]
        assert len(counting) == 1
        assert "LIMIT 10001" in counting[0]
        assert not [query["sql"] for query in captured if "GROUP BY" in query["sql"]]
        (distinct,) = [query["sql"] for query in captured if "DISTINCT" in query["sql"]]
        assert f"LIMIT 1 OFFSET {admin_list.RECENT_ROWS}" in distinct  # of the latest rows


def test_many_of_one_category_hide_no_other(admin_client: Client, user: User) -> None:
    """A thousand builds were all that the filter offered; what lies beyond its bound is left out."""
    notify(user, title="Oldest", category="forgotten")
    notify(user, title="Old", category="billing")
    notify_many([user], title="Build", category="builds")
    row = Notification.objects.latest("pk")
    rows = [Notification(recipient=user, title="B", category="builds", modseq=row.modseq) for _ in range(1500)]
    QuerySet[Notification](Notification).bulk_create(rows)

    def offered() -> list[str]:
        changes = admin_client.get(LIST).context["cl"]
        spec = next(spec for spec in changes.filter_specs if spec.title == "category")
        return [str(choice["display"]) for choice in spec.choices(changes)]

    assert offered() == ["All", "billing", "builds", "forgotten"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admin_list, "RECENT_ROWS", 1502)
        assert offered() == ["All", "billing", "builds"]


def test_category_filter_offers_what_is_in_use(admin_client: Client, user: User) -> None:
    """Categories of the latest rows, and the one in the address even where no row has it."""
    notify(user, title="One", category="billing")
    page = admin_client.get(f"{LIST}?category=old")
    spec = next(spec for spec in page.context["cl"].filter_specs if spec.title == "category")
    assert [str(choice["display"]) for choice in spec.choices(page.context["cl"])] == ["All", "billing", "old"]


# --- the calendar


def periods(client: Client, query: str = "") -> tuple[str | None, list[str]]:
    """Return where the calendar leads back to, and the periods it offers."""
    found = client.get(f"{LIST}?{query}").context["cl"].periods
    return found["back"] and found["back"]["title"], [choice["title"] for choice in found.get("choices", [])]


def sent_on(user: User, *days: str) -> None:
    """Send one notification at noon of each day."""
    for day in days:
        moment = timezone.make_aware(dt.datetime.fromisoformat(f"{day}T12:00"))
        Notification.objects.filter(pk=notify(user, title=day).pk).update(created_at=moment)


def test_calendar_leads_from_years_to_days(admin_client: Client, user: User) -> None:
    """Years, months of a year, days of a month: from the oldest to the newest notification, and back."""
    sent_on(user, "2024-11-29", "2026-02-02")
    assert periods(admin_client) == (None, ["2024", "2025", "2026"])
    assert periods(admin_client, "created_at__year=2024") == ("All dates", ["November 2024", "December 2024"])
    assert periods(admin_client, "created_at__year=2024&created_at__month=11") == (
        "2024",
        ["November 29", "November 30"],
    )
    day = "created_at__year=2026&created_at__month=2&created_at__day=1"
    assert periods(admin_client, day) == ("February 2026", ["February 1"])
    assert periods(admin_client, "created_at__year=1999") == ("All dates", [])
    page = unescape(admin_client.get(f"{LIST}?created_at__year=2024&state=unread").content.decode())
    assert '"?created_at__month=12&created_at__year=2024&state=unread"' in page
    assert '"?state=unread"' in page


def test_calendar_skips_a_choice_of_one(admin_client: Client, user: User) -> None:
    """Where all lies in one year or month, its parts are offered at once."""
    sent_on(user, "2025-03-30", "2025-04-02")
    assert periods(admin_client) == ("All dates", ["March 2025", "April 2025"])
    sent_on(user, "2025-03-31")
    Notification.objects.filter(title="2025-04-02").delete()
    assert periods(admin_client) == ("2025", ["March 30", "March 31"])


def test_calendar_is_not_there_on_an_empty_list(admin_client: Client) -> None:
    """No notifications, no periods."""
    page = admin_client.get(LIST)
    assert page.context["cl"].periods == {"show": False}


@pytest.mark.parametrize(
    "query", ["created_at__year=x", "created_at__year=2024&created_at__month=13", "created_at__day=x"]
)
def test_addresses_that_make_no_sense_lead_to_the_list(admin_client: Client, user: User, query: str) -> None:
    """A mistyped address is answered as Django's admin does, not by an error."""
    notify(user, title="One")
    assert admin_client.get(f"{LIST}?{query}").status_code == 302


# --- inboxes


def test_inbox_is_there_to_be_looked_at(admin_client: Client, user: User) -> None:
    """Its numbers are shown; nothing adds, changes or deletes one."""
    notify(user, title="One")
    inbox = Inbox.objects.get()
    page = admin_client.get("/admin/live_notifications/inbox/?q=user1").content.decode()
    assert inbox.position in page
    address = f"/admin/live_notifications/inbox/{user.pk}/"
    page = admin_client.get(f"{address}change/").content.decode()
    assert inbox.position in page
    assert "deletelink" not in page
    assert admin_client.post(f"{address}change/", {"unread": "7"}).status_code == 403
    assert admin_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get("/admin/live_notifications/inbox/add/").status_code == 403
    assert 'name="action"' not in admin_client.get("/admin/live_notifications/inbox/").content.decode()


def test_users_can_still_be_deleted(admin_client: Client, user: User) -> None:
    """An inbox that nobody may delete by itself does not keep its user from being deleted."""
    notify(user, title="One")
    admin_client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=user.pk).exists()
    assert not Inbox.objects.exists()
