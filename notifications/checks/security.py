"""System checks of what keeps a site's secrets and limits: caches, proxies, error reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.conf import settings as django_settings
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Warning as Risk
from django.utils.module_loading import import_string
from django.views.debug import get_default_exception_reporter_filter

from ..operations.error_reports import hide
from .settings import read_valid

__all__ = ["check_limits", "check_proxies", "check_reports"]

# Settings that hold addresses with keys and passwords under names that Django's error reports show.
ADDRESSES: Final = ("NOTIFICATIONS_GRIP_URL", "CHANNEL_LAYERS", "CACHES")


def check_limits(**_: object) -> Iterator[CheckMessage]:
    """Find a default cache that no other process sees. With DEBUG on there is one process."""
    path = getattr(django_settings, "CACHES", {}).get("default", {}).get("BACKEND", "")
    try:
        backend = import_string(path)
    except ImportError:
        return  # Django says so itself
    if not django_settings.DEBUG and isinstance(backend, type) and issubclass(backend, LocMemCache | DummyCache):
        yield Risk(
            f"The default cache is a {backend.__name__}, which other processes do not see: each process counts "
            "NOTIFICATIONS_ACTIONS_PER_MINUTE and similar limits on its own.",
            hint="Set CACHES['default'] to django.core.cache.backends.redis.RedisCache or another that processes share, or "
            "silence this where one process does everything.",
            id="notifications.W030",
        )


def check_proxies(**_: object) -> Iterator[CheckMessage]:
    """Find a site behind a proxy that takes all visitors for one. Without public topics no address counts."""
    is_behind = django_settings.USE_X_FORWARDED_HOST or django_settings.SECURE_PROXY_SSL_HEADER
    if is_behind and read_valid("public_topics") and read_valid("trusted_proxies") == []:
        yield Risk(
            "The site stands behind a proxy, whose address is taken for that of every visitor: "
            f"{read_valid('public_streams_per_address')} anonymous streams of one shut all others out of the public topics.",
            hint="Set NOTIFICATIONS_TRUSTED_PROXIES to the addresses of your proxies, such as ['127.0.0.1', '::1'], and "
            "have the outermost one write X-Forwarded-For.",
            id="notifications.W031",
        )


def check_reports(**_: object) -> Iterator[CheckMessage]:
    """Find keys and passwords that a mailed error report would show."""
    if django_settings.DEBUG:
        return
    report = get_default_exception_reporter_filter()
    for name in ADDRESSES:
        shown = report.cleanse_setting(name, getattr(django_settings, name, ""))
        if hide(shown) != shown:
            yield Risk(
                f"{name} holds a key or a password within an address, which Django's error reports show.",
                hint="Set DEFAULT_EXCEPTION_REPORTER_FILTER = 'notifications.operations.error_reports.SecretsFilter', or a "
                "class made of that.",
                id="notifications.W032",
            )
