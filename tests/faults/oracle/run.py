"""One run of the oracle: writers and witnesses at work on a line-up while things go wrong; at quiet, the verdict.

Equality at quiet, for each witness: it stands at the database's head; its counters are the inbox's, and these are what a
recount of the rows gives; every item it holds is the row as it is, in every field; and it holds every row that was in
its last snapshot (the latest 20 that were not archived) or has changed since. A row that a snapshot left out and that
has not changed since is not the client's to know.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.processes import Process
from tests.support.replica import truth_of
from tests.support.servers import PYTHON, Person
from tests.support.shell import ROOT
from tests.support.visit import Visit

from .faults import Troublemaker
from .lineups import Lineup
from .records import read_records
from .verdict import Verdict, compare_accounts, foreign_rows, staleness_of
from .witness import Account, SocketWitness, Witness

__all__ = ["Effort", "run"]

# Sweep and reconnect on a busy machine; well below the age at which streams are rotated, which would mend them anyway.
SETTLE_SECONDS: Final = 15.0
WRITER_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 8.0  # four pings
# A recount that shares nothing with the counters' own code: unread and unseen, by the rows and by the inbox.
RECOUNT: Final = """
inbox = Inbox.objects.get(pk=user)
unread = [row for row in Notification.objects.filter(recipient_id=user) if not row.read_at and not row.archived_at]
[len(unread), sum(row.modseq > inbox.seen_upto for row in unread), inbox.unread, inbox.unseen]
"""
numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a run does. The same seed draws the same faults and the same operations."""

    seed: str
    changes: int
    users: int = 4
    witnesses_per_user: int = 3
    writers: int = 2  # processes of their own
    requesting_writers: int = 1  # which have the servers' processes write
    operations_per_second: float = 120.0  # all writers together
    pause_seconds: float = 0.0  # between two faults, on average; 0: none at all
    cut_seconds: float = 1.0  # between two cuts of some witness's line, on average
    deadline_seconds: float = 120.0


class Writers:
    """The writer processes of a run, and the files that they write down their commits in."""

    def __init__(self, lineup: Lineup, effort: Effort, users: Sequence[int]) -> None:
        self.files: list[Path] = []
        self._lineup = lineup
        self._effort = effort
        self._users = users
        self._processes: list[tuple[Process, bool]] = []
        for number in range(effort.writers + effort.requesting_writers):
            self._start(by_request=number >= effort.writers)

    def _start(self, *, by_request: bool) -> None:
        file = self._lineup.folder / f"writer-{next(numbers)}.jsonl"
        wish = {
            "seed": f"{self._effort.seed}.{len(self.files)}",
            "users": list(self._users),
            "per_second": self._effort.operations_per_second / (self._effort.writers + self._effort.requesting_writers),
            "records": str(file),
            "urls": self._lineup.urls if by_request else [],
        }
        command = [PYTHON, "-m", "tests.faults.oracle.writer", json.dumps(wish)]
        process = Process(command, name=f"writer {len(self.files)}", env=self._lineup.site.env(), cwd=ROOT)
        self.files.append(file)
        self._processes.append((process, by_request))

    def replace(self, rng: random.Random) -> None:
        """Kill one at whatever it is at, and start another one."""
        process, by_request = self._processes.pop(rng.randrange(len(self._processes)))
        process.kill()
        self._start(by_request=by_request)

    def stop(self) -> list[str]:
        """Let them finish what they are at; return what went wrong with them."""
        for process, _by_request in self._processes:
            process.send_signal(signal.SIGTERM)
        return [process.tail for process, _by_request in self._processes if process.wait(seconds=WRITER_SECONDS)]

    def kill(self) -> None:
        """End those that still run."""
        for process, _by_request in self._processes:
            process.kill()


