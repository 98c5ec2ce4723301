"""What goes wrong: a plan drawn from a seed, and its execution. The same seed draws the same plan.

Each fault ends within seconds and leaves everything running again.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from .lineups import Lineup
from .witness import Witness

__all__ = ["Fault", "Troublemaker", "kinds_for"]

ANYWHERE: Final = ("kill a worker", "restart the site", "cut all connections", "freeze a reader", "kill a writer")
WITH_REDIS: Final = ("kill Redis", "freeze Redis", "flush Redis", "kill pub/sub clients")


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the plan: wait `after`, then break `kind` for so many seconds."""

    after: float
    kind: str
    seconds: float

    def __str__(self) -> str:
        return f"+{self.after:.1f} s {self.kind} ({self.seconds:.1f} s)"


def kinds_for(lineup: Lineup) -> tuple[str, ...]:
    """Return what can go wrong there."""
    return (*ANYWHERE, *WITH_REDIS) if lineup.redis else ANYWHERE


def draw(rng: random.Random, kinds: Sequence[str], pause_seconds: float) -> Iterator[Fault]:
    """Yield faults for ever: each kind once in a random order, then again."""
    while True:
        for kind in rng.sample(list(kinds), len(kinds)):
            yield Fault(rng.uniform(0.5, 1.5) * pause_seconds, kind, rng.uniform(0.3, 4.0))


class Troublemaker:
    """Carries out a plan against a line-up until it is cancelled between two faults."""

    def __init__(
        self,
        seed: str,
        lineup: Lineup,
        witnesses: Sequence[Witness],
        replace_writer: Callable[[random.Random], None],
        *,
        pause_seconds: float,
    ) -> None:
        self.done: list[Fault] = []
        self._rng = random.Random(f"{seed} faults")
        self._plan = draw(random.Random(f"{seed} plan"), kinds_for(lineup), pause_seconds)
        self._lineup = lineup
        self._witnesses = witnesses
        self._replace_writer = replace_writer
        self._is_over = asyncio.Event()

    @property
    def counts(self) -> Counter[str]:
        return Counter(fault.kind for fault in self.done)

    def finish(self) -> None:
        """Start no further fault."""
        self._is_over.set()

    async def work(self) -> None:
        """Break one thing after the other; return once told to finish, with everything running."""
        for fault in self._plan:
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.after):
                    await self._is_over.wait()
            if self._is_over.is_set():
                return
            self.done.append(fault)
            await self._break(fault)

    async def cut_now_and_then(self, seconds: float) -> None:
        """Cut one witness after the other, at moments that nobody planned. For ever."""
        rng = random.Random(f"{len(self._witnesses)} cuts")
        while True:
            await asyncio.sleep(rng.expovariate(1 / seconds))
            rng.choice(self._witnesses).cut()

    async def _break(self, fault: Fault) -> None:
        redis = self._lineup.redis
        match fault.kind:
            case "kill a worker":
                await asyncio.to_thread(self._rng.choice(self._lineup.nodes).kill_worker, self._rng)
            case "restart the site":
                await asyncio.to_thread(self._lineup.restart)
            case "cut all connections":
                for witness in self._witnesses:
                    witness.cut()
            case "freeze a reader":
                witness = self._rng.choice(self._witnesses)
                witness.freeze()
                await asyncio.sleep(fault.seconds)
                witness.thaw()
            case "kill a writer":
                await asyncio.to_thread(self._replace_writer, self._rng)
            case "kill Redis" if redis:
                await asyncio.to_thread(redis.kill)
                await asyncio.sleep(fault.seconds)
                await asyncio.to_thread(redis.start)
            case "freeze Redis" if redis:
                redis.freeze()
                await asyncio.sleep(fault.seconds)
                redis.thaw()
            case "flush Redis" if redis:
                await asyncio.to_thread(redis.command, "flushall")
            case "kill pub/sub clients" if redis:
                await asyncio.to_thread(redis.command, "client", "kill", "type", "pubsub")
            case kind:
                raise AssertionError(f"No such fault: {kind}")
