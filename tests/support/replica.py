"""What a client knows: the state of one user's inbox, built from frames alone, and its comparison with the database.

Every test compares with it, but those of the log, which have a model of their own (`unit/log/model.py`), and the soak, whose
oracle was written anew. It shares no code with `notifications`: frames go in by the client's rule `prev <= mine < modseq`,
and whatever the server promised and did not keep is noted in `problems`.
"""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any, Final

from .servers import Site

__all__ = ["Replica", "truth_of"]

SNAPSHOT_ITEMS: Final = 20
TIMES: Final = ("created_at", "read_at", "archived_at")
FIELDS: Final = (
    *("id", "modseq", "category", "level", "title", "body", "url", "actor", "topic", "data"),
    *TIMES,
)
TRUTH: Final = """
inbox = Inbox.objects.filter(pk=user).values("epoch", "modseq", "floor", "unread", "unseen").get()
rows = list(Notification.objects.filter(recipient_id=user).order_by("pk").values(*fields))
for row in rows:
    row |= {name: row[name] and row[name].isoformat() for name in times}
{"inbox": inbox, "rows": rows}
"""


def truth_of(site: Site, user_id: int) -> dict[str, Any]:
    """Return what the database says of a user's inbox: its head, counters and rows. Blocks; only exact at quiet."""
    truth: dict[str, Any] = site.call(TRUTH, user=user_id, fields=FIELDS, times=TIMES)
    return truth


