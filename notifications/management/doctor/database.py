"""The database: see whether it answers, is migrated, and is one for a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.conf import settings as django_settings
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor

from notifications.models import Inbox
from notifications.operations import health
from notifications.operations.repair import find_latest_mended

from .findings import Finding, broken, note, risky, well

__all__ = ["look"]

LABEL: Final = Inbox._meta.app_label
# Connections that each server process keeps for itself, two of the hub and one of the worker; and with room for requests.
OWN_CONNECTIONS: Final = 3
ENOUGH_CONNECTIONS: Final = 8
SHOWN: Final = 3


def look() -> Iterator[Finding]:
    """Yield what is found. Nothing else is asked of a database that does not answer."""
    alias = router.db_for_write(Inbox)
    if not health.database.answers():
        yield broken("database.away", f"The database {alias!r} does not answer.", health.NO_DATABASE["message"])
        return
    connection = connections[alias]
    yield well("database", f"The database {alias!r} ({connection.display_name}) answers.")
    missing = unapplied(alias)
    if missing:
        shown = ", ".join(missing[:SHOWN]) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
        yield broken(
            "database.migrations",
            f"Migrations are not applied: {shown}.",
            "Run `manage.py migrate`" + (f" --database {alias}." if alias != "default" else "."),
        )
        return
    yield well("database.migrations", "All migrations of the app are applied.")
    if connection.vendor == "sqlite" and not django_settings.DEBUG:
        yield risky(
            "database.sqlite",
            "The site runs on SQLite with DEBUG off: it has one writer at a time, and lives on one machine.",
            "Use PostgreSQL, or stay where one machine and few writers do.",
        )
    yield from look_at_pool(alias)
    mended, latest = find_latest_mended(alias)
    if latest is not None:
        yield note(
            "database.mended",
            f"{mended} inbox{'es were' if mended != 1 else ' was'} found wrong and repaired by a write, the latest of user "
            f"{latest.pk}: something writes past the log.",
            "Run `manage.py check_inboxes`, and look for raw SQL and `loaddata`.",
        )


def unapplied(alias: str) -> list[str]:
    """Return the migrations of this app that are not applied, and those of others that they need."""
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(LABEL))
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def look_at_pool(alias: str) -> Iterator[Finding]:
    """Yield whether Django's pool has room for what the app's own threads keep open, and for requests besides."""
    pool = connections[alias].settings_dict.get("OPTIONS", {}).get("pool")
    if not pool:
        return
    most = pool.get("max_size", pool.get("min_size", 4)) if isinstance(pool, dict) else 4  # psycopg_pool's defaults
    if (most or 0) < ENOUGH_CONNECTIONS:
        yield risky(
            "database.pool",
            f"The pool has at most {most} connections for each process, of which the hub and the worker may keep "
            f"{OWN_CONNECTIONS}: requests wait for what is left.",
            f"Set OPTIONS['pool'] = {{'max_size': {2 * ENOUGH_CONNECTIONS}}}, and give the database room for them.",
        )
    else:
        yield well("database.pool", f"The pool has up to {most} connections for each process.")
