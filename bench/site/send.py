"""Send notifications at a fixed rate and note when each was committed: in a server's process, or as a program.

    python -m bench.site.send '{"first": 1000, "count": 100, "rate": 50, "users": [1, 2, 3]}'

`time.monotonic()` is one clock for all processes of a Linux machine (CLOCK_MONOTONIC), so the client's times compare.
"""

from __future__ import annotations

import json
import random
import sys
import time
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

BODY = "x" * 100  # with title and counters 373 bytes of data, 423 on the wire; the peers are given as much


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: `count` notifications numbered from `first`, `rate` a second in groups of `burst`."""

    first: int
    count: int
    rate: float
    users: list[int]
    burst: int = 1
    delay: float = 0.0  # seconds before the first one
    is_bare: bool = False  # a row by the same driver, told to nobody: what the database alone takes


Sent = tuple[int, float, float, float]
"""(number, when notify() was called, when it was committed, when notify() returned)."""


def carry_out(plan: Plan) -> dict[str, Any]:
    """Send to users chosen at random (always the same ones for the same plan); the title carries the number.

    Returns `sent`, a list of `Sent`, and `cpu`, the CPU seconds that this thread took for it.
    """
    from notifications import notify  # models exist only once Django is set up

    choose = random.Random(plan.first)
    sent: list[Sent] = []
    committed: list[float] = []
    cpu = time.thread_time()
    start = time.monotonic() + plan.delay
    for turn in range(plan.count):
        wait = start + turn // plan.burst * plan.burst / plan.rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        user, title = choose.choice(plan.users), f"~{plan.first + turn}~"
        begun = time.monotonic()
        if plan.is_bare:
            insert_bare(user, title)
            committed.append(time.monotonic())
        else:
            with transaction.atomic():
                # registered first, so it runs between the commit and the doorbell; costs no query
                transaction.on_commit(lambda: committed.append(time.monotonic()))
                notify(user, title=title, body=BODY)
        sent.append((plan.first + turn, begun, committed[-1], time.monotonic()))
    return {"sent": sent, "cpu": time.thread_time() - cpu}


def insert_bare(user: int, title: str) -> None:
    """Insert a row as plain SQL and commit, past everything that this project does; such a row is in nobody's log."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO live_notifications_notification "
            "(recipient_id, modseq, category, level, title, body, url, actor, topic, data, created_at) "
            "VALUES (%s, 2, 'general', 'info', %s, %s, '', '', '', '{}', CURRENT_TIMESTAMP)",
            [user, title, BODY],
        )


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(carry_out(Plan(**json.loads(sys.argv[1])))))
