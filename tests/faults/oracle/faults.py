"""What goes wrong: a plan drawn from a seed, and its execution. The same seed draws the same plan.

Each fault ends within seconds and leaves everything running again.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tests.support.shell import Shell, ShellError

from .lines import Line, SocketLine
from .lineups import Lineup

__all__ = ["FIRST_INBOX", "Fault", "Troublemaker", "insist", "kinds_for"]

ANYWHERE: Final = (
    *("kill a worker", "restart the site", "cut all connections", "freeze a reader", "kill a writer"),
    *("long transaction", "storm of mark all read", "drifted counters", "loaddata", "restored backup"),
)
WITH_REDIS: Final = ("kill Redis", "freeze Redis", "flush Redis", "kill pub/sub clients")
STORM_SECONDS: Final = 2.0  # at least
RETURN_SECONDS: Final = 0.4  # for which who comes back waits to be told something
RETRIABLE: Final = ("could not serialize", "deadlock", "Deadlock", "timeout", "is locked", "Record has changed")
TRIES: Final = 20  # of what a database may refuse, with the others writing
LONGEST_PAUSE_SECONDS: Final = 0.2

# --- what is run in a process of its own, see `Shell.call()`

LONG: Final = """
import time
with transaction.atomic():
    notify(user, title="Long, first")
    time.sleep(seconds)
    notify(user, title="Long, last")
"""
# A user's first inbox is made in a transaction that takes its time, while the user's clients connect.
FIRST_INBOX: Final = LONG
STORM: Final = """
import time
until = time.monotonic() + seconds
while time.monotonic() < until:
    if notifies:
        notify(user, title="Storm")
    mark_all_read(user)
"""
DRIFT: Final = """
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("UPDATE live_notifications_inbox SET unread = unread / 2, unseen = 0 WHERE user_id = %s", [user])
    cursor.execute("INSERT INTO oracle_marks (user_id, what) VALUES (%s, 'drift')", [user])
"""
REPAIR: Final = """
import io
from django.core.management import call_command
with transaction.atomic(), connection.cursor() as cursor:
    call_command("check_inboxes", "--repair", "--user", str(user), stdout=io.StringIO(), stderr=io.StringIO())
    cursor.execute("INSERT INTO oracle_marks (user_id, what) VALUES (%s, 'repaired')", [user])
"""
DUMP: Final = """
from django.core.management import call_command
rows = Notification.objects.filter(recipient_id=user, read_at=None, archived_at=None).order_by("-pk")
pks = list(rows.values_list("pk", flat=True)[:5])
if pks:
    call_command("dumpdata", "live_notifications.notification", pks=",".join(map(str, pks)), output=file, verbosity=0)
    Notification.objects.filter(pk__in=pks).delete()
len(pks)
"""
LOAD: Final = """
import io
from django.core.management import call_command
with transaction.atomic(), connection.cursor() as cursor:
    Inbox.objects.select_for_update().get(pk=user)
    call_command("loaddata", file, verbosity=0)
    cursor.execute("INSERT INTO oracle_marks (user_id, what) VALUES (%s, 'restored')", [user])
    call_command("check_inboxes", "--repair", "--user", str(user), stdout=io.StringIO(), stderr=io.StringIO())
    cursor.execute("INSERT INTO oracle_marks (user_id, what) VALUES (%s, 'repaired')", [user])
"""
BACK_UP: Final = """
with connection.cursor() as cursor:
    for table, column in (("inbox", "user_id"), ("notification", "recipient_id")):
        cursor.execute(f"DROP TABLE IF EXISTS oracle_{table}_backup")
        cursor.execute(
            f"CREATE TABLE oracle_{table}_backup AS SELECT * FROM live_notifications_{table} WHERE {column} = {user:d}"
        )
