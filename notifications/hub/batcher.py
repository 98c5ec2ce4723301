"""The batcher: many questions become one, and one bad question spoils nobody else's answer.

Receives questions, such as which user a credential belongs to, from as many connections as come in. Those that come while a
look-up runs are answered together by the next one; where a look-up for many fails, each is looked up by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, TypeVar

from django.db import InterfaceError, OperationalError

from ..conf import settings
from .executor import Executor

__all__ = ["CHECK_SECONDS", "Batcher", "load_each"]

K = TypeVar("K")
V = TypeVar("V")

Find = Callable[[Iterable[K]], Mapping[K, V]]

CHECK_SECONDS: Final = 5.0  # longest wait for a look-up, such as that of a session


class Batcher(Generic[K, V]):
    """One kind of question.

    Args:
        executor: where the look-up runs.
        find: returns what it found, by key. It may block.
    """

    def __init__(self, executor: Executor, find: Find[K, V]) -> None:
        self._executor = executor
        self._find = find
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._is_open = False  # whether `_load_all` runs

    async def load(self, key: K) -> V | None:
        """Return what was found, or None.

        Raises:
            TimeoutError: the database did not answer in time, or too many wait for it already.
            Exception: what kept `find` from finding out about this key.
        """
        future = self._waiting.get(key)
        if future is None:
            if len(self._waiting) >= settings.streams_per_process:
                raise TimeoutError(f"{len(self._waiting)} others wait to be looked up")
            future = self._waiting[key] = self._loop.create_future()
            if not self._is_open:
                self._is_open = True
                self._executor.start(self._load_all(), "batcher")
        return await asyncio.shield(future)

    async def _load_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # whoever comes in this turn of the loop comes along
                batch, self._waiting = self._waiting, {}
                await self._load_batch(batch)
        finally:
            self._is_open = False
            for future in self._waiting.values():  # the hub stops
                future.cancel()

    async def _load_batch(self, waiting: dict[K, asyncio.Future[V | None]]) -> None:
        found: Mapping[K, V] = {}
        failed: Mapping[K, Exception] = {}
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                found, failed = await self._executor.run(load_each, self._find, waiting)
        except asyncio.CancelledError:  # the hub stops; nobody is left waiting for ever
            for future in waiting.values():
                future.cancel()
            raise
        except Exception as error:  # handed to everyone who waits for it
            failed = dict.fromkeys(waiting, error)
        for key, future in waiting.items():
            if key in failed:
                future.set_exception(failed[key])
                future.exception()  # marks it as seen: the one who waited may have gone
            else:
                future.set_result(found.get(key))


def load_each(find: Find[K, V], keys: Iterable[K]) -> tuple[Mapping[K, V], Mapping[K, Exception]]:
    """Ask for all keys at once; where that fails one by one, so that one bad key spoils nobody else's answer.

    Returns:
        What was found, by key, and what kept us from finding out about some of them.

    Raises:
        InterfaceError, OperationalError: the database is away, so nobody's answer is known.
    """
    asked = list(keys)
    try:
        return find(asked), {}
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:  # whatever the site's own code raises
        if len(asked) == 1:
            return {}, {asked[0]: error}
    found: dict[K, V] = {}
    failed: dict[K, Exception] = {}
    for key in asked:
        one, failure = load_each(find, [key])
        found.update(one)
        failed.update(failure)
    return found, failed
