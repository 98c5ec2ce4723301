"""Put figures into tables and files. The documentation is written from the same results, with the command that made them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import machine

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One server under one load."""

    target: str
    figures: dict[str, float]


@dataclass(slots=True)
class Table:
    """One scenario: what was done, and what it gave for each target."""

    name: str
    what: str
    aim: str = ""
    rows: list[Row] = field(default_factory=list)

    def add(self, target: str, figures: Mapping[str, float]) -> None:
        """Add a row and show it at once: a run takes minutes."""
        self.rows.append(Row(target, dict(figures)))
        shown = ", ".join(f"{name} {figure(value)}" for name, value in figures.items())
        print(f"  {self.name} · {target}: {shown}", flush=True)

    def as_markdown(self) -> str:
        """Return the table with its heading."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        lines = [f"### {self.name}", "", self.what, *(["", f"Aim: {self.aim}"] if self.aim else []), ""]
        cells = [["", *names]]
        cells += [[row.target, *(figure(row.figures.get(name)) for name in names)] for row in self.rows]
        widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        for line in [cells[0], rule, *cells[1:]]:
            first = line[0].ljust(widths[0])
            lines.append(
                "| " + " | ".join([first, *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]) + " |"
            )
        return "\n".join([*lines, ""])


def figure(value: float | None) -> str:
    """Return a number as short as it is meaningful: three digits, thousands apart."""
    if value is None:
        return ""
    if value == 0 or (float(value).is_integer() and abs(value) < 1000):
        return str(int(value))
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def save(tables: Sequence[Table], command: str, machine_now: Mapping[str, str]) -> Path:
    """Write the results of a run as JSON; return where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    content = {"command": command, "machine": dict(machine_now), "tables": [asdict(table) for table in tables]}
    path.write_text(json.dumps(content, indent=1))
    return path


def as_text(tables: Sequence[Table]) -> str:
    """Return all tables that have rows."""
    return "\n".join(table.as_markdown() for table in tables if table.rows)


def describe_machine(before: Mapping[str, str]) -> str:
    """Return what `machine.describe()` said, and which core did what, as a list."""
    lines = [f"- {name}: {value}" for name, value in before.items()]
    lines.append(
        f"- server on core {machine.SERVER_CORE}; client, senders, Redis and PostgreSQL on {machine.CLIENT_CORE}"
    )
    return "\n".join(lines)


DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def write_docs(tables: Sequence[Table], command: str, machine_now: Mapping[str, str]) -> Path:
    """Write the page of the documentation that shows these results; return where."""
    DOCS.parent.mkdir(exist_ok=True)
    DOCS.write_text(
        f"# Benchmarks\n\nWritten by `{command}` on {time.strftime('%Y-%m-%d')}; do not edit. How it measures: "
        f"[bench/README.md](../bench/README.md).\n\n## The machine\n\n{describe_machine(machine_now)}\n\n"
        f"## The figures\n\n{as_text(tables)}"
    )
    return DOCS
