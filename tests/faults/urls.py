"""The site's addresses and those where a test has the server's own process do something: no product code knows of it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from channels.layers import get_channel_layer
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from notifications import notify
from notifications.conf import settings
from notifications.endpoints.websocket import SocketConnection
from notifications.hub import running_hubs
from tests.support.shell import PRELUDE, evaluate

__all__ = ["urlpatterns"]

real_time, real_now = time.time, timezone.now


def ordered(work: Callable[..., Any]) -> Any:
    """Make a view of a function: keyword arguments and result travel as JSON."""

    @csrf_exempt
    @require_POST
    def view(request: HttpRequest) -> HttpResponse:
        return JsonResponse({"value": work(**json.loads(request.body))})

    return view


@ordered
def run_here(code: str, **names: Any) -> Any:
    """Run code in this process, on the thread of the request."""
    return run(code, names)


@ordered
def run_on_foreign_thread(code: str, **names: Any) -> Any:
    """Run code on a thread that neither Django nor the hub has started, without an event loop."""
    told: list[Any] = []

    def work() -> None:
        told.append(run(code, names))
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return told[0]


def run(code: str, names: dict[str, Any]) -> Any:
    """Do what `Site.call()` does, here."""
    prelude: dict[str, Any] = {}
    exec(PRELUDE, prelude)  # noqa: S102 - as in the shell of the tests
    return evaluate(code, prelude | names)


@ordered
def die_before_doorbell(user: int, title: str) -> None:
    """Write and be killed after the commit, before the doorbell rings: what is to be called at commit is so in order."""
    with transaction.atomic():
        transaction.on_commit(partial(os.kill, os.getpid(), signal.SIGKILL))
        notify(user, title=title)


@ordered
def step_clock(seconds: float) -> None:
    """Have the wall clock of this process go wrong by so much. The monotonic one cannot be set, by nobody."""
    time.time = lambda: real_time() + seconds
    timezone.now = lambda: real_now() + timedelta(seconds=seconds)


@ordered
def make_noise(seconds: float) -> None:
    """Keep the channels of the doorbells' group full from now on for so long, from the hub's own event loop."""

    async def shout() -> None:
        layer = get_channel_layer(settings.channel_layer)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            await layer.group_send(settings.group, {"type": "noise"})
            for _ in range(random.randint(1, 3)):  # not always before or after the same other task
                await asyncio.sleep(0)

    [hub] = running_hubs()
    asyncio.run_coroutine_threadsafe(shout(), hub.loop)


@ordered
def probed_at() -> list[float]:
    """Return when each hub of this process last heard itself over the channel layer, by `time.monotonic()`."""
    return [hub.pulse.probed_at for hub in running_hubs()]


@ordered
def count_buffers() -> list[int]:
    """Return the bytes that this process holds back for each of its streams."""
    return [buffered(stream) for hub in running_hubs() for mine in list(hub.users.values()) for stream in list(mine)]


def buffered(stream: Any) -> int:
    """Count what waits for one client: frames due, the write in flight, the server's own buffer."""
    line = stream.send.__self__
    if isinstance(line, SocketConnection):
        line = line._send.__self__  # type: ignore[attr-defined]
    if hasattr(line, "transport") and hasattr(line.transport, "get_write_buffer_size"):  # uvicorn
        server = line.transport.get_write_buffer_size()
    else:  # Daphne: a Twisted transport
        owner = getattr(
            line._protocol, "channel", line._protocol
        )  # a WebSocket's protocol stands on the transport itself
        transport = owner.transport if owner is not None else None
        pieces = [] if transport is None else transport._tempDataBuffer
        server = 0 if transport is None else len(transport.dataBuffer) - transport.offset + sum(map(len, pieces))
    return int(stream.due_bytes + server + in_flight(stream))


def in_flight(stream: Any) -> int:
    """Count the body that a waiting `send` holds: the half-run coroutine's own message."""
    if stream.sending is None:
        return 0
    rest = stream.sending.get_coro().cr_frame
    steps = rest.f_locals["rest"].steps if rest is not None else None
    while steps is not None:
        frame = getattr(steps, "cr_frame", None) or getattr(steps, "gi_frame", None)
        if frame is not None and "part" in frame.f_locals:  # over WebSocket: once as bytes, once as messages
            return 2 * len(frame.f_locals["part"].get("body", b""))
        if frame is not None and "message" in frame.f_locals:
            return len(frame.f_locals["message"].get("body", b""))
        steps = getattr(steps, "cr_await", None) or getattr(steps, "gi_yieldfrom", None)
    return 0


urlpatterns = [
    path("", include("notifyproj.urls")),
    path("faults/run/", run_here),
    path("faults/foreign-thread/", run_on_foreign_thread),
    path("faults/die/", die_before_doorbell),
    path("faults/clock/", step_clock),
    path("faults/noise/", make_noise),
    path("faults/probed/", probed_at),
    path("faults/buffers/", count_buffers),
]
