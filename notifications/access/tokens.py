"""Tokens: what lets a program in where a person would log in.

    Authorization: Bearer ntf_5f0c1d9a4be2_Jv9…

Receives texts that programs send. Guarantees that a token is found by its public part and compared in constant time, that
whoever reads the database cannot use what it holds, and that a look-up for many costs one query.

A digest is plain SHA-256. Slow hashes protect passwords, which people choose and which can be guessed; 256 random bits
cannot, and a stream's token is looked at again with every ping.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.conf import settings as django_settings
from django.db import models, router
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from ..log.locks import chunks

__all__ = [
    "ApiToken",
    "Bearer",
    "Scope",
    "bearer_of",
    "find_tokens",
    "make_token",
    "revoke",
    "save_new",
    "users_of_tokens",
]

Scope = Literal["read", "send"]

BEGINNING: Final = "ntf_"
PREFIX_BYTES: Final = 6
SECRET_BYTES: Final = 32
TEXT: Final = re.compile(r"ntf_([0-9a-f]{12})_[A-Za-z0-9_-]{43}", re.ASCII)
# How exactly it is told when a token was last used: each use would be a write.
USED_EVERY: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a program sent, as it is looked for: the public part, and the digest of all. No `str`, as session keys are."""

    prefix: str
    digest: str


class ApiToken(models.Model):
    """A program's way in, as one user and within scopes. The secret itself is not kept."""

    user = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
        help_text=_("For whom the program acts."),
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What it is for, such as “nightly reports”."))
    may_read = models.BooleanField(
        _("may read"), default=False, help_text=_("This user's notifications: the stream, and the GETs of the API.")
    )
    may_send = models.BooleanField(_("may send"), default=False, help_text=_("To anybody, through the API."))
    prefix = models.CharField(_("begins with"), max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Leave empty to keep it until it is revoked.")
    )
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(may_read=True) | Q(may_send=True), name="notifications_token_scopes")
        ]

    def __str__(self) -> str:
        return f"{self.name} (ntf_{self.prefix}…)"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the program may do."""
        given: dict[Scope, bool] = {"read": self.may_read, "send": self.may_send}
        return frozenset(scope for scope, is_given in given.items() if is_given)

    @property
    def is_valid(self) -> bool:
        """Whether it lets anyone in: neither revoked nor expired, and its user may log in."""
        is_over = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not is_over and bool(getattr(self.user, "is_active", True))


def make_token(user: Any, *, name: str, scopes: Iterable[Scope], expires_at: dt.datetime | None = None) -> str:
    """Make a token and return its text, which cannot be read again. 1 query."""
    wanted = set(scopes)
    token = ApiToken(user=user, name=name, may_read="read" in wanted, may_send="send" in wanted, expires_at=expires_at)
    return save_new(token)


def save_new(token: ApiToken) -> str:
    """Give an unsaved token its secret, save it, and return its text."""
    token.prefix = secrets.token_hex(PREFIX_BYTES)
    text = f"ntf_{token.prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    token.digest = digest_of(text)
    token.save()
    return text


def revoke(tokens: QuerySet[ApiToken]) -> int:
    """Let these tokens in no more; return how many did before. Their streams end with the next ping."""
    return tokens.filter(revoked_at=None).update(revoked_at=timezone.now())


def bearer_of(authorization: str) -> Bearer | None:
    """Return what an `Authorization` header holds, or None where it is no token of ours (RFC 6750, 2.1).

    A proxy may add its own to each request; that leaves a session its say. One that begins as ours and is malformed is one
    that is not found.
    """
    scheme, _space, text = authorization.strip().partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text.startswith(BEGINNING):
        return None
    match = TEXT.fullmatch(text)
    return Bearer(match[1], digest_of(match[0])) if match else Bearer("", "")


def digest_of(text: str) -> str:
    """Return the digest of a token's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def find_tokens(bearers: Iterable[Bearer]) -> dict[Bearer, ApiToken]:
    """Return the valid token of each bearer, with its user; who has none is left out.

    Queries: 1 for each 500, and 1 more where one was not used for the last 5 minutes.
    """
    using = router.db_for_write(ApiToken)  # a replica may not know yet that one was revoked
    wanted = list(bearers)
    found: dict[Bearer, ApiToken] = {}
    for chunk in chunks([bearer.prefix for bearer in wanted if bearer.prefix]):
        rows = ApiToken.objects.using(using).filter(prefix__in=chunk, revoked_at=None).select_related("user")
        by_prefix = {token.prefix: token for token in rows}
        for bearer in wanted:
            token = by_prefix.get(bearer.prefix)
            if token is not None and constant_time_compare(token.digest, bearer.digest) and token.is_valid:
                found[bearer] = token
    note_use(found.values(), using)
    return found


def note_use(tokens: Iterable[ApiToken], using: str) -> None:
    """Note that these were used, unless that was noted lately."""
    now = timezone.now()
    stale = [token.pk for token in tokens if token.last_used_at is None or token.last_used_at < now - USED_EVERY]
    if stale:
        ApiToken.objects.using(using).filter(pk__in=stale).update(last_used_at=now)


def users_of_tokens(bearers: Iterable[Bearer], scope: Scope) -> dict[Bearer, Any]:
    """Return the user of each bearer whose token has this scope."""
    return {bearer: token.user for bearer, token in find_tokens(bearers).items() if scope in token.scopes}
