"""The authenticator: find the users of many connections, without blocking the loop or each other.

Receives the credentials of clients. The default, sessions and tokens, is looked up for many at once; a site's own hook
(`access/admission.py`) is asked about each request by itself: a coroutine function on the loop, any other on threads of
its own. Guarantees that no more than `HOOKS_AT_ONCE` are asked at once, and that each answer comes or is given up within
`CHECK_SECONDS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from channels.db import aclose_old_connections
from django.core.exceptions import PermissionDenied

from ..access import auth
from ..access.admission import Credential, decide, drop_anonymous, load_hook
from ..access.kept_request import KeptRequest
from .batcher import CHECK_SECONDS, Batcher, load_each
from .executor import Executor

__all__ = ["AGAIN_AT_ONCE", "Authenticator"]

HOOKS_AT_ONCE: Final = 8
# Of these, for streams that are open already: a new client does not wait behind ten thousand of them.
AGAIN_AT_ONCE: Final = 4


class Authenticator:
    """Finds the user of the credential that a client shows, for one hub."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._batcher = Batcher(executor, auth.find_users)
        self._threads: Executor | None = None
        self._slots = asyncio.Semaphore(HOOKS_AT_ONCE)

    async def authenticate(self, credential: Credential, method: str = "GET") -> Any:
        """Return the user, or None.

        Raises:
            PermissionDenied: the hook knows the user, who is not allowed.
            Exception: whatever kept it from finding out.
        """
        if not isinstance(credential, KeptRequest):
            return await self._batcher.load(credential)
        ask = load_hook()
        async with asyncio.timeout(CHECK_SECONDS), self._slots:
            if iscoroutinefunction(ask):
                try:
                    return drop_anonymous(await ask(credential.build_request(method)))
                finally:
                    await aclose_old_connections()
            if self._threads is None:  # most sites need none
                self._threads = Executor(threads=HOOKS_AT_ONCE)
            return await self._threads.run(decide, credential, method)

    async def authenticate_all(
        self, credentials: Iterable[Credential]
    ) -> tuple[dict[Credential, Any], dict[Credential, Exception]]:
        """Return the users behind all of these, and what kept it from finding out about some.

        Raises what `load_each()` does: then the database is away, and nothing is known of anybody.
        """
        requests = [each for each in credentials if isinstance(each, KeptRequest)]
        plain = {each for each in credentials if not isinstance(each, KeptRequest)}
        users: dict[Credential, Any] = {}
        failed: dict[Credential, Exception] = {}
        if plain:
            found, failures = await self._executor.run(load_each, auth.find_users, plain)
            users.update(found.items())
            failed.update(failures.items())

        async def ask_some() -> None:
            while requests:
                request = requests.pop()
                try:
                    users[request] = await self.authenticate(request)
                except PermissionDenied:
                    users[request] = None
                except Exception as error:  # the site's own code may raise anything
                    failed[request] = error

        await asyncio.gather(*(ask_some() for _ in range(min(AGAIN_AT_ONCE, len(requests)))))
        return users, failed

    async def stop(self) -> None:
        """End its threads."""
        if self._threads is not None:
            await self._threads.stop()
