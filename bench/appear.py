"""Simulate decision 0033, which is proposed: rows made when a user next appears, beside rows that are made at once.

    .venv/bin/python bench/appear.py --users 20000

Both on a PostgreSQL of its own, with the app's own log. The plan itself is not built: what a user has looked through is
kept in a table of this script's, where it would be a column of the inbox.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `bench` is imported from the repository's root

from bench import servers
from bench.load import quantile

SHARES = (0.05, 0.2, 0.6)  # of the audience that appears before the broadcast expires
SAMPLE = 2000  # appearances that are measured; each stands alone, so more would say the same


def main() -> None:
    """Measure both ways and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20_000)
    users = parser.parse_args().users
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with servers.postgres(folder) as url:
            site = servers.seeded(folder, users=10, database_url=url)
            os.environ.update(site.env)
            import django  # only now is its database known

            django.setup()
            report(users)


def report(count: int) -> None:
    """Send one broadcast at once, let a sample appear for another one, and say what each way would cost."""
    from django.contrib.auth.models import User
    from django.db import connection

    from bench.site import announce, crowd
    from notifications import order_broadcast
    from notifications.broadcasts.worker import Worker
    from notifications.models import Broadcast

    sys.argv[1:] = [str(count)]
    crowd.main()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE looked_through (user_id integer PRIMARY KEY, upto bigint NOT NULL)")
        cursor.execute("INSERT INTO looked_through SELECT id, 0 FROM auth_user")
        cursor.execute("ANALYZE looked_through")
    before = announce.sizes()
    broadcast = order_broadcast(Broadcast.objects.create(title="At once", body="x" * 100))
    began = time.monotonic()
    Worker().work_off()
    at_once = time.monotonic() - began
    after = announce.sizes()
    bytes_a_row = (sum(after.values()) - sum(before.values())) / count
    with connection.cursor() as cursor:
        cursor.execute("UPDATE looked_through SET upto = %s", [broadcast.pk])
    keys = list(User.objects.values_list("pk", flat=True))
    random.Random(1).shuffle(keys)
    sample = keys[:SAMPLE]
    nothing = timed(look_through, sample)
    waiting = Broadcast.objects.create(title="On appearing", body="x" * 100, state="sent")
    something = timed(look_through, sample)
    assert waiting.notifications.count() == len(sample)
    print(f"\n{count:,} users on PostgreSQL; {bytes_a_row:.0f} bytes a row with its indexes.")
    print(f"At once: {at_once:.1f} s, {count / at_once:,.0f} rows/s, {at_once / count * 1000:.3f} ms a row.")
    for name, spans in (("nothing new", nothing), ("one broadcast", something)):
        ordered = sorted(spans)
        print(f"Appearing, {name}: {statistics.fmean(ordered):.2f} ms, p99 {quantile(ordered, 0.99):.2f} ms.")
    each = statistics.fmean(something)
    print("\n| audience | at once | size | who appears | on appearing | size | each |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for audience in (1_000_000, 10_000_000, 100_000_000):
        for share in SHARES:
            rows = audience * share
            print(
                f"| {audience:,} | {hours(audience * at_once / count)} | {audience * bytes_a_row / 1e9:.1f} GB "
                f"| {share:.0%} | {hours(rows * each / 1000)} | {rows * bytes_a_row / 1e9:.1f} GB | {each:.1f} ms |"
            )


def look_through(user_id: Any) -> None:
    """Make this user's rows of the broadcasts that went out since they were last here. In one transaction."""
    from django.db import connection, transaction

    from notifications import users_of
    from notifications.log.writes import append_copies
    from notifications.models import Broadcast

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT upto FROM looked_through WHERE user_id = %s FOR UPDATE", [user_id])
        (upto,) = cursor.fetchone()
        found = list(Broadcast.objects.filter(pk__gt=upto, state="sent").order_by("pk"))
        for broadcast in found:
            if users_of(broadcast.addressed).filter(pk=user_id).exists():
                append_copies(broadcast.content, [user_id], using=connection.alias)
        if found:
            cursor.execute("UPDATE looked_through SET upto = %s WHERE user_id = %s", [found[-1].pk, user_id])


def timed(work: Callable[[Any], None], keys: list[Any]) -> list[float]:
    """Return how many milliseconds each call took."""
    spans = []
    for key in keys:
        began = time.perf_counter()
        work(key)
        spans.append((time.perf_counter() - began) * 1000)
    return spans


def hours(seconds: float) -> str:
    """Return a span as people say it."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
