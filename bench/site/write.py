"""Write as fast as it goes, and say how fast that was: a program, run against the database of its environment.

    python -m bench.site.write 100000

Prints JSON: queries and milliseconds of `notify()`; rows a second, the longest transaction and what another writer
waited during `notify_many()`; the same for `broadcast()`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django

SINGLES = 1000
OTHER_PAUSE_SECONDS = 0.05  # between two notifications of the other writer
FLUSH_SECONDS = 30.0  # for the last doorbells, which count as part of the work


def main() -> dict[str, float]:
    """Write single notifications, then to everybody, with another writer at work meanwhile."""
    from django.contrib.auth.models import User
    from django.db import connection

    from bench.site import queries
    from notifications import broadcast, notify, notify_many

    queries.count_all()
    connection.close()
    users = list(User.objects.order_by("pk").values_list("pk", flat=True)[: int(sys.argv[1])])
    for user in users[:100]:
        notify(user, title="warm-up", body="x" * 100)
    before, cpu, began = queries.total(), time.process_time(), time.monotonic()
    for turn in range(SINGLES):
        notify(users[turn % len(users)], title=f"single {turn}", body="x" * 100)
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    figures = {
        "notify() queries": (queries.total() - before) / SINGLES,
        "notify() ms": took * 1000 / SINGLES,
        "notify() CPU ms": cpu * 1000 / SINGLES,
    }
    figures |= in_bulk("notify_many()", len(users), lambda: notify_many(users, title="bulk", body="x" * 100), users[-1])
    return figures | in_bulk("broadcast()", len(users), lambda: broadcast(title="all", body="x" * 100), users[-1])


def in_bulk(name: str, count: int, write: Callable[[], int], other_user: int) -> dict[str, float]:
    """Time a bulk write while a thread writes to one user, as another request would."""
    from django.db import connection

    from notifications import notify
    from notifications.log.doorbell import ringer

    waits: list[float] = []
    is_over = threading.Event()

    def other() -> None:
        while not is_over.wait(OTHER_PAUSE_SECONDS):
            began = time.monotonic()
            notify(other_user, title="meanwhile")
            waits.append((time.monotonic() - began) * 1000)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    spans = Transactions()
    connection.execute_wrappers.append(spans)
    began = time.monotonic()
    dropped = ringer.dropped
    written = write()
    ringer.flush(FLUSH_SECONDS)
    took = time.monotonic() - began
    connection.execute_wrappers.remove(spans)
    is_over.set()
    thread.join()
    if written != count:
        raise AssertionError(f"{name} wrote {written} rows instead of {count}.")
    return {
        f"{name} rows/s": count / took,
        f"{name} doorbells dropped": ringer.dropped - dropped,
        f"{name} longest lock ms": max(spans.ms, default=0.0),
        f"{name} other writer max ms": max(waits, default=0.0),
    }


class Transactions:
    """Measures from the first query of a transaction, which takes its locks, to the first of the next one."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self._began = 0.0
        self._last = 0.0
        self._id: object = None

    def __call__(
        self, execute: Callable[..., object], sql: str, params: object, many: bool, context: dict[str, Any]
    ) -> object:
        """Note when a query ran and in which transaction."""
        now = time.monotonic()
        if not context["connection"].in_atomic_block:
            self._id = None
        elif self._id is not context["connection"].run_on_commit:
            self._id, self._began = context["connection"].run_on_commit, now
            self.ms.append(0.0)
        result = execute(sql, params, many, context)
        if self._id is not None:
            self.ms[-1] = (time.monotonic() - self._began) * 1000
        return result


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main()))
