"""System checks of the site around the app: each finds its fault, and none finds one that is not there."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import User
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.checks import CheckMessage, run_checks
from django.db.utils import ConnectionHandler
from django.http import HttpRequest
from django.test import override_settings
from django.views import debug as django_debug
from impersonate.middleware import ImpersonateMiddleware
from psycopg import IsolationLevel
from pytest_django import DjangoAssertNumQueries, Settings

from notifications.checks import TAG, site
from notifications.models import Notification
from notifyproj.settings import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
ACCESS = "notifications.access"
IMPERSONATE = "impersonate.middleware.ImpersonateMiddleware"
ENGINES = "django.contrib.sessions.backends"


class OwnImpersonation(ImpersonateMiddleware):
    """A host project's own kind of another's middleware."""


class OwnAuthentication(AuthenticationMiddleware):
    """A host project's own way to know who asks."""


class OwnPatterns(ManifestStaticFilesStorage):
    """A host project's storage that has written the patterns down anew."""

    patterns = ()


class AllModules(OwnPatterns):
    """One that rewrites all modules."""

    support_js_module_import_aggregation = True


def found() -> list[CheckMessage]:
    """Return what the app's checks have to say."""
    return run_checks(tags=[TAG])


def ids() -> list[str]:
    """Return the ids of it, without the app's name."""
    return sorted(str(message.id).removeprefix("notifications.") for message in found())


def without(items: list[str], *names: str) -> list[str]:
    """Return a setting's list without some entries."""
    return [item for item in items if item not in names]


@pytest.fixture(autouse=True)
def debug(settings: Settings) -> None:
    """A developer's machine; Django's test runner turns DEBUG off."""
    settings.DEBUG = True


def test_this_site_is_clean() -> None:
    """The demonstration site has nothing to be told."""
    assert found() == []


