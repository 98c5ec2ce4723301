"""The judge: replays a client's journal against the history of its user, frame by frame.

Receives what a client heard and did, and what the database says was committed. Guarantees a finding wherever a frame told
something that was not so, or left out what the client had to be told. The rules, from docs/protocol.md alone; where it
leaves a choice, the strict reading:

- **A change** takes a client from its own position to `modseq`, a number that was committed. Each row in `upsert` is the
  row as it was at `modseq`, in every field, and had changed since `prev`; each in `gone` was not there any more.
- **Afterwards the client knows every row that changed on the way**, in the version of `modseq`, whatever kind of frame it
  was. One excuse: when the frame arrived the row had changed again already. Then it is *due*: the client has to know it
  once it stands there. So a row that moves on for ever need not be told, and one that rests is.
- **A frame with `read_upto` carries no rows**, so it tells only of rows that the client knows. A row that is due, or has
  changed since the client began, cannot be told by it. Only of a row that was never the client's to know, because the
  page or snapshot that it began with left it out and it has not changed since, need the client not hear in this way.
- **A snapshot** is what was there at its position: the newest rows that are not archived, 20 or as many as there are (fewer
  only where they take 32 KiB), and the counters of this very position. What it leaves out the client need not know
  until it changes.
- **A page** (the API's first list) is a snapshot in all but its length.
- **A reset** comes for a reason that holds: no position, one that is malformed, of another epoch or ahead of the log; rows
  were deleted after it; more than 300 rows changed since, or much in one transaction.
- **Counters** of a frame are those of a commit at its position, or of a later one that was committed when it arrived.
- **A position** goes back only with another epoch; nothing is told twice; no row of anybody else is told. A ping names
  the client's own position.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .history import Commit, Era, History, Item, is_unread
from .reader import APPLIED, FOREIGN, GAP, Heard, Reader, parse_position

__all__ = ["Finding", "Judge", "judge"]

PAGE_ROWS: Final = 20
REPLAY_ROWS: Final = 300
SNAPSHOT_BYTES: Final = 32 * 1024
LONG_BYTES: Final = 12 * 1024  # of text in one transaction; as JSON, with names, times and escapes, it may be 32 KiB
STORY: Final = 8  # lines of the journal before a finding that are shown with it


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise."""

    kind: str  # missed, otherwise, twice, backwards, foreign, gap, counters, snapshot, reset, hello, unknown
    client: str
    text: str
    story: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n      ".join([f"{self.kind.upper()} {self.client}: {self.text}", *self.story])


@dataclass(frozen=True, slots=True)
class Due:
    """A row that a frame left out because it had changed again: to be known from `modseq` on."""

    modseq: int
    since: int