"""
# As docs/howto/restore.md says, for one user; in one transaction, because writers must stop for it.
RESTORE: Final = """
from django.core.management import call_command
with transaction.atomic(), connection.cursor() as cursor:
    Inbox.objects.select_for_update().get(pk=user)
    cursor.execute("DELETE FROM live_notifications_notification WHERE recipient_id = %s", [user])
    cursor.execute("INSERT INTO live_notifications_notification SELECT * FROM oracle_notification_backup")
    cursor.execute("SELECT * FROM oracle_inbox_backup")
    names = ", ".join(f"{column[0]} = %s" for column in cursor.description)
    cursor.execute(f"UPDATE live_notifications_inbox SET {names} WHERE user_id = {user:d}", cursor.fetchone())
    cursor.execute("INSERT INTO oracle_marks (user_id, what) VALUES (%s, 'restored')", [user])
    call_command("renew_epochs", "--user", str(user), verbosity=0)
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the plan: wait `after`, then break `kind` for so many seconds."""

    after: float
    kind: str
    seconds: float

    def __str__(self) -> str:
        return f"+{self.after:.1f} s {self.kind} ({self.seconds:.1f} s)"


def kinds_for(lineup: Lineup) -> tuple[str, ...]:
    """Return what can go wrong there."""
    return (*ANYWHERE, *WITH_REDIS) if lineup.redis else ANYWHERE


def draw(rng: random.Random, kinds: Sequence[str], pause_seconds: float) -> Iterator[Fault]:
    """Yield faults for ever: each kind once in a random order, then again."""
    while True:
        for kind in rng.sample(list(kinds), len(kinds)):
            yield Fault(rng.uniform(0.5, 1.5) * pause_seconds, kind, rng.uniform(0.3, 3.0))


class Troublemaker:
    """Carries out a plan against a line-up until it is told to finish."""

    def __init__(
        self,
        seed: str,
        lineup: Lineup,
        lines: Sequence[Line],
        replace_writer: Callable[[random.Random], None],
        *,
        pause_seconds: float,
        without: Sequence[str] = (),
    ) -> None:
        self.done: list[Fault] = []
        self.refusals: list[str] = []  # what should have worked and did not
        self._rng = random.Random(f"{seed} faults")
        self._plan = draw(
            random.Random(f"{seed} plan"), [kind for kind in kinds_for(lineup) if kind not in without], pause_seconds
        )
        self._lineup = lineup
        self._lines = lines
        self._users = sorted({line.user for line in lines})
        self._replace_writer = replace_writer
        self._is_over = asyncio.Event()
        self._shells: list[Shell] = []

    @property
    def counts(self) -> Counter[str]:
        return Counter(fault.kind for fault in self.done)

    def finish(self) -> None:
        """Start no further fault."""
        self._is_over.set()

    async def work(self) -> None:
        """Break one thing after the other; return once told to finish, with everything running."""
        for fault in self._plan:
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.after):
                    await self._is_over.wait()
            if self._is_over.is_set():
                return
            self.done.append(fault)
            await self._break(fault)

    async def disturb(self, seconds: float) -> None:
        """Do to one line after the other, at moments that nobody planned, what readers and networks do. For ever."""
        rng = random.Random(f"{len(self._lines)} disturbances")
        while True:
            await asyncio.sleep(rng.expovariate(1 / seconds))
            for line in rng.sample(list(self._lines), 2):
                line.keep()
            line = rng.choice(self._lines)
            what = rng.choices(("cut", "rewind", "page", "gone", "order"), (4, 4, 1, 0.5, 4))[0]
            if what == "cut":
                line.cut()
            elif what == "order":
                await rng.choice([line for line in self._lines if isinstance(line, SocketLine)]).order()
            else:
                line.wish(what)

    async def _break(self, fault: Fault) -> None:
        match fault.kind:
            case "kill a worker":
                await asyncio.to_thread(self._rng.choice(self._lineup.nodes).kill_worker, self._rng)
            case "restart the site":
                await asyncio.to_thread(self._lineup.restart)
            case "kill a writer":
                await asyncio.to_thread(self._replace_writer, self._rng)
            case "cut all connections" | "freeze a reader":
                await self._break_lines(fault)
            case kind if kind in WITH_REDIS:
                await self._break_redis(fault)
            case _:
                await self._write_badly(fault)

    async def _break_lines(self, fault: Fault) -> None:
        if fault.kind == "cut all connections":
            for line in self._lines:
                line.cut()
            return
        line = self._rng.choice(self._lines)
        line.freeze()
        await asyncio.sleep(fault.seconds)
        line.thaw()

    async def _break_redis(self, fault: Fault) -> None:
        redis = self._lineup.redis
        assert redis is not None
        match fault.kind:
            case "kill Redis":
                await asyncio.to_thread(redis.kill)
                await asyncio.sleep(fault.seconds)
                await asyncio.to_thread(redis.start)
            case "freeze Redis":
                redis.freeze()
                await asyncio.sleep(fault.seconds)
                redis.thaw()
            case "flush Redis":
                await asyncio.to_thread(redis.command, "flushall")
            case "kill pub/sub clients":
                await asyncio.to_thread(redis.command, "client", "kill", "type", "pubsub")

    async def _write_badly(self, fault: Fault) -> None:
        user = self._rng.choice(self._users)
        seconds = fault.seconds if self._lineup.redis else fault.seconds / 3  # with SQLite everybody waits
        match fault.kind:
            case "long transaction":
                await self._call(LONG, user=user, seconds=seconds)
            case "storm of mark all read":
                user = Counter(line.user for line in self._lines).most_common(1)[0][0]  # who has the most tabs
                await self._storm(user, max(STORM_SECONDS, seconds))
            case "drifted counters":
                await self._call(DRIFT, user=user)
                await asyncio.sleep(seconds)
                await self._call(REPAIR, user=user)
            case "loaddata":
                user = self._rng.choice([user for user in self._users if user % 2 == 0] or self._users)
                file = str(self._lineup.folder / f"dump-{len(self.done)}.json")
                if await self._call(DUMP, user=user, file=file):
                    await asyncio.sleep(seconds / 3)
                    await self._call(LOAD, user=user, file=file)
            case "restored backup":
                await self._call(BACK_UP, user=user)
                await asyncio.sleep(seconds)
                await self._call(RESTORE, user=user)
            case kind:
                raise AssertionError(f"No such fault: {kind}")

    async def _storm(self, user: int, seconds: float) -> None:
        """Have one user's clients come back from where they stood while all is marked as read elsewhere, again and again."""
        async with asyncio.TaskGroup() as tasks:
            writing = [
                tasks.create_task(self._call(STORM, shell=number, user=user, seconds=seconds, notifies=not number))
                for number in range(2)
            ]
            for line in self._lines:
                if line.user == user:
                    tasks.create_task(come_back(line, writing))

    async def _call(self, code: str, *, shell: int = 0, **names: Any) -> Any:
        """Run code in another process; again where the database refuses it for the sake of others."""
        while len(self._shells) <= shell:
            self._shells.append(await asyncio.to_thread(self._lineup.site.shell))
        try:
            return await insist(self._shells[shell].call, code, **names)
        except ShellError as error:
            self.refusals.append(str(error).strip().splitlines()[-1])
            return None


async def insist(call: Callable[..., Any], code: str, **names: Any) -> Any:
    """Run code in another process; again where the database refuses it for the sake of others, as a site would."""
    for _ in range(TRIES - 1):
        try:
            return await asyncio.to_thread(call, code, **names)
        except ShellError as error:
            if not any(words in str(error) for words in RETRIABLE):
                raise
        await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))  # so that two part ways
    return await asyncio.to_thread(call, code, **names)


async def come_back(line: Line, while_these_run: Sequence[asyncio.Task[Any]]) -> None:
    """Have a client lose its line and go on from where it stood a moment ago, as soon as it was told something."""
    while not all(task.done() for task in while_these_run):
        line.keep()
        line.wish("rewind")
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURN_SECONDS):
                await line.told_something()
