"""Write by this project and by hand in turn, the same rows, and say what CPU each took: for `bench/gate.py`.

    python -P bench/site/race.py single 500      notify(), beside the same changes in raw SQL
    python -P bench/site/race.py bulk 5000       notify_many(), beside COPY of the same rows (PostgreSQL)
    python -P bench/site/race.py all 1 2 3        one notify_many() to users 1, 2 and 3, and nothing measured

Run against whichever tree PYTHONPATH names, so it uses nothing but the app's public functions and its tables. The CPU of the
database's own process counts as well. Prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

import django

TURNS = 10
WORDS = {"title": "race", "body": "x" * 100}


def senders() -> tuple[Any, Any]:
    """Return notify() and notify_many(), from where this tree has them."""
    try:
        publish: Any = import_module("notifications.sending.publish")
    except ModuleNotFoundError:  # until November 2026
        publish = import_module("notifications.publish")
    return publish.notify, publish.notify_many


def tables() -> tuple[str, str]:
    """Return what the tables of notifications and of inboxes are called in this tree."""
    from notifications.models import Inbox, Notification

    return Notification._meta.db_table, Inbox._meta.db_table


def main() -> dict[str, float]:
    """Do what the command line says."""
    kind = sys.argv[1]
    if kind == "all":
        senders()[1](map(int, sys.argv[2:]), title="one more")
        return {}
    count = int(sys.argv[2])
    from django.contrib.auth.models import User
    from django.db import connection

    notify, _ = senders()
    users = list(User.objects.order_by("pk").values_list("pk", flat=True)[:count])
    for user in users[:50]:
        notify(user, **WORDS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {tables()[0]} ORDER BY id DESC LIMIT 1")  # noqa: S608
        columns = [each[0] for each in cursor.description]
        row = dict(zip(columns, cursor.fetchone(), strict=True))
    del row["id"]
    if kind == "bulk" and not isinstance(row["data"], str):
        row["data"] = json.dumps(row["data"])  # as COPY takes it
    return single(users, row, count) if kind == "single" else bulk(users, row)


def single(users: list[Any], row: dict[str, Any], count: int) -> dict[str, float]:
    """Call notify() and change the same rows by hand, in turns."""
    from django.db import connection

    notify, _ = senders()
    names = list(row)
    places = ", ".join("?" * len(names))
    # only names of columns are put in
    rows, inboxes = tables()
    insert = f"INSERT INTO {rows} ({', '.join(names)}) VALUES ({places}) RETURNING id"  # noqa: S608
    update = (
        f"UPDATE {inboxes} SET modseq = modseq + 1, unread = unread + 1, unseen = unseen + 1 "  # noqa: S608
        "WHERE user_id = ? RETURNING modseq"
    )
    raw = connection.connection  # the driver's own, in autocommit
    spent = {"ours": 0.0, "by hand": 0.0}
    each = max(1, count // TURNS)
    for turn in range(TURNS):
        some = [users[(turn * each + number) % len(users)] for number in range(each)]
        began = time.process_time()
        for user in some:
            notify(user, **WORDS)
        spent["ours"] += time.process_time() - began
        began = time.process_time()
        for user in some:
            raw.execute("BEGIN IMMEDIATE")
            ((modseq,),) = raw.execute(update, [user]).fetchall()
            raw.execute(insert, list((row | {"recipient_id": user, "modseq": modseq}).values())).fetchall()
            raw.execute("COMMIT")
        spent["by hand"] += time.process_time() - began
    return {name: seconds * 1e6 / each / TURNS for name, seconds in spent.items()}


def bulk(users: list[Any], row: dict[str, Any]) -> dict[str, float]:
    """Send to many and COPY the same rows, in turns; the least of three, for the first one warms up."""
    from django.db import connection

    _, notify_many = senders()
    backend = connection.connection.info.backend_pid
    names = ", ".join(row)
    took: dict[str, list[float]] = {"ours": [], "by hand": []}
    for _ in range(3):
        began = cpu_of(backend)
        notify_many(users, **WORDS)
        took["ours"].append(cpu_of(backend) - began)
        began = cpu_of(backend)
        with (
            connection.connection.transaction(),
            connection.connection.cursor() as cursor,
            cursor.copy(f"COPY {tables()[0]} ({names}) FROM STDIN") as copy,
        ):
            for user in users:
                copy.write_row(list((row | {"recipient_id": user}).values()))
        took["by hand"].append(cpu_of(backend) - began)
    return {name: min(times) * 1e6 / len(users) for name, times in took.items()}


def cpu_of(backend: int) -> float:
    """Return the CPU seconds of this process and of the database's; see `bench/machine.py` about the clock."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in (os.getpid(), backend))


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main()))
