"""The API does what its OpenAPI description says, asked in every way that this allows, and forbids.

Schemathesis (https://schemathesis.readthedocs.io/) makes requests from the description: good ones must be taken, bad ones
refused, and every answer must have a status, headers and a body as described. In this process, over WSGI; the user is
logged in, and has notifications with the ids that the requests name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode

from notifications.models import Notification
from notifications.publish import notify
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
]
CSRF: Final = "a" * 32


@pytest.fixture
def headers(user: User, other_user: User) -> Iterator[dict[str, str]]:
    """The headers of a browser in which the user is logged in, and which may change things."""
    for title in ("First", "Second", "Third"):
        notify(user, title=title, category="billing", topic="billing.invoice:7", data={"k": [1, None]})
    notify(other_user, title="Secret")
    cookies = f"{django_settings.SESSION_COOKIE_NAME}={log_in(user)}; {django_settings.CSRF_COOKIE_NAME}={CSRF}"
    signals = (request_started, request_finished)
    for signal in signals:  # as Django's own test client does: the test's transaction is to outlive a request
        signal.disconnect(close_old_connections)
    with override_settings(NOTIFICATIONS_API_REQUESTS_PER_MINUTE=10**9, ALLOWED_HOSTS=["*"]):
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
    before = list(Notification.objects.for_user(other_user).values())

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(headers=headers)

    ask()
    assert list(Notification.objects.for_user(other_user).values()) == before
