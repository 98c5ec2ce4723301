"""One run of the oracle: writers and lines at work on a line-up while things go wrong; at quiet, the verdict.

Truth is the trail (`trail.py`), put in order by `history.py`, which holds the log to its own rules; every line's journal is
then judged against it, frame by frame (`judge.py`). At quiet each line has to stand at the database's head, and the
trail's end has to be the database as it is, or the oracle itself has missed something.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.processes import Process
from tests.support.servers import PYTHON, Person
from tests.support.shell import ROOT
from tests.support.visit import Visit

from .faults import FIRST_INBOX, Troublemaker, insist
from .history import History, Item, item_of, read_history
from .judge import Finding, judge
from .lines import Line, PollLine, SocketLine, StreamLine
from .lineups import Lineup
from .reader import Heard
from .trail import Entry, Trail
from .verdict import Verdict, staleness_of

__all__ = ["Effort", "Evidence", "run", "try_evidence"]

# Sweep and reconnect on a busy machine; well below the age at which streams are rotated, which would mend them anyway.
SETTLE_SECONDS: Final = 15.0
SETTLE_POLL_SECONDS: Final = 0.05
REST_SECONDS: Final = 60.0  # a broadcast whose worker was killed waits out its lease
WRITER_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.5  # between two looks at how far the writers are
TABS: Final = 4  # further ones of one user, from whom nothing is deleted: its log can always be continued
numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a run does. The same seed draws the same faults and the same operations."""

    seed: str
    changes: int
    users: int = 4
    writers: int = 2  # processes of their own, of two threads each
    requesting_writers: int = 1  # which have the servers' processes write
    operations_per_second: float = 120.0  # all writers together
    pause_seconds: float = 0.0  # between two faults, on average; 0: none at all
    disturb_seconds: float = 0.25  # between two disturbances of some line, on average
    deadline_seconds: float = 120.0
    without: tuple[str, ...] = ()  # operations and faults that are left out


@dataclass(slots=True)
class Evidence:
    """All that a verdict rests on. A test may doctor a copy."""

    users: list[int]
    trail: list[Entry]
    journals: dict[str, tuple[int, list[Heard]]] = field(default_factory=dict)


class Writers:
    """The writer processes of a run, and the files in which they write down how it went."""

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
            "threads": 2,
            "records": str(file),
            "urls": self._lineup.urls if by_request else [],
            "without": self._effort.without,
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
        codes = [process.wait(seconds=WRITER_SECONDS) for process, _by_request in self._processes]
        # one that was only just started dies of the signal
        ends = zip(self._processes, codes, strict=True)
        return [process.tail for (process, _by_request), code in ends if code not in (0, -signal.SIGTERM)]

    def kill(self) -> None:
        """End those that still run."""
        for process, _by_request in self._processes:
            process.kill()

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield what they wrote down. The last line of one that was killed may be cut; it is passed over."""
        for file in self.files:
            for line in file.read_text().splitlines() if file.exists() else ():
                if line.endswith("}"):
                    yield json.loads(line)


async def run(lineup: Lineup, effort: Effort) -> tuple[Verdict, Evidence]:
    """Let it happen; return what was found, and what by. Raises only when the harness itself fails."""
    verdict, trouble_before = Verdict(lineup.name, effort.seed), lineup.trouble
    trail = lineup.site.trail
    await asyncio.to_thread(trail.execute, "UPDATE auth_user SET is_active = %s", [False])  # those of earlier rounds
    await asyncio.to_thread(lineup.site.add_person, "staff", is_admin=True)
    people = [await asyncio.to_thread(lineup.site.add_person, "oracle") for _ in range(effort.users)]
    users = [person.pk for person in people]
    await asyncio.to_thread(trail.clear)
    async with AsyncExitStack() as stack:
        first = asyncio.create_task(insist(lineup.site.call, FIRST_INBOX, user=users[0], seconds=1.0))
        most = next(person.pk for person in people if not may_lose(person.pk))
        lines = [
            line for person in people for line in await admit(stack, lineup, person, tabs=TABS * (person.pk == most))
        ]
        verdict.lines = len(lines)
        await first
        began = time.monotonic()
        writers = await asyncio.to_thread(Writers, lineup, effort, users)
        stack.callback(writers.kill)
        await break_things(verdict, lineup, effort, lines, writers)
        # a last word from another process: without a layer between them, only the sweeper can deliver it
        await come_to_rest(trail)
        await lineup.site.acall("broadcast(title='The last word')")
        await settle(verdict, lines, trail)
        verdict.seconds = time.monotonic() - began
        entries = await asyncio.to_thread(trail.read)
        evidence = Evidence(users, entries, {line.name: (line.user, list(line.journal)) for line in lines})
        await asyncio.to_thread(weigh, verdict, evidence, lines, lineup)
        count(verdict, writers, lines)
        verdict.trouble = lineup.trouble - trouble_before
    return verdict, evidence


async def admit(stack: AsyncExitStack, lineup: Lineup, person: Person, *, tabs: int) -> list[Line]:
    """Log a person in; let clients follow: one that knows nothing, one over WebSocket, a page or a poller, further tabs."""
    async with Visit(lineup.urls[0]) as visit:
        await visit.login(person)
        cookie = visit.cookie
    common = (person.pk, lineup.urls, cookie)
    lines: list[Line] = [
        StreamLine(f"{person.username} stream", *common),
        SocketLine(f"{person.username} socket", *common, may_delete=may_lose(person.pk)),
        StreamLine(f"{person.username} page", *common, begins_with_page=True)
        if person.pk % 3
        else PollLine(f"{person.username} poll", *common),
        *(StreamLine(f"{person.username} tab {number}", *common, begins_with_page=True) for number in range(tabs)),
    ]
    return [await stack.enter_async_context(line) for line in lines]


def may_lose(user: int) -> bool:
    """Return whether writers may delete something from this user, as `operations.may_lose()` says."""
    return user % 2 == 0


async def break_things(
    verdict: Verdict, lineup: Lineup, effort: Effort, lines: Sequence[Line], writers: Writers
) -> None:
    """Let the writers write so much as is wanted while things go wrong."""
    trouble = Troublemaker(
        effort.seed, lineup, lines, writers.replace, pause_seconds=effort.pause_seconds, without=effort.without
    )
    async with asyncio.TaskGroup() as tasks:
        disturbing = tasks.create_task(trouble.disturb(effort.disturb_seconds))
        breaking = tasks.create_task(trouble.work() if effort.pause_seconds else asyncio.sleep(0))
        if not await enough(lines, effort.changes, effort.deadline_seconds):
            verdict.failed.append(f"{effort.changes} changes were not seen within {effort.deadline_seconds} s")
        trouble.finish()
        await breaking
        verdict.failed += await asyncio.to_thread(writers.stop)
        disturbing.cancel()
    verdict.failed += trouble.refusals
    verdict.faults, verdict.fault_counts = [str(fault) for fault in trouble.done], trouble.counts


async def enough(lines: Sequence[Line], changes: int, seconds: float) -> bool:
    """Wait until the clients have got so far together."""
    deadline = time.monotonic() + seconds
    farthest: dict[tuple[int, int], int] = {}
    while sum(farthest.values()) < changes:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
        for line in lines:
            key = line.user, line.reader.epoch
            farthest[key] = max(farthest.get(key, 0), line.reader.modseq)
    return True


async def come_to_rest(trail: Trail) -> None:
    """Wait until no broadcast is under way. For what the servers' own workers do after that `settle()` waits."""
    states = "'sending', 'retracting', 'expiring', 'scheduled'"
    busy = f"SELECT count(*) FROM live_notifications_broadcast WHERE state IN ({states})"  # noqa: S608
    with suppress(TimeoutError):
        async with asyncio.timeout(REST_SECONDS):
            while (await asyncio.to_thread(trail.execute, busy))[0][0]:  # noqa: ASYNC110 - it is in other processes
                await asyncio.sleep(POLL_SECONDS)