async def run(lineup: Lineup, effort: Effort) -> Verdict:
    """Let it happen; return what was found. Raises only when the harness itself fails."""
    verdict, trouble_before = Verdict(lineup.name, effort.seed), lineup.trouble
    people = [await asyncio.to_thread(lineup.site.add_person, "oracle") for _ in range(effort.users)]
    accounts = {person.pk: Account(person.pk) for person in people}
    news = asyncio.Event()
    async with AsyncExitStack() as stack:
        witnesses = [
            witness
            for person in people
            for witness in await admit(stack, lineup, person, accounts[person.pk], news, effort.witnesses_per_user)
        ]
        verdict.witnesses = len(witnesses)
        for witness in witnesses:
            await witness.until(lambda client: client.replica.epoch)
        first = sum(account.head for account in accounts.values())
        began = time.monotonic()
        writers = await asyncio.to_thread(Writers, lineup, effort, list(accounts))
        stack.callback(writers.kill)
        trouble = Troublemaker(effort.seed, lineup, witnesses, writers.replace, pause_seconds=effort.pause_seconds)
        async with asyncio.TaskGroup() as tasks:
            cutting = tasks.create_task(trouble.cut_now_and_then(effort.cut_seconds))
            breaking = tasks.create_task(trouble.work() if effort.pause_seconds else asyncio.sleep(0))
            if not await enough(accounts, first + effort.changes, news, effort.deadline_seconds):
                verdict.missed.append(f"{effort.changes} changes were not seen within {effort.deadline_seconds} s")
            trouble.finish()
            await breaking
            verdict.missed += await asyncio.to_thread(writers.stop)
            cutting.cancel()
        # a last word from another process: without a layer between them, only the sweeper can deliver it
        await lineup.site.acall("broadcast(title='The last word')")
        settling = time.monotonic()
        truths = {user: await asyncio.to_thread(truth_of, lineup.site, user) for user in accounts}
        for user in accounts:
            unread, unseen, *told = await lineup.site.acall(RECOUNT, user=user)
            if [unread, unseen] != told:
                verdict.missed.append(f"user {user}: the inbox counts {told}, its rows {[unread, unseen]}")
        for witness in witnesses:
            verdict.missed += await differences_of(witness, truths[witness.account.user])
        verdict.settle_seconds = time.monotonic() - settling
        verdict.seconds = time.monotonic() - began
        verdict.changes = sum(truth["inbox"]["modseq"] for truth in truths.values()) - first
        verdict.faults, verdict.fault_counts = [str(fault) for fault in trouble.done], trouble.counts
        judge(verdict, witnesses, accounts, truths, writers.files)
        verdict.trouble = lineup.trouble - trouble_before
        for witness in witnesses:
            witness.replica.problems.clear()  # they are in the verdict
    return verdict


async def admit(
    stack: AsyncExitStack, lineup: Lineup, person: Person, account: Account, news: asyncio.Event, count: int
) -> list[Witness]:
    """Log a person in; let some clients follow: the first knows nothing, the others come with a rendered page."""
    async with Visit(lineup.urls[0]) as visit:
        await visit.login(person)
        cookie = visit.cookie
    code = "from notifications.log.tail import inbox_of; inbox_of(user).position"
    page = await lineup.site.acall(code, user=person.pk)
    witnesses = []
    for number in range(count):
        name = f"{person.username}#{number}"
        options: dict[str, Any] = {"since": page if number else "", "silence_seconds": SILENCE_SECONDS}
        make = SocketWitness if number == count - 1 else Witness  # the last one follows over WebSocket
        witness = make(name, lineup.urls, cookie, account, news, **options)
        witnesses.append(await stack.enter_async_context(witness))
    return witnesses


async def enough(accounts: dict[int, Account], total: int, news: asyncio.Event, seconds: float) -> bool:
    """Wait until the witnesses have got so far together."""
    try:
        async with asyncio.timeout(seconds):
            while sum(account.head for account in accounts.values()) < total:
                await news.wait()
                news.clear()
    except TimeoutError:
        return False
    return True


async def differences_of(witness: Witness, truth: dict[str, Any]) -> list[str]:
    """Wait until a witness stands at the head; return how it differs from the database, and every broken promise."""
    head = f"{truth['inbox']['epoch']}.{truth['inbox']['modseq']}"
    found: list[str] = []
    try:
        await witness.until(lambda client: client.replica.position == head, seconds=SETTLE_SECONDS)
    except AssertionError:
        found.append(f"stands at {witness.replica.position}, not at {head}:\n{witness.story}")
    found += witness.replica.differences(truth) + witness.replica.problems
    return [f"{witness.name}: {text}" for text in found]


def judge(
    verdict: Verdict,
    witnesses: Sequence[Witness],
    accounts: dict[int, Account],
    truths: dict[int, dict[str, Any]],
    files: list[Path],
) -> None:
    """Complete a verdict from what witnesses and writers wrote down."""
    records = list(read_records(files))
    verdict.missed += compare_accounts(accounts, records)
    verdict.foreign = foreign_rows(accounts, truths)
    verdict.staleness = staleness_of(witnesses, records)
    verdict.operations.update(record["kind"] for record in records)
    verdict.errors.update(record["error"] for record in records if record["error"])
    for witness in witnesses:
        verdict.applied_twice += witness.applied_twice
        verdict.backwards += witness.backwards
        verdict.tally.update(witness.tally)
