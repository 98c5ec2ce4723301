"""Put figures into tables and files, and read the files of several runs again as one set of tables."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import machine

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One server under one load. `size` is what grows, where something does; rows of one `run` were measured together."""

    target: str
    figures: dict[str, float]
    size: int = 0
    run: str = ""


@dataclass(slots=True)
class Table:
    """One scenario: what was done, with which options, and what it gave for each target."""

    key: str
    name: str
    what: str
    aim: str = ""
    grows: str = ""  # what the rows' sizes count
    options: dict[str, float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, target: str, figures: Mapping[str, float], *, size: int = 0) -> None:
        """Add a row and show it at once: a run takes minutes."""
        row = Row(target, dict(figures), size, RUN)
        self.rows.append(row)
        shown = ", ".join(f"{name} {figure(value)}" for name, value in figures.items())
        print(f"  {self.name} · {self.label(row)}: {shown}", flush=True)

    def label(self, row: Row) -> str:
        """Return how a row is called in the table."""
        return f"{row.target}, {row.size:,} {self.grows}" if row.size else row.target

    def as_markdown(self) -> str:
        """Return the table with its heading."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        lines = [f"### {self.name}", "", self.what, *(["", f"Aim: {self.aim}"] if self.aim else []), ""]
        cells = [["", *names]]
        cells += [[self.label(row), *(figure(row.figures.get(name)) for name in names)] for row in self.rows]
        lines += [*grid(cells), ""]
        return "\n".join([*lines, *(line for failure in self.failures for line in (f"- {failure}", ""))])


RUN = time.strftime("%Y-%m-%d %H:%M:%S")


def grid(cells: Sequence[Sequence[str]]) -> list[str]:
    """Return a table in Markdown: the first line is its head, the first column is text, the others are numbers."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for line in [cells[0], rule, *cells[1:]]:
        others = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        lines.append("| " + " | ".join([line[0].ljust(widths[0]), *others]) + " |")
    return lines


def figure(value: float | None) -> str:
    """Return a number as short as it is meaningful: three digits, thousands apart."""
    if value is None:
        return ""
    if value == 0 or (float(value).is_integer() and abs(value) < 1000):
        return str(int(value))
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Run:
    """What one call of `bench/run.py` gave."""

    began: str
    command: str
    machine: dict[str, str]
    tables: list[Table]


def save(run: Run) -> Path:
    """Write the results of a run as JSON; return where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    path.write_text(json.dumps(asdict(run), indent=1))
    return path


def load(path: Path) -> Run:
    """Read the results of a run.

    Raises:
        ValueError: the file is no such results, or an older version's.
    """
    content = json.loads(path.read_text())
    try:
        tables = [as_table(words) for words in content.pop("tables")]
        return Run(tables=tables, **content)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no results that can be read ({error}); run that scenario again.") from error


def as_table(words: dict[str, Any]) -> Table:
    """Return a table as it was saved."""
    rows = [Row(**row) for row in words.pop("rows")]
    return Table(rows=rows, **words)


def merged(runs: Iterable[Run]) -> list[Table]:
    """Return the tables of several runs as one set: rows of the same scenario under the same options go together.

    Where a target was measured more than once, the later file counts.
    """
    tables: dict[tuple[str, str], Table] = {}
    for run in runs:
        for table in run.tables:
            into = tables.setdefault((table.key, table.what), as_table({**asdict(table), "rows": [], "failures": []}))
            rows = {(row.target, row.size): row for row in [*into.rows, *table.rows]}
            into.rows = list(rows.values())
            into.failures += [failure for failure in table.failures if failure not in into.failures]
    order = list(dict.fromkeys(key for key, _what in tables))
    return [table for key in order for table in tables.values() if table.key == key]


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
