"""What the kernel knows of a process: CPU time and memory; and of the machine: for the report."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Iterable
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
CLIENT_CORE = CORES[-1]  # the same one on a machine with a single core


def server_cores(workers: int) -> list[int]:
    """Return a core for each worker of a server, never the client's; fewer where the machine has no more."""
    return ([core for core in CORES if core != CLIENT_CORE] or CORES)[:workers]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that these processes used so far, all their threads, in nanosecond steps.

    The clock id of another process's CPU time: `(~pid << 3) | CPUCLOCK_SCHED`, as in clock_getcpuclockid(3).
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def waiting_seconds(pids: Iterable[int]) -> float:
    """Return how long the threads of these processes were ready but had no core: what other programs cost them.

    https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat: the second number, in nanoseconds.
    """
    files = (file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(file.read_text().split()[1]) for file in files) / 1e9


def memory_kib(pids: Iterable[int]) -> float:
    """Return the PSS of these processes: their own pages, and their share of what they have in common."""
    return sum(_field(Path(f"/proc/{pid}/smaps_rollup"), "Pss") for pid in pids)


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def describe() -> dict[str, str]:
    """Return what a reader must know of this machine to judge the figures."""
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = _field(Path("/proc/meminfo"), "MemTotal") / 2**20
    return {
        "processor": f"{model[1] if model else platform.machine()}, {len(CORES)} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load before the run": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _field(path: Path, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", path.read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"{path} has no {name!r}; the benchmarks need Linux 4.14 or newer.")
    return float(found[1])
