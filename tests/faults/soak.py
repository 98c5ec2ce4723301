"""The oracle, long: many changes on each line-up while things break at random. What `make soak` runs.

    make soak                                        100,000 changes, about a quarter of an hour
    make soak ARGS='--changes 3000'                  fewer
    make soak ARGS='--line-up sqlite-daphne --seed 7'   one line-up, the faults and operations of that seed
    make soak ARGS='--write-docs'                    and the figures go into docs/reliability.md
    make soak INTERLEAVINGS=100                      fewer than 20,000 random orders of events on one stream afterwards

Prints each verdict and a table; the exit code is 1 where anything was missed, applied twice or told to the wrong user.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import pickle
import random
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.faults.oracle.lineups import LINEUPS
from tests.faults.oracle.run import Effort, run
from tests.faults.oracle.verdict import Verdict

__all__: list[str] = []

DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
SECTION: Final = re.compile(r"(?<=<!-- soak -->\n).*?(?=<!-- /soak -->)", re.DOTALL)
HEAD: Final = (
    *("Line-up", "Changes", "Clients", "Frames judged", "Faults", "Connections", "Missed", "Applied twice"),
    *("Told to others", "Rules of the log broken", "Writes refused"),
    *("Staleness p50", "p99", "Worst", "Worst, offline time included"),
)
ROUND: Final = 15_000  # changes that are judged together
CLOSE_ENOUGH: Final = 0.02  # a share that is not worth a round of its own
SLOWEST_PER_SECOND: Final = 15  # changes on a busy machine, faults and all


def main() -> int:
    """Run what the command line asks for."""
    wish = parse()
    names = wish.line_up or list(LINEUPS)
    verdicts = [soak(name, wish, wish.changes // len(names) + 1) for name in names]
    table = as_table(verdicts)
    print(table)
    if wish.write_docs:
        write_docs(table, verdicts, wish.seed)
    late = [verdict.lineup for verdict in verdicts if verdict.staleness.percentile(1.0) > LATEST_SECONDS]
    if late:
        print(f"Staler than {LATEST_SECONDS} s: {', '.join(late)}")
    return int(bool(late) or not all(verdict.is_good for verdict in verdicts))


def soak(name: str, wish: argparse.Namespace, changes: int) -> Verdict:
    """Let one line-up make so many changes, in rounds with users of their own, so that each can be judged in memory."""
    verdict: Verdict | None = None
    with tempfile.TemporaryDirectory(prefix="notifications-soak-") as folder, LINEUPS[name](Path(folder)) as lineup:
        for number in itertools.count():
            left = changes - (verdict.changes if verdict else 0)
            if left <= changes * CLOSE_ENOUGH:
                break
            effort = Effort(
                seed=f"{wish.seed} {name} {number}",
                changes=min(left, ROUND),
                users=wish.users,
                operations_per_second=wish.per_second,
                pause_seconds=wish.pause,
                deadline_seconds=120 + min(left, ROUND) / SLOWEST_PER_SECOND,
                without=tuple(wish.without),
            )
            one, evidence = asyncio.run(run(lineup, effort))
            if wish.evidence and not one.is_good:
                Path(f"{wish.evidence}-{name}-{number}.pickle").write_bytes(pickle.dumps(evidence))
            print(one, end="\n\n", flush=True)
            if verdict is None:
                verdict = one
            else:
                verdict.add(one)
    assert verdict is not None
    return verdict


LATEST_SECONDS: Final = 3.0 + 1.0 + 2.0  # the sweep interval, the promised second, and two for a busy machine


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak ARGS=…", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--changes", type=int, default=100_000, help="changes of all line-ups together")
    parser.add_argument("--line-up", action="append", choices=list(LINEUPS), help="only this one; may be repeated")
    parser.add_argument(
        "--seed", default=str(random.randrange(10_000)), help="what faults and operations are drawn from"
    )
    parser.add_argument("--users", type=int, default=24)
    parser.add_argument("--per-second", type=float, default=200.0, help="operations of all writers together")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two faults, on average; 0: no faults")
    parser.add_argument("--without", action="append", default=[], help="an operation or a fault; may be repeated")
    parser.add_argument("--evidence", help="keep trail and journals of a bad round in a file that begins so")
    parser.add_argument("--write-docs", action="store_true", help=f"write the table into {DOCS.name}")
    return parser.parse_args()


def as_table(verdicts: list[Verdict]) -> str:
    """Return the figures as Markdown."""
    rows = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *(cells_of(verdict) for verdict in verdicts)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def cells_of(verdict: Verdict) -> tuple[str, ...]:
    staleness = verdict.staleness
    counts = (
        verdict.changes,
        verdict.lines,
        verdict.frames,
        len(verdict.faults),
        verdict.tally["open"],
        verdict.missed,
    )
    refused = verdict.errors.total()  # that a site need not expect
    wrongs = (verdict.count("twice"), verdict.count("foreign"), len(verdict.broken), refused)
    times = [staleness.percentile(share) for share in (0.5, 0.99, 1.0)] + [staleness.percentile(1.0, is_open=False)]
    return (
        verdict.lineup,
        *(f"{count:,}" for count in (*counts, *wrongs)),
        *(f"{seconds:.3f} s" if seconds < 0.1 else f"{seconds:.2f} s" for seconds in times),
    )


def write_docs(table: str, verdicts: list[Verdict], seed: str) -> None:
    """Put the table and what went wrong on purpose between the markers of the documentation."""
    faults: dict[str, int] = {}
    for verdict in verdicts:
        for kind, count in verdict.fault_counts.items():
            faults[kind] = faults.get(kind, 0) + count
    total = sum(verdict.changes for verdict in verdicts)
    listed = ", ".join(f"{kind} {count}×" for kind, count in sorted(faults.items()))
    text = f"{total:,} changes; `make soak ARGS='--seed {seed}'`.\n\n{table}\nWhat was done to them: {listed}.\n"
    docs = DOCS.read_text()
    if not SECTION.search(docs):
        sys.exit(f"{DOCS} has no lines <!-- soak --> and <!-- /soak -->; add them where the table belongs.")
    DOCS.write_text(SECTION.sub(lambda _match: text, docs))


if __name__ == "__main__":
    sys.exit(main())
