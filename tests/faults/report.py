"""The table of `docs/reliability.md`, written from what the fault tests measured.

Receives the outcomes of the tests that passed. Guarantees that a row stands for a test of this very run, and names the
command that repeats it.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.faults.trial import ALLOWANCE_SECONDS, SWEEP_SECONDS, Outcome

__all__ = ["DOCS", "Finding", "as_table", "write"]

DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
SECTION: Final = re.compile(r"(?<=<!-- faults -->\n).*?(?=<!-- /faults -->)", re.DOTALL)
HEAD: Final = ("Fault", "What was run", "Changes", "Missed", "Applied twice", "Worst staleness", "Command")
NOTE: Final = (
    "Written by `make reliability`. In each row a second user followed as well and was told nothing.\n"
    f"The sweep interval was {SWEEP_SECONDS:g} s, so a change may be {SWEEP_SECONDS + 1:g} s stale; the tests allow for\n"
    f"{ALLOWANCE_SECONDS:g} s more on a machine that is busy with other things. The time in which a client had no line, or\n"
    "the site no database, is left out; clients came back after a twentieth of the time for which a browser waits\n"
)
# In the table's order.
FILES: Final = ("redis", "workers", "database", "readers", "lines", "slow_readers", "writers", "access")


@dataclass(frozen=True, slots=True)
class Finding:
    """An outcome and the test that found it."""

    file: str  # tests/faults/test_redis.py
    line: int
    test: str  # its function, without parameters
    outcome: Outcome

    @property
    def place(self) -> tuple[int, int]:
        """Where its row stands."""
        return FILES.index(Path(self.file).stem.removeprefix("test_")), self.line

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of its row."""
        outcome = self.outcome
        seconds = [] if outcome.seconds is None else [f"{outcome.seconds:.2f} s"]
        return (
            outcome.fault,
            outcome.parts,
            f"{outcome.changes:,}",
            str(outcome.missed),
            str(outcome.applied_twice),
            "; ".join([*seconds, *([outcome.note] if outcome.note else [])]),
            f"`pytest {self.file}::{self.test}`",
        )


def write(findings: Iterable[Finding]) -> None:
    """Put the table between its markers."""
    text = DOCS.read_text()
    assert SECTION.search(text), f"{DOCS} has no lines <!-- faults --> and <!-- /faults -->"
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    table = f"{NOTE}({machine}):\n\n{as_table(findings)}"
    DOCS.write_text(SECTION.sub(lambda _match: table, text))


def as_table(findings: Iterable[Finding]) -> str:
    """Return the rows as Markdown, one for each fault of a test, its parameters' figures taken together."""
    merged: dict[tuple[str, str, str], Finding] = {}
    for finding in sorted(findings, key=lambda finding: (*finding.place, finding.outcome.fault, finding.outcome.parts)):
        key = finding.file, finding.test, finding.outcome.fault
        merged[key] = together(merged[key], finding) if key in merged else finding
    rows = [HEAD, ("---", "---", *("---:" for _ in HEAD[2:-1]), "---"), *(finding.row for finding in merged.values())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def together(one: Finding, more: Finding) -> Finding:
    """Return the sums of two findings of one test, and the worse of their times."""
    first, second = one.outcome, more.outcome
    parts = first.parts if second.parts in first.parts else f"{first.parts}; {second.parts}"
    sums = replace(
        first,
        parts=parts,
        changes=first.changes + second.changes,
        missed=first.missed + second.missed,
        applied_twice=first.applied_twice + second.applied_twice,
        seconds=max([each for each in (first.seconds, second.seconds) if each is not None], default=None),
        note=first.note if second.note in first.note else f"{first.note}; {second.note}",
    )
    return replace(one, outcome=sums)
