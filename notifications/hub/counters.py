"""What happened in this process, as plain numbers.

Hub, listener, recovery and endpoints add to them; `operations/metrics.py` reads them when asked. Adding is one attribute
add, without a lock: a number is changed on the hub's event loop only, and read from other threads as it stands. They only
grow, also when a hub ends and another one begins. The doorbell keeps its own three numbers: it rings from many threads.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Final, Literal, get_args

from ..protocol.bye import Bye
from ..protocol.position import Reason, Replay

__all__ = ["BOUNDS_SECONDS", "Answer", "Counters", "Pulse", "Stopwatch", "counters"]

Answer = Literal["stream", "drain", "overload", "anonymous", "forbidden", "reader", "origin", "method", "edge"]

# From "one process, idle" (about 1 ms) past the sweep interval (3 s), where doorbells stop being worth their while.
BOUNDS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counters:
    """Everything that is counted. `docs/reference/metrics.md` says what each means."""

    __slots__ = (
        "byes",
        "connects",
        "frames_passed_on",
        "gaps",
        "heard",
        "log_reads",
        "lost_probes",
        "refused",
        "replays",
        "rescues",
        "resets",
        "send_timeouts",
        "sweeps",
        "written",
        "written_seconds",
    )

    def __init__(self) -> None:
        self.connects: dict[Answer, int] = dict.fromkeys(get_args(Answer), 0)
        self.byes: dict[str, int] = dict.fromkeys((why.reason for why in Bye), 0)
        self.heard = 0
        self.frames_passed_on = 0
        self.gaps = 0
        self.log_reads = 0
        self.replays = 0
        self.resets: dict[Reason, int] = dict.fromkeys(get_args(Reason), 0)
        self.sweeps = 0
        self.rescues = 0
        self.send_timeouts = 0
        self.lost_probes = 0
        self.refused = 0
        self.written = [0] * (len(BOUNDS_SECONDS) + 1)  # changes by the first bound that holds them; past all: the last
        self.written_seconds = 0.0

    def count_replay(self, replay: Replay, *, is_malformed: bool) -> None:
        """Count what one stream got from the log. A stream that turned out to be owed nothing counts as neither."""
        if replay.snapshot is not None and replay.reason is not None:
            self.resets["malformed" if replay.reason == "none" and is_malformed else replay.reason] += 1
        elif replay.changes:
            self.replays += 1

    def observe(self, now: float, commits: Iterable[float | None]) -> None:
        """Count changes that are written now by how long ago they were committed. Where clocks differ, that may be 0."""
        for committed_at in commits:
            if committed_at is not None:
                seconds = now - committed_at
                self.written[bisect_left(BOUNDS_SECONDS, seconds)] += 1
                if seconds > 0:
                    self.written_seconds += seconds


class Stopwatch:
    """Times changes from commit to write: each once, when the last of this process's streams has been written to.

    `commits` takes the times of the changes heard since the last turn of writing. Streams are written to in the order
    of their queue, so these are all written once as many streams were as stood in it then.
    """

    __slots__ = ("_running", "_writes", "commits")

    def __init__(self) -> None:
        self.commits: list[float | None] = []  # None: rung by a version that did not tell
        self._writes = 0
        self._running: deque[tuple[int, list[float | None]]] = deque()  # (number of the write that ends them, commits)

    def begin_turn(self, queued: int) -> None:
        """Begin a turn of writing, with so many streams in the queue."""
        if self.commits:
            self._running.append((self._writes + queued, self.commits))
            self.commits = []

    def note_writes(self, number: int) -> None:
        """Note so many writes, and observe the changes that waited for no other."""
        self._writes += number
        while self._running and self._running[0][0] <= self._writes:
            counters.observe(time.time(), self._running.popleft()[1])


class Pulse:
    """When a hub's two ways to news last worked, by `time.monotonic()`; until they first do, when the hub began."""

    __slots__ = ("probed_at", "swept_at")

    def __init__(self) -> None:
        self.probed_at = self.swept_at = time.monotonic()

    def note_probe(self) -> None:
        """Note that the hub heard itself over the channel layer."""
        self.probed_at = time.monotonic()

    def note_sweep(self) -> None:
        """Note that the sweeper completed a round."""
        self.swept_at = time.monotonic()


counters: Final = Counters()
