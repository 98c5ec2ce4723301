"""The API described, for developers; and a host that does without it."""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client
from django.urls import Resolver404, clear_url_caches, resolve

from notifications import urls
from notifications.api import openapi
from tests.support.api import API, Program


@pytest.mark.django_db
def test_the_page_is_for_developers(client: Client, user: User, settings: Any) -> None:
    """It shows with DEBUG on, or to staff; for others there is no such page. It needs nothing from elsewhere."""
    settings.DEBUG = False
    assert Program().refused("GET", "docs")[0] == 404
    assert Program(user).refused("GET", "docs")[0] == 404
    user.is_staff = True
    user.save()
    client.force_login(user)
    html = client.get(API + "docs").content.decode()
    assert "POST /notifications/api/notifications/bulk" in html
    assert not re.search(r"""<script>|(src|href)="(https?:)?//""", html)
    settings.DEBUG = True
    assert Client().get(API + "docs").status_code == 200


@pytest.mark.django_db
def test_every_operation_is_described(client: Client) -> None:
    """Each has a summary, a description, every status it may answer, and an example of what it takes and gives."""
    spec = client.get(API + "openapi.json").json()
    for operation in openapi.list_operations(spec | {"paths": with_number_keys(spec["paths"])}):
        assert operation["summary"]
        assert operation["description"]
        assert operation["answer"]
        assert bool(operation["body"]) == operation["path"].endswith(
            ("bulk", "read-all", "topics/read", "undo", "send")
        )


def with_number_keys(paths: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON made text of as it was before."""
    for methods in paths.values():
        for operation in methods.values():
            operation["responses"] = {int(status): answer for status, answer in operation["responses"].items()}
    return paths


def test_a_host_without_ninja_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without django-ninja there is no address under api/, the others are there, and a check says what is missing."""
    assert "notifications.I001" not in {message.id for message in run_checks(tags=["notifications"])}
    monkeypatch.setitem(sys.modules, "ninja", None)
    clear_url_caches()
    try:
        patterns = importlib.reload(urls).urlpatterns
        assert "api/" not in {str(pattern.pattern) for pattern in patterns}
        with pytest.raises(Resolver404):
            resolve("/api/counts", urlconf="notifications.urls")
        assert "notifications.I001" in {message.id for message in run_checks(tags=["notifications"])}
    finally:
        monkeypatch.undo()
        importlib.reload(urls)
        clear_url_caches()
