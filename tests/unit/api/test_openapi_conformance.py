"""The API does what its OpenAPI description says, asked in every way that this allows, and forbids.

Schemathesis (https://schemathesis.readthedocs.io/) makes requests from the description: good ones must be taken, bad ones
refused, and every answer must have a status, headers and a body as described. In this process, over WSGI; the user is
logged in, and has notifications with the ids that the requests name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import override_settings
from hypothesis import HealthCheck, given, settings, strategies as st
from schemathesis.generation import GenerationMode

from notifications import notify
from notifications.models import Notification
from tests.support.api import API
from tests.support.asgi import log_in

EXAMPLES: Final = 25  # requests of each kind to each operation: some ten seconds in all
OPERATIONS: Final = [
    ("GET", "notifications"),
    ("GET", "notifications/{id}"),
    ("GET", "counts"),
    ("GET", "changes"),
    ("POST", "notifications/{id}/read"),
    ("DELETE", "notifications/{id}/read"),
    ("POST", "notifications/{id}/archive"),
    ("DELETE", "notifications/{id}/archive"),
    ("DELETE", "notifications/{id}"),
    ("POST", "notifications/bulk"),
    ("POST", "notifications/read-all"),
    ("POST", "topics/read"),
    ("POST", "seen"),
    ("POST", "undo"),
    ("POST", "send"),
]
CSRF: Final = "a" * 32


# What the format of a link means; JSON Schema has no words for it.
schemathesis.openapi.format(
    "notification-link", st.sampled_from(["/", "/orders/7/?a=b#c", "https://example.org", "http://[::1]:8000/ä"])
)


@pytest.fixture
def headers(user: User, other_user: User) -> Iterator[dict[str, str]]:
    """The headers of a browser in which the user is logged in, and which may change things."""
    for title in ("First", "Second", "Third"):
        notify(user, title=title, category="billing", topic="billing.invoice:7", data={"k": [1, None]})
    notify(other_user, title="Secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_notification", "send_broadcast"]))
    cookies = f"{django_settings.SESSION_COOKIE_NAME}={log_in(user)}; {django_settings.CSRF_COOKIE_NAME}={CSRF}"
    signals = (request_started, request_finished)
    for signal in signals:  # as Django's own test client does: the test's transaction is to outlive a request
        signal.disconnect(close_old_connections)
    limits = {"NOTIFICATIONS_ACTIONS_PER_MINUTE": 10**9, "NOTIFICATIONS_SENDS_PER_MINUTE": 10**9}
    with override_settings(ALLOWED_HOSTS=["*"], **limits):
        yield {"Cookie": cookies, "X-CSRFToken": CSRF}
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def spec(headers: dict[str, str]) -> Any:
    """The description, as a client reads it."""
    return schemathesis.openapi.from_wsgi(API + "openapi.json", get_wsgi_application())


def test_every_operation_is_asked(spec: Any) -> None:
    """The list above is that of the description."""
    found = [result.ok() for result in spec.get_all_operations()]
    assert {(operation.method.upper(), operation.path) for operation in found} == {(m, API + p) for m, p in OPERATIONS}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_description_holds(
    spec: Any, headers: dict[str, str], other_user: User, method: str, path: str, mode: GenerationMode
) -> None:
    """No 500, no answer that is not described, nothing good refused, nothing bad taken; nobody else's touched."""
    operation = spec[API + path][method]
    cases = operation.as_strategy(generation_mode=mode)
    if path == "send":  # the description of `data` cannot say that text in it has no NUL, like all text here
        cases = cases.filter(lambda case: "\\u0000" not in repr_of(case.body))
    before = list(Notification.objects.for_user(other_user).values())

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def ask(case: Any) -> None:
        case.call_and_validate(headers=headers)

    ask()
    untouched = Notification.objects.for_user(other_user)
    if path == "send":  # which is for sending to others; what they have stays as it was
        untouched = untouched.filter(pk__in=[row["id"] for row in before])
    assert list(untouched.values()) == before


def repr_of(body: Any) -> str:
    """Return a body as JSON, where it can be that."""
    return json.dumps(body, default=repr)
