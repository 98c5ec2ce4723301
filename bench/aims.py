"""What is wanted of this project, and whether results meet it: worked out from the figures, never written by hand.

Only the reasons why something may be missed are words; they come from profiles, and are shown where it is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.report import Row, Table, figure

EVENTSTREAM = "django-eventstream, daphne"
PYTHON_PEERS = "tornado", "sse-starlette", "django-eventstream", "channels consumer", "Flask-SSE"
MANY_STREAMS = 1000  # of the aim for latency, and
MANY_A_SECOND = 200


class Results:
    """Finds figures in the tables of one or several runs."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables

    def rows(self, key: str, **least: float) -> Iterator[tuple[Table, Row]]:
        """Yield the rows of a scenario that was run with at least these options; the later ones first."""
        for table in reversed(self.tables):
            if table.key == key and all(table.options.get(name, 0) >= value for name, value in least.items()):
                for row in reversed(table.rows):
                    yield table, row

    def get(self, key: str, target: str, name: str, *, size: int = 0, **least: float) -> float | None:
        """Return a figure of a target, or None where it was not measured."""
        for _table, row in self.rows(key, **least):
            if row.target == target and row.size == size and name in row.figures:
                return row.figures[name]
        return None

    def beside(self, key: str, target: str, peer: str, name: str, **least: float) -> float | None:
        """Return a figure of a target as a multiple of a peer's, both of one run where there is such a run."""
        found = [(row, other) for table, row in self.rows(key, **least) if row.target == target for other in table.rows
                 if other.target == peer and name in row.figures and other.figures.get(name)]  # fmt: skip
        if not found:
            return None
        row, other = next(((row, other) for row, other in found if row.run == other.run), found[0])
        return row.figures[name] / other.figures[name]

    def best_peer(self, key: str, names: Sequence[str], name: str) -> float | None:
        """Return the highest figure among peers whose names begin so."""
        return max(
            (row.figures[name] for _t, row in self.rows(key) if row.target.startswith(tuple(names))), default=None
        )

    def total(self, key: str, name: str, targets: Sequence[str]) -> float | None:
        """Return the sum of a figure over targets that begin so and all sizes."""
        found = [
            value
            for _table, row in self.rows(key)
            if row.target.startswith(tuple(targets))
            for figure_name, value in row.figures.items()
            if figure_name.endswith(name)
        ]
        return sum(found) if found else None


