"""History: the trail of one user, put in order and held against the log's own rules.

Receives the entries of a trail. Guarantees for each user the state of every row and of the counters at every position,
and a list of broken rules:

- A transaction that changes an inbox or any of its rows raises the inbox's `modseq` by exactly one, and no two
  transactions leave an inbox at the same `modseq` of the same epoch.
- Each row that a transaction touched and left behind is stamped with that number.
- At every commit `unread` is the number of rows neither read nor archived; `unseen` is how many of these are stamped above
  `seen_upto`.
- `floor` rises only where rows were deleted.

What a fault of the oracle's own did past the log (raw SQL, a restored backup) says so in the same transaction by a mark:

    drift     the counters are wrong from here on: they are not judged up to the mark `repaired`, or until they are right
    restored  rows and inbox were replaced: this transaction keeps no rule, and must change the epoch

A history is cut into eras, one for each epoch: within one, numbers only rise.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from .trail import Entry

__all__ = [
    "ARCHIVED_AT",
    "READ_AT",
    "Commit",
    "Counters",
    "Era",
    "History",
    "Item",
    "is_unread",
    "item_of",
    "read_history",
]

Item = tuple[Any, ...]  # a row as a client may know it; see `item_of()`
TEXTS: Final = ("category", "level", "title", "body", "url", "actor", "topic")
TIMES: Final = ("created_at", "read_at", "archived_at")
READ_AT, ARCHIVED_AT = -2, -1


def item_of(row: Mapping[str, Any]) -> Item:
    """Return all that a client may know of a row, from the wire or from the database, in one form to compare."""
    data = json.loads(row["data"]) if isinstance(row["data"], str) else row["data"]
    texts = [row[name] for name in TEXTS]
    return (row["id"], row["modseq"], *texts, json.dumps(data, sort_keys=True), *(moment(row[name]) for name in TIMES))


@lru_cache(maxsize=4096)
def moment(text: str | datetime | None) -> datetime | None:
    """Return a time as the databases and the wire write it; one without an offset is UTC."""
    if text is None:
        return None
    time = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def is_unread(item: Item | None) -> bool:
    """Return whether a row counts as unread."""
    return item is not None and item[READ_AT] is None and item[ARCHIVED_AT] is None


class Counters(NamedTuple):
    """What an inbox counted, from when."""

    modseq: int
    at: float
    unread: int
    unseen: int


@dataclass(slots=True)
class Commit:
    """What one transaction left of one user's inbox."""

    tx: int
    at: float
    modseq: int
    floor: int
    touched: dict[int, Item | None]  # None: it is gone
    marks: frozenset[str]


@dataclass(slots=True)
class Era:
    """One epoch. `base` is what was there when it began, at position `first`."""

    epoch: int
    first: int
    began: float
    base: dict[int, Item]
    commits: dict[int, Commit] = field(default_factory=dict)
    counters: list[Counters] = field(default_factory=list)
    _touches: dict[int, tuple[list[int], list[Item | None]]] = field(default_factory=dict)

    @property
    def head(self) -> int:
        return max(self.commits, default=self.first)

    def add(self, commit: Commit) -> None:
        self.commits[commit.modseq] = commit
        for row, item in commit.touched.items():
            modseqs, items = self._touches.setdefault(row, ([], []))
            modseqs.append(commit.modseq)
            items.append(item)

    def at(self, row: int, modseq: int) -> Item | None:
        """Return a row as it was at a position; None: it was not there."""
        modseqs, items = self._touches.get(row, ((), ()))
        index = bisect_right(modseqs, modseq)
        return items[index - 1] if index else self.base.get(row)

    def next_touch(self, row: int, modseq: int) -> Commit | None:
        """Return the first commit after a position that changed this row."""
        modseqs, _items = self._touches.get(row, ((), ()))
        index = bisect_right(modseqs, modseq)
        return self.commits[modseqs[index]] if index < len(modseqs) else None

    def touched(self, after: int, up_to: int) -> set[int]:
        """Return the rows that changed between two positions."""
        numbers = (self.commits[number] for number in range(after + 1, up_to + 1) if number in self.commits)
        return {row for commit in numbers for row in commit.touched}

    def rows_at(self, modseq: int) -> list[Item]:
        """Return all rows at a position, newest first."""
        keys = sorted(self.base.keys() | self._touches.keys(), reverse=True)
        return [item for row in keys if (item := self.at(row, modseq)) is not None]

    def counters_from(self, modseq: int) -> Iterator[Counters]:
        """Yield what was counted at a position, and since."""
        for index in range(bisect_left(self.counters, modseq, key=lambda each: each.modseq), len(self.counters)):
            yield self.counters[index]