def test_checks_touch_no_database(django_assert_num_queries: DjangoAssertNumQueries, db: None) -> None:
    """`check` works before the first migration, and without a database server."""
    with django_assert_num_queries(0):
        found()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"CHANNEL_LAYERS": {}}, ["E001"]),
        ({"NOTIFICATIONS_CHANNEL_LAYER": "live"}, ["E001"]),
        ({"CHANNEL_LAYERS": {"default": {"BACKEND": "nowhere.Layer"}}}, ["E002"]),
        ({"CHANNEL_LAYERS": {"default": {}}}, ["E002"]),
        ({"DEBUG": False}, ["W001", "W030", "W060"]),
        ({"INSTALLED_APPS": without(INSTALLED_APPS, "daphne")}, ["W004"]),
        ({"INSTALLED_APPS": without(INSTALLED_APPS, "daphne"), "DEBUG": False}, ["W001", "W030", "W060"]),
        ({"INSTALLED_APPS": [*without(INSTALLED_APPS, "daphne"), "daphne"]}, ["W004"]),
        ({"INSTALLED_APPS": without(INSTALLED_APPS, "django.contrib.staticfiles")}, ["W008"]),
        ({"INSTALLED_APPS": without(INSTALLED_APPS, "django.contrib.sessions")}, ["E005"]),
        (
            {
                "INSTALLED_APPS": without(INSTALLED_APPS, "django.contrib.sessions"),
                "SESSION_ENGINE": f"{ENGINES}.cache",
            },
            [],
        ),
        ({"SESSION_ENGINE": f"{ENGINES}.signed_cookies"}, ["W005"]),
        ({"SESSION_ENGINE": f"{ENGINES}.cached_db"}, []),
        ({"MIDDLEWARE": without(MIDDLEWARE, SESSIONS)}, ["E006"]),
        ({"MIDDLEWARE": []}, ["E006", "E006"]),
        ({"MIDDLEWARE": [SESSIONS, f"{__name__}.OwnAuthentication", "nowhere.Middleware"]}, []),
        ({"MIDDLEWARE": ["django.middleware.gzip.GZipMiddleware", *MIDDLEWARE]}, []),
        ({"MIDDLEWARE": [*MIDDLEWARE, IMPERSONATE]}, ["W050"]),
        ({"MIDDLEWARE": [*MIDDLEWARE, f"{__name__}.OwnImpersonation", "tests.support.doors.second_factor"]}, ["W050"]),
        ({"MIDDLEWARE": [*MIDDLEWARE, IMPERSONATE], "NOTIFICATIONS_ADMIT": f"{ACCESS}.through_middleware"}, []),
        ({"MIDDLEWARE": [*MIDDLEWARE, IMPERSONATE], "NOTIFICATIONS_ADMIT": "tests.support.doors.ahook"}, []),
        ({"MIDDLEWARE": [*MIDDLEWARE, "tests.support.doors.second_factor", "nowhere.Middleware"]}, []),
        ({"NOTIFICATIONS_ADMIT": "nowhere.admit"}, ["E050"]),
        ({"NOTIFICATIONS_AVATAR_OF": "nowhere.picture_of"}, ["E051"]),
        ({"NOTIFICATIONS_AVATAR_OF": "tests.support.doors.GUIDE"}, ["E051"]),
        ({"NOTIFICATIONS_AVATAR_OF": "notifications.anotify"}, ["E051"]),
        ({"NOTIFICATIONS_AVATAR_OF": "tests.unit.models.test_avatar.picture_of"}, []),
        ({"NOTIFICATIONS_ADMIT": "tests.support.doors.GUIDE"}, ["E050"]),
        ({"NOTIFICATIONS_ADMIT": f"{ACCESS}.anybody"}, ["E050"]),
        ({"NOTIFICATIONS_ADMIT": None}, ["E008"]),
        ({"TEMPLATES": []}, ["E007", "W007"]),
        ({"TEMPLATES": [TEMPLATES[0] | {"OPTIONS": {}}]}, ["W007"]),
        ({"STATIC_URL": None}, ["W008"]),
    ],
)
def test_site(change: dict[str, Any], expected: list[str]) -> None:
    """One thing is missing or risky, and that is what is said; what only looks like it is not."""
    with override_settings(**change):
        assert ids() == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"isolation_level": "read committed"}, []),
        ({"isolation_level": "REPEATABLE READ"}, ["E010"]),
        ({"isolation_level": "serializable"}, []),
        ({"isolation_level": None}, ["E010"]),
        (
            {"isolation_level": "repeatable read", "init_command": "SET SESSION innodb_snapshot_isolation = ON"},
            [],
        ),
    ],
)
def test_mariadb_counts_what_is_there(
    options: dict[str, Any], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A level in which rows are read as they were and locked as they are is refused, unless such writes are."""
    connection = ConnectionHandler({"default": {"ENGINE": "django.db.backends.mysql", "OPTIONS": options}})
    monkeypatch.setattr(site, "connections", connection)
    assert ids() == expected


@pytest.mark.parametrize("level", list(IsolationLevel))
def test_every_level_of_postgresql_fits(level: IsolationLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a level is a number, and none reads what it does not lock.

    Regression: the number was taken for a name, and no command ran at SERIALIZABLE.
    """
    options = {"isolation_level": level}
    connection = ConnectionHandler({"default": {"ENGINE": "django.db.backends.postgresql", "OPTIONS": options}})
    monkeypatch.setattr(site, "connections", connection)
    assert ids() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["W006"]),
        ({"transaction_mode": "DEFERRED"}, ["W006"]),
        ({"transaction_mode": None}, ["W006"]),
        ({"transaction_mode": "immediate"}, []),
        ({"transaction_mode": "EXCLUSIVE"}, []),
    ],
)
def test_sqlite_takes_its_lock_at_once(
    options: dict[str, Any], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite must begin its transactions with the write lock."""
    connection = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}})
    monkeypatch.setattr(site, "connections", connection)
    assert ids() == expected


def test_postgresql_needs_no_such_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """What SQLite needs is not asked of another database, and no server is called."""
    postgres = {"ENGINE": "django.db.backends.postgresql", "NAME": "none", "HOST": "192.0.2.1"}
    monkeypatch.setattr(site, "connections", ConnectionHandler({"default": postgres}))
    assert ids() == []


# --- the admin


class SearchableOnRequest(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin that decides on each request what it searches."""

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["username"]


@pytest.mark.parametrize(
    ("users", "expected"), [(None, ["W014"]), (admin.ModelAdmin, ["W014"]), (SearchableOnRequest, [])]
)
def test_admin_can_search_users(users: Any, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Staff find recipients by search only where users are registered with search fields."""
    registry: Any = admin.site._registry
    monkeypatch.delitem(registry, User)
    if users is not None:
        monkeypatch.setitem(registry, User, users(User, admin.site))
    assert ids() == expected


def test_admin_without_notifications_needs_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that took the notifications out of its admin, or has no admin, is asked nothing about it."""
    registry: Any = admin.site._registry
    monkeypatch.delitem(registry, User)
    with override_settings(INSTALLED_APPS=without(INSTALLED_APPS, "django.contrib.admin")):
        assert ids() == []
    monkeypatch.delitem(registry, Notification)
    assert ids() == []


# --- settings


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PING_SECONDS", "15", ["E008"]),
        ("PING_SECONDS", 0, ["E008"]),
        ("PING_SECONDS", 44, []),
        ("PING_SECONDS", 45, ["W010"]),
        ("SWEEP_SECONDS", 5, []),
        ("SWEEP_SECONDS", 6, ["W011"]),
        ("ROTATE_SECONDS", 15, []),
        ("ROTATE_SECONDS", 14, ["W012"]),
        ("REJOIN_SECONDS", 86_400, ["W013"]),
        ("CHANNEL_LAYER", 1, ["E008"]),
        ("GROUP", b"notifications", ["E008"]),
        ("PING_SECOND", 15, ["W009"]),
        ("COLOUR", "red", ["W009"]),
    ],
)
def test_settings(name: str, value: object, expected: list[str]) -> None:
    """Wrong types, names that nobody reads, and times that do not fit together."""
    with override_settings(**{f"NOTIFICATIONS_{name}": value}):
        assert ids() == expected