Measure = Callable[[Results], float | None]


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that must not pass a limit. `is_floor`: it must be at least that much, not at most."""

    what: str
    measure: Measure
    limit: float
    unit: str = ""
    is_floor: bool = False
    reason: str = ""

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"{'at least' if self.is_floor else 'at most'} {figure(self.limit)}{self.unit}"

    def is_met(self, value: float) -> bool:
        """Return whether a figure is within the limit."""
        return value >= self.limit if self.is_floor else value <= self.limit

    def verdict(self, value: float | None) -> str:
        """Say whether it is met, or by how much it is missed."""
        if value is None:
            return "not measured"
        if self.is_met(value):
            return "met"
        if not self.limit:
            return f"missed by {figure(value)}"
        return f"missed by {abs(value - self.limit) / self.limit * 100:.0f} %"


def rate(key: str, target: str, peer: str, name: str, **least: float) -> Measure:
    """Measure a target as a multiple of a peer."""
    return lambda results: results.beside(key, target, peer, name, **least)


def of(key: str, target: str, name: str, *, size: int = 0, **least: float) -> Measure:
    """Measure a figure of a target."""
    return lambda results: results.get(key, target, name, size=size, **least)


def over_python_peers(results: Results) -> float | None:
    """Measure us under uvicorn as a multiple of the quickest Python peer, whatever its server."""
    ours, theirs = results.get("fanout", "uvicorn", RATE), results.best_peer("fanout", PYTHON_PEERS, RATE)
    return ours / theirs if ours and theirs else None


def slowdown(database: str, page: str) -> Measure:
    """Measure the time of a read in the largest inbox as a multiple of that in the smallest."""

    def measure(results: Results) -> float | None:
        sizes = sorted((row.size, row.figures) for _t, row in results.rows("reads") if row.target == database)
        return sizes[-1][1][f"{page} ms"] / sizes[0][1][f"{page} ms"] if len(sizes) > 1 else None

    return measure


def more_queries(results: Results) -> float | None:
    """Measure how many queries more a read takes in one inbox than in another, at most."""
    counts: dict[tuple[str, str], set[float]] = {}
    for _table, row in results.rows("reads"):
        for name, value in row.figures.items():
            if name.endswith("queries"):
                counts.setdefault((row.target, name), set()).add(value)
    return max((max(values) - min(values) for values in counts.values()), default=None)


RATE = "deliveries/CPU s"
COMMIT = (
    "The figure is from the call of `notify()` to the client, so it holds the commit. nchan has nothing to commit; "
    "the bare `INSERT` and its commit alone, the row “bare INSERT”, are what a log in a database cannot be quicker than. On "
    "top of it come three statements instead of one (lock the inbox, insert, move it on) and the Python that makes "
    "them: validating the fields, Django's cursor and its bookkeeping of transactions. From the commit to the "
    "client it is the figure “p50 ms”. Shares: “Where notify() spends its time”."
)
BULK = (
    "A row costs PostgreSQL five indexes and the check of the foreign key, some 14 µs, and us 12 µs; the two take turns "
    "on one connection."
)
AIMS: tuple[Aim, ...] = (
    Aim("Fan-out under uvicorn, single events, × nchan", rate("fanout", "uvicorn", "nchan", RATE), 0.8, is_floor=True,
        reason="One event costs a wake-up of the loop, the thread hop from the doorbell and a `send()` for each stream; the "
        "last is a system call in nginx too, but there with no Python around it."),
    Aim("Fan-out under uvicorn, bursts of ten, × nchan", rate("fanout", "uvicorn", "nchan", f"burst: {RATE}"), 1.0,
        is_floor=True, reason="Bursts go out as one write for each stream; a burst that is cut up by the loop costs as many "
        "writes as there are pieces."),
    Aim("Fan-out under uvicorn, × the quickest Python peer", over_python_peers, 1.0, is_floor=True),
    Aim("Fan-out under Daphne, × django-eventstream under Daphne", rate("fanout", "daphne", EVENTSTREAM, RATE), 2.2,
        is_floor=True),
    Aim("Events lost by us", lambda results: results.total("fanout", "lost", ("daphne", "uvicorn")), 0),
    Aim("Memory of an idle stream, uvicorn, 5,000 streams", of("growth", "uvicorn", "KiB/idle stream", size=5000), 14,
        " KiB", reason="What a stream holds are uvicorn's protocol object, its transport and the task of the application."),
    Aim("Memory of an idle stream, Daphne, 5,000 streams", of("growth", "daphne", "KiB/idle stream", size=5000), 18,
        " KiB", reason="What a stream holds are Twisted's channel, request and transport, and the task of the application."),
    Aim("Reconnect, CPU of each under uvicorn", of("storm", "uvicorn, sqlite", "connect CPU ms"), 0.7, " ms"),
    Aim("Reconnect, clients for each query", of("storm", "uvicorn, sqlite", "clients/query"), 20, is_floor=True),
    Aim("Reconnect, until all are live", of("storm", "uvicorn, sqlite", "s until all live"), 2, " s"),
    Aim("9,000 idle streams under uvicorn, of a core", of("growth", "uvicorn", "idle CPU %", size=9000), 5, " %",
        reason="Each stream is pinged every 15 s, which is 600 writes a second, and its session is looked up again."),
    *(
        aim
        for database in ("sqlite", "postgres")
        for aim in (
            Aim(f"Latency of notify() and its commit, {database}, uvicorn, × nchan",
                rate("live", f"uvicorn, {database}, inside", "nchan", "call p50 ms", streams=MANY_STREAMS,
                     rate=MANY_A_SECOND), 2, reason=COMMIT),
            Aim(f"Latency of notify() and its commit, {database}, uvicorn, p99",
                of("live", f"uvicorn, {database}, inside", "call p99 ms", streams=MANY_STREAMS, rate=MANY_A_SECOND),
                10, " ms", reason="The slowest waited for the disk or for a core: see “without a core”."),
        )
    ),
    *(
        aim
        for database, rows in (("sqlite", 30_000), ("postgres", 25_000))
        for aim in (
            Aim(f"notify(), queries, {database}", of("writes", database, "notify() queries"), 4),
            *(
                part
                for name in ("notify_many()", "broadcast()")
                for part in (
                    Aim(f"{name}, {database}", of("writes", database, f"{name} rows/s"), rows, " rows/s", is_floor=True,
                        reason=BULK),
                    Aim(f"{name}, longest lock, {database}", of("writes", database, f"{name} longest lock ms"), 100, " ms",
                        reason="A chunk of 500 users holds its locks for 10 to 20 ms; what is longer waited for the disk."),
                )
            ),
        )
    ),
    *(
        Aim(f"{page} of the largest inbox, {database}, × the smallest", slowdown(database, page), 2,
            reason="The index is as deep as it is high: one page more of it to read, from a cache that holds less of it.")
        for database in ("sqlite", "postgres")
        for page in ("badge", "first page", "next page")
    ),
    Aim("Queries of a read, more in one inbox than in another", more_queries, 0),
)  # fmt: skip
