"""Tokens, with which programs act for a user without logging in.

    Authorization: Bearer ntf_5f0c1d9a4be2_Jv9…w8Q2Zk0c3

Receives texts that programs send. Guarantees that a token is found by its public part and compared in constant time, that
whoever reads the database cannot use what it holds, that a look-up for many costs one query, and that no program may more
than the user for whom it acts and the person who made the token may at that moment.

The last six characters are a checksum of all before them, as in GitHub's tokens: scanners for leaked secrets know ours
without asking, and a slip of the finger is refused without a query.

A digest is plain SHA-256. Slow hashes protect passwords, which people choose and which can be guessed; 256 random bits
cannot, and a stream's token is looked at again with every ping.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import string
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from zlib import crc32

from django.db import router, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ..exceptions import MayNot
from ..log.keys import chunks
from ..models.token import ApiToken, Scope
from . import audit

__all__ = [
    "SEND",
    "Bearer",
    "find_tokens",
    "find_users_by_token",
    "make_token",
    "may_send",
    "parse_bearer",
    "revoke_tokens",
    "save_new",
]


BEGINNING: Final = "ntf_"
# What it takes to send to users by name, and to an audience; who sends has at least one of them.
SEND: Final = ("live_notifications.add_notification", "live_notifications.send_broadcast")

PREFIX_BYTES: Final = 6
SECRET_CHARS: Final = 43  # of 62 kinds: 256 bits
CHECKSUM_CHARS: Final = 6  # 62^6 is more than 2^32
MAX_AUTHORIZATION_CHARS: Final = 128  # a token of ours has 66; longer ones are a proxy's
DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
TEXT: Final = re.compile(
    rf"(ntf_([0-9a-f]{{12}})_[0-9A-Za-z]{{{SECRET_CHARS}}})([0-9A-Za-z]{{{CHECKSUM_CHARS}}})", re.ASCII
)
# How exactly it is told when a token was last used: each use would be a write.
USED_EVERY: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a program sent, as it is looked for: the public part, and the digest of all. No `str`, as session keys are."""

    prefix: str
    digest: str


def may_send(*people: Any) -> bool:
    """Return whether there is a way to send that is open to all of these people."""
    return any(all(person.has_perm(permission) for person in people) for permission in SEND)


def make_token(user: Any, *, name: str, scopes: Iterable[Scope], by: Any = None, **times: dt.datetime | None) -> str:
    """Make a token for a program. 1 query, for one that may send 2 more for each person.

    Args:
        user: for whom the program acts.
        name: what it is for.
        scopes: what it may do, "read" or "send" or both, while its user and its maker may.
        by: who makes it; nobody, where it is the site's own code.
        times: `expires_at`; None: until it is revoked. Left out: after NOTIFICATIONS_TOKEN_DAYS.

    Returns:
        The token's text, such as `ntf_5f0c1d9a4be2_Jv9…`, which cannot be read again.

    Raises:
        MayNot: it would allow sending, and its user or its creator has no permission to send.
    """
    wanted = set(scopes)
    people = {user.pk: user} | ({} if by is None else {by.pk: by})
    if "send" in wanted and not may_send(*people.values()):
        who = " and ".join(f"user {key}" for key in people)
        raise MayNot(f"A token that sends needs {who} to have the permission {' or '.join(map(repr, SEND))}.")
    token = ApiToken(user=user, made_by=by, name=name, may_read="read" in wanted, may_send="send" in wanted, **times)
    return save_new(token)


def save_new(token: ApiToken) -> str:
    """Give an unsaved token its secret, save it, and return its text."""
    token.prefix = secrets.token_hex(PREFIX_BYTES)
    body = f"ntf_{token.prefix}_" + "".join(secrets.choice(DIGITS) for _ in range(SECRET_CHARS))
    text = body + compute_checksum(body)
    token.digest = compute_digest(text)
    token.save()
    ids = {"token": token.pk, "user": token.user_id, "by": token.made_by_id}
    transaction.on_commit(partial(audit.record, "token.made", **ids), using=token._state.db, robust=True)
    return text