class History:
    """One user's. `broken` says where a rule of the log was."""

    def __init__(self, user: int) -> None:
        self.user = user
        self.eras: dict[int, Era] = {}
        self.rows: dict[int, Item] = {}
        self.broken: list[str] = []
        self.known: set[int] = set()  # every row there ever was
        self.others: set[int] = set()  # and every row of anybody else
        self.mended_by_itself = 0
        self._is_drifted = False
        self._unread: set[int] = set()
        self._era: Era | None = None
        self._inbox: Mapping[str, int] | None = None

    @property
    def changes(self) -> int:
        return sum(len(era.commits) for era in self.eras.values())

    def add(self, entries: list[Entry]) -> None:
        """Take in what one transaction wrote, in order."""
        marks = frozenset(entry.op for entry in entries if entry.kind == "mark")
        touched: dict[int, Item | None] = {}
        before, inbox = self._inbox, self._inbox
        for entry in entries:
            if entry.kind == "row":
                self.known.add(entry.row)
                touched[entry.row] = None if entry.op == "D" else item_of(entry.data)
            elif entry.kind == "inbox":
                inbox = entry.data
        touched = {row: item for row, item in touched.items() if item is not None or row in self.rows}
        where = f"user {self.user}, transaction {entries[0].tx}"
        if inbox is None:
            if touched:
                self.broken.append(f"{where}: rows {sorted(touched)} were written and there is no inbox")
            return
        if before is not None and inbox["epoch"] == before["epoch"] and not marks & {"restored", "drift"}:
            may_raise_floor = "repaired" in marks or self._is_drifted or any(entry.op == "D" for entry in entries)
            self._judge_number(where, before, inbox, touched, may_raise_floor)
        self._apply(entries[-1].at, entries[0].tx, inbox, touched, marks)
        self._judge_counters(f"{where} at {inbox['modseq']}", inbox, marks)

    def _judge_number(
        self,
        where: str,
        before: Mapping[str, int],
        inbox: Mapping[str, int],
        touched: dict[int, Item | None],
        may_raise_floor: bool,
    ) -> None:
        changed = {row for row, item in touched.items() if item != self.rows.get(row)}
        is_write = changed or any(inbox[name] != before[name] for name in ("unread", "unseen", "seen_upto"))
        raised = inbox["modseq"] - before["modseq"]
        if raised != 1 and (is_write or raised):
            what = f"rows {sorted(changed)[:10]}" if changed else "counters"
            self.broken.append(f"{where}: changed {what} and went from {before['modseq']} to {inbox['modseq']}")
        if inbox["floor"] < before["floor"]:
            self.broken.append(f"{where}: the floor went from {before['floor']} down to {inbox['floor']}")
        if inbox["floor"] > before["floor"] and not may_raise_floor:
            self.broken.append(f"{where}: the floor rose to {inbox['floor']} though nothing was deleted")
        for row in changed:
            item = touched[row]
            if item is not None and item[1] != inbox["modseq"]:
                self.broken.append(f"{where}: row {row} is stamped {item[1]}, the inbox stands at {inbox['modseq']}")

    def _apply(
        self, at: float, tx: int, inbox: Mapping[str, int], touched: dict[int, Item | None], marks: frozenset[str]
    ) -> None:
        for row, item in touched.items():
            if item is None:
                self.rows.pop(row, None)
            else:
                self.rows[row] = item
            (self._unread.add if is_unread(item) else self._unread.discard)(row)
        if self._era is None or inbox["epoch"] != self._era.epoch:
            self._begin_era(at, tx, inbox, touched)
        assert self._era is not None
        if inbox["modseq"] > self._era.first:
            same = self._era.commits.get(inbox["modseq"])
            if same is None or touched:  # two that share a number were told above; clients are judged by both together
                everything = (same.touched if same else {}) | touched
                self._era.add(Commit(tx, at, inbox["modseq"], inbox["floor"], everything, marks))
        self._era.counters.append(Counters(inbox["modseq"], at, inbox["unread"], inbox["unseen"]))
        self._inbox = inbox

    def _begin_era(self, at: float, tx: int, inbox: Mapping[str, int], touched: dict[int, Item | None]) -> None:
        if inbox["epoch"] in self.eras:
            self.broken.append(f"user {self.user}, transaction {tx}: epoch {inbox['epoch']} came back")
        # a new inbox stands at 1; what its first transaction wrote is a change like any other
        is_first_write = self._inbox is None and bool(touched)
        first = inbox["modseq"] - is_first_write
        self._era = self.eras[inbox["epoch"]] = Era(
            inbox["epoch"], first, at, {} if is_first_write else dict(self.rows)
        )

    def _judge_counters(self, where: str, inbox: Mapping[str, int], marks: frozenset[str]) -> None:
        unread = len(self._unread)
        unseen = sum(self.rows[row][1] > inbox["seen_upto"] for row in self._unread)
        is_right = (inbox["unread"], inbox["unseen"]) == (unread, unseen)
        if "drift" in marks:
            self._is_drifted = True
        elif is_right:
            self.mended_by_itself += self._is_drifted and "repaired" not in marks
            self._is_drifted = False
        elif not self._is_drifted or "repaired" in marks:
            told = inbox["unread"], inbox["unseen"]
            self.broken.append(f"{where}: the inbox counts {told} unread and unseen, its rows are {(unread, unseen)}")
            self._is_drifted = True  # said once


def read_history(entries: Iterable[Entry], users: Iterable[int]) -> dict[int, History]:
    """Return the history of each of these users."""
    histories = {user: History(user) for user in users}
    written: dict[tuple[int, int], list[Entry]] = defaultdict(list)
    owners: dict[int, int] = {}
    for entry in entries:
        if entry.kind == "row":
            owners[entry.row] = entry.user
        if entry.user in histories:
            written[entry.user, entry.tx].append(entry)
    # whoever changes an inbox holds its row until the commit, so the last writes stand in the order of the commits
    for (user, _tx), mine in sorted(written.items(), key=lambda pair: last_inbox(pair[1])):
        histories[user].add(mine)
    for history in histories.values():
        history.others = owners.keys() - history.known
    return histories


def last_inbox(entries: list[Entry]) -> int:
    return max((entry.seq for entry in entries if entry.kind == "inbox"), default=entries[-1].seq)
