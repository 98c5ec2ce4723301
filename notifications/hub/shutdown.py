"""End a process's streams before it stops, spread over a grace window.

Receives SIGTERM, a drain ordered over the doorbell (`manage.py drain_streams`), which reaches every worker behind any
server, or the sight of a server that listens no more, as uvicorn does after `--limit-max-requests`. Guarantees
that each client is told `bye drain` with its own random `retry:`, so they come back to other workers one after the other
and miss nothing: each resumes from its position.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..protocol.bye import Bye
from .subscription import Resumed, Subscription

__all__ = [
    "DRAIN_TYPE",
    "UNSERVED_SECONDS",
    "call_at_sigterm",
    "drain",
    "find_server",
    "finish_goodbye",
    "noop",
    "wait_until_unserved",
]

logger = logging.getLogger("notifications.hub")

DRAIN_TYPE: Final = "notifications.drain"
GOODBYE_SECONDS: Final = 1.0  # a client that reads has it after milliseconds
LOOK_SECONDS: Final = 0.25
UNSERVED_SECONDS: Final = (
    1.0  # for a drain while new requests may have to wait for the worker that comes after this one
)
SLICE_SECONDS: Final = 0.05
SLICE_STREAMS: Final = 50  # at least these at once: a developer's few streams must not delay a reload


async def drain(streams: Iterable[Subscription], end: Callable[[Subscription, Bye], None], *, seconds: float) -> int:
    """End these streams in random order over at most so many seconds; return how many."""
    leaving = list(streams)
    random.shuffle(leaving)
    size = max(SLICE_STREAMS, int(len(leaving) * SLICE_SECONDS / max(seconds, SLICE_SECONDS)) + 1)
    for start in range(0, len(leaving), size):
        for subscription in leaving[start : start + size]:
            end(subscription, Bye.DRAIN)
        await asyncio.sleep(SLICE_SECONDS)
    return len(leaving)


async def finish_goodbye(rest: Resumed, owner: asyncio.Task[Any] | None) -> None:
    """Finish a goodbye at a server whose every write waits (granian's WebSockets); end a connection that takes none."""
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await rest
    except Exception as error:  # whatever the server raises, the client has gone
        logger.debug("A goodbye was not taken: %r", error)
        if owner is not None:
            owner.cancel()


def call_at_sigterm(leave: Callable[[Callable[[], None]], None]) -> Callable[[], None]:
    """Have `leave(then)` called in the event loop at the first SIGTERM; a second one is the server's alone.

    Returns a function that takes this back.

    A server that waits for its connections when told to stop (uvicorn, hypercorn) is told at once, and stops listening
    while the streams drain. One that cuts them (Daphne) is told by `then()`, when they are gone.
    """
    if threading.current_thread() is not threading.main_thread():
        return noop  # `runserver` with its reloader: the process ends by itself, and there is no other to go to
    previous: Any = signal.getsignal(signal.SIGTERM)
    if not callable(previous):
        return noop  # nobody handles SIGTERM here, so neither do we
    loop = asyncio.get_running_loop()
    cuts = "twisted" in getattr(type(getattr(previous, "__self__", None)), "__module__", "")

    # Ctrl-C too where the server waits for its connections at that as well (uvicorn)
    numbers = [signal.SIGTERM]
    if not cuts and signal.getsignal(signal.SIGINT) == previous:
        numbers.append(signal.SIGINT)

    def on_sigterm(signum: int, frame: Any) -> None:
        undo()
        is_told = not cuts
        try:
            loop.call_soon_threadsafe(leave, noop if is_told else lambda: previous(signum, frame))
        except RuntimeError:  # the loop has ended, and its streams with it
            is_told = True
        if is_told:
            previous(signum, frame)

    def undo() -> None:
        for number in numbers:
            if signal.getsignal(number) is on_sigterm:
                signal.signal(number, previous)

    for number in numbers:
        signal.signal(number, on_sigterm)
    return undo


def find_server() -> Any:
    """Return uvicorn's server of this process, also within gunicorn's worker; None where another server runs.

    It handles the signals itself, so the handler is a method of it; to be asked before `call_at_sigterm()`.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return server if hasattr(server, "server_state") else None


async def wait_until_unserved(server: Any) -> None:
    """Return when a server that had begun to listen listens no more, whoever told it to.

    A worker that has served `--max-requests` sends itself no signal: it stops listening, then waits for its connections, and
    nobody else may be there to answer.
    """
    while not server.started or any(each.is_serving() for each in server.servers):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(LOOK_SECONDS)


def noop() -> None:
    """Do nothing: the default of a callback."""