def test_rejoining_is_compared_with_the_layers_own_expiry() -> None:
    """A layer that forgets quickly needs a hub that joins quickly."""
    layer = deepcopy(django_settings.CHANNEL_LAYERS)
    layer["default"]["CONFIG"] = {"group_expiry": 20}
    with override_settings(CHANNEL_LAYERS=layer):
        assert ids() == ["W013"]
    layer["default"]["CONFIG"] = {"group_expiry": None}
    with override_settings(CHANNEL_LAYERS=layer):
        assert ids() == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("redis://127.0.0.1:6379/0", ""),
        ("redis://[::1]:6379", ""),
        ("redis://localhost", ""),
        ("unix:///run/redis.sock", ""),
        (("127.0.0.1", 6379), ""),
        ({"host": "127.0.0.2"}, ""),
        ({"path": "/run/redis.sock"}, ""),
        ("rediss://:secret@redis.internal", ""),
        ({"address": "rediss://redis.internal", "password": "secret"}, ""),
        ("redis://:secret@redis.internal", "in clear text"),
        ("rediss://redis.internal", "without a password"),
        ("redis://192.0.2.7:6379", "in clear text and without a password"),
        (("192.0.2.7", 6379), "in clear text and without a password"),
        ({"sentinels": [("127.0.0.1", 1), ("192.0.2.7", 1)]}, "in clear text and without a password"),
        ("redis://[broken", ""),
    ],
)
def test_redis_elsewhere_is_reached_safely(host: Any, expected: str) -> None:
    """On another machine it needs TLS and a password; the message names the host and never the password."""
    layer = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [host]}}
    with override_settings(CHANNEL_LAYERS={"default": layer}):
        said = [(message.id, message.msg) for message in found()]
    if not expected:
        assert said == []
    else:
        [(identity, text)] = said
        assert identity == "notifications.W040"
        assert f" {expected}:" in text
        assert "secret" not in text


