"""A log in plain Python: the oracle of `test_log_property.py`. It knows no database, no counter columns, no callbacks.

Its rules are those of the design, as directly as they can be written; counters are counted anew whenever asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

__all__ = ["Log", "Row"]


@dataclass
class Row:
    """One notification."""

    user: int
    title: str
    modseq: int
    is_read: bool = False
    is_archived: bool = False


@dataclass
class Log:
    """The inboxes of `users` users; rows are known by the order of their making."""

    users: int
    rows: dict[int, Row] = field(default_factory=dict)
    made: int = 0
    modseq: list[int] = field(default_factory=list)
    floor: list[int] = field(default_factory=list)
    seen_upto: list[int] = field(default_factory=list)
    stepped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.modseq = [1] * self.users
        self.floor = [1] * self.users
        self.seen_upto = [0] * self.users

    def commit(self) -> None:
        """End the transaction: the next write of each user is a new step."""
        self.stepped.clear()

    def step(self, user: int) -> int:
        """Return this transaction's number in a user's log."""
        if user not in self.stepped:
            self.stepped.add(user)
            self.modseq[user] += 1
        return self.modseq[user]

    def counters(self, user: int) -> tuple[int, int]:
        """Return how many rows are unread, and how many of these changed since the user last looked."""
        unread = [row for row in self.of(user) if not row.is_read and not row.is_archived]
        return len(unread), sum(row.modseq > self.seen_upto[user] for row in unread)

    def of(self, user: int) -> list[Row]:
        """Return a user's rows."""
        return [row for row in self.rows.values() if row.user == user]

    def send(self, users: Iterable[int], title: str) -> list[int]:
        """Add a row for each; return their keys."""
        keys = []
        for user in users:
            self.rows[self.made] = Row(user, title, self.step(user))
            self.look_past(self.rows[self.made])
            keys.append(self.made)
            self.made += 1
        return keys

    def change(self, keys: Iterable[int], changes: Callable[[Row], bool]) -> int:
        """Apply `changes` to rows; those for which it returns True take part in the step. Return how many."""
        touched = [row for key in keys for row in [self.rows[key]] if changes(row)]
        for row in touched:
            row.modseq = self.step(row.user)
            self.look_past(row)
        return len(touched)

    def look_past(self, row: Row) -> None:
        """Let an unread row count as unseen, also in the transaction in which its user looked."""
        if not row.is_read and not row.is_archived and self.seen_upto[row.user] == row.modseq:
            self.seen_upto[row.user] -= 1

    def delete(self, keys: Iterable[int]) -> int:
        """Take rows out and raise the floor."""
        gone = [self.rows.pop(key) for key in keys]
        for row in gone:
            self.floor[row.user] = self.step(row.user)
        return len(gone)

    def see(self, user: int) -> None:
        """Note that a user has looked."""
        if self.counters(user)[1]:
            self.seen_upto[user] = self.step(user)

    def read_all(self, user: int, up_to: int | None) -> int:
        """Read what is unread, as far as `up_to`."""
        limit = self.modseq[user] if up_to is None else up_to
        keys = [key for key, row in self.rows.items() if row.user == user and row.modseq <= limit]
        return self.change(keys, lambda row: read(row) if not row.is_archived else False)


def read(row: Row) -> bool:
    """Mark as read; return whether it was not."""
    was, row.is_read = row.is_read, True
    return not was


def unread(row: Row) -> bool:
    """Mark as unread, which an archived one cannot be; return whether it was not."""
    was = row.is_read or row.is_archived
    row.is_read = row.is_archived = False
    return was


def archive(row: Row) -> bool:
    """Put away what is read by that; return whether it was not."""
    if row.is_archived:
        return False
    row.is_read = row.is_archived = True
    return True


def unarchive(row: Row) -> bool:
    """Bring back, read as it is; return whether it was put away."""
    was, row.is_archived = row.is_archived, False
    return was
