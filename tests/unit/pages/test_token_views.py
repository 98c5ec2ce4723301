"""A reader sees which programs act in their name, and ends that: on a page that works without a script."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications import make_token
from notifications.access.tokens import find_tokens, parse_bearer
from notifications.models import ApiToken

pytestmark = pytest.mark.django_db

PAGE = "/notifications/tokens/"


def test_a_reader_sees_who_acts_in_their_name(client: Client, user: User, other_user: User) -> None:
    """Their own tokens, with who made them and what they may do; nobody else's, no secret, and no cache keeps it."""
    user.user_permissions.set(Permission.objects.filter(codename="add_notification"))
    texts = [make_token(user, name="Dashboard", scopes=["read"], by=user)]
    texts.append(make_token(user, name="Shop <b>", scopes=["send"]))
    make_token(other_user, name="Secret", scopes=["read"])
    client.force_login(user)
    response = client.get(PAGE)
    html = response.content.decode()
    assert re.findall(r'__name">(.*?)<', html) == ["Shop &lt;b&gt;", "Dashboard"]
    assert "by you" in html
    assert "Sends notifications in your name." in html
    assert "no-store" in response["Cache-Control"]
    assert not any(text in html for text in texts)


def test_a_reader_revokes(client: Client, user: User, other_user: User) -> None:
    """One POST, and the program is out; the page says so, and the tokens of others stay out of reach."""
    text = make_token(user, name="Dashboard", scopes=["read"])
    theirs = make_token(other_user, name="Secret", scopes=["read"])
    token, other = ApiToken.objects.order_by("pk")
    client.force_login(user)
    assert client.get(f"{PAGE}{token.pk}/revoke/").status_code == 405
    response = client.post(f"{PAGE}{token.pk}/revoke/", follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert "No longer have access" in response.content.decode()
    assert client.post(f"{PAGE}{other.pk}/revoke/").status_code == 404
    assert client.post(f"{PAGE}{2**70}/revoke/").status_code == 404
    left = [bearer for each in (text, theirs) if (bearer := parse_bearer(f"Bearer {each}")) in find_tokens([bearer])]  # type: ignore[list-item]
    assert left == [parse_bearer(f"Bearer {theirs}")]


def test_a_reader_may_revoke_what_is_over(client: Client, user: User) -> None:
    """A second click on the same button is no error."""
    make_token(user, name="Dashboard", scopes=["read"])
    client.force_login(user)
    address = f"{PAGE}{ApiToken.objects.get().pk}/revoke/"
    assert [client.post(address).status_code for _ in range(2)] == [302, 302]


def test_who_is_not_logged_in_logs_in_first(client: Client, user: User) -> None:
    """The page leads to the login, and the button changes nothing."""
    make_token(user, name="Dashboard", scopes=["read"])
    assert client.get(PAGE)["Location"].startswith("/accounts/login/")
    client.post(f"{PAGE}{ApiToken.objects.get().pk}/revoke/")
    assert ApiToken.objects.get().revoked_at is None


def test_the_centre_leads_there(client: Client, user: User) -> None:
    """Where a reader looks for it: in the settings."""
    client.force_login(user)
    assert f'href="{PAGE}"' in client.get("/notifications/").content.decode()


def test_the_page_costs_the_same_for_many(client: Client, user: User) -> None:
    """However many tokens of one maker there are."""
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(user)
    client.get(PAGE)  # makes the inbox, for the bell
    counts = []
    for _ in range(2):
        for _number in range(3):
            make_token(user, name="Report", scopes=["read"], by=clerk)
        with CaptureQueriesContext(connection) as queries:
            client.get(PAGE)
        counts.append(len(queries))
    assert counts[0] == counts[1]
