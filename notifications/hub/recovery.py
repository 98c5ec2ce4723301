"""Recovery: bring streams that are behind up to date from the log, in batches.

Receives from `hub/` the streams that are owed something: new ones, ones with a gap, ones that were slow, ones that the
sweeper found (`sweeper.py`); and the questions of streams held elsewhere.

# Note [Nobody holds up anybody]

A read for many costs little for each (`log/consistent_reads.py`), and every wait for one has a limit. Where it fails or
takes longer than `READ_SECONDS` although the database is there, one of its users may be the cause, so each is read alone
(`_read_apart`), some at once on threads of their own. Where the machine was the cause, being short of time, that is more
work than before; so what the read for many brings in the end is taken for all who still wait (`_take_late`). A user whose
read failed alone is read apart from then on, where only such users wait for each other. A stream that fails three times
running is asked to come back later (`bye overload`). A missing inbox is not made here but by `make_inboxes`: another
transaction may be making the same one, and may take long.

Where the database does not answer, all of them wait on. A user who is read alone is tried again after a pause that grows,
with jitter, to the sweep interval, so that a database that refuses at once is not asked again and again without a rest.

This is not the `load_each()` of `batcher.py`, because that asks one after the other and on one thread, and a read may hang.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db import InterfaceError, OperationalError

from ..conf import settings
from ..log.keys import UserKey
from ..log.replay import make_missing, read_after, read_positions
from ..protocol.bye import Bye
from ..protocol.position import Position, Replay
from .counters import counters
from .executor import Executor, is_time_out
from .subscription import READ_AGAIN, Subscription
from .sweeper import interval_seconds

__all__ = ["Recovery"]

logger = logging.getLogger("notifications.hub")

STREAMS_PER_READ: Final = 500
READ_SECONDS: Final = 1.0  # a batch takes a tenth of it; longer, and its users do not wait for each other any more
ALONE_SECONDS: Final = 5.0  # longest wait for the read of one user, and for a question
ALONE_READS: Final = 3  # of one user each, at once
SUSPECT_READS: Final = 2  # the same, of users whose read failed before
MOST_FAILURES: Final = 3  # then a stream ends, and its client comes back after a long pause
FIRST_PAUSE_SECONDS: Final = 0.1  # while the database is away; twice as long each time, at most the sweep interval
FORGET_SECONDS: Final = 300.0  # a failure that long ago does not count

Positions = dict[Any, set[Position | None]]  # by user
Replays = dict[tuple[Any, Position | None], Replay]
Deliver = Callable[[Subscription, Replay], None]


class Question:
    """A question about a log, for a stream that is held elsewhere."""

    __slots__ = ("answer", "key", "position", "user_id")

    def __init__(self, user_id: UserKey, position: Position | None) -> None:
        self.user_id = user_id
        self.key = str(user_id)
        self.position = position
        self.answer: asyncio.Future[Replay | None] = asyncio.get_running_loop().create_future()


Waiter = Subscription | Question


class WaitingList(dict[Waiter, object]):
    """Those who wait, in the order of their coming, and for which read each of them, where there are several."""

    def add(self, waiter: Waiter, read: object = None) -> None:
        """Put one at the end, unless it waits already."""
        self[waiter] = read

    def take(self, waiter: Waiter, read: object = None) -> bool:
        """Take one off the list; return whether it was there for this read, for it may have left or moved on meanwhile."""
        if waiter not in self or self[waiter] is not read:
            return False
        del self[waiter]
        return True


class Failures(NamedTuple):
    """How often a user's log could not be read, one time after the other, and when it was last tried."""

    times: int
    at: float


