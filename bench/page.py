"""Write docs/benchmarks.md and its plots from results: one run's, or those of several pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench import plots, report
from bench.aims import AIMS, Results
from bench.report import Run, Table, figure

DOCS = Path(__file__).resolve().parent.parent / "docs"
PLOTS = DOCS / "plots"

HEAD = """# Benchmarks

Written by `bench/run.py`; do not edit. How it measures: [bench/README.md](../bench/README.md).
What a change made faster or slower: `make bench ARGS="gate --against REV"`, described there.
How soon the buttons of a slow browser work: [Serve the static files](howto/static-files.md#on-a-slow-device)."""
FAN_OUT = "deliveries/CPU s"
CURVES = {
    "memory": ("KiB/idle stream", "Memory of an idle stream", "KiB"),
    "connect": ("connect CPU ms", "CPU of connecting a stream", "ms"),
    "idle": ("idle CPU %", "CPU of doing nothing", "% of a core"),
    "fanout": (FAN_OUT, "One change to all streams", "deliveries/CPU s"),
}


def write(runs: Sequence[Run]) -> Path:
    """Write the page that shows these results, and its plots; return where."""
    tables = report.merged(runs)
    PLOTS.mkdir(parents=True, exist_ok=True)
    path = DOCS / "benchmarks.md"
    sections = [
        HEAD,
        f"## What is wanted, and what is so\n\n{verdicts(tables)}",
        missed(tables),
        drawn(tables),
        f"## The figures\n\n{report.as_text(tables).rstrip()}",
        f"## The machine and the runs\n\n{described(runs)}",
    ]
    path.write_text("\n\n".join(section for section in sections if section) + "\n")
    return path


def verdicts(tables: Sequence[Table]) -> str:
    """Return the table of all aims: what is wanted, what was measured, met or missed by how much."""
    results = Results(tables)
    cells = [["", "wanted", "measured", ""]]
    for aim in AIMS:
        value = aim.measure(results)
        shown = "" if value is None else f"{figure(value)}{aim.unit}"
        cells.append([aim.what, aim.wanted, shown, aim.verdict(value)])
    return "\n".join(report.grid(cells))


def missed(tables: Sequence[Table]) -> str:
    """Return a paragraph for each aim that is missed, the same reason once."""
    results = Results(tables)
    reasons: dict[str, list[str]] = {}
    for aim in AIMS:
        value = aim.measure(results)
        if value is not None and not aim.is_met(value):
            said = f"{aim.what} ({figure(value)}{aim.unit} instead of {aim.wanted})"
            reasons.setdefault(aim.reason or "No reason is known yet; profile it.", []).append(said)
    if not reasons:
        return ""
    parts = [f"- **{'; '.join(said)}**: {reason}" for reason, said in reasons.items()]
    return "\n".join(["## What is missed, and why", "", *parts])


def drawn(tables: Sequence[Table]) -> str:
    """Draw what there are figures for; return the section that shows it."""
    shown: list[str] = []

    def show(name: str, title: str, svg: str) -> None:
        (PLOTS / f"{name}.svg").write_text(svg)
        shown.append(f"![{title}](plots/{name}.svg)")

    for table in tables:
        if table.key == "fanout":
            bars = {row.target: row.figures[FAN_OUT] for row in table.rows}
            title = (
                f"One change to {figure(table.options.get('listeners'))} streams: deliveries per second of server CPU"
            )
            show("fanout", title, plots.bar_plot(title, bars))
        if table.key in ("growth", "workers"):
            draw_growth(table, show)
        if table.key == "reads":
            names = ("badge", "first page", "next page")
            lines = {f"{row.target}, {name}": [] for name in names for row in table.rows}  # type: dict[str, list[tuple[float, float]]]
            for row in table.rows:
                for name in names:
                    lines[f"{row.target}, {name}"].append((row.size, row.figures[f"{name} ms"]))
            title = "Reads by the size of the inbox"
            show("reads", title, plots.line_plot(title, "notifications in the inbox", "ms", lines))
    return "\n\n".join(["## Plots", *dict.fromkeys(shown)]) if shown else ""


def draw_growth(table: Table, show: Callable[[str, str, str], None]) -> None:
    """Draw a curve for each figure that grows with the streams."""
    for kind, (name, title, unit) in CURVES.items():
        lines: dict[str, list[tuple[float, float]]] = {}
        for row in table.rows:
            if name in row.figures:
                lines.setdefault(row.target, []).append((row.size, row.figures[name]))
        if lines:
            title = title if table.key == "growth" else f"{title}, over Redis"
            show(f"{table.key}-{kind}", title, plots.line_plot(title, "streams", unit, lines))


def described(runs: Sequence[Run]) -> str:
    """Return what ran when, and on what: a machine is described once for all runs on it."""
    machines: dict[str, list[Run]] = {}
    for run in runs:
        lasting = {name: value for name, value in run.machine.items() if name != "load before the run"}
        machines.setdefault(report.describe_machine(lasting), []).append(run)
    parts = []
    for machine, its in machines.items():
        lines = [f"- {run.began}, load {run.machine.get('load before the run', '?')}: `{run.command}`" for run in its]
        parts.append(f"{machine}\n\nThe runs, and the load of the machine before each:\n\n" + "\n".join(lines))
    return "\n\n".join(parts)