def test_a_misspelt_setting_gets_a_suggestion() -> None:
    """A near miss names what was meant, anything else the names there are."""
    with override_settings(NOTIFICATIONS_PING_SECOND=15, NOTIFICATIONS_COLOUR="red"):
        colour, ping = found()
    assert ping.hint == "Did you mean NOTIFICATIONS_PING_SECONDS?"
    assert str(colour.hint).startswith("The settings are NOTIFICATIONS_")
    assert "NOTIFICATIONS_COLOUR" in colour.msg


PRODUCTION = {
    "DEBUG": False,
    "STORAGES": {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}},
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://10.1.0.4"}},
    "CHANNEL_LAYERS": {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {}}},
}
LOCAL = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
PLAIN = "django.views.debug.SafeExceptionReporterFilter"
SECRET = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": ["rediss://:p@h"]}}
}


def forget() -> None:
    """Have Django read DEFAULT_EXCEPTION_REPORTER_FILTER anew."""
    kept: Any = django_debug.get_default_exception_reporter_filter
    kept.cache_clear()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"CACHES": LOCAL}, ["W030"]),
        ({"CACHES": LOCAL, "DEBUG": True}, []),
        ({"SECURE_PROXY_SSL_HEADER": HEADER}, ["W031"]),
        ({"USE_X_FORWARDED_HOST": True}, ["W031"]),
        ({"SECURE_PROXY_SSL_HEADER": HEADER, "NOTIFICATIONS_TRUSTED_PROXIES": ["::1"]}, []),
        ({"SECURE_PROXY_SSL_HEADER": HEADER, "NOTIFICATIONS_PUBLIC_TOPICS": []}, []),
        ({"CHANNEL_LAYERS": SECRET}, []),
        ({"CHANNEL_LAYERS": SECRET, "DEFAULT_EXCEPTION_REPORTER_FILTER": PLAIN}, ["W032"]),
        ({"DEFAULT_EXCEPTION_REPORTER_FILTER": PLAIN}, []),
        ({"CHANNEL_LAYERS": SECRET, "DEFAULT_EXCEPTION_REPORTER_FILTER": PLAIN, "DEBUG": True}, []),
    ],
)
def test_limits_proxies_and_reports(change: dict[str, Any], expected: list[str]) -> None:
    """What is not shared, taken for one visitor, or shown in a mail; a developer's machine is left alone."""
    forget()
    with override_settings(**PRODUCTION | change):
        assert ids() == expected
    forget()


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("django.contrib.staticfiles.storage.ManifestStaticFilesStorage", []),
        ("whitenoise.storage.CompressedManifestStaticFilesStorage", []),
        ("whitenoise.storage.CompressedStaticFilesStorage", ["W060"]),
        (f"{__name__}.OwnPatterns", ["W061"]),
        (f"{__name__}.AllModules", []),
        ("django.core.files.storage.InMemoryStorage", []),
        ("nowhere.Storage", []),
        (f"{__name__}.found", []),
    ],
)
def test_storages_of_static_files(backend: str, expected: list[str]) -> None:
    """One that gives a release the names of the former one, or hashes none within modules; of others nothing is said."""
    with override_settings(**PRODUCTION | {"STORAGES": {"staticfiles": {"BACKEND": backend}}}):
        assert ids() == expected
    without_files = without(INSTALLED_APPS, "django.contrib.staticfiles")
    with override_settings(**PRODUCTION | {"STORAGES": {}, "INSTALLED_APPS": without_files}):
        assert "W060" not in ids()
