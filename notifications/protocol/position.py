"""Places in a log, and what a client at one of them is owed.

A position is written `<epoch>.<modseq>` in ASCII digits, such as `81985529216486.42`.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from .payloads import Snapshot

__all__ = ["Head", "Position", "Reason", "Replay", "parse_position", "random_epoch"]

# Why a client gets a snapshot: it has no position, or one that the log cannot continue from.
Reason = Literal["none", "malformed", "epoch", "ahead", "purged", "behind"]

POSITION: Final = re.compile(r"([1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,17})", re.ASCII)


class Position(NamedTuple):
    """A client's place in the log. `modseq` 0 is below every floor: "I know nothing, send a snapshot"."""

    epoch: int
    modseq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.modseq}"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a user's log ends, and the counters there."""

    epoch: int
    modseq: int
    floor: int
    unread: int
    unseen: int

    @property
    def position(self) -> Position:
        """The head as a client writes it."""
        return Position(self.epoch, self.modseq)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a stream at some position is owed: `changes` as (modseq, data of a `change` frame), or a snapshot."""

    head: Head
    changes: tuple[tuple[int, str], ...] = ()
    reason: Reason | None = None
    snapshot: Snapshot | None = None


def parse_position(text: str) -> Position | None:
    """Return the position that a client sent, or None where it is malformed."""
    match = POSITION.fullmatch(text)
    return Position(int(match[1]), int(match[2])) if match else None


def random_epoch() -> int:
    """Return a new epoch: 1 to 2^48 - 1, exact in JavaScript, whose integers end at 2^53."""
    return secrets.randbelow(2**48 - 1) + 1