async def settle(verdict: Verdict, lines: Sequence[Line], trail: Trail) -> None:
    """Wait until every line stands at the head, wherever that is."""
    began = time.monotonic()
    while True:
        heads = await asyncio.to_thread(trail.heads)
        missing = [text for line in lines if (text := difference_of(line, heads[line.user]))]
        verdict.settle_seconds = time.monotonic() - began
        if not missing or verdict.settle_seconds > SETTLE_SECONDS:
            break
        await asyncio.sleep(SETTLE_POLL_SECONDS)
    verdict.findings += missing


def difference_of(line: Line, inbox: dict[str, int]) -> Finding | None:
    """Return what keeps a line from being at rest."""
    head, here = (inbox["epoch"], inbox["modseq"]), (line.reader.epoch, line.reader.modseq)
    told, counters = (line.reader.unread, line.reader.unseen), (inbox["unread"], inbox["unseen"])
    if here != head:
        why = line.died_of or [f"{heard.event} {heard.id}" for heard in line.journal[-5:]]
        return Finding("missed", line.name, f"stands at {here}, not at {head}: {why}")
    return Finding("counters", line.name, f"ends with {told}, the inbox: {counters}") if told != counters else None


def weigh(verdict: Verdict, evidence: Evidence, lines: Sequence[Line], lineup: Lineup) -> None:
    """Judge the log and every line."""
    began = time.monotonic()
    histories = try_evidence(verdict, evidence)
    rows: dict[int, dict[int, Item]] = {user: {} for user in evidence.users}
    for user, row in lineup.site.trail.rows():
        if user in rows:
            rows[user][row["id"]] = item_of(row)
    for user, history in histories.items():
        if history.rows != rows[user]:
            verdict.failed.append(
                f"user {user}: the trail does not lead to the rows that there are; the oracle is wrong"
            )
    verdict.staleness = staleness_of(lines, histories)
    verdict.judge_seconds = time.monotonic() - began


def try_evidence(verdict: Verdict, evidence: Evidence) -> dict[int, History]:
    """Judge the log by the trail and the clients by their journals; return the histories."""
    histories = read_history(evidence.trail, evidence.users)
    for history in histories.values():
        verdict.changes += history.changes
        verdict.broken += history.broken
        verdict.drifts_mended += history.mended_by_itself
    for name, (user, journal) in evidence.journals.items():
        judged = judge(name, histories[user], journal)
        verdict.findings += judged.findings
        verdict.tally += judged.tally
        verdict.frames += judged.tally["change"] + judged.tally["reset"]
    return histories


def count(verdict: Verdict, writers: Writers, lines: Sequence[Line]) -> None:
    """Add up how the operations went."""
    for record in writers.records():
        verdict.operations[record["kind"]] += 1
        if record["error"]:
            (verdict.refused if record["is_expected"] else verdict.errors)[record["error"]] += 1
    verdict.slowest_hello = max(line.slowest_hello for line in lines)
    verdict.failed += [f"{line.name} died: {line.died_of}" for line in lines if line.died_of]