class Recovery:
    """The streams that wait for a read of the log. `deliver` is called with what each is owed, `end` with who fails."""

    def __init__(
        self,
        executor: Executor,
        deliver: Deliver,
        end: Callable[[Subscription, Bye], None],
    ) -> None:
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._end = end
        self._waiting = WaitingList()
        self._apart = WaitingList()  # those that wait for a read of their own, or for an inbox
        self._lacking = WaitingList()  # those of them without an inbox
        self._failures: dict[str, Failures] = {}
        self._refusals = 0  # of reads alone, one after the other, because the database is away
        self._slots = asyncio.Semaphore(ALONE_READS)
        self._suspect_slots = asyncio.Semaphore(SUSPECT_READS)
        self._wake_reader = asyncio.Event()
        self._wake_maker = asyncio.Event()
        executor.keep([self.read, self.make_inboxes])

    def read_soon(self, subscription: Subscription) -> None:
        """Read what this stream is owed, together with all others that wait."""
        subscription.is_reading = True
        subscription.heard = 0
        self._wait(subscription)

    async def answer(self, user_id: UserKey, position: Position | None) -> Replay | None:
        """Return what a user's log says after a position, read together with the streams; None: there is no such user.

        Raises:
            TimeoutError: the log could not be read in time, or too many wait already. Also what kept it from being read.
        """
        if len(self._waiting) >= settings.streams_per_process:
            raise TimeoutError(f"{len(self._waiting)} others wait for the log")
        question = Question(user_id, position)
        self._wait(question)
        try:
            async with asyncio.timeout(ALONE_SECONDS):
                return await question.answer
        finally:
            self.forget(question)

    def forget(self, waiter: Waiter) -> None:
        """Read nothing for this one any more."""
        for those in (self._waiting, self._apart, self._lacking):
            those.pop(waiter, None)

    def _wait(self, waiter: Waiter) -> None:
        self._waiting.add(waiter)
        self._wake_reader.set()

    # --- together

    async def read(self) -> None:
        """Ask the log what streams are owed, all that wait at once."""
        while True:
            await self._wake_reader.wait()
            self._forget_old_failures()
            batch: list[Waiter] = []
            for waiter in list(islice(self._waiting, STREAMS_PER_READ)):
                if waiter.key in self._failures:
                    self._read_apart([waiter], object())
                else:
                    batch.append(waiter)
            if batch:
                await self._read_together(batch)
            if not self._waiting:
                self._wake_reader.clear()
            await asyncio.sleep(0)

    def _forget_old_failures(self) -> None:
        if self._failures:
            since = self._loop.time() - FORGET_SECONDS
            self._failures = {key: failed for key, failed in self._failures.items() if failed.at > since}

    async def _read_together(self, batch: list[Waiter]) -> None:
        """Read for all of them, or have each user read apart where that fails.

        Raises what the database raises that is away: then all of them wait, and nobody is forgotten.
        """
        by_user: dict[str, list[Waiter]] = {}
        for waiter in batch:
            by_user.setdefault(waiter.key, []).append(waiter)
        counters.log_reads += 1
        read = asyncio.ensure_future(self._executor.run(read_after, group_positions(batch)))
        try:
            async with asyncio.timeout(READ_SECONDS if len(by_user) > 1 else ALONE_SECONDS):
                replays = await asyncio.shield(read)
        except Exception as error:
            try:
                await self._raise_if_away(error, batch[0].user_id)
            except BaseException:
                read.cancel()  # all of them wait on, so it is not begun any more
                raise
            for mine in by_user.values():
                self._read_apart(mine, read)
            self._executor.start(self._take_late(batch, read), "read late")
        except BaseException:  # the hub stops
            read.cancel()
            raise
        else:
            for waiter in batch:
                if self._waiting.take(waiter):
                    self._settle(waiter, replays.get((waiter.user_id, waiter.position)))

    async def _take_late(self, batch: list[Waiter], read: asyncio.Future[Replays]) -> None:
        """Settle those who still wait with what the read for all of them brings in the end."""
        try:
            replays = await read
        except Exception:  # each is read alone
            return
        finally:
            read.cancel()  # where the hub stops
        for waiter in batch:
            if self._apart.take(waiter, read):
                self._settle(waiter, replays.get((waiter.user_id, waiter.position)))

    async def _raise_if_away(self, error: BaseException, user_id: UserKey) -> None:
        """Raise an error unless the database is there, so that one of those read for is the cause."""
        if not isinstance(error, (InterfaceError, OperationalError, TimeoutError)) or is_time_out(error):
            return
        try:
            async with asyncio.timeout(ALONE_SECONDS):
                await self._executor.run(read_positions, [user_id])
        except Exception:
            raise error from None

    # --- apart

    def _read_apart(self, mine: list[Waiter], cause: object) -> None:
        """Read for one user alone. `cause`: the read for many that these wait for no longer, or any object."""
        here = [waiter for waiter in mine if self._waiting.take(waiter)]
        if here:
            self._apart.update(dict.fromkeys(here, cause))
            self._executor.start(self._read_alone(here, cause), "read apart")

    async def _read_alone(self, mine: list[Waiter], cause: object) -> None:
        async with self._suspect_slots if mine[0].key in self._failures else self._slots:
            mine = [waiter for waiter in mine if self._apart.get(waiter) is cause]
            if not mine:
                return  # they left, or the read for many came after all
            read = asyncio.ensure_future(self._executor.run(read_after, group_positions(mine)))
            try:
                await asyncio.wait({read}, timeout=ALONE_SECONDS)
                problem = read.exception() if read.done() else TimeoutError(f"not read within {ALONE_SECONDS} s")
                if problem is not None:
                    await self._fail(mine, problem, cause)
                else:
                    self._refusals = 0
                    self._failures.pop(mine[0].key, None)
                    for waiter in mine:
                        if self._apart.take(waiter, cause):
                            self._settle(waiter, read.result().get((waiter.user_id, waiter.position)))
                await asyncio.wait({read})  # so many threads are taken, and not more
            finally:
                if not read.cancel() and not read.cancelled():
                    read.exception()  # marks it as seen

    async def _fail(self, mine: list[Waiter], error: BaseException, cause: object) -> None:
        """Leave them to the sweeper, or end who failed too often; all of them wait on where the database is away."""
        key = mine[0].key
        try:
            await self._raise_if_away(error, mine[0].user_id)
        except Exception:
            self._refusals += 1
            await asyncio.sleep(choose_pause(self._refusals))
            for waiter in mine:
                if self._apart.take(waiter, cause):
                    self._wait(waiter)
            return
        self._refusals = 0
        before = self._failures.get(key, Failures(0, 0.0))
        self._failures[key] = Failures(before.times + 1, self._loop.time())
        if not before.times:
            logger.error("The log of user %s cannot be read: %s", key, type(error).__name__)
        for waiter in mine:
            if not self._apart.take(waiter, cause):
                continue
            if isinstance(waiter, Question):
                if not waiter.answer.done():
                    waiter.answer.set_exception(error)
            elif before.times + 1 < MOST_FAILURES:
                waiter.is_reading = False  # the sweeper comes back to this stream
            else:
                self._end(waiter, Bye.OVERLOAD)

    # --- without an inbox

    async def make_inboxes(self) -> None:
        """Make the missing inboxes, and read on for the users who got one."""
        while True:
            await self._wake_maker.wait()
            self._wake_maker.clear()
            lacking, self._lacking = self._lacking, WaitingList()
            try:
                made, waiting = await self._executor.run(make_missing, list({each.user_id for each in lacking}))
            except BaseException:
                for waiter in lacking:
                    self._give_up(waiter, TimeoutError("the inbox could not be made"))
                raise
            for waiter in lacking:
                if waiter.user_id in made and self._apart.take(waiter):
                    self._wait(waiter)
                elif waiter.user_id in waiting:
                    self._give_up(waiter, TimeoutError("somebody's transaction is making the inbox"))
                else:
                    self._give_up(waiter, None)

    def _give_up(self, waiter: Waiter, error: Exception | None) -> None:
        """Leave a stream to the sweeper, or, where its user was deleted, to the next check of sessions."""
        if not self._apart.take(waiter):
            return
        if isinstance(waiter, Subscription):
            waiter.is_reading = False
        elif not waiter.answer.done():
            if error is None:
                waiter.answer.set_result(None)
            else:
                waiter.answer.set_exception(error)

    # --- what came of it

    def _settle(self, waiter: Waiter, replay: Replay | None) -> None:
        """Hand over what was read. None: there is no inbox."""
        if replay is None:
            self._apart.add(waiter)
            self._lacking.add(waiter)
            self._wake_maker.set()
        elif isinstance(waiter, Question):
            if not waiter.answer.done():
                waiter.answer.set_result(replay)
        else:
            waiter.is_reading = False
            if waiter.sending is not None:  # frames that were due went out meanwhile, and not at once
                waiter.heard = READ_AGAIN
            else:
                self._deliver(waiter, replay)


def choose_pause(refusals: int) -> float:
    """Return how long to wait before a database that is away is asked again; jitter, so that processes part ways."""
    longest = min(interval_seconds(), FIRST_PAUSE_SECONDS * 2 ** min(refusals, 16))
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


def group_positions(waiting: Iterable[Waiter]) -> Positions:
    """Return where these stand, by user."""
    positions: Positions = {}
    for waiter in waiting:
        positions.setdefault(waiter.user_id, set()).add(waiter.position)
    return positions
