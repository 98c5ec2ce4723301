"""The verdict of a run: what the judge found, what the log itself did, and how long things took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .history import History
from .judge import Finding
from .lines import Line, PollLine

__all__ = ["Staleness", "Verdict", "staleness_of"]

SHOWN: Final = 12  # of each kind; of findings, with their stories, fewer
STORIES: Final = 4
MISSED: Final = ("missed", "otherwise", "gap", "counters", "snapshot", "reset", "hello", "unknown", "backwards")


@dataclass(slots=True)
class Staleness:
    """Times from commit to application, in seconds, over all lines."""

    over_all: list[float] = field(default_factory=list)
    over_open_lines: list[float] = field(default_factory=list)  # the time without a connection left out

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
    frames: int = 0
    seconds: float = 0.0
    settle_seconds: float = 0.0  # from the last commit until everybody stood at the head
    judge_seconds: float = 0.0
    slowest_hello: float = 0.0
    lines: int = 0
    findings: list[Finding] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # rules of the log
    failed: list[str] = field(default_factory=list)  # parts of the run that did not do what they were to
    faults: list[str] = field(default_factory=list)
    fault_counts: Counter[str] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # and had to be expected
    errors: Counter[str] = field(default_factory=Counter)  # and had not
    staleness: Staleness = field(default_factory=Staleness)
    trouble: Counter[str] = field(default_factory=Counter)
    drifts_mended: int = 0

    @property
    def is_good(self) -> bool:
        return not (self.findings or self.broken or self.failed)

    def count(self, *kinds: str) -> int:
        """Return how many findings of these kinds there are."""
        return sum(finding.kind in kinds for finding in self.findings)

    @property
    def missed(self) -> int:
        return self.count(*MISSED) + len(self.failed)

    def add(self, other: Verdict) -> None:
        """Take in a further round."""
        self.changes += other.changes
        self.frames += other.frames
        self.seconds += other.seconds
        self.judge_seconds += other.judge_seconds
        self.lines = max(self.lines, other.lines)
        self.drifts_mended += other.drifts_mended
        self.settle_seconds = max(self.settle_seconds, other.settle_seconds)
        self.slowest_hello = max(self.slowest_hello, other.slowest_hello)
        for name in ("findings", "broken", "failed", "faults"):
            getattr(self, name).extend(getattr(other, name))
        for name in ("fault_counts", "tally", "operations", "refused", "errors", "trouble"):
            getattr(self, name).update(getattr(other, name))
        self.staleness.over_all += other.staleness.over_all
        self.staleness.over_open_lines += other.staleness.over_open_lines

    def __str__(self) -> str:
        share = self.staleness.percentile
        times = {"p50": share(0.5), "p99": share(0.99), "worst": share(1.0), "offline too": share(1.0, is_open=False)}
        kinds = Counter(finding.kind for finding in self.findings)
        lines = [
            f"{self.lineup}, seed {self.seed}: {self.changes} changes in {self.seconds:.0f} s, {self.lines} clients",
            f"  {self.frames} frames judged in {self.judge_seconds:.1f} s",
            f"  findings: {listed(kinds)}; rules of the log broken: {len(self.broken)}; failed: {len(self.failed)}",
            f"  staleness in s: {', '.join(f'{name} {time:.3f}' for name, time in times.items())}",
            f"  settled in {self.settle_seconds:.2f} s; slowest first word {self.slowest_hello:.2f} s",
            f"  faults: {listed(self.fault_counts)}; drifts mended by themselves: {self.drifts_mended}",
            f"  clients: {listed(self.tally)}",
            f"  writers: {listed(self.operations)}",
            f"  refused, as had to be expected: {sum(self.refused.values())}",
            *(f"  ERROR {count}× {text}" for text, count in self.errors.most_common(SHOWN)),
            *(f"  FAILED {text}" for text in self.failed[:SHOWN]),
            *(f"  LOG {text}" for text in self.broken[:SHOWN]),
            *(f"  IN A LOG {count}× {text}" for text, count in self.trouble.most_common(SHOWN)),
        ]
        for kind in kinds:
            lines += [f"  {finding}" for finding in [each for each in self.findings if each.kind == kind][:STORIES]]
        if not self.is_good:
            lines += [f"  plan: {', '.join(self.faults)}"]
        return "\n".join(lines)


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def staleness_of(lines: Iterable[Line], histories: dict[int, History]) -> Staleness:
    """Return how long each commit took to each line of its user that followed then."""
    staleness = Staleness()
    for line in lines:
        if isinstance(line, PollLine):
            continue
        began = next((heard.at for heard in line.journal if heard.event in ("reset", "page")), float("inf"))
        for era in histories[line.user].eras.values():
            for commit in era.commits.values():
                applied = line.reached(era.epoch, commit.modseq)
                if commit.at > began and applied is not None:
                    staleness.over_all.append(max(0.0, applied - commit.at))
                    staleness.over_open_lines.append(line.online.between(commit.at, max(commit.at, applied)))
    return staleness
