"""Whom staff send to: found by search where the admin can search users, else named."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from notifications.models import Notification
from tests.support.staff import ADD, FORM, LIST, errors, login_with, said


@pytest.fixture
def staff_client(db: None) -> Client:
    """A member of staff who may do everything to notifications, and nothing to users."""
    return login_with("add_notification", "change_notification", "delete_notification", "view_notification")


# --- choosing recipients


def test_recipients_are_found_by_search(admin_client: Client, user: User, other_user: User) -> None:
    """The choice is the admin's own search box, and it finds users by name."""
    page = admin_client.get(ADD).content.decode()
    assert 'data-field-name="recipient"' in page
    assert "admin-autocomplete" in page
    query = {
        "app_label": "live_notifications",
        "model_name": "notification",
        "field_name": "recipient",
        "term": "user1",
    }
    found = admin_client.get("/admin/autocomplete/", query).json()["results"]
    assert found == [{"id": str(user.pk), "text": "user1"}]


def test_names_are_typed_by_who_may_not_see_users(staff_client: Client, user: User, other_user: User) -> None:
    """Staff without the right to search users write usernames, one on each line or with commas."""
    page = staff_client.get(ADD).content.decode()
    assert "admin-autocomplete" not in page
    assert "One username on each line." in page
    response = staff_client.post(ADD, {**FORM, "recipients": "user1\r\n user2, user1,\r\n"}, follow=True)
    assert said(response) == ["“Disk is full” was sent to 2 people."]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (" , \n", "This field is required."),
        ("user1, nobody", "Unknown users: nobody;"),
        ("a,b,c,d,e,f", "Unknown users: a, b, c, d, e, …;"),
    ],
)
def test_wrong_names_are_named(staff_client: Client, user: User, names: str, words: str) -> None:
    """Names that nobody has stand in the error, at the field; nothing is sent to the others."""
    found = errors(staff_client.post(ADD, {**FORM, "recipients": names}))
    assert found["recipients"][0].startswith(words)
    assert not Notification.objects.exists()


@pytest.mark.parametrize("users", [None, admin.ModelAdmin])
def test_names_are_typed_where_the_admin_cannot_search_users(
    admin_client: Client, user: User, monkeypatch: pytest.MonkeyPatch, users: Any
) -> None:
    """A site whose users are not in its admin, or not searchable there, can send all the same."""
    registry: Any = admin.site._registry
    monkeypatch.delitem(registry, User)
    if users is not None:
        monkeypatch.setitem(registry, User, users(User, admin.site))
    assert "admin-autocomplete" not in admin_client.get(ADD).content.decode()
    admin_client.post(ADD, {**FORM, "recipients": "user1"})
    assert Notification.objects.get().recipient == user


@pytest.mark.parametrize(
    ("field", "value"),
    [("data", "[" * 5000), ("data", '{"a": %s}' % ("9" * 5000)), ("recipients", str(2**70))],
    ids=["nested too deeply", "a number too long", "a key too large"],
)
def test_what_python_or_sqlite_give_up_on_is_refused_at_its_field(
    admin_client: Client, user: User, other_user: User, field: str, value: str
) -> None:
    """Nothing typed into the form, or sent past it, makes it fail; nothing is written."""
    response = admin_client.post(ADD, FORM | {"recipients": [user.pk], field: value})
    assert response.status_code == 200
    assert list(errors(response)) == [field]
    assert not Notification.objects.exists()


# --- to whom


def suggested(client: Client, term: str) -> list[str]:
    """Return what the search box offers, in order."""
    where = "app_label=live_notifications&model_name=notification&field_name=recipient"
    response = client.get(f"{LIST}recipients/?{where}&term={term}")
    assert response.status_code == 200
    return [result["text"] for result in response.json()["results"]]


def test_who_begins_so_stands_first(admin_client: Client) -> None:
    """Typing “mi” and Enter sent to admin, whose name only contains it; and nobody was told apart from others."""
    User.objects.create_user("zed", "zed@example.com", first_name="Mischa", last_name="Zed")
    User.objects.create_user("mia", "mia@example.com", first_name="Mia", last_name="Berg")
    User.objects.create_user("other", "other@example.com")
    assert suggested(admin_client, "mi") == [
        "Mia Berg · mia · mia@example.com",
        "Mischa Zed · zed · zed@example.com",
        "admin · admin@example.com",
    ]
    assert suggested(admin_client, "mia")[0].startswith("Mia Berg")
    assert len(suggested(admin_client, "")) == 4


def test_who_may_not_see_users_searches_none(user: User) -> None:
    """The search box answers whoever may view users, and nobody else."""
    where = "app_label=live_notifications&model_name=notification&field_name=recipient&term=u"
    for codenames, status in ((["add_notification"], 403), (["add_notification", "view_user"], 200)):
        assert login_with(*codenames).get(f"{LIST}recipients/?{where}").status_code == status
    assert Client().get(f"{LIST}recipients/?{where}").status_code == 302


def test_the_form_asks_our_search_box(admin_client: Client, user: User) -> None:
    """Its address stands in the form, and who was chosen is shown again by full name when something is wrong."""
    User.objects.filter(pk=user.pk).update(first_name="Mia", last_name="Berg")
    page = admin_client.post(ADD, {**FORM, "title": "", "recipients": [user.pk]}).content.decode()
    assert f'data-ajax--url="{LIST}recipients/"' in page
    assert "Mia Berg · user1 · user1@example.com" in page
    assert 'data-send-one="Send to {name}"' in page
