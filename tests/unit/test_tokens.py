"""Tokens let programs in: to the API and the stream, within their scopes, until they are revoked."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.access.auth import credential_of, look_up, users_of
from notifications.access.tokens import Bearer, Scope, bearer_of, find_tokens, make_token, revoke
from notifications.models import ApiToken
from notifications.publish import notify
from tests.support.api import Program
from tests.support.asgi import Site, log_in, open_site
from tests.support.browser import DEADLINE_SECONDS, Browser

MINUTE = dt.timedelta(minutes=1)


def make(user: User, *scopes: Scope, **words: Any) -> str:
    """Return the text of a new token."""
    return make_token(user, name="nightly", scopes=scopes or ("read",), **words)


def bearer(text: str) -> Bearer:
    """Return what is looked for."""
    found = bearer_of(f"Bearer {text}")
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
    assert len(secret) == 43  # 256 bits
    assert not any(secret in str(value) for value in row.values())
    assert find_tokens([bearer(text)])
    assert not find_tokens([Bearer(row["prefix"], row["digest"][::-1])])
    assert not find_tokens([bearer(f"ntf_{row['prefix']}_{row['digest'][:43]}")])


@pytest.mark.parametrize(
    ("header", "is_bearer"),
    [
        ("", False),
        ("Basic dXNlcjpkZW1v", False),
        ("Bearer", False),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", False),
        ("Bearer ntf_nonsense", True),
        ("bearer  ntf_0123456789ab_" + "A" * 43, True),
        ("Bearer ntf_0123456789ab_" + "ä" * 43, True),
        ("Bearer ntf_0123456789ab_" + "A" * 44, True),
    ],
)
@pytest.mark.django_db
def test_malformed_tokens_are_not_found(header: str, is_bearer: bool) -> None:
    """What is no token lets nobody in; another scheme, or somebody else's token, is none of our business."""
    found = bearer_of(header)
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
    users, failed = look_up([key, token, token.digest, token.prefix])
    assert (users, failed) == ({key: user, token: other_user}, {})


def test_a_token_counts_alone() -> None:
    """Who shows a token of ours is let in by it or not at all; a cookie beside it changes nothing."""
    headers = [(b"cookie", b"sessionid=abc"), (b"authorization", b"Bearer ntf_nonsense")]
    assert isinstance(credential_of(headers), Bearer)
    assert credential_of(headers[:1]) == "abc"
    assert credential_of([*headers[:1], (b"authorization", b"Basic dXNlcg==")]) == "abc"


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
    assert [item["title"] for item in (await stream.next("change")).data["upsert"]] == ["Mine"]
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
    assert revoke(ApiToken.objects.all()) == 1
    assert revoke(ApiToken.objects.all()) == 0


def end_expire(user: User) -> None:
    """Let its time pass."""
    ApiToken.objects.update(expires_at=timezone.now())


def end_deactivate(user: User) -> None:
    """Let its user not log in any more."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def end_delete(user: User) -> None:
    """Delete it."""
    ApiToken.objects.all().delete()


def end_scope(user: User) -> None:
    """Take its scope away."""
    ApiToken.objects.update(may_read=False, may_send=True)


ENDS = [end_revoke, end_expire, end_deactivate, end_delete, end_scope]


# --- the stream


@pytest.fixture
async def site(user: User, other_user: User) -> AsyncIterator[Site]:
    """A site that pings all the time."""
    async with open_site(NOTIFICATIONS_PING_SECONDS=0.05) as site:
        yield site


async def after_pings(browser: Browser) -> Any:
    """Return the first event that is no ping."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (event := await browser.next()).name == "ping":
            pass
    return event


@pytest.mark.django_db(transaction=True)
async def test_a_token_opens_its_users_stream(site: Site, user: User, other_user: User) -> None:
    """A program hears what its user is told, and nothing of anybody else."""
    stream = site.connect(None, token=await site.do(make, user))
    await stream.hello()
    await site.do(notify, other_user, title="Secret")
    sent = await site.do(notify, user, title="Report is ready")
    event = await after_pings(stream)
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
        assert users_of([]) == {}
    assert not queries.captured_queries
