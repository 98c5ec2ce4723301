"""A plain reader: what a client knows, kept as docs/protocol.md ("What a client does") tells it to, and nothing else.

It trusts each frame. Whether a frame deserved that is for `judge.py` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from .history import ARCHIVED_AT, READ_AT, Item, is_unread, item_of, moment

__all__ = ["APPLIED", "FOREIGN", "GAP", "KNOWN", "NOTED", "Heard", "Reader", "parse_position"]

APPLIED: Final = "applied"  # it changed what the client knows
KNOWN: Final = "known"  # the client stood there already, or further on
GAP: Final = "gap"  # it does not continue from the client's position: the client reopens
FOREIGN: Final = "foreign"  # of another epoch than the client's position
NOTED: Final = "noted"


class Heard(NamedTuple):
    """One line of a client's journal: a frame, or what the client did itself.

    `open` (id: the position that it asked to continue from), `refused`, `end`; `page`: it loaded a page, of which `data` is
    the API's answer; `save` and `rewind`: it kept what it knows under the number in `data`, as a tab does that falls
    asleep, and went on from there later; `gone`: it forgot everything and begins anew.
    """

    at: float  # time.time()
    event: str
    id: str
    data: Any


def parse_position(text: str) -> tuple[int, int]:
    """Return epoch and modseq; zeros where there is none."""
    epoch, _dot, modseq = text.partition(".")
    return (int(epoch), int(modseq)) if epoch.isdigit() and modseq.isdigit() else (0, 0)


@dataclass(slots=True)
class Reader:
    """What one client knows."""

    epoch: int = 0
    modseq: int = 0
    items: dict[int, Item] = field(default_factory=dict)
    unread: int = 0
    unseen: int = 0

    @property
    def position(self) -> str:
        return f"{self.epoch}.{self.modseq}" if self.epoch else ""

    def copy(self) -> Reader:
        return Reader(self.epoch, self.modseq, dict(self.items), self.unread, self.unseen)

    def start(self, position: str, items: Iterable[Mapping[str, Any]], counters: Mapping[str, int]) -> None:
        """Know a page, or a snapshot, and nothing else."""
        self.epoch, self.modseq = parse_position(position)
        self.items = {row["id"]: item_of(row) for row in items}
        self.unread, self.unseen = counters["unread"], counters["unseen"]

    def take(self, event: str, position: str, data: Mapping[str, Any]) -> str:
        """Apply a frame; return what became of it."""
        if event == "reset":
            self.start(position, data["snapshot"]["items"], data["snapshot"])
            return APPLIED
        if event != "change":
            return NOTED
        epoch, modseq = parse_position(position)
        if epoch != self.epoch:
            return FOREIGN
        if modseq <= self.modseq:
            return KNOWN
        if data["prev"] > self.modseq:
            return GAP
        for row in data["upsert"]:
            self.items[row["id"]] = item_of(row)
        for pk in data["gone"]:
            self.items.pop(pk, None)
        if "read_upto" in data:
            self._read_up_to(data["read_upto"], data["read_at"], modseq)
        self.modseq = modseq
        self.unread, self.unseen = data["unread"], data["unseen"]
        return APPLIED

    def _read_up_to(self, bound: int, at: str, modseq: int) -> None:
        read_at = moment(at)
        for pk, item in self.items.items():
            if item[1] <= bound and is_unread(item):
                self.items[pk] = (item[0], modseq, *item[2:READ_AT], read_at, item[ARCHIVED_AT])
