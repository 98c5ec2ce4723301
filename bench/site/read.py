"""Read what a page shows, from one inbox of a given size, and say how long that took and how many queries it was.

    python -m bench.site.read 1000000

Prints JSON. The rows are made in SQL, for a million of them one by one would take minutes; what they are is what
`notify()` and readers leave behind: counters and positions right, one in five unread, one in ten archived.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import django

TURNS = 200
PAGE = 20
TOP = 2**63 - 1  # above every key


def main(count: int) -> dict[str, float]:
    """Fill the inbox of one user, and as many rows into those of others; read it."""
    from django.contrib.auth.models import User
    from django.db import connection

    from bench.site import queries
    from notifications.log.replay import inbox_of
    from notifications.reading.listing import find_page

    queries.count_all()
    connection.close()
    user, *others = User.objects.order_by("pk")
    fill(count, user.pk, [other.pk for other in others])
    first = find_page(user, "all", before=TOP, limit=PAGE)
    middle = middle_of(user.pk)
    pages: dict[str, Callable[[], object]] = {
        "badge": lambda: inbox_of(user).unread,
        "first page": lambda: find_page(user, "all", before=TOP, limit=PAGE),
        "next page": lambda: find_page(user, "all", before=first.next or TOP, limit=PAGE),
        "middle page": lambda: find_page(user, "all", before=middle, limit=PAGE),
        "unread page": lambda: find_page(user, "unread", before=TOP, limit=PAGE),
    }
    figures: dict[str, float] = {}
    for name, read in pages.items():
        read()
        before = queries.total()
        took = [timed(read) for _ in range(TURNS)]
        figures[f"{name} ms"] = statistics.median(took)
        figures[f"{name} queries"] = (queries.total() - before) / TURNS
    return figures


def fill(count: int, user: int, others: list[int]) -> None:
    """Give a user this many notifications, and others as many between them, in the order in which they might have come."""
    from django.db import connection

    from notifications.models import Inbox

    series = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) ",
        "postgresql": "WITH n(i) AS (SELECT generate_series(1, %s)) ",
    }[connection.vendor]
    now = "CURRENT_TIMESTAMP"
    insert = (
        "INSERT INTO live_notifications_notification (recipient_id, modseq, category, level, title, body, url, actor, "  # noqa: S608
        f"topic, data, created_at, read_at, archived_at) {series}"
        "SELECT CASE i %% 2 WHEN 0 THEN %s ELSE %s + i / 2 %% %s END, (i + 1) / 2 + 1, 'general', 'info', "
        f"'Notification ' || i, %s, '', '', '', '{{}}', {now}, CASE WHEN i %% 10 < 8 THEN {now} END, "
        f"CASE WHEN i %% 20 < 2 THEN {now} END FROM n"
    )
    with connection.cursor() as cursor:  # the parts of the statement are constants
        cursor.execute(insert, [2 * count, user, others[0], len(others), "x" * 100])
        cursor.execute("ANALYZE")
    unread = count // 5
    Inbox.objects.update(modseq=count + 2, floor=1)
    Inbox.objects.filter(pk=user).update(unread=unread, unseen=unread)


def middle_of(user: int) -> int:
    """Return the key of a notification with as many before it as after it."""
    from notifications.models import Notification

    rows = Notification.objects.for_user(user).active().order_by("pk").values_list("pk", flat=True)
    return int(rows[rows.count() // 2])


def timed(read: Callable[[], object]) -> float:
    """Return how many milliseconds one call took."""
    began = time.perf_counter()
    read()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(int(sys.argv[1]))))
