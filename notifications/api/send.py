"""Sending through the API, for programs and for users who have the permission.

    POST /notifications/api/send          Authorization: Bearer ntf_…          Idempotency-Key: order-7-shipped
    {"to": {"usernames": ["ada"]}, "title": "Your order has left", "url": "/orders/7/"}
    200 {"recipients": 1, "broadcast": null}

Guarantees that nothing is sent to a part of the recipients, that a repeated request with the same key does nothing, and that
what was sent is in the admin's history. Sending to named users needs the permission to add notifications, as in the admin;
sending to an audience, the permission to send broadcasts. A token needs the scope `send`, and both its user and its creator
need the permission.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated, Any, Final

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Body, Field, Router, Schema
from ninja.params.functions import Header

from ..access import audit
from ..access.history import write_sending
from ..access.tokens import SEND
from ..broadcasts.audience import KINDS, Kind
from ..broadcasts.segments import MAX_NAME_CHARS
from ..exceptions import Refusal, RefusedRecipients
from ..log.attempts import attempt
from ..log.writes import USERS_PER_TRANSACTION
from ..models import Notification
from ..models.content import (
    MAX_ACTOR_CHARS,
    MAX_BODY_CHARS,
    MAX_CATEGORY_CHARS,
    MAX_TITLE_CHARS,
    MAX_TOPIC_CHARS,
    MAX_URL_CHARS,
)
from ..models.token import ApiToken
from ..sending.dispatch import Outcome, TooManyForDetails, send_to_audience, send_to_users
from ..sending.idempotency import KeyReused, claim_key
from ..sending.recipients import MAX_RECIPIENTS, users_by_id, users_by_name
from .auth import PerUser, SessionAuth, TokenAuth
from .errors import answer
from .requests import NO_NUL, strict
from .responses import ABSENT, Error, LevelName, Sent

__all__ = ["router_of_sending"]

MAX_BODY_BYTES: Final = 256 * 1024  # a thousand names and a long text
MAX_AUDIENCE_NAMES: Final = 100
NAMED, AUDIENCE = SEND

Name = Annotated[str, Field(min_length=1, max_length=254, pattern=NO_NUL)]


def build_field(kind: Kind) -> Any:
    """Return the type of a field that names an audience of this kind, and what else is to be said of it."""
    text = f"{kind.summary[0].upper()}{kind.summary[1:]}."
    match kind.named_by:
        case "names":
            return list[Name], Field(ABSENT, min_length=1, max_length=MAX_AUDIENCE_NAMES, description=text)
        case "name":
            return str, Field(ABSENT, min_length=1, max_length=MAX_NAME_CHARS, pattern=NO_NUL, description=text)
    return bool, Field(ABSENT, description=text, json_schema_extra={"const": True})


class Named(Schema):
    """Whom to tell by name or key, in exactly one way."""

    usernames: list[Name] = Field(ABSENT, min_length=1, max_length=MAX_RECIPIENTS, description="Each once, all active.")
    ids: list[int | Name] = Field(ABSENT, min_length=1, max_length=MAX_RECIPIENTS, description="Primary keys of users.")

    model_config = strict({"usernames": ["ada", "ben"]}) | {
        "json_schema_extra": {"minProperties": 1, "maxProperties": 1, "examples": [{"usernames": ["ada", "ben"]}]}
    }

    def model_post_init(self, context: Any, /) -> None:
        """Refuse none and several."""
        if len(self.model_fields_set) != 1:
            raise ValueError("name recipients in exactly one way")
        (way,) = self.model_fields_set
        if getattr(self, way) is False:
            raise ValueError(f"{way} can only be true; leave it out otherwise")


AUDIENCES: Final = {name: kind for name, kind in KINDS.items() if kind.named_by is not None}
FIELDS: Final = {name: build_field(kind) for name, kind in AUDIENCES.items()}
WithAudiences: Any = type(
    "WithAudiences",
    (Named,),
    {
        "__module__": __name__,
        "__annotations__": {name: kind for name, (kind, _field) in FIELDS.items()},
        **{name: field for name, (_kind, field) in FIELDS.items()},
    },
)


class To(WithAudiences):
    """The recipients, named in exactly one way. Of an audience, all active users are told."""


class Send(Schema):
    """What to tell whom. Sizes and forms as in `notify()`."""

    to: To
    title: str = Field(..., max_length=MAX_TITLE_CHARS, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")
    body: str = Field(ABSENT, max_length=MAX_BODY_CHARS, pattern=NO_NUL)
    url: str = Field(
        ABSENT,
        max_length=MAX_URL_CHARS,
        description="https://…, http://… or a path on the site.",
        json_schema_extra={"format": "notification-link"},
    )
    level: LevelName = ABSENT
    category: str = Field(ABSENT, max_length=MAX_CATEGORY_CHARS, pattern=r"^[\w.-]+$")
    actor: str = Field(
        ABSENT,
        max_length=MAX_ACTOR_CHARS,
        pattern=NO_NUL,
        description=f"This, `topic` and `data` only for up to {USERS_PER_TRANSACTION} recipients.",
    )
    topic: str = Field(ABSENT, max_length=MAX_TOPIC_CHARS, pattern=NO_NUL)
    data: dict[str, Any] = Field(ABSENT, description="At most 8 KiB as JSON.")

    model_config = strict(
        {"to": {"usernames": ["ada", "ben"]}, "title": "Your order has left", "url": "/orders/7/", "level": "success"}
    )

    @property
    def content(self) -> dict[str, Any]:
        """What it says, as `notify()` takes it."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"to"}}


Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Names this request for 24 hours: sent again it is answered again, and nothing else happens.",
    ),
]

