"""Tokens in the admin: the secret shows once, nobody gives more than they have, and a revoked one is over."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import make_token
from notifications.access.tokens import find_tokens, parse_bearer
from notifications.models import ApiToken
from tests.support.staff import errors, login_with, said

pytestmark = pytest.mark.django_db

LIST = "/admin/live_notifications/apitoken/"
TOKEN = re.compile(r"ntf_[0-9a-f]{12}_[0-9A-Za-z]{49}")


def form(owner: User, **fields: Any) -> dict[str, Any]:
    """Return what a browser posts."""
    empty = {"expires_at_0": "", "expires_at_1": ""}
    return {"name": "nightly reports", "user": owner.pk, **empty, **fields}


def test_the_secret_is_shown_once(admin_client: Client, user: User) -> None:
    """The answer to the form shows the token, no cache keeps it, and no other page has it."""
    response = admin_client.post(f"{LIST}add/", form(user, may_read="on"))
    (text,) = set(TOKEN.findall(response.content.decode()))
    assert "no-store" in response["Cache-Control"]
    bearer = parse_bearer(f"Bearer {text}")
    assert bearer is not None
    token = find_tokens([bearer])[bearer]
    assert (token.user, token.name, sorted(token.scopes)) == (user, "nightly reports", ["read"])
    assert token.made_by == User.objects.get(username="admin")
    secret = text[-49:]
    for page in (LIST, f"{LIST}{token.pk}/change/", f"{LIST}{token.pk}/history/", "/admin/"):
        again = admin_client.get(page)
        assert again.status_code == 200
        assert secret not in again.content.decode()
    assert not any(secret in morsel.value for morsel in admin_client.cookies.values())


def test_a_revoked_token_is_over(admin_client: Client, user: User) -> None:
    """The action revokes what was chosen and nothing else; the history says who did it."""
    texts = [make_token(user, name=name, scopes=["read"]) for name in ("old", "new")]
    old = ApiToken.objects.get(name="old")
    data = {"action": "revoke", "_selected_action": [old.pk]}
    assert said(admin_client.post(LIST, data, follow=True)) == ["1 token was revoked."]
    bearers = [parse_bearer(f"Bearer {text}") for text in texts]
    assert [token.name for token in find_tokens(each for each in bearers if each).values()] == ["new"]
    assert [str(entry) for entry in LogEntry.objects.all()] == [f"Changed “old (ntf_{old.prefix}…)” — Revoked."]
    for state, names in (("valid", ["new"]), ("over", ["old"])):
        listed = admin_client.get(f"{LIST}?state={state}")
        assert [token.name for token in listed.context["cl"].result_list] == names
    assert ">Revoked<" in admin_client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "__all__"),
        ({"may_read": "on", "expires_at_0": "2020-01-01", "expires_at_1": "12:00"}, "expires_at"),
        ({"may_read": "on", "name": ""}, "name"),
        ({"may_read": "on", "user": "99999"}, "user"),
    ],
)
def test_a_token_of_no_use_is_refused(admin_client: Client, user: User, fields: dict[str, Any], field: str) -> None:
    """Without a scope, with a time that is over, a name or a user: the form says so, and nothing is made."""
    response = admin_client.post(f"{LIST}add/", form(user, **fields))
    assert list(errors(response)) == [field]
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(("permission", "scope"), [("view_notification", "may_send"), ("add_notification", "may_read")])
def test_nobody_gives_more_than_they_have(user: User, permission: str, scope: str) -> None:
    """Who may not send makes no token that may; who may not look at others' notifications makes none that may."""
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_notification", "send_broadcast"]))
    staff = login_with("add_apitoken", permission)
    assert list(errors(staff.post(f"{LIST}add/", form(user, **{scope: "on"})))) == [scope]
    both = login_with("add_apitoken", "view_notification", "add_notification", "send_broadcast")
    response = both.post(f"{LIST}add/", form(user, may_read="on", may_send="on"))
    assert TOKEN.search(response.content.decode())


def test_nobody_gives_a_right_to_who_lacks_it(user: User) -> None:
    """A program does not send in the name of somebody who may not, whoever makes its token."""
    staff = login_with("add_apitoken", "add_notification", "send_broadcast")
    assert list(errors(staff.post(f"{LIST}add/", form(user, may_send="on")))) == ["may_send"]
    user.user_permissions.set(Permission.objects.filter(codename="send_broadcast"))
    assert TOKEN.search(staff.post(f"{LIST}add/", form(user, may_send="on")).content.decode())


def test_the_form_proposes_an_end(admin_client: Client, user: User) -> None:
    """What staff do not change ends after 90 days; an empty time is their choice."""
    page = admin_client.get(f"{LIST}add/").context["adminform"].form
    proposed = page.get_initial_for_field(page.fields["expires_at"], "expires_at")
    assert dt.timedelta(days=89) < proposed - timezone.now() < dt.timedelta(days=90)
    admin_client.post(f"{LIST}add/", form(user, may_read="on"))
    assert ApiToken.objects.get().expires_at is None


def test_the_list_shows_whose_right_is_gone(admin_client: Client, user: User) -> None:
    """A token whose maker lost the right says so, and who that is; it costs the same for one and for many."""
    clerk = User.objects.create_user("clerk", is_staff=True)
    counts = []
    for _ in range(2):
        for _number in range(3):
            make_token(user, name="old", scopes=["read"], by=clerk)
        with CaptureQueriesContext(connection) as queries:
            html = admin_client.get(LIST).content.decode()
        counts.append(len(queries))
        assert "Its creator no longer has this permission" in html
        assert ">clerk</td>" in html
    assert counts[0] == counts[1]


def test_one_gives_oneself_what_one_may_read() -> None:
    """Everybody may read their own notifications, and so may their programs."""
    staff = login_with("add_apitoken")
    mine = User.objects.get(pk=int(staff.session["_auth_user_id"]))
    assert TOKEN.search(staff.post(f"{LIST}add/", form(mine, may_read="on")).content.decode())


def test_a_token_is_not_edited(admin_client: Client, user: User) -> None:
    """What was handed out stays as it was; a form that says otherwise changes nothing."""
    make_token(user, name="old", scopes=["read"], expires_at=timezone.now() + dt.timedelta(days=1))
    before = ApiToken.objects.values().get()
    address = f"{LIST}{before['id']}/change/"
    admin_client.post(address, form(user, name="new", may_send="on"))
    assert ApiToken.objects.values().get() == before