def revoke_tokens(tokens: QuerySet[ApiToken], *, by: Any = None) -> int:
    """Let these tokens in no more. Their streams end with the next ping. 2 queries.

    Args:
        tokens: a queryset of `ApiToken`.
        by: the user who revokes them, for the security log; None: the site's own code.

    Returns:
        How many let somebody in before.
    """
    using = router.db_for_write(ApiToken)
    rows = list(tokens.filter(revoked_at=None).values_list("pk", "user_id"))
    count = tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
    for pk, user_id in rows:
        ids = {"token": pk, "user": user_id, "by": getattr(by, "pk", None)}
        transaction.on_commit(partial(audit.record, "token.revoked", **ids), using=using, robust=True)
    return count


def parse_bearer(authorization: str) -> Bearer | None:
    """Return what an `Authorization` header holds, or None where it is no token of ours (RFC 6750, 2.1).

    A proxy may add its own to each request; that leaves a session its say. One that begins as ours and is malformed is one
    that is not found. All doors ask here, so that none takes for a login what another takes for a token.
    """
    if len(authorization) > MAX_AUTHORIZATION_CHARS:
        return None
    scheme, _space, text = authorization.strip().partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text.startswith(BEGINNING):
        return None
    match = TEXT.fullmatch(text)
    if match is None or compute_checksum(match[1]) != match[3]:
        return Bearer("", "")
    return Bearer(match[2], compute_digest(match[0]))


def compute_checksum(body: str) -> str:
    """Return the CRC-32 of a token's text as six digits of base 62."""
    number, digits = crc32(body.encode()), ""
    for _place in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def compute_digest(text: str) -> str:
    """Return the digest of a token's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def find_tokens(bearers: Iterable[Bearer]) -> dict[Bearer, ApiToken]:
    """Return the valid token of each bearer, with its user; a bearer without one is left out.

    Queries: 1 for each 500, 2 for each person who made tokens for others, and 1 more where one was not used for the last
    5 minutes.
    """
    using = router.db_for_write(ApiToken)  # a replica may not know yet that one was revoked
    wanted = list(bearers)
    found: dict[Bearer, ApiToken] = {}
    people: dict[Any, Any] = {}  # each once, so that permissions are asked for once
    for chunk in chunks([bearer.prefix for bearer in wanted if bearer.prefix]):
        rows = ApiToken.objects.using(using).filter(prefix__in=chunk).select_related("user", "made_by")
        by_prefix = {token.prefix: token for token in rows}
        for token in by_prefix.values():
            if token.made_by_id is not None:
                token.made_by = people.setdefault(token.made_by_id, token.made_by)
        for bearer in wanted:
            match = by_prefix.get(bearer.prefix)
            if match is not None and constant_time_compare(match.digest, bearer.digest):
                found[bearer] = match
    valid = {bearer: token for bearer, token in found.items() if token.is_valid}
    note_refusals(wanted, found, valid)
    note_use(valid.values(), using)
    return valid


def note_refusals(wanted: Iterable[Bearer], found: dict[Bearer, ApiToken], valid: Collection[Bearer]) -> None:
    """Write down who showed what lets nobody in."""
    for bearer in wanted:
        token = found.get(bearer)
        if token is None:
            audit.record("token.refused", reason="unknown")
        elif bearer not in valid:
            audit.record("token.refused", reason=token.problem, token=token.pk, user=token.user_id)


def note_use(tokens: Iterable[ApiToken], using: str) -> None:
    """Note that these were used, unless that was noted lately."""
    now = timezone.now()
    stale = [token for token in tokens if token.last_used_at is None or token.last_used_at < now - USED_EVERY]
    if stale:
        ApiToken.objects.using(using).filter(pk__in=[token.pk for token in stale]).update(last_used_at=now)
    for token in stale:
        if token.last_used_at is None:
            audit.record("token.used", token=token.pk, user=token.user_id)


def find_users_by_token(bearers: Iterable[Bearer], scope: Scope) -> dict[Bearer, Any]:
    """Return the user of each bearer whose token has this scope."""
    return {bearer: token.user for bearer, token in find_tokens(bearers).items() if scope in token.scopes}
