"""Tokens let programs in: to the API and the stream, within their scopes and people's rights, until they are revoked."""

from __future__ import annotations

import datetime as dt
import logging
import re
import string
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from notifications import MayNot, notify
from notifications.access.auth import find_users, read_session_or_token
from notifications.access.headers import read_headers
from notifications.access.tokens import Bearer, find_tokens, make_token, parse_bearer, revoke_tokens
from notifications.models import ApiToken
from notifications.models.token import Scope
from tests.support.api import Program
from tests.support.asgi import Site, log_in, open_site

MINUTE = dt.timedelta(minutes=1)


def make(user: User, *scopes: Scope, **words: Any) -> str:
    """Return the text of a new token."""
    if "send" in scopes:
        allow(user, "add_notification")
    return make_token(user, name="nightly", scopes=scopes or ("read",), **words)


def allow(user: User, *codenames: str) -> None:
    """Give permissions."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def whole(body: str) -> str:
    """Return a token's text with its checksum, as its form says: CRC-32 in base 62, six digits."""
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    number = zlib.crc32(body.encode())
    return body + "".join(digits[number // 62**place % 62] for place in reversed(range(6)))


def bearer(text: str) -> Bearer:
    """Return what is looked for."""
    found = parse_bearer(f"Bearer {text}")
    assert found is not None
    return found


# --- what is kept, and what is found


@pytest.mark.django_db
def test_the_secret_is_not_kept(user: User) -> None:
    """What the database holds tells one token from another, and lets nobody in."""
    text = make(user)
    row = ApiToken.objects.values().get()
    assert text.startswith(f"ntf_{row['prefix']}_")
    secret = text.removeprefix(f"ntf_{row['prefix']}_")
    assert re.fullmatch("[0-9A-Za-z]{49}", secret)  # 43 of them: 256 bits
    assert not any(secret in str(value) for value in row.values())
    assert find_tokens([bearer(text)])
    assert not find_tokens([Bearer(row["prefix"], row["digest"][::-1])])
    assert not find_tokens([bearer(whole(f"ntf_{row['prefix']}_{row['digest'][:43]}"))])


@pytest.mark.parametrize(
    ("header", "is_bearer"),
    [
        ("", False),
        ("Basic dXNlcjpkZW1v", False),
        ("Bearer", False),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", False),
        ("Bearer ntf_nonsense", True),
        ("bearer  ntf_0123456789ab_" + "A" * 49, True),
        ("Bearer ntf_0123456789ab_" + "ä" * 49, True),
        ("Bearer ntf_0123456789ab_" + "A" * 50, True),
        ("Bearer ntf_0123456789ab_" + "A" * 150, False),
    ],
)
@pytest.mark.django_db
def test_malformed_tokens_are_not_found(header: str, is_bearer: bool) -> None:
    """What is no token lets nobody in; another scheme, or somebody else's token, is none of our business."""
    found = parse_bearer(header)
    assert (found is not None) == is_bearer
    if found is not None:
        assert find_tokens([found]) == {}


@pytest.mark.django_db
def test_a_hundred_take_one_query(user: User, other_user: User) -> None:
    """A look-up for many costs one query, and one more where their use is to be noted; that is told coarsely."""
    owners = {bearer(make(each)): each for each in (user, other_user) for _ in range(50)}
    for queries in (2, 1):
        with CaptureQueriesContext(connection) as captured:
            found = find_tokens(owners)
        assert len(captured) == queries
        assert {each: token.user for each, token in found.items()} == owners
    before = ApiToken.objects.first()
    assert before is not None
    assert before.last_used_at is not None
    ApiToken.objects.update(last_used_at=before.last_used_at - 6 * MINUTE)
    find_tokens(owners)
    assert not ApiToken.objects.filter(last_used_at__lt=before.last_used_at).exists()


@pytest.mark.django_db
def test_sessions_and_tokens_are_looked_up_together(user: User, other_user: User) -> None:
    """One batch holds both; a session key that spells a token's digest is a session key."""
    key, token = log_in(user), bearer(make(other_user))
    assert find_users([key, token, token.digest, token.prefix]) == {key: user, token: other_user}


def test_a_token_counts_alone() -> None:
    """Who shows a token of ours is let in by it or not at all; a cookie beside it changes nothing."""
    headers = [(b"cookie", b"sessionid=abc"), (b"authorization", b"Bearer ntf_nonsense")]
    assert isinstance(read_session_or_token(read_headers(headers)), Bearer)
    assert read_session_or_token(read_headers(headers[:1])) == "abc"
    assert read_session_or_token(read_headers([*headers[:1], (b"authorization", b"Basic dXNlcg==")])) == "abc"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("length", [40, 4000])
async def test_the_token_of_a_proxy_leaves_the_session_its_say(
    site: Site, user: User, other_user: User, length: int
) -> None:
    """A proxy that adds its own `Authorization: Bearer` to each request shuts nobody out, here and at the API."""
    foreign = "ey" + "J" * length
    stream = site.connect(await site.do(log_in, user), token=foreign)
    await stream.hello()
    await site.do(notify, other_user, title="Secret")
    await site.do(notify, user, title="Mine")
    assert [item["title"] for item in (await stream.next_but_pings()).data["upsert"]] == ["Mine"]
    assert (await site.do(lambda: Program(user, token=foreign).ask("GET", "counts")))["unread"] == 1
    status, _headers, _body = await site.connect(None, token=foreign).answer()
    assert status == 403


@pytest.mark.django_db
def test_a_token_without_a_scope_cannot_be(user: User) -> None:
    """The database refuses it."""
    with pytest.raises(IntegrityError):
        make_token(user, name="none", scopes=())


def end_revoke(user: User) -> None:
    """Revoke it, as staff do."""
    assert revoke_tokens(ApiToken.objects.all()) == 1
    assert revoke_tokens(ApiToken.objects.all()) == 0


def end_expire(user: User) -> None:
    """Let its time pass."""
    ApiToken.objects.update(expires_at=timezone.now())


def end_deactivate(user: User) -> None:
    """Let its user not log in any more."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def end_delete(user: User) -> None:
    """Delete it."""
    ApiToken.objects.all().delete()


def end_maker(user: User) -> None:
    """Take from the clerk who made it the right to look at the notifications of others."""
    maker = User.objects.create_user("clerk", is_staff=True)
    assert ApiToken.objects.update(made_by=maker) == 1


def end_scope(user: User) -> None:
    """Take its scope away."""
    ApiToken.objects.update(may_read=False, may_send=True)


ENDS = [end_revoke, end_expire, end_deactivate, end_delete, end_maker, end_scope]


# --- rights end with their owner


def test_the_form_of_a_token_is_what_scanners_look_for(user: User) -> None:
    """The last six characters are the checksum of the others; one wrong letter is refused without a query."""
    text = make(user)
    assert text == whole(text[:-6])
    wrong = [text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :] for place in range(4, len(text))]
    with CaptureQueriesContext(connection) as queries:
        for each in wrong:
            assert find_tokens([bearer(each)]) == {}
    assert not queries.captured_queries


def test_a_token_ends_by_itself(user: User, settings: Settings) -> None:
    """Whoever says nothing gets 90 days, or what the setting says; None lasts until it is revoked."""
    soon = timezone.now() + dt.timedelta(days=89, hours=23)
    for days, words, is_ending in ((90, {}, True), (90, {"expires_at": None}, False), (0, {}, False)):
        settings.NOTIFICATIONS_TOKEN_DAYS = days
        make(user, **words)
        ends = ApiToken.objects.latest("pk").expires_at
        assert (ends is not None and soon < ends < soon + dt.timedelta(hours=2)) == is_ending


@pytest.fixture
def clerk(db: None) -> User:
    """A member of staff who may look at everybody's notifications."""
    clerk = User.objects.create_user("clerk", is_staff=True)
    allow(clerk, "view_notification")
    return clerk


def lose_permission(clerk: User) -> None:
    """Take the right away."""
    clerk.user_permissions.clear()


def lose_login(clerk: User) -> None:
    """Deactivate the account."""
    User.objects.filter(pk=clerk.pk).update(is_active=False)


def lose_desk(clerk: User) -> None:
    """Let them be no member of staff any more."""
    User.objects.filter(pk=clerk.pk).update(is_staff=False)


def leave(clerk: User) -> None:
    """Delete the account."""
    clerk.delete()


@pytest.mark.parametrize("lose", [lose_permission, lose_login, lose_desk, leave])
def test_a_token_does_not_outlive_the_right_of_who_made_it(admin_user: User, clerk: User, lose: Any) -> None:
    """A clerk's token on a superuser ends with the clerk's right, whatever the superuser may."""
    shown = bearer(make(admin_user, by=clerk))
    assert find_users([shown]) == {shown: admin_user}
    lose(clerk)
    assert find_users([shown]) == {}


def test_a_token_for_oneself_needs_no_right(user: User) -> None:
    """Everybody may read their own; so may the program of somebody who may nothing else."""
    shown = bearer(make(user, by=user))
    assert find_users([shown]) == {shown: user}


def test_many_tokens_of_one_maker_ask_for_their_rights_once(user: User, other_user: User, clerk: User) -> None:
    """A look-up for many costs two queries for each maker, however many they made."""
    shown = [bearer(make(each, by=clerk)) for each in (user, other_user) for _ in range(20)]
    find_users(shown)
    with CaptureQueriesContext(connection) as queries:
        assert len(find_users(shown)) == 40
    assert len(queries) == 3


def test_nobody_sends_in_the_name_of_who_may_not(user: User, admin_user: User) -> None:
    """A token that sends needs a user with the right, and a maker; nothing is made without."""
    with pytest.raises(MayNot, match="add_notification"):
        make_token(user, name="shop", scopes=["send"], by=admin_user)
    allow(user, "send_broadcast")
    with pytest.raises(MayNot):
        make_token(user, name="shop", scopes=["send"], by=User.objects.create_user("nobody"))
    assert not ApiToken.objects.exists()


def test_what_happens_to_tokens_is_in_the_security_log(
    user: User,
    clerk: User,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """Made, used, refused, revoked: with ids, without names, and what is repeated is counted; once it is committed."""
    with caplog.at_level(logging.INFO, "notifications.security"):
        with transaction.atomic():
            make(user, by=clerk)
            transaction.set_rollback(True)
        with django_capture_on_commit_callbacks(execute=True):
            shown = bearer(make(user, by=clerk))
        token = ApiToken.objects.get()
        for _ in range(2):
            find_tokens([shown])
        with django_capture_on_commit_callbacks(execute=True):
            revoke_tokens(ApiToken.objects.all(), by=clerk)
        for _ in range(3):
            find_tokens([shown])
    ids = f"token={token.pk} user={user.pk}"
    assert caplog.messages == [
        f"token.made {ids} by={clerk.pk}",
        f"token.used {ids}",
        f"token.revoked {ids} by={clerk.pk}",
        f"token.refused reason=revoked {ids} times=1",
    ]


# --- the stream


@pytest.fixture
async def site(user: User, other_user: User) -> AsyncIterator[Site]:
    """A site that pings all the time."""
    async with open_site(NOTIFICATIONS_PING_SECONDS=0.05) as site:
        yield site


@pytest.mark.django_db(transaction=True)
async def test_a_token_opens_its_users_stream(site: Site, user: User, other_user: User) -> None:
    """A program hears what its user is told, and nothing of anybody else."""
    stream = site.connect(None, token=await site.do(make, user))
    await stream.hello()
    await site.do(notify, other_user, title="Secret")
    sent = await site.do(notify, user, title="Report is ready")
    event = await stream.next_but_pings()
    assert [item["id"] for item in event.data["upsert"]] == [sent.pk]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.django_db(transaction=True)
async def test_what_ends_a_token_ends_its_stream(site: Site, user: User, end: Any) -> None:
    """Revoked, expired or out of scope: `bye auth` within one ping, and no way back in. The user's pages go on."""
    text = await site.do(make, user, expires_at=timezone.now() + MINUTE)
    stream = site.connect(None, token=text)
    await stream.hello()
    await site.do(end, user)
    await site.do(notify, user, title="Since then")  # what comes after this frame was sent after the end
    events = [await stream.next()]
    while events[-1].name != "bye":
        events.append(await stream.next())
    assert events[-1].data == {"reason": "auth"}
    names = [event.name for event in events]
    since = names[names.index("change") :] if "change" in names else names
    assert since.count("ping") <= 1  # one that was on its way
    await stream.ended()
    status, headers, body = await site.connect(None, token=text).answer()
    assert status == 401
    assert headers[b"www-authenticate"].startswith(b'Bearer realm="notifications"')
    assert b"revoked" in body


@pytest.mark.django_db(transaction=True)
async def test_a_token_that_may_only_send_opens_no_stream(site: Site, user: User) -> None:
    """The scope `send` is not for reading; with a session beside it neither, nor in the address."""
    text = await site.do(make, user, "send")
    key = await site.do(log_in, user)
    status, _, _ = await site.connect(key, token=text).answer()
    assert status == 401
    status, _, _ = await site.connect(None, since=f"&token={await site.do(make, user)}").answer()
    assert status == 403


# --- the API


@pytest.mark.django_db
def test_a_token_reads_its_users_inbox(user: User, other_user: User) -> None:
    """A GET with a token shows what its user has, without a session or a CSRF token."""
    notify(user, title="Mine")
    notify(other_user, title="Secret")
    program = Program(token=make(user), enforce_csrf=True)
    assert [item["title"] for item in program.ask("GET", "notifications")["items"]] == ["Mine"]
    assert program.ask("GET", "counts")["unread"] == 1


@pytest.mark.django_db
def test_a_token_changes_nothing(user: User) -> None:
    """Reading is reading: what changes something is refused, and stays as it was."""
    row = notify(user, title="Mine")
    status, error = Program(token=make(user)).refused("POST", f"notifications/{row.pk}/read")
    assert (status, error["code"]) == (403, "scope")
    row.refresh_from_db()
    assert row.read_at is None


@pytest.mark.django_db
def test_a_token_without_the_scope_reads_nothing(user: User) -> None:
    """One that may send does not list notifications; the answer says what it may."""
    status, error = Program(token=make(user, "send")).refused("GET", "notifications")
    assert (status, error["code"]) == (403, "scope")
    assert error["message"].endswith(": send.")


@pytest.mark.parametrize("end", ENDS[:-1])
@pytest.mark.django_db
def test_what_ends_a_token_shuts_it_out_of_the_api(user: User, end: Any) -> None:
    """The next request is refused, whoever is logged in beside it."""
    program = Program(user, token=make(user))
    program.ask("GET", "counts")
    end(user)
    response = program.send("GET", "counts")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert program.refused("GET", "counts")[1]["code"] == "invalid_token"


@pytest.mark.django_db
def test_a_request_with_a_token_costs_one_query_more(user: User) -> None:
    """No session is read and no user again: the token brings its user along."""
    program = Program(token=make(user))
    program.ask("GET", "counts")
    with CaptureQueriesContext(connection) as queries:
        program.ask("GET", "counts")
    assert len(queries) == 2


@pytest.mark.django_db
def test_users_of_none() -> None:
    """Nobody asks nothing."""
    with CaptureQueriesContext(connection) as queries:
        assert find_users([]) == {}
    assert not queries.captured_queries
