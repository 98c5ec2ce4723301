"""One fault: clients that follow while something breaks, and the count of what it did to them.

Receives a site. Guarantees that a trial which settles has compared each client with the database, that the second user
saw nothing, and that nothing came later than promised: the sweep interval plus one second.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.support.client import Client, follow
from tests.support.journal import Entry
from tests.support.replica import truth_of
from tests.support.servers import Person, Server, Site
from tests.support.shell import Shell

__all__ = ["ALLOWANCE_SECONDS", "MIXED", "PING_SECONDS", "SWEEP_SECONDS", "Outcome", "Trial", "eventually"]

SWEEP_SECONDS: Final = 1.0
PING_SECONDS: Final = 0.5
PROMISED_SECONDS: Final = SWEEP_SECONDS + 1
# On top of what is promised: the tests share two cores with each other's servers, and on a machine that runs other
# things as well a process may not get its turn for this long. Idle, none of it is needed; the table shows what was.
ALLOWANCE_SECONDS: Final = 2.0
WAIT_SECONDS: Final = 30.0
# Changes of several kinds. Yields [modseq, time before, time after] of each commit: the clock is one for all processes.
MIXED: Final = """
import time
commits = []
for number in range(count):
    began = time.monotonic()
    if number % 3 < 2:
        row = notify(user, title=f"{title} {number}")
    elif number % 2:
        row.mark_read()
    else:
        row.archive()
    commits.append([row.modseq, began, time.monotonic()])
commits
"""
POLL_SECONDS: Final = 0.05  # between two looks at what sends no event: another process's memory, a socket's state
numbers = itertools.count(1)


async def eventually(condition: Callable[[], Awaitable[object]], *, seconds: float = WAIT_SECONDS) -> float:
    """Look until a condition holds; return when it did, as `time.monotonic()`.

    Raises:
        TimeoutError: it did not in time.
    """
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is looked at belongs to another process
            await asyncio.sleep(POLL_SECONDS)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Commit:
    """A change as its writer knows it; times are `time.monotonic()`'s."""

    user: int
    modseq: int
    began: float
    at: float