class Replica:
    """One client's copy of one inbox."""

    def __init__(self) -> None:
        self.epoch = 0
        self.modseq = 0
        self.unread = 0
        self.unseen = 0
        self.items: dict[int, dict[str, Any]] = {}
        self.problems: list[str] = []
        self._known_from = 0  # of what changed after this position, everything is known
        self._oldest = 0  # id of the oldest item of a full snapshot, which said nothing of older ones
        self._told: set[int] = set()  # ids that came after the snapshot
        self._read_at: set[int] = set()  # positions of `read_upto`, which touches rows without telling them

    @property
    def position(self) -> str:
        return f"{self.epoch}.{self.modseq}"

    def start_at(self, position: str) -> None:
        """Stand where a page was rendered, whose rows are not known here."""
        epoch, _dot, modseq = position.partition(".")
        if epoch.isdigit() and modseq.isdigit():
            self.epoch, self.modseq = int(epoch), int(modseq)
            self._known_from, self._oldest = self.modseq, sys.maxsize

    def take(self, event: str, position: str, data: dict[str, Any]) -> str:
        """Take in a frame; return what became of it: "applied", "known", "gap", or "" where it changes nothing."""
        if event == "hello":
            self._greet(position, data)
        elif event == "ping":
            modseq = data.get("modseq", self.modseq)  # an edge's ping says no position
            self._expect(modseq == self.modseq, f"ping at {modseq} reached a client at {self.position}")
        elif event == "reset":
            return self._reset(position, data)
        elif event == "change":
            return self._change(position, data)
        elif event != "bye":
            self.problems.append(f"unknown event {event!r}")
        return ""

    def _greet(self, position: str, data: dict[str, Any]) -> None:
        self._expect(position == f"{data['epoch']}.{data['modseq']}", f"hello {data} has the id {position}")
        if data["mode"] == "reset":
            self._expect(data["modseq"] == 0, f"hello before a reset carries the resumable position {position}")
        else:
            self._expect(position == self.position, f"hello {position} resumes a client at {self.position}")

    def _reset(self, position: str, data: dict[str, Any]) -> str:
        epoch, modseq, snapshot = data["epoch"], data["modseq"], data["snapshot"]
        self._expect(position == f"{epoch}.{modseq}", f"reset to {epoch}.{modseq} has the id {position}")
        is_back = epoch == self.epoch and modseq < self.modseq
        self._expect(not is_back or data["reason"] == "ahead", f"reset from {self.position} back to {position}")
        ids = [item["id"] for item in snapshot["items"]]
        self._expect(ids == sorted(set(ids), reverse=True), f"snapshot not newest first: {ids}")
        self._expect(not any(item["archived_at"] for item in snapshot["items"]), f"snapshot with archived ones: {ids}")
        self.epoch, self.modseq = epoch, modseq
        self.unread, self.unseen = snapshot["unread"], snapshot["unseen"]
        self.items = {item["id"]: dict(item) for item in snapshot["items"]}
        self._known_from = modseq
        self._told.clear()
        self._oldest = ids[-1] if len(ids) >= SNAPSHOT_ITEMS else 0
        return "applied"

    def _change(self, position: str, data: dict[str, Any]) -> str:
        epoch, prev, modseq = int(position.partition(".")[0]), data["prev"], data["modseq"]
        self._expect(position == f"{epoch}.{modseq}" and prev < modseq, f"change {prev} → {modseq} has id {position}")
        numbers = [item["modseq"] for item in data["upsert"]]
        self._expect(all(prev < number <= modseq for number in numbers), f"change {prev} → {modseq} holds {numbers}")
        told_and_gone = {item["id"] for item in data["upsert"]} & {*data["gone"]}
        self._expect(not told_and_gone, f"change {prev} → {modseq} tells of {told_and_gone}, and that they are gone")
        if epoch != self.epoch or prev > self.modseq:
            self.problems.append(f"gap: change {epoch}.{prev} → {modseq} reached a client at {self.position}")
            return "gap"
        if modseq <= self.modseq:
            return "known"
        for item in data["upsert"]:
            self.items[item["id"]] = dict(item)
            self._told.add(item["id"])
        for pk in data["gone"]:
            self.items.pop(pk, None)
        if "read_upto" in data:
            self._read_at.add(modseq)
            for item in self.items.values():
                if item["modseq"] <= data["read_upto"] and not item["read_at"] and not item["archived_at"]:
                    item |= {"read_at": data["read_at"], "modseq": modseq}
        self.modseq, self.unread, self.unseen = modseq, data["unread"], data["unseen"]
        return "applied"

    def differences(self, truth: dict[str, Any]) -> list[str]:
        """Return how this copy differs from the database; nothing at quiet."""
        inbox, rows = truth["inbox"], {row["id"]: row for row in truth["rows"]}
        mine = {name: getattr(self, name) for name in ("epoch", "modseq", "unread", "unseen")}
        found = [f"{name}: {mine[name]}, in the database {inbox[name]}" for name in mine if mine[name] != inbox[name]]
        unread = sum(not row["read_at"] and not row["archived_at"] for row in rows.values())
        if unread != inbox["unread"]:
            found.append(f"inbox counts {inbox['unread']} unread, its rows {unread}")
        found += [f"item {pk} is not in the database" for pk in self.items.keys() - rows.keys()]
        for pk, row in rows.items():
            if pk in self.items:
                found += self._differing_fields(pk, row)
            elif self._must_know(row):
                found.append(f"item {pk} (modseq {row['modseq']}) is missing")
        return found

    def _differing_fields(self, pk: int, row: dict[str, Any]) -> list[str]:
        item = self.items[pk]
        extra = [f"item {pk} has unknown fields {item.keys() - set(FIELDS)}"] if item.keys() - set(FIELDS) else []
        return extra + [
            f"item {pk}: {name} is {item.get(name)!r}, in the database {row[name]!r}"
            for name in FIELDS
            if value_of(name, item.get(name)) != value_of(name, row[name])
        ]

    def _must_know(self, row: dict[str, Any]) -> bool:
        """Return whether a row was in the last snapshot or has been told since."""
        is_told = row["id"] in self._told if row["modseq"] in self._read_at else row["modseq"] > self._known_from
        return is_told or (not row["archived_at"] and row["id"] > self._oldest)

    def _expect(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)


def value_of(name: str, value: Any) -> Any:
    return dt.datetime.fromisoformat(value) if name in TIMES and value else value
