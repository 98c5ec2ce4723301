"""Error reports show no key and no password that stands within an address."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from django.views.debug import ExceptionReporter

from notifications.operations.error_reports import hide

KEY, PASSWORD = "the-key-of-the-edge", "the-password-of-redis"
REDIS = f"redis://:{PASSWORD}@10.1.0.4:6379/0"
SETTINGS: dict[str, Any] = {
    "NOTIFICATIONS_GRIP_URL": f"http://127.0.0.1:5561?key={KEY}&verify-key={KEY}&iss=mysite",
    "CHANNEL_LAYERS": {"default": {"BACKEND": "x.Layer", "CONFIG": {"hosts": [REDIS, (REDIS, 1)]}}},
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS}},
}


@pytest.mark.parametrize("form", ["text", "html"])
@override_settings(**SETTINGS, DEBUG=False)
def test_a_report_shows_no_secret_of_an_address(form: str) -> None:
    """Neither of the settings nor of the variables at hand; the addresses themselves stay readable."""
    held = [REDIS]
    try:
        raise RuntimeError(f"{len(held)} held")
    except RuntimeError:
        reporter = ExceptionReporter(RequestFactory().get("/"), *sys.exc_info())
    report = reporter.get_traceback_text() if form == "text" else reporter.get_traceback_html()
    assert KEY not in report
    assert PASSWORD not in report
    assert "10.1.0.4:6379" in report
    assert "iss=mysite" in report or "iss%3Dmysite" in report


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        ("redis://user:secret@host/0", "redis://*@host/0"),
        ("unix:///run/redis.sock?password=secret&db=1", "unix:///run/redis.sock?password=*&db=1"),
        ("http://host/?monkey=see", "http://host/?monkey=*"),  # rather one too many
        ("http://host/a@b", "http://host/a@b"),
        ("https://host/?page=2", "https://host/?page=2"),
        ("ada@example.com", "ada@example.com"),
    ],
)
def test_only_secrets_are_hidden(shown: str, hidden: str) -> None:
    """What is before the host, and what a parameter says whose name is that of a secret."""
    assert hide(shown) == hidden.replace("*", "*" * 20)
    assert hide(hide(shown)) == hide(shown)
