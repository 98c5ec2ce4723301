"""Measure this project, and its peers beside it; the entry of `make bench`.

make bench                               us: latency, fan-out, reconnects, writes; about four minutes
make bench ARGS="live --quick"           one scenario, shorter and noisier
make bench ARGS="fanout --peers nchan"   beside a peer, which is installed if it is missing
make bench ARGS="report bench/results/*.json"   docs/benchmarks.md from the results of several runs
.venv/bin/python bench/run.py --help     everything else
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `bench` is imported from the repository's root

from bench import gate, machine, page, report, setup
from bench.peers import registry
from bench.report import Run, Table
from bench.scenarios import SCENARIOS

BUSY = 0.7  # of a core, in the last minute
DEFAULT = "live", "fanout", "storm", "writes", "reads"


def main() -> None:
    """Run what the command line asks for, print the tables, keep the results."""
    if sys.argv[1:2] == ["report"]:
        print(f"Written: {page.write([report.load(Path(name)) for name in sys.argv[2:]])}")
        return
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    setup.install(options)
    before = machine.describe()
    if os.getloadavg()[0] > BUSY:
        print(
            "Other programs are at work: times are longer than they would be, CPU figures a little higher.", flush=True
        )
    os.sched_setaffinity(0, {machine.CLIENT_CORE})
    command = shlex.join(["bench/run.py", *sys.argv[1:]])
    tables: list[Table] = []
    run = Run(report.RUN, command, before, tables)
    try:
        for name in options.scenarios or DEFAULT:
            print(f"\n{name}", flush=True)
            SCENARIOS[name](options, tables)
    finally:
        if tables:
            print(f"\n{report.describe_machine(before)}\n\n{report.as_text(tables)}")
            print(f"Results: {report.save(run)}")
    if options.write_docs:
        print(f"Written: {page.write([run])}")


def parse() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("scenarios", nargs="*", metavar="scenario", help=f"{', '.join(SCENARIOS)} (default: {' '.join(DEFAULT)})")
    add("--quick", action="store_true", help="one short round of each")
    add("--write-docs", action="store_true", help="write docs/benchmarks.md from this run")
    add(
        "--servers",
        default="daphne,uvicorn",
        type=words,
        help="of daphne, uvicorn, uvicorn-fast (httptools and uvloop)",
    )
    add("--databases", default="sqlite", type=words, help="of sqlite, postgres")
    add("--peers", default=[], type=words, help=f"“all”, or some of: {'; '.join(registry.PEERS)} (separated by “;”)")
    add("--rounds", type=int, default=0, help="of which the median is taken (default: 3; of `gate`: 5)")
    add("--seconds", type=float, default=5, help="of each round of `live`")
    add("--streams", type=int, default=500, help="of `live`, one user each")
    add("--rate", type=float, default=100, help="of `live`: notifications a second")
    add("--listeners", type=int, default=2000, help="of `fanout`: streams of one user")
    add("--clients", type=int, default=2000, help="of `storm`")
    add("--sizes", default=[100, 1000, 5000, 9000], type=numbers, help="of `growth` and `workers`: how many streams")
    add("--idle", type=float, default=30, help="of `growth`: seconds of doing nothing; a stream is pinged every 15")
    add("--workers", default=[1, 2], type=numbers, help="of `workers`: how many processes")
    add("--inboxes", default=[100, 10_000, 1_000_000], type=numbers, help="of `reads`: how many notifications")
    add("--users", type=int, default=100_000, help="of `writes`")
    add("--against", default="", metavar="REV", help="of `gate`: a commit to measure in turn with this tree")
    options = parser.parse_args()
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; choose from {', '.join(SCENARIOS)}")
    if options.peers == ["all"]:
        options.peers = list(registry.PEERS)
    unknown = set(options.peers) - set(registry.PEERS)
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}; choose from {'; '.join(registry.PEERS)}")
    options.rounds = options.rounds or (gate.ROUNDS if "gate" in options.scenarios else 3)
    if "gate" in options.scenarios:
        options.peers, options.databases = ["nchan"], ["postgres"]
    if options.quick:
        options.rounds, options.seconds = 1, min(options.seconds, 3)
    return options


def numbers(text: str) -> list[int]:
    """Return what is separated by commas."""
    return [int(number) for number in text.split(",")]


def words(text: str) -> list[str]:
    """Return what is separated by semicolons, or by commas where there is none."""
    return [word.strip() for word in text.split(";" if ";" in text else ",") if word.strip()]


if __name__ == "__main__":
    main()