def commits_of(user: int, told: list[list[float]]) -> list[Commit]:
    """Return what `MIXED` yielded as commits."""
    return [Commit(user, int(modseq), began, at) for modseq, began, at in told]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line of the table."""

    fault: str
    parts: str  # what was run
    changes: int
    missed: int
    applied_twice: int
    seconds: float | None  # worst staleness; None where nobody was to hear anything
    note: str = ""


@dataclass(slots=True)
class Trial:
    """Clients of one user, or several, and those of another one who must see nothing."""

    site: Site
    user: Person
    other: Person
    outcomes: list[Outcome] = field(default_factory=list)
    word: str = field(default_factory=lambda: f"Trial {next(numbers)}:")  # begins each title: to be found in journals
    clients: list[tuple[Client, Person]] = field(default_factory=list)
    bystanders: list[Client] = field(default_factory=list)
    began: dict[Client, float] = field(default_factory=dict)  # when a client stood for the first time
    commits: list[Commit] = field(default_factory=list)
    mended_at: float = 0.0
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def follow(self, *servers: Server | str, person: Person | None = None, **options: Any) -> list[Client]:
        """Have the user (or another person) follow at each of these servers, and the other one at the last of them."""
        whose = person or self.user
        mine = [await self.stack.enter_async_context(follow(each, whose, **options)) for each in servers]
        for client in mine:
            self.add(client, whose)
        self.bystanders.append(await self.stack.enter_async_context(follow(servers[-1], self.other)))
        return mine

    def add(self, client: Client, person: Person) -> None:
        """Count this client's staleness from now on, and compare it at the end."""
        self.clients.append((client, person))
        self.began[client] = time.monotonic()

    async def write(self, count: int = 9, *, shell: Shell | None = None, code: str = MIXED) -> list[Commit]:
        """Change the user's inbox so many times in another process; return the commits."""
        call = shell.call if shell else self.site.call
        told = await asyncio.to_thread(call, code, user=self.user.pk, count=count, title=self.word)
        return self.wrote(commits_of(self.user.pk, told))

    async def order(self, server: Server | str, name: str, **names: Any) -> Any:
        """Have a server's own process do something; see `urls.py`."""
        url = server if isinstance(server, str) else server.url
        async with httpx.AsyncClient(base_url=url, timeout=WAIT_SECONDS, trust_env=False) as http:
            answer = await http.post(f"/faults/{name}/", json=names)
            assert answer.status_code == 200, answer.text[:2000]
            return answer.json()["value"]

    async def write_in(self, server: Server, count: int = 9, *, name: str = "run", code: str = MIXED) -> list[Commit]:
        """Change the user's inbox so many times in a server's own process; return the commits."""
        told = await self.order(server, name, code=code, user=self.user.pk, count=count, title=self.word)
        return self.wrote(commits_of(self.user.pk, told))

    def expect(self, modseq: int, began: float) -> None:
        """Note a commit whose writer could not tell of it any more; it came after `began`, from which it is counted."""
        self.commits.append(Commit(self.user.pk, modseq, began, began))

    def wrote(self, commits: list[Commit]) -> list[Commit]:
        """Note commits of another writer."""
        self.commits += commits
        return commits

    def mended(self) -> None:
        """Say that the fault is over where it took the line or the database: staleness is counted from now at least."""
        self.mended_at = time.monotonic()

    async def settle(
        self, fault: str, parts: str, *, note: str = "", changes: int | None = None, told_anew: bool = False
    ) -> None:
        """Wait until every client stands at the head; compare everything and note the outcome.

        Args:
            note: what else was measured.
            changes: how many there were, where they were not made by `write()`.
            told_anew: whether the fault gives everybody a reset: then the other user has one as well, of their own inbox.
        """
        missed: list[str] = []
        for client, person in self.clients:
            truth = await asyncio.to_thread(truth_of, self.site, person.pk)
            head = f"{truth['inbox']['epoch']}.{truth['inbox']['modseq']}"
            await client.until(lambda client, head=head: client.replica.position == head, seconds=WAIT_SECONDS)  # type: ignore[misc]
            missed += client.replica.differences(truth) + client.replica.problems
        twice = sum(applied_twice(client.journal.entries) for client, _person in self.clients)
        heard = self.clients if self.commits else []
        seconds = max([self._staleness(client, person) for client, person in heard], default=None)
        count = len(self.commits) if changes is None else changes
        stories = "\n".join(client.story for client, _person in self.clients)
        assert not missed, "\n".join([*missed, stories])
        assert not twice, stories
        in_time = seconds is None or seconds <= PROMISED_SECONDS + ALLOWANCE_SECONDS
        assert in_time, f"{seconds:.2f} s after the commit:\n{stories}"
        for client in self.bystanders:
            await self._saw_nothing(client, told_anew=told_anew)
        self.outcomes.append(Outcome(fault, parts, count, len(missed), twice, seconds, note))

    async def _saw_nothing(self, client: Client, *, told_anew: bool) -> None:
        await client.next("ping")  # whatever was sent before has arrived
        assert not client.changes, client.story
        assert not client.journal.mentions(self.word), client.story
        assert not client.replica.items, client.story
        assert told_anew or len(client.all("reset")) == 1, client.story  # the one it began with

    def _staleness(self, client: Client, person: Person) -> float:
        """Return the longest time from a commit to its application, the client's own time without a line left out."""
        began = self.began[client]  # what was committed before is in the first snapshot
        mine = [commit for commit in self.commits if commit.user == person.pk and commit.at >= began]
        return max([self._time_to(client.journal.entries, commit) for commit in mine], default=0.0)

    def _time_to(self, entries: Iterable[Entry], commit: Commit) -> float:
        opened_at = 0.0
        for entry in entries:
            if entry.event == "open":
                opened_at = entry.at
            if entry.outcome == "applied" and entry.at >= commit.began and entry.data["modseq"] >= commit.modseq:
                since = max(commit.at, opened_at, self.mended_at if entry.at >= self.mended_at else 0.0)
                return max(0.0, entry.at - since)
        return 0.0  # of a history that was replaced before anybody heard of it


def applied_twice(entries: Iterable[Entry]) -> int:
    """Count the rows that a client took in again, in a version it had applied before."""
    seen: set[tuple[int, int]] = set()
    twice = 0
    for entry in entries:
        if entry.outcome != "applied":
            continue
        if entry.event == "reset":
            seen = set()
        rows = {(row["id"], row["modseq"]) for row in entry.data.get("upsert", ())}
        twice += len(rows & seen)
        seen |= rows
    return twice
