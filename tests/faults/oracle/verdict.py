"""The verdict of a run: what the witnesses hold, compared with what the database and the writers say.

"Missed" is every difference at quiet: a position, a counter, an item or a field of one; and every broken promise on the
way: a gap on the wire, a frame that contradicts the row or the counters as a writer committed them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .records import Record
from .witness import Account, Witness

__all__ = ["Staleness", "Verdict", "compare_accounts", "foreign_rows", "staleness_of"]

SHOWN: Final = 30


@dataclass(slots=True)
class Staleness:
    """Times from commit to application, in seconds, over all witnesses."""

    over_all: list[float] = field(default_factory=list)
    over_open_lines: list[float] = field(
        default_factory=list
    )  # the time without a connection left out, wherever it fell

    def percentile(self, share: float, *, is_open: bool = True) -> float:
        """Return the value that this share of the samples stays below; 1.0: the worst."""
        samples = sorted(self.over_open_lines if is_open else self.over_all)
        return samples[min(len(samples) - 1, int(share * len(samples)))] if samples else 0.0


@dataclass(slots=True)
class Verdict:
    """What a run showed. `is_good` is the promise."""

    lineup: str
    seed: str
    changes: int = 0
    seconds: float = 0.0
    settle_seconds: float = 0.0  # from the last commit until everybody stood at the head
    witnesses: int = 0
    missed: list[str] = field(default_factory=list)
    applied_twice: int = 0
    backwards: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fault_counts: Counter[str] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    staleness: Staleness = field(default_factory=Staleness)
    trouble: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        return not (self.missed or self.applied_twice or self.backwards or self.foreign)

    def __str__(self) -> str:
        share = self.staleness.percentile
        wrong = {"missed": self.missed, "backwards": self.backwards, "of other users": self.foreign}
        times = {"p50": share(0.5), "p99": share(0.99), "worst": share(1.0), "offline too": share(1.0, is_open=False)}
        lines = [
            f"{self.lineup}, seed {self.seed}: {self.changes} changes in {self.seconds:.0f} s by {self.witnesses} clients",
            f"  {', '.join(f'{name} {len(found)}' for name, found in wrong.items())}, applied twice {self.applied_twice}",
            f"  staleness in s: {', '.join(f'{name} {time:.3f}' for name, time in times.items())}",
            f"  settled in {self.settle_seconds:.2f} s",
            f"  faults: {listed(self.fault_counts)}",
            f"  clients: {listed(self.tally)}",
            f"  writers: {listed(self.operations)}",
            f"  refused: {listed(self.errors)}",
        ]
        for name, found in {
            **wrong,
            "in a log": [f"{count}× {line}" for line, count in self.trouble.most_common()],
        }.items():
            lines += [f"  {name.upper()}: {text}" for text in found[:SHOWN]]
        if not self.is_good:
            lines += [f"  plan: {', '.join(self.faults)}"]
        return "\n".join(lines)


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def compare_accounts(accounts: dict[int, Account], records: Iterable[Record]) -> list[str]:
    """Return where witnesses were told something else than what a writer had committed."""
    found = [text for account in accounts.values() for text in account.contradictions]
    for record in records:
        for row in record["rows"]:
            told = accounts[row.user].rows.get((row.pk, row.modseq))
            if told not in (None, row.digest):
                found.append(f"user {row.user}: item {row.pk} as of {row.modseq} was told otherwise than written")
        for mark in record["marks"]:
            counters = accounts[mark.user].counters.get(mark.modseq)
            if counters not in (None, (mark.unread, mark.unseen)):
                found.append(
                    f"user {mark.user} at {mark.modseq} ({record['kind']}): told {counters} unread and unseen, "
                    f"committed {(mark.unread, mark.unseen)}"
                )
    return found


def foreign_rows(accounts: dict[int, Account], truths: dict[int, dict[str, Any]]) -> list[str]:
    """Return which rows were told to users who did not receive them."""
    owners = {row["id"]: user for user, truth in truths.items() for row in truth["rows"]}
    told = {(pk, user) for user, account in accounts.items() for pk, _modseq in account.rows}
    return [
        f"item {pk} of user {owners[pk]} was told to user {user}"
        for pk, user in sorted(told)
        if owners.setdefault(pk, user) != user
    ]


def staleness_of(witnesses: Sequence[Witness], records: Iterable[Record]) -> Staleness:
    """Return how long each recorded commit took to each witness of its user."""
    first: dict[tuple[int, int], float] = {}
    for record in records:
        for mark in record["marks"] if record["at"] else ():
            key = mark.user, mark.modseq
            first[key] = min(record["at"], first.get(key, record["at"]))
    staleness = Staleness()
    for witness in witnesses:
        for (user, modseq), at in first.items():
            if user == witness.account.user and (applied := witness.reached(modseq)):
                staleness.over_all.append(max(0.0, applied - at))
                staleness.over_open_lines.append(witness.online.between(at, max(at, applied)))
    return staleness
