"""Senders of broadcasts are killed at random points: nobody gets it twice, nobody is missed, nothing stays behind."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.postgres import Postgres
from tests.support.processes import Process
from tests.support.servers import Site
from tests.support.shell import ROOT

# How often a sender is killed in one part, and how many parts there are; each part has its own database and its own draw
# of moments. Parts run side by side, so that none takes long on a busy machine. SQLite's one lock leaves fewer points to
# be hit at.
KILLS: Final = {"PostgreSQL": 7, "SQLite": 4}
PARTS: Final = [("SQLite", 1), ("SQLite", 2), *(("PostgreSQL", part) for part in range(1, 4))]
USERS: Final = 3_000
WORKERS: Final = 2
LONGEST_SECONDS: Final = 0.04  # after a sign of life; a chunk takes some 10 ms, so any point of it may be hit
DEADLINE_SECONDS: Final = 150.0
SETTINGS: Final = {
    "NOTIFICATIONS_SEND_LEASE_SECONDS": 0.3,
    "NOTIFICATIONS_SEND_POLL_SECONDS": 0.05,
    "NOTIFICATIONS_SEND_IN_PROCESS": False,
}
POPULATE: Final = """
User.objects.bulk_create([User(username=f"crowd{number}") for number in range(count)], batch_size=1000)
User.objects.filter(is_active=True).count()
"""
ORDER: Final = """
from notifications import order_broadcast
from notifications.models import Broadcast
order_broadcast(Broadcast.objects.create(title="To all")).pk
"""
RETRACT: Final = """
from notifications import Step, take_step
from notifications.models import Broadcast
for broadcast in Broadcast.objects.all():
    take_step(broadcast, Step.RETRACT)
"""
# Waits until a worker has done something, or has nothing left to do; says who it was.
SIGN: Final = """
import time
from notifications.models import Broadcast
def done():
    return sum(row.written + row.removed for row in rows.all())
rows = Broadcast.objects
before = done()
while rows.filter(state__in=["sending", "retracting"]).exists() and done() == before:
    time.sleep(0.002)
list(rows.exclude(worker="").values_list("worker", flat=True))
"""
OPEN: Final = """
from notifications.models import Broadcast
Broadcast.objects.filter(state__in=["sending", "retracting"]).count()
"""
FREE: Final = """
from notifications.models import Broadcast
Broadcast.objects.filter(worker="", leased_until=None).count()
"""
COUNT: Final = """
from django.db.models import Count
from notifications.models import Broadcast
rows = Notification.objects.filter(broadcast__isnull=False)
by_user = rows.values("broadcast", "recipient").annotate(times=Count("pk")).order_by()
{
    "broadcasts": Broadcast.objects.count(),
    "rows": rows.count(),
    "twice": by_user.filter(times__gt=1).count(),
    "written": sum(Broadcast.objects.values_list("written", flat=True)),
    "removed": sum(Broadcast.objects.values_list("removed", flat=True)),
    "unread": sorted(set(Inbox.objects.values_list("unread", flat=True))),
    "modseq": sorted(set(Inbox.objects.values_list("modseq", flat=True))),
    "states": sorted(set(Broadcast.objects.values_list("state", flat=True))),
}
"""


class Senders:
    """Workers of a site, of which the one at work is killed and replaced."""

    def __init__(self, site: Site, stack: ExitStack, *, seed: int = 0) -> None:
        self.site = site
        self._stack = stack
        self.workers: dict[str, Process] = {}
        self._draw = random.Random(seed)
        for _ in range(WORKERS):
            self.start()

    def start(self) -> Process:
        """Start a worker and wait for its name."""
        command = [sys.executable, "manage.py", "send_broadcasts"]
        process = self._stack.enter_context(Process(command, name="sender", env=self.site.env(), cwd=ROOT))
        process.wait_for_line(r"Worker \w+ sends")
        self.workers[process.log.split()[1]] = process
        return process

    def kill_one(self) -> bool:
        """Kill the worker that is at work, some milliseconds after it showed that; return whether there was one."""
        names = self.site.call(SIGN)
        time.sleep(self._draw.uniform(0, LONGEST_SECONDS))
        mine = [name for name in names if name in self.workers]
        if not mine:
            return False
        self.workers.pop(mine[0]).kill()
        self.start()
        return True

    def finish(self) -> None:
        """Wait until nothing is left to do."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.site.call(OPEN):
            assert time.monotonic() < deadline, "the workers do not come to an end"
            time.sleep(0.05)


@contextmanager
def own_site(database: str, folder: Path, blank: Path) -> Iterator[Site]:
    """Run a site on a database of its own."""
    with ExitStack() as stack:
        url = stack.enter_context(Postgres()).url if database == "PostgreSQL" else None
        yield stack.enter_context(Site(folder, blank=blank, database_url=url, settings=dict(SETTINGS)))


@pytest.mark.parametrize(
    ("database", "part"),
    [pytest.param(*each, marks=pytest.mark.xdist_group("senders {}, part {}".format(*each))) for each in PARTS],
)
def test_killed_sender_leaves_nobody_out(database: str, part: int, tmp_path: Path, blank: Path) -> None:
    """SIGKILL again and again while it sends, and while it takes back: each has each broadcast once, then none."""
    with own_site(database, tmp_path, blank) as site, ExitStack() as stack:
        everybody = site.call(POPULATE, count=USERS)
        senders = Senders(site, stack, seed=part)
        kills = 0
        while kills < KILLS[database]:
            if not site.call(OPEN):
                site.call(ORDER)
            kills += senders.kill_one()
        senders.finish()
        found: dict[str, Any] = site.call(COUNT)
        count = found["broadcasts"]
        assert found == {
            "broadcasts": count,
            "rows": everybody * count,
            "twice": 0,
            "written": everybody * count,
            "removed": 0,
            "unread": [count],
            "modseq": [1 + count],
            "states": ["sent"],
        }
        kills = 0
        site.call(RETRACT)
        while not kills and site.call(OPEN):
            kills += senders.kill_one()
        senders.finish()
        found = site.call(COUNT)
        assert (found["rows"], found["removed"]) == (0, everybody * count)
        assert (found["unread"], found["modseq"], found["states"]) == ([0], [1 + 2 * count], ["retracted"])
        assert kills


def test_sigterm_lets_a_sender_finish_its_chunk(tmp_path: Path, blank: Path) -> None:
    """It ends soon and with 0, and gives its lease back, so the next one need not wait for that to run out."""
    slow = {"NOTIFICATIONS_SEND_LEASE_SECONDS": 600.0, "NOTIFICATIONS_SEND_USERS_PER_SECOND": 200}
    with own_site("SQLite", tmp_path, blank) as site, ExitStack() as stack:
        site.settings.update(slow)
        everybody = site.call(POPULATE, count=600)
        senders = Senders(site, stack)
        site.call(ORDER)
        site.call(SIGN)
        assert [process.stop() for process in senders.workers.values()] == [0] * WORKERS
        found = site.call(COUNT)
        assert 0 < found["written"] == found["rows"] < everybody
        assert site.call(FREE) == 1
        site.manage("send_broadcasts", "--once", NOTIFICATIONS_SEND_USERS_PER_SECOND=0)
        assert site.call(COUNT)["rows"] == everybody
