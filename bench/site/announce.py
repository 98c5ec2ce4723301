"""Send one broadcast to everyone and take it back, as a worker does: a program, run against the database of its environment.

    python -m bench.site.announce 7000000

The number goes into the title, where the client looks for it. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import django

MIB = 1024 * 1024


def main() -> dict[str, Any]:
    """Order, send, retract; say how long each took and how large the tables are."""
    from notifications import Step, order_broadcast, take_step
    from notifications.broadcasts.worker import Worker
    from notifications.models import Broadcast

    worker = Worker()
    before = sizes()
    broadcast = order_broadcast(Broadcast.objects.create(title=f"~{sys.argv[1]}~", body="x" * 100))
    began = time.monotonic()
    worker.work_off()
    sent = time.monotonic()
    broadcast.refresh_from_db()
    after = sizes()
    print(json.dumps({"sent": sent}), flush=True)
    asked = time.monotonic()
    read = broadcast.notifications.filter(read_at__isnull=False).count()
    counted = time.monotonic()
    take_step(broadcast, Step.RETRACT)
    worker.work_off()
    ended = time.monotonic()
    rows = broadcast.written
    return {
        "rows": rows,
        "began": began,
        "sent": sent,
        "ended": ended,
        "left": broadcast.notifications.count() + read,
        "figures": {
            "s to send": sent - began,
            "rows/s": rows / (sent - began),
            "MiB": (after["table"] - before["table"]) / MIB,
            "MiB of indexes": (after["indexes"] - before["indexes"]) / MIB,
            "bytes a row": (after["table"] + after["indexes"] - before["table"] - before["indexes"]) / max(rows, 1),
            "ms to count who read it": (counted - asked) * 1000,
            "s to retract": ended - counted,
            "retracted/s": rows / (ended - counted),
        },
    }


def sizes() -> dict[str, int]:
    """Return the bytes of the notifications' table and of its indexes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_table_size(%s), pg_indexes_size(%s)", ["live_notifications_notification"] * 2)
        table, indexes = cursor.fetchone()
    return {"table": table, "indexes": indexes}


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main()))
