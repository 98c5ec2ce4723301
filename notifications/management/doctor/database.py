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
# Two threads of the hub and the worker's use one each, and give it back: requests find one soon.
ENOUGH_CONNECTIONS: Final = 3
# https://www.psycopg.org/psycopg3/docs/api/pool.html: `min_size`, and `max_size` unless it is given
DEFAULT_CONNECTIONS: Final = 4
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
    """Yield whether Django's pool has room for what the app's own threads use at one time."""
    pool = connections[alias].settings_dict.get("OPTIONS", {}).get("pool")
    if not pool:
        return
    sizes = pool if isinstance(pool, dict) else {}
    most = sizes.get("max_size") or sizes.get("min_size", DEFAULT_CONNECTIONS)
    if most < ENOUGH_CONNECTIONS:
        yield risky(
            "database.pool",
            f"The pool has at most {most} connections for each process: the hub, the worker and requests wait for one "
            "another.",
            f"Set OPTIONS['pool'] = {{'max_size': {ENOUGH_CONNECTIONS}}} or more, and give the database room for them.",
        )
    else:
        yield well("database.pool", f"The pool has up to {most} connections for each process.")