@dataclass(slots=True)
class Judge:
    """One client, from its first line to its last."""

    client: str
    history: History
    findings: list[Finding] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    reader: Reader = field(default_factory=Reader)
    due: dict[int, Due] = field(default_factory=dict)
    base: int = 0  # where it began: the position of its last page or snapshot
    _saved: dict[int, tuple[Reader, dict[int, Due], int]] = field(default_factory=dict)
    _asked: str = ""
    _is_first: bool = True  # nothing was told since it asked
    _owes_reset: bool = False
    _lines: list[Heard] = field(default_factory=list)
    _now: float = 0.0

    def take(self, line: Heard) -> None:
        """Judge the next line."""
        self._now = line.at
        self._lines = [*self._lines[1 - STORY :], line]
        self.tally[line.event] += 1
        handle: Callable[[Heard], None] | None = getattr(self, f"_take_{line.event}", None)
        if handle is not None:
            handle(line)

    def finish(self) -> None:
        """Compare all that the client knows with the rows as they were at its position, once more and wholly."""
        era = self.history.eras.get(self.reader.epoch)
        if era is None:
            self._find("missed", f"stands at {self.reader.position!r}, of which the database knows nothing")
            return
        for row, item in self.reader.items.items():
            if row not in self.due and era.at(row, self.reader.modseq) != item:
                self._find("missed", f"ends with {shown(item)}; it is {shown(era.at(row, self.reader.modseq))}")
        for row, due in self.due.items():
            self._find("missed", f"row {row} was left out at {due.since}, is due from {due.modseq} and was never told")

    # --- what the client does

    def _take_open(self, line: Heard) -> None:
        self._asked, self._is_first, self._owes_reset = line.id, True, False

    def _take_page(self, line: Heard) -> None:
        position = line.data["position"]
        self.reader.start(position, line.data["items"], line.data)
        self._begin()
        self._judge_snapshot("the page", position, line.data["items"], line.data)

    def _take_gone(self, _line: Heard) -> None:
        self.reader = Reader()
        self._begin()

    def _take_save(self, line: Heard) -> None:
        self._saved[line.data] = self.reader.copy(), dict(self.due), self.base

    def _take_rewind(self, line: Heard) -> None:
        reader, due, self.base = self._saved[line.data]
        self.reader, self.due = reader.copy(), dict(due)

    def _begin(self) -> None:
        self.due.clear()
        self.base = self.reader.modseq

    # --- what it hears

    def _take_hello(self, line: Heard) -> None:
        mode = line.data["mode"]
        if mode == "resume" and line.id != self._asked:
            self._find("hello", f"resumes at {line.id}, the client asked for {self._asked!r}")
        if mode == "reset" and not line.id.endswith(".0"):
            self._find("hello", f"announces a reset and has the id {line.id}")
        self._owes_reset = mode == "reset"
        if era := self.history.eras.get(line.data["epoch"]):
            self._judge_counters("hello", era, parse_position(line.id)[1], line.data)
        else:
            self._find("unknown", f"hello of epoch {line.data['epoch']}, which there never was")

    def _take_ping(self, line: Heard) -> None:
        if "modseq" in line.data and line.data["modseq"] != self.reader.modseq:
            self._find("missed", f"a ping says {line.data['modseq']}, the client stands at {self.reader.modseq}")

    def _take_answer(self, line: Heard) -> None:
        """What the API says besides the changes that it tells."""
        if line.id != self.reader.position:
            self._find("missed", f"an answer says {line.id}, what it told leads to {self.reader.position}")
        self._take_done(line)

    def _take_done(self, line: Heard) -> None:
        """What an order over a WebSocket is answered with."""
        epoch, modseq = parse_position(line.data["position"])
        if era := self.history.eras.get(epoch):
            self._judge_counters("an answer", era, modseq, line.data)
        else:
            self._find("unknown", f"an answer says {line.data['position']}, of which the database knows nothing")

    def _take_reset(self, line: Heard) -> None:
        before, self._owes_reset = self.reader, False
        self.reader = Reader()
        self.reader.take("reset", line.id, line.data)
        if self.reader.epoch == before.epoch and self.reader.modseq < before.modseq:
            self._find("backwards", f"a reset from {before.position} back to {line.id}")
        self._judge_snapshot("a reset", line.id, line.data["snapshot"]["items"], line.data["snapshot"])
        self._judge_reason(line, before)
        self._begin()
        self._is_first = False
        self.tally[f"reset {line.data['reason']}"] += 1

    def _take_change(self, line: Heard) -> None:
        before = self.reader.modseq
        held = {row["id"]: self.reader.items.get(row["id"]) for row in line.data["upsert"]}
        known = dict(self.reader.items) if "read_upto" in line.data else {}
        if self._owes_reset:
            self._find("reset", f"hello announced one, and a change to {line.id} came")
        outcome, self._is_first = self.reader.take("change", line.id, line.data), False
        self.tally[f"change {outcome}"] += 1
        self._judge_owner(line)
        if outcome in (GAP, FOREIGN):
            here = self.reader.position
            self._find("gap", f"a change from {line.data['prev']} to {line.id}; the client stands at {here}")
        if outcome != APPLIED:
            return
        self.tally["change overlaps"] += line.data["prev"] != before
        era = self.history.eras.get(self.reader.epoch)
        if era is None or self.reader.modseq not in era.commits:
            self._find("unknown", f"a change to {line.id}, which was never committed")
            return
        self._judge_told(line, era, before, held)
        self._judge_known(line, era, before, known)
        self._judge_counters("a change", era, self.reader.modseq, line.data)

    # --- the rules

    def _judge_owner(self, line: Heard) -> None:
        told = {row["id"] for row in line.data["upsert"]} | set(line.data["gone"])
        for row in sorted(told & self.history.others):
            self._find("foreign", f"told of row {row}, which is not this user's")
        for row in sorted(told - self.history.others - self.history.known):
            self._find("unknown", f"told of row {row}, which was never committed")

    def _judge_told(self, line: Heard, era: Era, before: int, held: Mapping[int, Item | None]) -> None:
        modseq = self.reader.modseq
        for row, previous in held.items():
            mine, truth = self.reader.items.get(row), era.at(row, modseq)
            if mine is None:
                self._find("otherwise", f"row {row} is both told and gone at {modseq}")
            elif mine != truth:
                self._find("otherwise", f"at {modseq} told {shown(mine)}; it was {shown(truth)}")
            elif previous == mine:
                self._find("twice", f"at {modseq} told once more what it knew: {shown(mine)}")
            elif previous != mine and mine[1] <= min(before, line.data["prev"]):
                self._find("twice", f"from {before} to {modseq} told {shown(mine)}, unchanged since {mine[1]}")
        for row in line.data["gone"]:
            if era.at(row, modseq) is not None:
                self._find("otherwise", f"at {modseq} told that row {row} is gone; it is {shown(era.at(row, modseq))}")

    def _judge_known(self, line: Heard, era: Era, before: int, known: Mapping[int, Item]) -> None:
        """See that the client knows all that changed on its way, and that a `read_upto` changed nothing else."""
        modseq = self.reader.modseq
        reread = {row for row, item in known.items() if self.reader.items.get(row) != item}
        for row in era.touched(before, modseq) | reread | self.due.keys():
            mine, truth = self.reader.items.get(row), era.at(row, modseq)
            if mine == truth:
                self.due.pop(row, None)
                continue
            again = era.next_touch(row, modseq)
            if again is not None and again.at <= self._now and row not in reread:
                self.due[row] = Due(again.modseq, modseq)
                continue
            if mine is None and row not in self.due and self._was_never_owed(line, era.at(row, modseq - 1)):
                self.tally["read beyond what it knows"] += 1
                continue
            self.due.pop(row, None)
            how = " by a frame with read_upto" if "read_upto" in line.data else ""
            self._find("missed", f"from {before} to {modseq}{how}: knows {shown(mine)}; it is {shown(truth)}")

    def _was_never_owed(self, line: Heard, item: Item | None) -> bool:
        """Return whether a `read_upto` read a row that has not changed since the client began without it."""
        if "read_upto" not in line.data or item is None:
            return False
        return is_unread(item) and item[1] <= min(line.data["read_upto"], self.base)

    def _judge_counters(self, what: str, era: Era, modseq: int, told: Mapping[str, int]) -> None:
        pair = told["unread"], told["unseen"]
        true: list[tuple[int, int]] = []
        for counted in era.counters_from(modseq):
            if true and counted.at > self._now and counted.modseq != modseq:
                break
            true.append((counted.unread, counted.unseen))
            if true[-1] == pair:
                return
        self._find("counters", f"{what} at {modseq} told {pair} unread and unseen; the inbox counted {true[:5]} there")

    def _judge_snapshot(
        self, what: str, position: str, items: Sequence[Mapping[str, Any]], counters: Mapping[str, int]
    ) -> None:
        era, modseq = self.history.eras.get(self.reader.epoch), self.reader.modseq
        if era is None or (modseq not in era.commits and modseq != era.first):
            self._find("unknown", f"{what} at {position}, which there never was")
            return
        for row in sorted({row["id"] for row in items} & self.history.others):
            self._find("foreign", f"{what} told of row {row}, which is not this user's")
        self._compare_rows(f"{what} at {position}", era, items)
        pair = counters["unread"], counters["unseen"]
        if pair not in {(each.unread, each.unseen) for each in era.counters if each.modseq == modseq}:
            self._find("counters", f"{what} at {position} told {pair} unread and unseen, which was not so there")

    def _compare_rows(self, what: str, era: Era, items: Sequence[Mapping[str, Any]]) -> None:
        told, modseq = [row["id"] for row in items], self.reader.modseq
        true = [item[0] for item in era.rows_at(modseq) if item[-1] is None][:PAGE_ROWS]
        size = sum(len(str(row).encode()) for row in items)
        if told != true and not (told == true[: len(told)] and size > SNAPSHOT_BYTES // 2):
            self._find("snapshot", f"{what} holds the rows {told}; there were {true}")
        for row in told:
            if self.reader.items[row] != era.at(row, modseq):
                now = shown(era.at(row, modseq))
                self._find("snapshot", f"{what} tells {shown(self.reader.items[row])}; it was {now}")

    def _judge_reason(self, line: Heard, before: Reader) -> None:
        era, reason = self.history.eras.get(self.reader.epoch), line.data["reason"]
        epoch, modseq = parse_position(self._asked) if self._is_first else (before.epoch, before.modseq)
        if era is None or self._asked.endswith(".0"):  # told already; cut between a hello and its reset
            return
        commit = era.commits.get(self.reader.modseq)
        holds = {
            "none": self._is_first and not self._asked,
            "malformed": self._is_first and bool(self._asked) and not epoch,
            "epoch": epoch != era.epoch,
            "ahead": epoch == era.epoch and modseq > self.reader.modseq,
            "purged": commit is not None and modseq < commit.floor,
            "behind": len(era.touched(modseq, self.reader.modseq)) > REPLAY_ROWS
            or any(is_long(era.commits.get(number)) for number in range(modseq + 1, self.reader.modseq + 1)),
        }
        if not holds.get(reason, False):
            asked = before.position or self._asked
            self._find("reset", f"from {asked!r} to {line.id} because of {reason!r}, which is not so")

    def _find(self, kind: str, text: str) -> None:
        self.findings.append(Finding(kind, self.client, text, tuple(map(told_as, self._lines))))


def is_long(commit: Commit | None) -> bool:
    rows = commit.touched.values() if commit else ()
    return sum(len(str(item).encode()) for item in rows if item is not None) > LONG_BYTES


def shown(item: Item | None) -> str:
    """Return a row for a message: its key, its version, its title and its state."""
    if item is None:
        return "nothing"
    state = ("read " if item[-2] else "unread ") + ("archived" if item[-1] else "active")
    return f"row {item[0]} as of {item[1]} ({item[4][:20]!r}, {state})"


def told_as(line: Heard) -> str:
    """Return a line of a journal for a message."""
    data: Any = line.data
    if line.event == "change":
        upsert = [(row["id"], row["modseq"]) for row in data["upsert"]]
        more = {name: data[name] for name in ("unread", "unseen", "read_upto") if name in data}
        data = f"from {data['prev']}, upsert {upsert[:12]}, gone {data['gone'][:12]}, {more}"
    elif line.event in ("reset", "page"):
        items = data["items"] if line.event == "page" else data["snapshot"]["items"]
        data = f"{data.get('reason', '')} {[(row['id'], row['modseq']) for row in items]}"
    return f"{line.at:.3f} {line.event} {line.id} {data}"[:400]


def judge(client: str, history: History, lines: Iterable[Heard]) -> Judge:
    """Judge a journal from beginning to end."""
    one = Judge(client, history)
    for line in lines:
        one.take(line)
    one.finish()
    return one