router_of_sending: Final = Router(
    auth=[TokenAuth("send"), SessionAuth()], throttle=[PerUser(), PerUser("sends")], tags=["sending"]
)


@router_of_sending.post(
    "/send",
    response={200: Sent, 202: Sent, frozenset({400, 401, 403, 409, 413, 422, 429}): Error},
    summary="Send to users or an audience",
)
def send(
    request: HttpRequest,
    body: Body[Send],
    key: Key = ABSENT,
) -> HttpResponse:
    """Tell users, all of them or none. Up to 500 at once; a larger audience is told by a broadcast (202)."""
    if len(request.body) > MAX_BODY_BYTES:
        message = _("The body is longer than %(most)d bytes.") % {"most": MAX_BODY_BYTES}
        raise Refusal(
            413,
            "too_large",
            message,
            remedy=_("Send to a group or a segment, or split it into several requests."),
            field="body",
        )
    using = router.db_for_write(Notification)
    return attempt(using, lambda: send_once(request, body, key, using))


def send_once(request: HttpRequest, body: Send, key: str, using: str) -> HttpResponse:
    """Tell users, or answer again where that was done under this key. In one transaction."""
    with transaction.atomic(using=using):
        if not key:
            return answer_outcome(deliver_and_note(request, body, using))
        digest = hashlib.sha256(request.body).hexdigest()
        try:
            row, is_new = claim_key(request.user, key, digest)
        except KeyReused as error:
            remedy = _("Use a new key for each request; repeat a key only with exactly the same body.")
            raise Refusal(409, "key_reused", str(error), remedy=remedy, field="Idempotency-Key") from None
        if is_new:
            outcome = deliver_and_note(request, body, using)
            row.status = 200 if outcome.broadcast is None else 202
            row.answer = outcome.as_dict()
            row.save()
        return answer(row.answer, status=row.status)


def deliver_and_note(request: HttpRequest, body: Send, using: str) -> Outcome:
    """Send, and write down who did: in the admin's history, where there is one, and after commit in the security log.

    1 query besides those of sending.
    """
    outcome = deliver(request, body)
    user: Any = request.user
    token = getattr(request, "auth", None)
    token = token if isinstance(token, ApiToken) else None
    subject = Notification if token is None else token
    write_sending(subject, user_id=user.pk, recipients=outcome.recipients, broadcast=outcome.broadcast)
    ids = {"user": request.user.pk, "token": getattr(token, "pk", None), "by": getattr(token, "made_by_id", None)}
    ids |= {"recipients": outcome.recipients, "broadcast": outcome.broadcast}
    transaction.on_commit(partial(audit.record, "program.sent", **ids), using=using, robust=True)
    return outcome


def deliver(request: HttpRequest, body: Send) -> Outcome:
    """Send, or raise the refusal of the first thing that is wrong, or of all recipients that are."""
    (way,) = body.to.model_fields_set
    allow(request, NAMED if way in ("usernames", "ids") else AUDIENCE)
    try:
        named = getattr(body.to, way)
        if way == "usernames":
            return send_to_users(users_by_name(named), body.content)
        if way == "ids":
            return send_to_users(users_by_id(named), body.content)
        audience = AUDIENCES[way].named([named] if isinstance(named, str) else [] if named is True else named)
        return send_to_audience(audience, body.content, by=request.user)
    except RefusedRecipients as error:
        remedy = _("Correct or remove the recipients listed in `refused`; nothing was sent.")
        raise Refusal(409, "refused", str(error), remedy=remedy, field=f"to.{way}", refused=error.refused) from None
    except TooManyForDetails as error:
        raise Refusal(409, "too_many", error.messages[0], remedy=_("Nothing was sent."), field="to") from None
    except ValidationError as error:
        raise build_invalid(error, way) from None


def allow(request: HttpRequest, permission: str) -> None:
    """Refuse a user without the permission to send to these. Of a token, its user and its creator both need it, now."""
    token = getattr(request, "auth", None)
    if (token if isinstance(token, ApiToken) else request.user).has_perm(permission):
        return
    message = _("You do not have the permission “%(name)s”.") % {"name": permission}
    if isinstance(token, ApiToken):
        message = _("The user of this token, or its creator, does not have the permission “%(name)s”.") % {
            "name": permission
        }
    audit.record("permission.refused", user=request.user.pk, permission=permission)
    raise Refusal(
        403,
        "not_allowed",
        message,
        remedy=_("Ask the site’s staff for this permission, or for a token that allows sending."),
    )


def build_invalid(error: ValidationError, way: str) -> Refusal:
    """Name the first field that the log refused."""
    name, messages = next(iter(error.message_dict.items()))
    if name == "audience":
        remedy = _("Choose another audience; nothing was sent.")
        return Refusal(409, "no_audience", messages[0], remedy=remedy, field=f"to.{way}")
    return Refusal(
        422, "invalid", f"{name}: {messages[0]}", remedy=_("See openapi.json for what is accepted."), field=name
    )


def answer_outcome(outcome: Outcome) -> HttpResponse:
    return answer(outcome.as_dict(), status=200 if outcome.broadcast is None else 202)
